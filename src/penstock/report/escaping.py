"""Escapes that make any text safe for a terminal.

Knows which characters control a terminal instead of showing on it. Does not know where
a text comes from: every text that Penstock did not write itself is escaped before it is
printed.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["escape", "escape_json", "escape_lines"]

ELLIPSIS: Final = "…"

_BEYOND_ASCII: Final = re.compile("[\x7f-\U0010ffff]+")


def escape(text: str, limit: int | None = None) -> str:
    r"""Return *text* on one line, with an escape (``\x1b``) for each hidden character.

    It is cut to *limit* characters, 1 or more. The characters that show are those of
    ``str.isprintable``: no control, format, separator, surrogate, private or unassigned
    ones (Unicode general categories C and Z, except the space).
    """
    # Cut first: a text of a gigabyte then costs the same as a short one.
    shown = _escape_all(text if limit is None else text[:limit])
    if limit is None or len(text) <= limit >= len(shown):
        return shown
    return f"{shown[: limit - 1]}{ELLIPSIS}"


def escape_lines(text: str) -> str:
    """Escape *text*, but keep its line feeds."""
    return "\n".join(map(escape, text.split("\n")))


def escape_json(document: bytes) -> bytes:
    r"""Return *document* with a ``\u`` escape for each character that does not show.

    It reads back as the same values: such characters occur only inside strings. JSON
    escapes the ones below U+0020 itself, but U+009B starts a control sequence in a
    terminal just as ESC [ does.
    """
    if document.isascii() and b"\x7f" not in document:
        return document
    return _BEYOND_ASCII.sub(_escape_run, document.decode()).encode()


def _escape_all(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _escape_character(character) for character in text)


def _escape_character(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _escape_run(match: re.Match[str]) -> str:
    run = match[0]
    return run if run.isprintable() else "".join(c if c.isprintable() else _escape_utf16(c) for c in run)


def _escape_utf16(character: str) -> str:
    code = character.encode("utf-16-be").hex()
    return "".join(f"\\u{code[at : at + 4]}" for at in range(0, len(code), 4))
