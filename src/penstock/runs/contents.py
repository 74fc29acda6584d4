"""Compares an input that is read again with what it was, row by row.

Knows digests by seq, and how run.db keeps them. Does not know of what a digest is taken
(``source.digests``). docs/decisions/content-check.md says why it is done so.
"""

from __future__ import annotations

import sqlite3
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Final, NamedTuple

from penstock.core.extents import SeqSet
from penstock.core.web.hosts import redact
from penstock.core.web.model import Row
from penstock.errors import InputChanged
from penstock.remedies import Remedy, keyword

__all__ = [
    "FORCE",
    "SCHEMA",
    "Comparison",
    "DigestStretch",
    "KnownDigests",
    "describe_change",
    "find_end",
    "find_fault",
    "read_all",
    "read_block",
    "read_no_block",
    "write_digests",
]

SCHEMA: Final = "CREATE TABLE IF NOT EXISTS contents (block INTEGER PRIMARY KEY, digests BLOB NOT NULL)"

BLOCK: Final = 4_096
"""Seqs in a block: four pages of SQLite, which a commit of a slow run writes again."""

WIDTH: Final = 4
"""Bytes of a digest. Zeros stand for one that is not known."""

BLOCK_BYTES: Final = BLOCK * WIDTH

MOST_HELD: Final = 4 << 20
"""Bytes held in memory between two commits: a million digests if the rows follow each other."""

STRETCH: Final = 200
"""Bytes that a stretch takes besides its digests."""

LONGEST: Final = 200
"""Characters shown of an input's URL."""

FORCE: Final = keyword("force", True)  # noqa: FBT003 - as it is written
"""The remedy that accepts an input that has changed."""

DigestStretch = tuple[int, bytearray]
"""The first seq of a stretch, and the digests of it and those after it."""


class KnownDigests(NamedTuple):
    """The digests that a ledger keeps.

    *block* reads a block of them; from the seq *end* on there are none. *write* writes
    those held in memory, on the thread that reads the input, when they are too many.
    *was* finds the URL that an input had, for an error message.
    """

    block: Callable[[int], bytes]
    end: int
    write: Callable[[], None]
    was: Callable[[int], str | None]


class Comparison:
    """Compares the rows of *answered* inputs with the digests *kept*, and holds the digests of all others.

    The next commit of the ledger writes those held, so that a settled input always has
    its digest. With *force* nothing is compared, and every digest that differs is held.
    """

    def __init__(self, kept: KnownDigests, answered: SeqSet, *, force: bool = False) -> None:
        self._kept = kept
        self._answered = answered
        self._force = force
        self._end = max(kept.end, answered.max() + 1 if answered else 0)
        self._number = -1
        self._block = b""
        self._held: list[DigestStretch] = []
        self._held_next = -1
        self._ended = 0
        self._tail = bytearray()
        # The thread that reads the input holds digests, the one that commits takes them.
        self._lock = threading.Lock()

    def check(self, first: int, digests: bytes, row: Callable[[int], Row]) -> None:
        """Take the *digests* of the rows from seq *first* on. Raises InputChanged for the first that differs."""
        if first >= self._end:
            self._hold(first, digests)
            return
        known = self._known(first, len(digests))
        if known == digests:
            return
        if not self._force:
            count = len(digests) // WIDTH
            answered = self._answered.range_cardinality(first, first + count)
            if answered == count and not any(known):
                return
            if answered:
                digests = self._compare(first, known, digests, row)
        if digests != known:
            self._hold(first, digests)

    def end(self, inputs: int) -> None:
        """Take the number of rows, *inputs*. Raises InputChanged if an input beyond has its outcome."""
        if not self._force and self._answered and inputs <= self._answered.max():
            done = f"input {self._answered.max():,}, counted from 0, is done"
            raise InputChanged(*describe_change(f"it has {inputs:,} inputs now, and {done}"))

    def take(self) -> list[DigestStretch]:
        """Return the digests held, and hold none; the caller writes them."""
        with self._lock:
            held, self._held = self._held, []
            self._tail = bytearray()
            self._held_next, self._ended = -1, 0
        return held

    def _known(self, first: int, length: int) -> bytes:
        """Return the digests kept, zeros for the missing ones."""
        number, at = divmod(first * WIDTH, BLOCK_BYTES)
        if number != self._number:
            self._number, self._block = number, self._kept.block(number)
        part = self._block[at : at + length]
        if len(part) == length:
            return part
        return part + self._known((number + 1) * BLOCK, length - len(part))

    def _compare(self, first: int, known: bytes, digests: bytes, row: Callable[[int], Row]) -> bytes:
        """Return *digests*, but for answered inputs as they are kept. Raises InputChanged if one of these differs."""
        answered, merged = self._answered, bytearray(digests)
        for at in range(0, len(digests), WIDTH):
            old = known[at : at + WIDTH]
            seq = first + at // WIDTH
            if old != digests[at : at + WIDTH] and seq in answered:
                if any(old):
                    raise InputChanged(*describe_change(self._difference(row(seq))))
                merged[at : at + WIDTH] = old
        return bytes(merged)

    def _difference(self, row: Row) -> str:
        where = f"input {row.seq:,} (counted from 0; line or item {row.line:,})"
        now, was = _shown(row.url), self._kept.was(row.seq)
        if was is None:
            return f"{where} was another and is {now}"
        if _shown(was) == now:
            return f"{where} still has the URL {now}, but the rest of it has changed"
        return f"{where} was {_shown(was)} and is {now}"

    def _hold(self, first: int, digests: bytes) -> None:
        with self._lock:
            if first != self._held_next:
                self._ended += len(self._tail) + STRETCH
                self._tail = bytearray()
                self._held.append((first, self._tail))
            self._tail += digests
            self._held_next = first + len(digests) // WIDTH
        if self._ended + len(self._tail) > MOST_HELD:
            self._kept.write()


