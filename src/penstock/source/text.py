r"""Turn bytes, or any Python string, into text that can be written as UTF-8 and JSON.

Bytes that are no text are shown and not lost: the byte FF becomes the four characters ``\xff``,
and the lone surrogate U+D800 becomes ``\ud800``. The caller gives such a row a fault if
they are in its URL.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["BLANKS", "NOT_UTF_8", "decode", "find_flaw", "repair_text"]

BLANKS: Final = " \t\n\v\f\r"
"""The characters around a URL that are no part of it: ASCII white space, which
``bytes.strip`` removes too."""

NOT_UTF_8: Final = "not valid UTF-8"

_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_ESCAPED_BYTES: Final = re.compile("[^\ud800-\udc7f\udd00-\udfff]*")


def decode(raw: bytes) -> tuple[str, bool]:
    """Return *raw* as text, and whether all of it is UTF-8."""
    try:
        return raw.decode(), True
    except UnicodeDecodeError:
        return raw.decode("utf-8", "backslashreplace"), False


def find_flaw(text: str) -> str | None:
    """Return why *text* cannot be written as UTF-8, or None if it can.

    Its lone surrogates stand for bytes that are not UTF-8 (``surrogateescape``), or for
    nothing.
    """
    if text.isascii() or not _SURROGATES.search(text):
        return None
    return NOT_UTF_8 if _ESCAPED_BYTES.fullmatch(text) else "lone surrogates, which are no characters"


def repair_text(text: str) -> str:
    r"""Return *text* with lone surrogates as ``\ud800``, or ``\xff`` for a byte."""
    found = find_flaw(text)
    if found is None:
        return text
    if found is NOT_UTF_8:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return text.encode("utf-8", "backslashreplace").decode()
