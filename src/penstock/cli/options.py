"""The options that are settings: how each setting is spelled on the command line.

Knows the table of settings, and adds click's spelling. Does not know what happens to
the values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any, Final, TypeVar

import click

from penstock.remedies import keyword, spell_for_shell
from penstock.report.wording import size
from penstock.settings import SETTINGS, Setting, Unit
from penstock.settings.listing import name_wanted

__all__ = ["SECTIONS", "Command", "Option", "flags_of", "pick_settings", "settings_options"]

F = TypeVar("F", bound=Callable[..., Any])

SECTIONS: Final = ("Pace", "Requests", "Reading", "Storing", "Showing")


class Option(click.Option):
    """An option with the heading of the help page under which it stands."""

    def __init__(self, *args: Any, section: str = "Showing", **kwargs: Any) -> None:
        """As click's, and *section*."""
        super().__init__(*args, **kwargs)
        self.section = section


class Command(click.Command):
    """A command whose help page lists its options under headings."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write them, section by section."""
        sections: dict[str, list[tuple[str, str]]] = {section: [] for section in (*SECTIONS, "Other")}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                sections[getattr(parameter, "section", "Other")].append(record)
        for section, records in sections.items():
            if records:
                with formatter.section(section):
                    formatter.write_dl(records)


class Choice(click.Choice[str]):
    """One of a few words."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:  # noqa: ARG002 - click's signature
        """Say that *value* is none of them, and which there are."""
        return f"there is no {value!r}; choose from: {', '.join(self.choices)}"


def settings_options(names: Collection[str] = SETTINGS, otherwise: str | None = None) -> Callable[[F], F]:
    """Give a command the options of the settings *names*.

    They arrive as keywords, None or () if not given.

    The help page shows the table's defaults, or *otherwise* in their place.
    """

    def decorate(function: F) -> F:
        for name, setting in reversed(tuple(SETTINGS.items())):
            if name in names:
                function = _option(setting, otherwise)(function)
        return function

    return decorate


def pick_settings(options: dict[str, Any]) -> dict[str, Any]:
    """Return the settings among *options* that were given."""
    return {name: value for name, value in options.items() if name in SETTINGS and value not in (None, ())}


def flags_of(setting: Setting) -> tuple[str, ...]:
    """Return the flags of *setting*, the long one last.

    A flag that is on by default has two in one.
    """
    long = keyword(setting.name).typed
    if setting.default is True and not _only_turns_off(long):
        long = f"{long}/--no-{long.removeprefix('--')}"
    return (long,) if setting.spec.short is None else (setting.spec.short, long)


def _only_turns_off(flag: str) -> bool:
    return flag.startswith("--no-")


def _option(setting: Setting, otherwise: str | None) -> Callable[[F], F]:
    spec, flags, kind = setting.spec, flags_of(setting), _type_of(setting)
    off = {"flag_value": False} if _only_turns_off(flags[-1]) else {}
    return click.option(
        *flags,
        setting.name,
        cls=Option,
        section=spec.section,
        type=kind,
        is_flag=kind is None,
        default=None,
        multiple=isinstance(setting.default, tuple),
        metavar=_metavar(setting, kind),
        help=_help(setting, otherwise),
        **off,
    )


def _type_of(setting: Setting) -> click.ParamType[Any] | Callable[[str], float] | None:
    """Return click's type of *setting*, or a function that reads it; None for a flag.

    Texts are read by the settings, as in Python.
    """
    spec = setting.spec
    if isinstance(setting.default, bool):
        return None
    if spec.choices:
        return Choice([*spec.choices])
    if spec.low is None or spec.unit is not None or spec.read is not None:
        return click.STRING
    return _number_of(setting)


def _number_of(setting: Setting) -> Callable[[str], float]:
    """Return a function that reads a number of *setting*, as click's types do."""

    def number(text: str) -> float:
        try:
            return int(text) if setting.type in (int, int | None) else float(text)
        except ValueError:
            raise click.BadParameter(f"{text!r} is not {spell_for_shell(name_wanted(setting))}") from None

    return number


def _metavar(setting: Setting, kind: object) -> str | None:
    if setting.spec.metavar is not None or kind is None or setting.spec.choices:
        return setting.spec.metavar
    return {Unit.BYTES: "SIZE", Unit.SECONDS: "TIME", None: "N"}[setting.spec.unit]


def _help(setting: Setting, otherwise: str | None) -> str:
    """Return the help of *setting*, with its default and its bounds."""
    spec, default = setting.spec, setting.default
    text = re.sub("`(.+?)`", lambda found: flags_of(SETTINGS[found[1]])[-1], spec.option_text or spec.text)
    shown: Callable[[Any], str] = {Unit.BYTES: size, Unit.SECONDS: _show_seconds, None: _show}[spec.unit]
    if isinstance(default, tuple):
        text += " Repeatable."
        default = ", ".join(default)
    elif isinstance(default, bool):
        default = "on" if default and not _only_turns_off(flags_of(setting)[-1]) else None
    limits = []
    if otherwise is not None:
        limits.append(f"default {otherwise}")
    elif default not in (None, ""):
        limits.append(f"default {shown(default)}")
    if spec.low is not None:
        limits.append(f"{'above ' if spec.above else ''}{shown(spec.low)} to {shown(spec.high)}")
    return f"{text}  [{'; '.join(limits)}]" if limits else text


def _show_seconds(value: float) -> str:
    return f"{_show(value)} s"


def _show(value: Any) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"
