"""Remember on disk which lines a reading of a list has met, and how often.

Knows temporary databases. Does not know what the strings mean.

So memory is bounded, and every answer is exact. Nothing is flushed, since a second reading
over the list can make it again.
"""

from __future__ import annotations

import sqlite3
from hashlib import blake2b
from typing import Any, Final

from penstock.scratch.temporary import Temporary, explain

__all__ = ["NameCounts", "SeenRequests"]

NAMES_HELD: Final = 50_000
"""Names counted in memory before their counts go to the disk: some 10 MB."""


class SeenRequests(Temporary):
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
            raise explain(error) from error


class NameCounts(Temporary):
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
            raise explain(error) from error

    def _query(self, query: str, *values: int) -> list[Any]:
        self._write_down()
        try:
            return self._database.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise explain(error) from error