def find_end(database: sqlite3.Connection) -> int:
    """Return the seq from which on *database* has no digest."""
    if database.execute("SELECT 1 FROM sqlite_master WHERE name = 'contents'").fetchone() is None:
        return 0
    (last,) = database.execute("SELECT max(block) FROM contents").fetchone()
    return 0 if last is None else (last + 1) * BLOCK


def read_block(database: sqlite3.Connection, number: int) -> bytes:
    """Return the digests of block *number*, zeros for those not kept. Raises ValueError if they have changed."""
    row = database.execute("SELECT digests FROM contents WHERE block = ?", (number,)).fetchone()
    if row is None:
        return bytes(BLOCK_BYTES)
    check, digests = row[0][:4], row[0][4:]
    if zlib.crc32(digests).to_bytes(4, "big") != check or len(digests) > BLOCK_BYTES:
        raise ValueError("the digests of inputs have changed since they were written")
    return bytes(digests.ljust(BLOCK_BYTES, b"\0"))


def read_no_block(_number: int) -> bytes:
    """Return a block without a known digest."""
    return bytes(BLOCK_BYTES)


def read_all(database: sqlite3.Connection) -> Iterator[DigestStretch]:
    """Yield the blocks kept, without blocks that have changed since they were written."""
    for number in _numbers(database):
        with suppress(ValueError):
            yield number * BLOCK, bytearray(read_block(database, number))


def find_fault(database: sqlite3.Connection) -> str | None:
    """Describe the fault in the blocks kept, or return None if there is none."""
    try:
        for number in _numbers(database):
            read_block(database, number)
    except ValueError as error:
        return str(error)
    return None


def write_digests(database: sqlite3.Connection, held: Iterable[DigestStretch]) -> None:
    """Write the digests *held* over the ones kept."""
    for first, digests in held:
        at, end = first * WIDTH, first * WIDTH + len(digests)
        for number in range(at // BLOCK_BYTES, -(-end // BLOCK_BYTES)):
            start = number * BLOCK_BYTES
            low, high = max(at, start), min(end, start + BLOCK_BYTES)
            block = bytearray(read_block(database, number))
            block[low - start : high - start] = digests[low - at : high - at]
            data = bytes(block).rstrip(b"\0")
            check = zlib.crc32(data).to_bytes(4, "big")
            database.execute("INSERT OR REPLACE INTO contents VALUES (?, ?)", (number, check + data))


def _numbers(database: sqlite3.Connection) -> list[int]:
    if not find_end(database):
        return []
    return [number for (number,) in database.execute("SELECT block FROM contents ORDER BY block")]


def describe_change(difference: str) -> tuple[str | Remedy, ...]:
    """Return what InputChanged says of an input with this *difference*, and the remedy."""
    return (
        f"the input is not the one that this run began with: {difference}",
        ". Put it back; or accept it as it is, by its line numbers: ",
        FORCE,
    )


def _shown(url: str) -> str:
    """Return *url* in a form for terminals and logs."""
    url = redact(url)
    return repr(url if len(url) <= LONGEST else f"{url[:LONGEST]}...")
