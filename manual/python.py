"""docs/python.md: every public name, with its signature and its docstring.

Knows Python's objects and Markdown. Does not know what any name is for: that is what docstrings say, and a public name
without one fails here.
"""

from __future__ import annotations

import ast
import enum
import inspect
import re
import sys
import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, get_origin

import penstock
import penstock.twisted

__all__ = ["page"]

INTRODUCTION: Final = """\
# In Python

<!-- Made by: python -m manual -->

Every public name, from its own docstring. [The tutorial](tutorial.md) introduces the main
ones; [the record of an outcome](record.md) has its fields with their units.
"""

SECTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "Fetching": ("fetch", "run", "resume", "retry", "verify"),
    "Any async work": ("throttle", "coiterate", "cooperate", "Cooperator", "CooperativeTask"),
    "Results": ("Outcome", "Fetched", "Failed", "Skipped", "Result"),
    "Progress": ("Flow", "Statistics", "Progress", "Tally", "Waiting", "Summary", "Report"),
    "Settings": ("Settings",),
}
"""Names in the order in which a reader needs them. The other names go into a section by their kind."""

MADE_BY_PENSTOCK: Final = frozenset({"CooperativeTask", "Flow"})
"""Classes that a caller gets and never makes: their constructors are not shown."""

DESCRIBED_BY_FUNCTIONS: Final = frozenset({"Settings"})
"""Classes whose fields are keywords, with a text for each in the docstrings of the functions that take them."""

WIDTH: Final = 88
"""Columns of a signature on one line."""


def page() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    for section, names in _sections(penstock.__all__, penstock).items():
        parts.append(f"## {section}\n")
        parts += [_described(name, getattr(penstock, name), "penstock") for name in names]
    parts.append(f"## penstock.twisted\n\n{_text(penstock.twisted)}")
    own = [name for name in penstock.twisted.__all__ if _is_ours(getattr(penstock.twisted, name))]
    parts += [_described(name, getattr(penstock.twisted, name), "penstock.twisted") for name in own]
    borrowed = ", ".join(f"`{name}`" for name in penstock.twisted.__all__ if name not in own)
    parts.append(f"Exceptions of `twisted.internet.task`, under the same names: {borrowed}.\n")
    return "\n".join(parts)


def _sections(names: Iterable[str], module: types.ModuleType) -> dict[str, list[str]]:
    """*names* by their section; values that have no docstring of their own, as versions, are left out."""
    found: dict[str, list[str]] = {section: list(known) for section, known in SECTIONS.items()}
    found |= {"Enumerations": [], "Other": [], "Exceptions": []}
    known = {name for names in SECTIONS.values() for name in names}
    for name in names:
        value = getattr(module, name)
        if name in known or isinstance(value, str):
            continue
        if isinstance(value, type) and issubclass(value, BaseException):
            found["Exceptions"].append(name)
        elif isinstance(value, enum.EnumType):
            found["Enumerations"].append(name)
        else:
            found["Other"].append(name)
    found["Exceptions"].sort(key=lambda name: [kind.__name__ for kind in reversed(getattr(module, name).__mro__)])
    return {section: listed for section, listed in found.items() if listed}


def _is_ours(value: Any) -> bool:
    return str(getattr(value, "__module__", "penstock")).startswith("penstock")


def _described(name: str, value: Any, home: str) -> str:
    if isinstance(value, type):
        return "\n".join(_class(name, value, home))
    return f"### {home}.{name}\n\n{_code(_signature(name, value))}\n{_text(value)}"


def _class(name: str, kind: type, home: str) -> Iterator[str]:
    if issubclass(kind, BaseException):
        bases = ", ".join(base.__name__ for base in kind.__bases__)
        yield f"### {home}.{name}\n\n*A kind of {bases}.* {_text(kind)}"
        return
    yield f"### {home}.{name}\n"
    if issubclass(kind, enum.Enum):
        yield _text(kind)
        yield f"Members: {', '.join(f'`{member.name}`' for member in kind)}.\n"
        return
    base = _public_base(kind)
    fields = [] if name in DESCRIBED_BY_FUNCTIONS else list(_fields(kind))
    if name not in MADE_BY_PENSTOCK and "__init__" in vars(kind) and not getattr(kind, "_is_protocol", False):
        yield _code(_signature(name, kind))
    yield _text(kind)
    if base is not None:
        yield f"Has the fields and methods of `{base.__name__}`.\n"
    elif fields:
        yield "".join(("| field | type | default |\n|---|---|---|\n", *fields))
    known = set() if base is None else _members(base).keys()
    for member, found in sorted(_members(kind).items()):
        if member not in known:
            yield from _member(member, found, kind)


def _public_base(kind: type) -> type | None:
    """The class that *kind* derives from, if that is described by itself."""
    known = {getattr(penstock, name) for name in penstock.__all__ if isinstance(getattr(penstock, name), type)}
    return next((base for base in kind.__mro__[1:] if base in known), None)


