"""What may stand in a header field (RFC 9110, section 5).

Knows the grammar of names and values. Does not know what any field means.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["is_field_value", "is_token"]

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FIELD_VALUE: Final = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")


def is_token(text: str) -> bool:
    """Whether *text* is a token, as a field's name or a method is (section 5.6.2)."""
    return _TOKEN.fullmatch(text) is not None


def is_field_value(text: str) -> bool:
    """Whether *text* can be a field's value: Latin-1 without control characters but the tab (section 5.5)."""
    return _FIELD_VALUE.fullmatch(text) is not None
