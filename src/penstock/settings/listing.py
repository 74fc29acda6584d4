"""The settings in words for users of Python: for docstrings and for the typed keywords.

Knows the table. Does not know the command line, which has words of its own around the
same texts.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Collection
from typing import Any, Final, TypeVar

from penstock.remedies import Remedy, keyword
from penstock.settings.spec import Spec, Unit
from penstock.settings.table import SETTINGS, Setting

__all__ = ["annotate", "append_names", "append_settings", "describe", "name_wanted"]

Documented = TypeVar("Documented", bound=Callable[..., Any])

WIDTH: Final = 88

KINDS: Final = {"bool": "True or False", "int": "a whole number", "float": "a number", "str": "a text"}

DURATIONS: Final = 'Durations are seconds, or text: "500ms", "30s", "1m", "1h30m".'


def annotate(setting: Setting) -> str:
    """Return the annotation of the values that the keyword *setting* accepts."""
    spec, kind = setting.spec, setting.type
    plain = kind.__name__ if isinstance(kind, type) else str(kind)
    if spec.accepts is not None:
        return spec.accepts
    if spec.unit is not None:
        return plain.replace("float", "float | str").replace("int", "int | str")
    if isinstance(setting.default, tuple):
        return "str | Sequence[str]"
    if spec.choices:
        return plain.replace("str", "Literal[{}]".format(", ".join(f'"{choice}"' for choice in spec.choices)))
    return plain


def describe(setting: Setting) -> str:
    """Return the text of *setting*, its default and its bounds, in one paragraph."""
    spec, default = setting.spec, setting.default
    said = [] if default in (None, ()) else [f"Default {_show(default)}"]
    if spec.low is not None and spec.high is not None:
        bounds = _bounds(spec)
        said.append(bounds if said else bounds.capitalize())
    elif spec.choices:
        listed = ", ".join(spec.choices)
        said.append(f"one of {listed}" if said else f"One of {listed}")
    text = re.sub("`(.+?)`", r"``\1``", spec.text)
    return f"{text} {'; '.join(said)}." if said else text


def name_wanted(setting: Setting) -> tuple[str | Remedy, ...]:
    """Return what a value of *setting* is, in words, for one of another type."""
    spec, kinds = setting.spec, annotate(setting).split(" | ")
    if spec.choices:
        wanted = f"one of {', '.join(spec.choices)}"
    elif isinstance(setting.default, tuple):
        wanted = "a text or a list of texts"
    elif spec.unit is Unit.SECONDS:
        wanted = "a number of seconds or a text such as 30s"
    else:
        wanted = " or ".join(KINDS[kind] for kind in kinds if kind != "None")
    if spec.counted is not None:
        wanted += f" of {spec.counted}"
    if spec.low is not None:
        wanted += f", {_bounds(spec)}"
    parts: list[str | Remedy] = [wanted]
    if "None" in kinds:
        parts.append(Remedy(", or None", ""))
    if spec.example is not None:
        parts += [", as in ", keyword(setting.name, spec.example)]
    return tuple(parts)


def append_settings(names: Collection[str], title: str = "The settings:") -> Callable[[Documented], Documented]:
    """Append *title* and the settings *names*, each described, to a docstring."""
    items = [
        textwrap.fill(f"* ``{name}``: {describe(one)}", WIDTH, subsequent_indent="  ", break_on_hyphens=False)
        for name, one in SETTINGS.items()
        if name in names
    ]
    return _append("\n".join((title, "", *items, "", DURATIONS)))


def append_names(names: Collection[str], what: str) -> Callable[[Documented], Documented]:
    """Append *what* and the *names* of settings to a docstring."""
    listed = ", ".join(f"``{name}``" for name in SETTINGS if name in names)
    return _append(textwrap.fill(f"{what}: {listed}.", WIDTH, break_on_hyphens=False))


def _append(text: str) -> Callable[[Documented], Documented]:
    def decorate(documented: Documented) -> Documented:
        if documented.__doc__ is not None:  # python -OO has none
            documented.__doc__ = f"{inspect.cleandoc(documented.__doc__)}\n\n{text}\n"
        return documented

    return decorate


def _bounds(spec: Spec) -> str:
    """Return the bounds of a number, with their unit."""
    unit = {Unit.BYTES: " bytes", Unit.SECONDS: " s", None: ""}[spec.unit]
    return f"{'above ' if spec.above else ''}{_show(spec.low)} to {_show(spec.high)}{unit}"


def _show(value: Any) -> str:
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, tuple):
        return ", ".join(value)
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"
