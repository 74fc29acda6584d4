"""Digest each row as it is read, so that a resume notices a changed input.

Knows how the content of a row becomes four bytes, the same in every process. Does not
know what an earlier session read: ``seams.Contents`` compares.
docs/decisions/content-check.md has the reasons.
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

__all__ = ["Digests", "digest_item", "pack_digests", "read_whole"]

T = TypeVar("T")
R = TypeVar("R")

BULK: Final = 128
"""Digests passed to ``Contents`` at once, at most, if rows come one by one."""

DEEPEST: Final = 100
"""Nested levels of a value that count."""

_OPTIONS: Final = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
_PLAIN: Final = (Decimal, Fraction, PurePath, complex, range)
"""Types that orjson does not take, and whose text is their value."""


def digest_item(item: Any) -> int:
    """Return the digest of an item: of a text, or of a value with all that is in it.

    The order of a mapping's keys does not count, nor do blanks around a text: the last
    line of a file that still grows may lack its end. Of an object without a value only
    the type counts.
    """
    if isinstance(item, str):
        return crc32(item.strip(BLANKS).encode("utf-8", "surrogatepass")) or 1
    value = item
    if isinstance(item, Row):
        value = (item.url, item.method, item.headers, item.body, item.fields, item.fault)
    try:
        content = orjson.dumps(value, _simplify, _OPTIONS)
    except TypeError:  # a lone surrogate, a number of over 64 bits, too many levels
        content = _spell(value, DEEPEST).encode("utf-8", "surrogatepass")
    return crc32(content) or 1


def pack_digests(digests: Iterable[int]) -> bytes:
    """Return *digests* as ``Contents`` takes them: four bytes each, little-endian."""
    numbers = array("I", digests)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


class Digests(Generic[T]):
    """Passes the digests of rows that come one by one to *contents*, many at a time.

    ``add`` collects digests of settled rows; ``tell`` passes on at once that of a row
    which the input is about to yield. Each method raises InputChanged if
    ``Contents.check`` does.
    """

    __slots__ = ("_contents", "_digests", "_item", "_items", "_next", "_row")

    def __init__(self, contents: Contents, first: int, row: Callable[[int, T], Row]) -> None:
        """*first* is the first seq; *row* makes a row of its seq and its item."""
        self._contents = contents
        self._next = first
        self._row = row
        self._digests: list[int] = []
        self._items: list[T] = []
        self._item: T | None = None

    def add(self, digest: int, item: T) -> None:
        """Collect the *digest* of the next row, which is settled."""
        items = self._items
        self._digests.append(digest)
        items.append(item)
        if len(items) >= BULK:
            self.flush()

    def tell(self, digest: int, item: T) -> None:
        """Pass on the *digest* of the next row, after those collected."""
        if self._items:
            self.flush()
        self._item = item
        first = self._next
        self._next = first + 1
        self._contents.check(first, digest.to_bytes(4, "little"), self._make_told_row)

    def flush(self) -> None:
        """Pass on the collected digests."""
        if self._items:
            self._contents.check(self._next, pack_digests(self._digests), self._make_added_row)
            self._next += len(self._items)
            self._digests.clear()
            self._items.clear()

    def _make_told_row(self, seq: int) -> Row:
        return self._row(seq, cast("T", self._item))

    def _make_added_row(self, seq: int) -> Row:
        return self._row(seq, self._items[seq - self._next])


def read_whole(
    read: Callable[[Settled, int, Contents | None], Generator[R, Any, int]],
    settled: Settled,
    contents: Contents | None,
) -> Generator[R, Any, None]:
    """Yield the rows that *read* yields from seq 0 on.

    Raises InputChanged if the input had more rows before.
    """
    inputs = yield from read(settled, 0, contents)
    if contents is not None:
        contents.end(inputs)


def _simplify(value: Any) -> Any:
    """Return a form of *value* that orjson takes, the same in every process."""
    name = type(value).__qualname__
    if isinstance(value, bytes | bytearray | memoryview):
        return [name, bytes(value).hex()]
    if isinstance(value, _PLAIN):
        return [name, str(value)]
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return [name, sorted(map(digest_item, value))]
    if isinstance(value, Collection):
        return [name, list(value)]
    return [name]


def _spell(value: Any, levels: int) -> str:
    """Return a text of the content of *value*, for values that orjson does not take."""
    if isinstance(value, Mapping) and levels:
        pairs = sorted((_spell(name, levels - 1), _spell(item, levels - 1)) for name, item in value.items())
        return "{" + ",".join(f"{name}:{item}" for name, item in pairs) + "}"
    if isinstance(value, list | tuple) and levels:
        return "[" + ",".join(_spell(item, levels - 1) for item in value) + "]"
    if isinstance(value, str | int):
        return repr(str(value)) if isinstance(value, str) else hex(value)
    try:
        return orjson.dumps(value, option=_OPTIONS).decode()
    except TypeError:
        return _spell(_simplify(value), levels - 1) if levels else "..."
