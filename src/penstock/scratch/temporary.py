"""Temporary databases of SQLite.

They have no name, take no room on disk before they outgrow their cache, are in TMPDIR
(else in /var/tmp), and are gone with their process, also after kill -9. This module
does not know their content.
"""

from __future__ import annotations

import sqlite3
from types import TracebackType
from typing import Final, Self

from penstock.errors import OutputError

__all__ = ["Temporary", "explain"]

CACHE_BYTES: Final = 32 << 20
"""Bytes of a database held in memory. A filter in front of it (pyroaring) and larger
batches were tried for ``SeenRequests``: 10 million digests took 60 s either way."""


class Temporary:
    """A temporary database with one *table*, which belongs to one thread at a time."""

    def __init__(self, table: str) -> None:
        """Create it. Raises OutputError if nothing can be written."""
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        try:
            for pragma in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{CACHE_BYTES >> 10}"):
                self._database.execute(f"PRAGMA {pragma}")
            self._database.execute(table)
            # One transaction that never ends, since nothing is to last.
            self._database.execute("BEGIN")
        except sqlite3.Error as error:
            self._database.close()
            raise explain(error) from error

    def close(self) -> None:
        """Drop the database. May be called twice."""
        self._database.close()

    def __enter__(self) -> Self:
        """Drop the database at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drop the database."""
        self.close()


def explain(error: sqlite3.Error) -> OutputError:
    """Return what to raise for *error* of a temporary database."""
    return OutputError(
        f"cannot write a temporary file: {error}; free some space in /var/tmp, or name another folder with TMPDIR"
    )