def _members(kind: type) -> dict[str, Any]:
    """Return the definitions in *kind* or in a base of ours: methods and properties without an underscore."""
    found: dict[str, Any] = {}
    for base in filter(_is_ours, kind.__mro__):
        for name, value in vars(base).items():
            is_member = isinstance(value, types.FunctionType | property | classmethod | staticmethod)
            if is_member and not name.startswith("_"):
                found.setdefault(name, value)
    return found


def _member(name: str, value: Any, kind: type) -> Iterator[str]:
    yield f"#### {kind.__name__}.{name}\n"
    if isinstance(value, property):
        yield f"*A property{' that can be set' if value.fset else ''}.* {_text(value)}"
        return
    function = getattr(kind, name)
    yield f"{_code(_signature(f'{kind.__name__}.{name}', function))}\n{_text(function)}"


def _fields(kind: type) -> Iterator[str]:
    """The rows of a table of the fields of *kind*, if it is a Struct or a NamedTuple."""
    names: tuple[str, ...] = getattr(kind, "__struct_fields__", getattr(kind, "_fields", ()))
    defaults: tuple[Any, ...] = getattr(kind, "__struct_defaults__", ())
    given = dict(zip(names[len(names) - len(defaults) :], defaults, strict=True))
    given |= getattr(kind, "_field_defaults", {})
    annotations: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        annotations |= inspect.get_annotations(base)
    aliases = vars(sys.modules[kind.__module__])
    for name in names:
        spelled = _annotation(annotations[name], aliases).replace("|", "\\|")
        yield f"| `{name}` | `{spelled}` | {_default(given[name]) if name in given else 'required'} |\n"


def _default(value: Any) -> str:
    """*value* in a cell; of an object or a factory its class."""
    plain = value is None or isinstance(value, str | bytes | int | float | tuple)
    return f"`{value!r}`" if plain else f"`{getattr(value, 'factory', type(value)).__name__}()`"


def _signature(name: str, value: Any) -> str:
    """*value* as a call, on one line or with a line for each parameter."""
    signature = inspect.signature(value)
    parameters = [one for one in signature.parameters.values() if one.name != "self"]
    names = getattr(sys.modules.get(value.__module__), "__dict__", {})
    shown, starred = [], False
    for one in parameters:
        if one.kind is one.KEYWORD_ONLY and not starred:
            shown.append("*")
            starred = True
        starred = starred or one.kind is one.VAR_POSITIONAL
        shown.append(_parameter(one, names))
    returned = signature.return_annotation
    end = "" if returned is signature.empty or isinstance(value, type) else f" -> {_annotation(returned, names)}"
    prefix = "async " if inspect.iscoroutinefunction(value) else ""
    line = f"{prefix}{name}({', '.join(shown)}){end}"
    if len(line) <= WIDTH:
        return line
    return "\n".join((f"{prefix}{name}(", *(f"    {one}," for one in shown), f"){end}"))


def _parameter(one: inspect.Parameter, names: Mapping[str, Any]) -> str:
    star = "*" if one.kind is one.VAR_POSITIONAL else "**" if one.kind is one.VAR_KEYWORD else ""
    said = "" if one.annotation is one.empty else f": {_annotation(one.annotation, names)}"
    if one.default is one.empty:
        return f"{star}{one.name}{said}"
    default = getattr(one.default, "__name__", None) or repr(one.default)
    if default.startswith("_"):  # a function that has no name for a reader; the docstring says what it does
        default = "..."
    return f"{star}{one.name}{said} = {default}" if said else f"{star}{one.name}={default}"


def _annotation(annotation: Any, names: Mapping[str, Any]) -> str:
    """*annotation* as a reader may write it: our aliases as their types, ``Annotated`` as its first part."""
    text = getattr(annotation, "__forward_arg__", annotation)
    text = text if isinstance(text, str) else inspect.formatannotation(text)

    class Spelled(ast.NodeTransformer):
        def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
            if isinstance(node.value, ast.Name) and node.value.id == "Annotated" and isinstance(node.slice, ast.Tuple):
                visited: ast.AST = self.visit(node.slice.elts[0])
                return visited
            return self.generic_visit(node)

        def visit_Name(self, node: ast.Name) -> ast.AST:
            value = names.get(node.id)
            if get_origin(value) is None and not isinstance(value, types.UnionType):
                return node
            return ast.parse(_short(inspect.formatannotation(value)), mode="eval").body

    return _short(ast.unparse(Spelled().visit(ast.parse(text, mode="eval"))))


def _short(text: str) -> str:
    """*text* without the modules that its names are in."""
    return re.sub(r"~(\w+)", r"\1", re.sub(r"\b(?:[A-Za-z_]\w*\.)+([A-Za-z_]\w*)", r"\1", text))


def _text(value: Any) -> str:
    """The docstring of *value* as Markdown; AssertionError if there is none."""
    said = inspect.getdoc(value)
    assert said, f"{value!r} has no docstring"
    return re.sub(r"``(.+?)``", r"`\1`", said, flags=re.DOTALL) + "\n"


def _code(text: str) -> str:
    return f"```python\n{text}\n```\n"
