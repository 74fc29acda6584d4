r"""From bytes, or from any Python string, to text that can be written as UTF-8 and JSON.

What is no text is shown and not lost: the byte FF becomes the four characters ``\xff``, and the lone
surrogate U+D800 becomes ``\ud800``. The caller marks the row, so that nobody takes them for a URL.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["BLANKS", "NOT_UTF_8", "decoded", "flaw", "mended"]

BLANKS: Final = " \t\n\v\f\r"
"""What may stand around a URL and is no part of it: ASCII white space, which ``bytes.strip`` takes off too."""

NOT_UTF_8: Final = "not valid UTF-8"

_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_ESCAPED_BYTES: Final = re.compile("[^\ud800-\udc7f\udd00-\udfff]*")


def decoded(raw: bytes) -> tuple[str, bool]:
    """*raw* as text, and whether all of it was UTF-8."""
    try:
        return raw.decode(), True
    except UnicodeDecodeError:
        return raw.decode("utf-8", "backslashreplace"), False


def flaw(text: str) -> str | None:
    """Why *text* cannot be written as UTF-8: lone surrogates, Python's own for a byte or others; None if it can."""
    if text.isascii() or not _SURROGATES.search(text):
        return None
    return NOT_UTF_8 if _ESCAPED_BYTES.fullmatch(text) else "lone surrogates, which are no characters"


def mended(text: str) -> str:
    """*text* with its lone surrogates written out; those that ``surrogateescape`` made of bytes, as the bytes."""
    found = flaw(text)
    if found is None:
        return text
    if found is NOT_UTF_8:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return text.encode("utf-8", "backslashreplace").decode()
