"""Text from anywhere made safe for a terminal.

Knows which characters do something to a terminal instead of showing on it. Does not know where the text
came from: everything that Penstock did not write itself goes through here before it is printed.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["safe", "safe_json", "safe_lines"]

ELLIPSIS: Final = "…"

_BEYOND_ASCII: Final = re.compile("[\x7f-\U0010ffff]+")


def safe(text: str, limit: int | None = None) -> str:
    r"""*text* on one line, with everything that does not show written out (``\x1b``).

    It is cut to *limit* characters, 1 or more. What shows is what ``str.isprintable`` says: no control,
    format, separator, surrogate, private or unassigned characters (Unicode general categories C and Z,
    but for the space).
    """
    # No more than is shown is looked at: a text of a gigabyte costs what a short one does.
    shown = _written_out(text if limit is None else text[:limit])
    if limit is None or len(text) <= limit >= len(shown):
        return shown
    return f"{shown[: limit - 1]}{ELLIPSIS}"


def safe_lines(text: str) -> str:
    """The same for a text of several lines: line feeds stay, and nothing else that does not show."""
    return "\n".join(map(safe, text.split("\n")))


def safe_json(document: bytes) -> bytes:
    r"""The same JSON in UTF-8, with every character that does not show written as a ``\u`` escape.

    It reads back as the same values, since such characters can only stand inside strings. JSON itself has
    escaped those below U+0020, but U+009B starts a sequence in a terminal just as ESC [ does.
    """
    if document.isascii() and b"\x7f" not in document:
        return document
    return _BEYOND_ASCII.sub(_escaped_for_json, document.decode()).encode()


def _written_out(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _escaped(character) for character in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _escaped_for_json(found: re.Match[str]) -> str:
    run = found[0]
    return run if run.isprintable() else "".join(c if c.isprintable() else _as_utf16(c) for c in run)


def _as_utf16(character: str) -> str:
    code = character.encode("utf-16-be").hex()
    return "".join(f"\\u{code[at : at + 4]}" for at in range(0, len(code), 4))
