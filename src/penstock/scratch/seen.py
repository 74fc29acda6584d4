"""Remember on disk which lines a reading of a list has met, and how often.

Knows SQLite's temporary databases. They have no name, take no room on disk before they
outgrow their cache, are in TMPDIR (else in /var/tmp), and are gone with their process,
also after kill -9. Does not know what the strings mean.

So memory is bounded, and every answer is exact. Nothing is flushed, since a second reading
over the list can make it again.
"""

from __future__ import annotations

import sqlite3
from hashlib import blake2b
from types import TracebackType
from typing import Any, Final, Self

from penstock.errors import OutputError

__all__ = ["NameCounts", "SeenRequests"]

CACHE_BYTES: Final = 32 << 20
"""Bytes of a database held in memory. A filter in front of it (pyroaring) and larger
batches were tried: 10 million digests took 60 s either way."""

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
            # One transaction that never ends, since nothing is to last.
            self._database.execute("BEGIN")
        except sqlite3.Error as error:
            self._database.close()
            raise _translate(error) from error

    def close(self) -> None:
        """Drop the database. May be called twice."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class SeenRequests(_Scratch):
    """A set of byte strings, stored as digests of 16 bytes; it only grows.

    Two strings count as one if their 128-bit BLAKE2b digests are equal: among 10^9
    strings the probability of that is 10^-21.
    """

    def __init__(self) -> None:
        """Begin empty. Raises OutputError if nothing can be written."""
        super().__init__("CREATE TABLE seen (digest BLOB PRIMARY KEY) WITHOUT ROWID")
        self._execute = self._database.execute

    def add(self, text: bytes) -> bool:
        """Add *text*, and return whether it is new.

        Raises OutputError if the disk is full.
        """
        digest = blake2b(text, digest_size=16).digest()
        try:
            return self._execute("INSERT OR IGNORE INTO seen VALUES (?)", (digest,)).rowcount == 1
        except sqlite3.Error as error:
            raise _translate(error) from error


class NameCounts(_Scratch):
    """Counts how often each name comes."""

    def __init__(self, held: int = NAMES_HELD) -> None:
        """Begin empty, with at most *held* names in memory.

        Raises OutputError if nothing can be written.
        """
        super().__init__("CREATE TABLE counts (name TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID")
        self._held = held
        self._counts: dict[str, int] = {}

    def add(self, name: str) -> None:
        """Count *name* once more. Raises OutputError if the disk is full."""
        counts = self._counts
        counts[name] = counts.get(name, 0) + 1
        if len(counts) > self._held:
            self._write_down()

    def names(self) -> int:
        """Return the number of different names."""
        ((number,),) = self._query("SELECT count(*) FROM counts")
        return int(number)

    def largest(self, most: int) -> list[tuple[str, int]]:
        """Return the *most* frequent names, and the count of each; equals by name."""
        return self._query("SELECT name, number FROM counts ORDER BY number DESC, name LIMIT ?", most)

    def _write_down(self) -> None:
        # In order, so that each page of the table is written once.
        counts, self._counts = sorted(self._counts.items()), {}
        try:
            self._database.executemany(
                "INSERT INTO counts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET number = number + excluded.number",
                counts,
            )
        except sqlite3.Error as error:
            raise _translate(error) from error

    def _query(self, query: str, *values: int) -> list[Any]:
        self._write_down()
        try:
            return self._database.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise _translate(error) from error


def _translate(error: sqlite3.Error) -> OutputError:
    return OutputError(
        f"cannot remember which URLs came before: {error}; free some space in /var/tmp, or name another folder with "
        "TMPDIR"
    )
