"""What each origin answered when it was asked for its robots.txt, on the disk.

Knows origins and texts, and SQLite. Does not know what the texts mean.

It can all be asked for again, so nothing is flushed: a crash of the machine may cost requests, not outcomes. A file
that can't be read gives way to a new one.
"""

from __future__ import annotations

import sqlite3
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from penstock.core.robots import Heard
from penstock.errors import OutputError

__all__ = ["FILE", "Kept", "RulesStore"]

FILE: Final = "robots.db"
"""What the file in a run folder is called."""

CACHE_KIB: Final = 2_048

_TABLE: Final = """CREATE TABLE IF NOT EXISTS rules (
    origin TEXT PRIMARY KEY, until REAL NOT NULL, text BLOB NOT NULL, trouble TEXT
) WITHOUT ROWID"""


class Kept(Struct, frozen=True, gc=False):
    """What was *heard*, and until when it holds, in seconds since 1970."""

    heard: Heard
    until: float


class RulesStore:
    """Answers by their origin.

    They are in the folder *folder*, where those of an earlier session may be, or in a file without a name. What was no
    answer is forgotten between sessions: whoever comes back wants it asked for again. OutputError where the disk takes
    nothing.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Nothing is opened yet."""
        self._path = None if folder is None else folder / FILE
        self._file: sqlite3.Connection | None = None

    def get(self, origin: str) -> Kept | None:
        """What *origin* answered last; None where it was not asked."""
        try:
            row = self._open().execute("SELECT until, text, trouble FROM rules WHERE origin = ?", (origin,)).fetchone()
            return None if row is None else Kept(Heard(origin, zlib.decompress(row[1]), row[2]), row[0])
        except (sqlite3.Error, zlib.error) as error:
            raise self._broken(error) from error

    def put(self, kept: Kept) -> None:
        """Keep it, in place of what its origin answered before."""
        heard = kept.heard
        try:
            self._open().execute(
                "INSERT OR REPLACE INTO rules VALUES (?, ?, ?, ?)",
                (heard.origin, kept.until, zlib.compress(heard.text, 1), heard.trouble),
            )
        except sqlite3.Error as error:
            raise self._broken(error) from error

    def close(self) -> None:
        """Close the file. May be called twice."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> sqlite3.Connection:
        if self._file is None:
            try:
                self._file = _connect(self._path)
            except sqlite3.DatabaseError:
                if self._path is None:
                    raise
                with suppress(OSError):
                    self._path.unlink()
                self._file = _connect(self._path)
        return self._file

    def _broken(self, error: Any) -> OutputError:
        where = self._path or "the folder for temporary files (TMPDIR)"
        return OutputError(f"what hosts' robots.txt said can't be kept in {where}: {error}; make room there")


def _connect(path: Path | None) -> sqlite3.Connection:
    if path is not None:
        with suppress(OSError):  # which SQLite tells better
            path.touch(mode=0o600)
    file = sqlite3.connect("" if path is None else path, isolation_level=None, check_same_thread=False)
    try:
        # A killed process leaves its log, from which the next one goes on. With a journal to roll back a host takes
        # 72 µs, and so 21 (asked for and put, 20,000 of them).
        for pragma in ("journal_mode = WAL", "synchronous = OFF", f"cache_size = -{CACHE_KIB}"):
            file.execute(f"PRAGMA {pragma}")
        file.execute(_TABLE)
        file.execute("DELETE FROM rules WHERE trouble IS NOT NULL")
    except BaseException:
        file.close()
        raise
    return file
