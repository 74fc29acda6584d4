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
from typing import Any, Final, Generic, TypeVar, cast
from zlib import crc32

import orjson

from penstock.core.extents import Settled
from penstock.core.web.model import Row
from penstock.seams import Contents
from penstock.source.text import BLANKS

__all__ = ["Digests", "of_item", "packed", "whole"]

T = TypeVar("T")

BULK: Final = 128
"""Digests handed on at once at most, where rows come one by one."""

DEEPEST: Final = 100
"""Levels of a value that are looked into."""

_OPTIONS: Final = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
_PLAIN: Final = (Decimal, Fraction, PurePath, complex, range)
"""Types that orjson does not take, whose texts are their values."""


def of_item(item: Any) -> int:
    """The digest of an item of a list: of a text, or of all that is in a value, whatever the order of a mapping's keys.

    Blanks around a text say nothing: the last line of an open file has its end, or not. Of an object that has no value
    of its own only the type counts.
    """
    if isinstance(item, str):
        return crc32(item.strip(BLANKS).encode("utf-8", "surrogatepass")) or 1
    value = item
    if isinstance(item, Row):
        value = (item.url, item.method, item.headers, item.body, item.fields, item.fault)
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

    Those of settled rows are ``add``ed and handed on in bulk; a row that is to be given out is told at once.
    """

    __slots__ = ("_contents", "_digests", "_item", "_items", "_next", "_row")

    def __init__(self, contents: Contents, first: int, row: Callable[[int, T], Row]) -> None:
        """*first* is the seq of the first row; *row* makes the row of a seq and of what came with its digest."""
        self._contents = contents
        self._next = first
        self._row = row
        self._digests: list[int] = []
        self._items: list[T] = []
        self._item: T | None = None

    def add(self, digest: int, item: T) -> None:
        """Take the *digest* of the next row, which is settled. InputChanged as of ``Contents.check``."""
        items = self._items
        self._digests.append(digest)
        items.append(item)
        if len(items) >= BULK:
            self.flush()

    def tell(self, digest: int, item: T) -> None:
        """Hand on the *digest* of the next row, after what was added. InputChanged as of ``Contents.check``."""
        if self._items:
            self.flush()
        self._item = item
        first = self._next
        self._next = first + 1
        self._contents.check(first, digest.to_bytes(4, "little"), self._row_told)

    def flush(self) -> None:
        """Hand on what was added. InputChanged as of ``Contents.check``."""
        if self._items:
            self._contents.check(self._next, packed(self._digests), self._row_added)
            self._next += len(self._items)
            self._digests.clear()
            self._items.clear()

    def _row_told(self, seq: int) -> Row:
        return self._row(seq, cast("T", self._item))

    def _row_added(self, seq: int) -> Row:
        return self._row(seq, self._items[seq - self._next])


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
        return [name, sorted(map(of_item, value))]
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
