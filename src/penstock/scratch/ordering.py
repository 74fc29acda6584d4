"""Puts rows in the order of their seqs, on disk.

Knows temporary databases. Does not know what a row says.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from penstock.scratch.temporary import Temporary, explain

__all__ = ["SeqOrder"]


class SeqOrder(Temporary):
    """Rows by seq, of which one at a time is in memory."""

    def __init__(self) -> None:
        """Begin with none. Raises OutputError if nothing can be written."""
        super().__init__("CREATE TABLE rows (seq INTEGER PRIMARY KEY, row BLOB NOT NULL)")

    def add(self, seq: int, row: bytes) -> None:
        """Keep the *row* of *seq*. Raises OutputError if the disk is full."""
        try:
            self._database.execute("INSERT INTO rows VALUES (?, ?)", (seq, row))
        except sqlite3.Error as error:
            raise explain(error) from error

    def rows(self) -> Iterator[bytes]:
        """Yield the rows, smallest seq first."""
        for (row,) in self._database.execute("SELECT row FROM rows ORDER BY seq"):
            yield row
