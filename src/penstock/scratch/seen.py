"""What a pass over a list must remember of every line, on the disk: what was seen, and how often each name came.

Knows SQLite's temporary databases: they have no name, take no room before they outgrow their cache, lie where TMPDIR
says (else in /var/tmp), and are gone with their process, also after kill -9. Does not know what is remembered.

So memory is bounded, and everything is exact. Both can be made again by reading the list again, so nothing is flushed.
"""

from __future__ import annotations

import sqlite3
from hashlib import blake2b
from types import TracebackType
from typing import Any, Final, Self

from penstock.errors import OutputError

__all__ = ["Counts", "Seen"]

CACHE_BYTES: Final = 32 << 20
"""What of a database is held in memory. A filter in front of it (pyroaring) and larger batches were tried: 10 million
digests took 60 s either way."""

NAMES_HELD: Final = 50_000
"""Names counted in memory before their counts go to the disk: some 10 MB."""


class _Scratch:
    """A temporary database that belongs to one thread at a time."""

    def __init__(self, table: str) -> None:
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        try:
            for pragma in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{CACHE_BYTES >> 10}"):
                self._database.execute(f"PRAGMA {pragma}")
            self._database.execute(table)
            # One transaction that never ends: there is nothing to be kept.
            self._database.execute("BEGIN")
        except sqlite3.Error as error:
            self._database.close()
            raise _translated(error) from error

    def close(self) -> None:
        """Forget everything. May be called twice."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Seen(_Scratch):
    """A set of byte strings, by their digests of 16 bytes, to which one can only add.

    Two strings are taken for one where their BLAKE2b digests of 128 bits agree: among 10^9 strings by a chance of
    10^-21.
    """

    def __init__(self) -> None:
        """Nothing seen yet. OutputError where nothing can be written."""
        super().__init__("CREATE TABLE seen (digest BLOB PRIMARY KEY) WITHOUT ROWID")
        self._execute = self._database.execute

    def add(self, text: bytes) -> bool:
        """Add *text*; whether it had not been there. OutputError where the disk is full."""
        digest = blake2b(text, digest_size=16).digest()
        try:
            return self._execute("INSERT OR IGNORE INTO seen VALUES (?)", (digest,)).rowcount == 1
        except sqlite3.Error as error:
            raise _translated(error) from error


class Counts(_Scratch):
    """How often each name came."""

    def __init__(self, held: int = NAMES_HELD) -> None:
        """Nothing counted yet; *held* names at most are in memory. OutputError where nothing can be written."""
        super().__init__("CREATE TABLE counts (name TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID")
        self._held = held
        self._counts: dict[str, int] = {}

    def add(self, name: str) -> None:
        """Count *name* once more. OutputError where the disk is full."""
        counts = self._counts
        counts[name] = counts.get(name, 0) + 1
        if len(counts) > self._held:
            self._put_down()

    def names(self) -> int:
        """How many different names came."""
        ((number,),) = self._asked("SELECT count(*) FROM counts")
        return int(number)

    def largest(self, most: int) -> list[tuple[str, int]]:
        """The *most* names that came most often, and how often; equals by name."""
        return self._asked("SELECT name, number FROM counts ORDER BY number DESC, name LIMIT ?", most)

    def _put_down(self) -> None:
        # In order, so that each page of the table is written once.
        counts, self._counts = sorted(self._counts.items()), {}
        try:
            self._database.executemany(
                "INSERT INTO counts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET number = number + excluded.number",
                counts,
            )
        except sqlite3.Error as error:
            raise _translated(error) from error

    def _asked(self, query: str, *values: int) -> list[Any]:
        self._put_down()
        try:
            return self._database.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise _translated(error) from error


def _translated(error: sqlite3.Error) -> OutputError:
    return OutputError(
        f"cannot keep in mind which URLs came before: {error}; free some space in /var/tmp, or name another folder for "
        "it with TMPDIR"
    )
