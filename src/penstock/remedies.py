"""Remedies: what to do about an error, as Python writes it and as the command line does.

Knows how Python and a shell spell things. Does not know errors or remarks, which have
remedies among their parts.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable
from typing import Any, Final, NamedTuple, Self

__all__ = [
    "Message",
    "Remedy",
    "call",
    "keyword",
    "name_nearest",
    "name_settings",
    "shell_path",
    "shell_word",
    "spell_for_python",
    "spell_for_shell",
]


OPTIONS: Final = {"header": "--no-header", "headers": "--header", "sinks": "--sink"}
"""The options that have another name than their keyword."""


class Remedy(NamedTuple):
    """The remedy of an error: in *python*, and as it is *typed* on the command line."""

    python: str
    typed: str


class Message(str):
    """A text with remedies: itself as Python reads it, ``typed`` as the command line does.

    It is a plain text for a report that does not know the difference.
    """

    __slots__ = ("parts", "typed")

    parts: tuple[str | Remedy, ...]
    typed: str

    def __new__(cls, *parts: str | Remedy) -> Self:
        """Join *parts*, texts and remedies."""
        message = super().__new__(cls, spell_for_python(parts))
        message.parts = parts
        message.typed = spell_for_shell(parts)
        return message


def spell_for_python(parts: Iterable[object]) -> str:
    """Join *parts*, texts and remedies, to one text for a program."""
    return "".join(part.python if isinstance(part, Remedy) else str(part) for part in parts)


def spell_for_shell(parts: Iterable[object]) -> str:
    """Join *parts*, texts and remedies, to one text for the command line."""
    return "".join(part.typed if isinstance(part, Remedy | Message) else str(part) for part in parts)


def keyword(name: str, value: Any = None) -> Remedy:
    """Return the remedy of giving the keyword *name*: ``force=True``, ``--force``.

    Without a *value* it names the setting alone. The option of False is ``--no-NAME``.
    """
    option = OPTIONS.get(name, f"--{name.replace('_', '-')}")
    if value is None:
        return Remedy(name, option)
    if value is True:
        return Remedy(f"{name}=True", option)
    if value is False:
        return Remedy(f"{name}=False", option if option.startswith("--no-") else f"--no-{option[2:]}")
    return Remedy(f"{name}={value!r}", f"{option} {shell_word(str(value))}")


def name_settings(text: str, **values: Any) -> Message:
    """Return *text* with a remedy for each ``{name}`` of a setting, and its value, if one is among *values*."""
    parts = re.split(r"{(\w+)}", text)
    return Message(*(keyword(part, values.get(part)) if at % 2 else part for at, part in enumerate(parts)))


def call(verb: str, folder: object, **keywords: Any) -> Remedy:
    """The remedy of calling one of Penstock's functions on *folder*, or giving the command of its name."""
    given = [keyword(name, value) for name, value in keywords.items()]
    python = ", ".join([repr(str(folder)), *(one.python for one in given)])
    typed = " ".join([*(one.typed for one in given), shell_path(folder)])
    return Remedy(f"penstock.{verb}({python})", f"penstock {verb} {typed}")


def name_nearest(wrong: str, known: Collection[str]) -> str:
    """Return the question whether the name in *known* nearest to *wrong* is meant.

    If none is near, return all of *known*.
    """
    from difflib import get_close_matches  # noqa: PLC0415 - only a mistake needs it

    nearest = get_close_matches(wrong, known, n=1)
    return f"did you mean {nearest[0]}?" if nearest else f"there are: {', '.join(known)}"


def shell_word(text: str) -> str:
    r"""*text* as one word for a shell.

    Bytes that do not show, or are not UTF-8, are in octal, as bash, zsh and ksh read them: ``$'\033'``.
    """
    if text.isprintable():
        return shlex.quote(text)
    try:
        data = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a character, which is in no name
        return shlex.quote(text.encode("unicode_escape").decode("ascii"))
    octal = "".join(chr(byte) if 32 <= byte < 127 and byte not in b"\\'" else f"\\{byte:03o}" for byte in data)
    return f"$'{octal}'"


def shell_path(path: object) -> str:
    """*path* as one word that no command takes for an option: ``./-pages``."""
    text = str(path)
    return shell_word(f"./{text}" if text.startswith("-") else text)
