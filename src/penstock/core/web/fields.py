"""The grammar of a header field (RFC 9110, section 5).

Knows the grammar of names and values, and which fields only the engine may write. Does
not know what any other field means.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["is_field_value", "is_framing", "is_token"]

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FIELD_VALUE: Final = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")

FRAMING: Final = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "http2-settings",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Fields that say where a message ends, or that hold for one connection (RFC 9110,
sections 7.6.1, 7.8, 8.6 and 10.1; RFC 9112, section 6; RFC 7540, section 3.2.1).
Proxy-* hold for the connection to a proxy."""


def is_token(text: str) -> bool:
    """Whether *text* is a token, as a field's name or a method is (section 5.6.2)."""
    return _TOKEN.fullmatch(text) is not None


def is_field_value(text: str) -> bool:
    """Whether *text* can be a field's value (section 5.5).

    A value is Latin-1; the tab is its only control character.
    """
    return _FIELD_VALUE.fullmatch(text) is not None


def is_framing(name: str) -> bool:
    """Whether the field *name* frames a message or belongs to the connection.

    Only the engine may write such a field. A wrong value makes the server read other
    requests than were sent, and answer one with the response to another. See
    docs/decisions/framing-headers.md.
    """
    lower = name.lower()
    return lower in FRAMING or lower.startswith("proxy-")
