"""A digest of each row as it is read, so that an input can be compared with what it was in an earlier session.

Knows how a row's content becomes four bytes that are the same in each process. Does not know what was read before:
``seams.Contents`` compares. docs/decisions/content-check.md says why.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Collection, Generator, Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePath
from typing import Any, Final, Generic, TypeVar
from zlib import crc32

import orjson

from penstock.core.model import Row
from penstock.seams import Contents, Settled

__all__ = ["Digests", "of_text", "of_value", "packed", "whole"]

T = TypeVar("T")

BULK: Final = 1_024
"""Digests handed on at once at most, where rows come one by one."""

DEEPEST: Final = 100
"""Levels of a value that are looked into."""

_OPTIONS: Final = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
_PLAIN: Final = (Decimal, Fraction, PurePath, complex, range)
"""Types that orjson does not take, whose texts are their values."""


def of_text(text: str) -> int:
    """The digest of a *text*, lone surrogates included."""
    return crc32(text.encode("utf-8", "surrogatepass")) or 1


def of_value(value: Any) -> int:
    """The digest of any other item: of all that is in it, whatever the order of a mapping's keys.

    Of an object that has no value of its own only the type counts.
    """
    if isinstance(value, Row):
        value = (value.url, value.method, value.headers, value.body, value.fields, value.fault)
    try:
        content = orjson.dumps(value, _plain, _OPTIONS)
    except TypeError:  # a lone surrogate, a number of over 64 bits, too many levels
        content = _spelled(value, DEEPEST).encode("utf-8", "surrogatepass")
    return crc32(content) or 1


def packed(digests: Iterable[int]) -> bytes:
    """*digests* as ``Contents`` takes them: four bytes each, the lowest first."""
    numbers = array("I", digests)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


class Digests(Generic[T]):
    """Hands the digests of rows that come one by one to *contents*, many at a time.

    A row may be given out only after ``flush``.
    """

    __slots__ = ("_contents", "_digests", "_items", "_next", "_row")

    def __init__(self, contents: Contents, first: int, row: Callable[[int, T], Row]) -> None:
        """*first* is the seq of the first row; *row* makes the row of a seq and of what was added with its digest."""
        self._contents = contents
        self._next = first
        self._row = row
        self._digests: list[int] = []
        self._items: list[T] = []

    def add(self, digest: int, item: T) -> None:
        """Take the *digest* of the next row; InputChanged as of ``Contents.check``."""
        self._digests.append(digest)
        self._items.append(item)
        if len(self._items) >= BULK:
            self.flush()

    def flush(self) -> None:
        """Hand on what was added. InputChanged as of ``Contents.check``."""
        if self._items:
            first, items, row = self._next, self._items, self._row
            self._contents.check(first, packed(self._digests), lambda seq: row(seq, items[seq - first]))
            self._next += len(items)
            self._digests = []
            self._items = []


def whole(
    read: Callable[[Settled, int, Contents | None], Generator[Row, None, int]],
    settled: Settled,
    contents: Contents | None,
) -> Generator[Row, None, None]:
    """The rows of an input that is *read* from seq 0 to its end; InputChanged if it had more."""
    inputs = yield from read(settled, 0, contents)
    if contents is not None:
        contents.end(inputs)


def _plain(value: Any) -> Any:
    """*value*, which orjson does not take, as something that it does and that is the same in each process."""
    name = type(value).__qualname__
    if isinstance(value, bytes | bytearray | memoryview):
        return [name, bytes(value).hex()]
    if isinstance(value, _PLAIN):
        return [name, str(value)]
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return [name, sorted(map(of_value, value))]
    if isinstance(value, Collection):
        return [name, list(value)]
    return [name]


def _spelled(value: Any, levels: int) -> str:
    """A text that says what is in *value*, for what orjson does not take."""
    if isinstance(value, Mapping) and levels:
        pairs = sorted((_spelled(name, levels - 1), _spelled(item, levels - 1)) for name, item in value.items())
        return "{" + ",".join(f"{name}:{item}" for name, item in pairs) + "}"
    if isinstance(value, list | tuple) and levels:
        return "[" + ",".join(_spelled(item, levels - 1) for item in value) + "]"
    if isinstance(value, str | int):
        return repr(str(value)) if isinstance(value, str) else hex(value)
    try:
        return orjson.dumps(value, option=_OPTIONS).decode()
    except TypeError:
        return _spelled(_plain(value), levels - 1) if levels else "..."
