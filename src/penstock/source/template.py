"""URLs from a pattern: ``https://host/item/{id}`` filled from each row.

Knows braces and percent-encoding. Does not know where the values come from. ``str.format`` is not used:
in a pattern it would also read attributes and items of the values.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from penstock.errors import UsageError

__all__ = ["Template"]

WHOLE: Final = ""
"""The name between the braces that stands for the line, or for the column with the URL."""

_PART: Final = re.compile(r"([^{}]+)|(\{\{|\}\})|\{([^{}]*)\}")


class Template:
    """A pattern with ``{}`` or ``{column}`` in it; a brace that is meant is written twice.

    Values are percent-encoded, every character but letters, digits and ``_.-~`` (RFC 3986, section 2.3),
    so that no value can reach out of its place in the URL.
    """

    __slots__ = ("_parts", "names", "uses_whole")

    def __init__(self, pattern: str) -> None:
        """UsageError where *pattern* is none, or has nothing to fill in."""
        # Literal text and names in turns, a literal first and last.
        self._parts = [""]
        at = 0
        while at < len(pattern):
            part = _PART.match(pattern, at)
            if part is None:
                raise UsageError(f"url_template {pattern!r} has a single brace at {at + 1}; a brace is written twice")
            if part[3] is not None:
                self._parts += (part[3], "")
            else:
                self._parts[-1] += part[1] or part[2][0]
            at = part.end()
        names = self._parts[1::2]
        if not names:
            raise UsageError(f"url_template {pattern!r} has nothing to fill in; write {{}} or {{column}}")
        self.uses_whole = WHOLE in names
        self.names = tuple(dict.fromkeys(name for name in names if name != WHOLE))

    def fill(self, value: Callable[[str], str]) -> str:
        """The URL with *value* of each name, ``""`` for the whole, in its place."""
        parts = self._parts.copy()
        parts[1::2] = [quote(value(name), safe="") for name in parts[1::2]]
        return "".join(parts)
