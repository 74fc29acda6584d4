"""Make URLs from a pattern: ``https://host/item/{id}``, filled from each row.

Knows braces and percent-encoding. Does not know where the values come from. Does not
use ``str.format``, whose patterns also read attributes and items of the values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from copy import copy
from typing import Final
from urllib.parse import quote

from penstock.errors import UsageError
from penstock.remedies import keyword

__all__ = ["Template"]

NAME: Final = keyword("url_template")

RESERVED: Final = ":/?#[]@!$&'()*+,;=%"
"""The characters that ``{+name}`` keeps, besides letters, digits and ``_.-~``: the reserved
characters (RFC 3986, section 2.2), and the ``%`` of text that is percent-encoded already."""

WHOLE: Final = ""
"""The name of ``{}``, which stands for the line, or for the column with the URL."""

_SIGN: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PART: Final = re.compile(r"([^{}]+)|(\{\{|\}\})|\{([^{}]*)\}")


class Template:
    """A pattern with ``{}`` or ``{column}`` in it; a literal brace is written twice.

    Values are percent-encoded, except letters, digits and ``_.-~`` (RFC 3986, section
    2.3), so that no value can change the URL outside of its place. For ``{+}`` and
    ``{+column}`` reserved characters stay as they are, and so does text that is
    percent-encoded (RFC 6570, section 3.2.3): for paths, and for host:port.
    """

    __slots__ = ("_kept", "_parts", "names", "uses_whole")

    def __init__(self, pattern: str) -> None:
        """Raises UsageError if *pattern* has a single brace, or nothing to fill in."""
        # Literal texts and names by turns; the first and the last are literal.
        self._parts = [""]
        at = 0
        while at < len(pattern):
            part = _PART.match(pattern, at)
            if part is None:
                raise UsageError(NAME, f" {pattern!r} has a single brace at {at + 1}; write a literal brace twice")
            if part[3] is not None:
                self._parts += (part[3], "")
            else:
                self._parts[-1] += part[1] or part[2][0]
            at = part.end()
        given = self._parts[1::2]
        # The characters that are not encoded, for each name.
        self._kept = [RESERVED if name.startswith("+") else "" for name in given]
        names = self._parts[1::2] = [name.removeprefix("+") for name in given]
        if not names:
            raise UsageError(NAME, f" {pattern!r} has nothing to fill in; write {{}} or {{column}}")
        self.uses_whole = WHOLE in names
        self.names = tuple(dict.fromkeys(name for name in names if name != WHOLE))

    def fill(self, value: Callable[[str], str]) -> str:
        """Return the URL with the *value* of each name; the name of ``{}`` is ""."""
        parts = self._parts.copy()
        parts[1::2] = [_expand(value(name), kept) for name, kept in zip(parts[1::2], self._kept, strict=True)]
        return "".join(parts)

    def rename(self, names: Mapping[str, str]) -> Template:
        """Return the same template with its names replaced as *names* say."""
        other = copy(self)
        other._rename(names)  # noqa: SLF001 - one of its own
        return other

    def _rename(self, names: Mapping[str, str]) -> None:
        self._parts = self._parts.copy()
        self._parts[1::2] = [names.get(name, name) for name in self._parts[1::2]]
        self.names = tuple(dict.fromkeys(names.get(name, name) for name in self.names))


def _expand(value: str, kept: str) -> str:
    text = quote(value, safe=kept)
    return _SIGN.sub("%25", text) if kept else text
