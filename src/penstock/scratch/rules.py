"""Store on disk what each origin answered to the request for its robots.txt.

Knows origins and texts, and SQLite. Does not know what the texts mean.

All of it can be requested again, so nothing is flushed: a crash of the machine may cost
requests, not outcomes. The file never stops a run either. A damaged one is set aside;
if none can be written, the answers are kept in a file without a name.
"""

from __future__ import annotations

import math
import os
import sqlite3
import stat
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from msgspec import Struct

from penstock.core.web.robots import RobotsAnswer

__all__ = ["DAMAGED", "FILE", "CachedRules", "RulesStore"]

T = TypeVar("T")

FILE: Final = "robots.db"
"""The name of the file in a run folder."""

DAMAGED: Final = f"{FILE}.damaged"
"""The name of a file that was set aside; it replaces an earlier one."""

SIDES: Final = ("", "-journal", "-wal", "-shm")
"""The suffixes of a database and of the files that SQLite puts beside it."""

CACHE_KIB: Final = 2_048

LONGEST: Final = 1 << 20
"""Bytes of one text at most: twice what Penstock reads of a robots.txt."""

_TABLE: Final = """CREATE TABLE IF NOT EXISTS rules (
    origin TEXT PRIMARY KEY, until REAL NOT NULL, text BLOB NOT NULL, trouble TEXT
) WITHOUT ROWID"""


class CachedRules(Struct, frozen=True, gc=False):
    """An origin's answer, *heard*, and the time *until* which it holds (Unix)."""

    heard: RobotsAnswer
    until: float


class RulesStore:
    """Stores the rules of each origin, in *folder* or in a file without a name.

    The folder may have rules of an earlier session. Failed requests are forgotten
    between sessions, so that a resume asks again. *notify* is called once, if a file is
    damaged or cannot be used.
    """

    def __init__(self, folder: Path | None = None, notify: Callable[[str], object] = lambda _: None) -> None:
        """Open no file before it is used."""
        self._path = None if folder is None else folder / FILE
        self._notify = notify
        self._told = False
        self._file: sqlite3.Connection | None = None

    def get(self, origin: str) -> CachedRules | None:
        """Return what *origin* answered last, or None if that is missing or lost."""
        return self._perform(lambda file: _select(file, origin))

    def put(self, kept: CachedRules) -> None:
        """Store *kept*, which replaces its origin's earlier answer."""
        heard = kept.heard
        row = (heard.origin, kept.until, zlib.compress(heard.text, 1), heard.trouble)
        self._perform(lambda file: file.execute("INSERT OR REPLACE INTO rules VALUES (?, ?, ?, ?)", row))

    def close(self) -> None:
        """Close the file. May be called twice."""
        if self._file is not None:
            file, self._file = self._file, None
            with suppress(sqlite3.Error):  # of a damaged one, which may be lost
                file.close()

    def _perform(self, action: Callable[[sqlite3.Connection], T]) -> T:
        """Run *action* on the file, else a new one, else one without a name."""
        for give_up in (self._set_aside, self._do_without):
            try:
                return action(self._open())
            except (sqlite3.Error, zlib.error, OSError, ValueError, TypeError) as error:
                give_up(error)
        return action(self._open())

    def _open(self) -> sqlite3.Connection:
        if self._file is None:
            self._file = _connect(self._path)
        return self._file

    def _set_aside(self, error: Exception) -> None:
        """Rename a damaged file, and the files that SQLite has put beside it.

        A link is renamed, not followed. A full disk and a file that another process has
        locked are no damage: the file stays.
        """
        self.close()
        path = self._path
        if path is None:
            return
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _NO_DAMAGE:
            self._do_without(error)
            return
        try:
            for side in SIDES:
                aside = path.with_name(DAMAGED + side)
                aside.unlink(missing_ok=True)
                with suppress(FileNotFoundError):
                    path.with_name(FILE + side).rename(aside)
        except OSError as stuck:
            self._do_without(stuck)
        else:
            self._say(f"{path} is damaged ({error}): it is kept as {DAMAGED}, and hosts are asked for robots.txt again")

    def _do_without(self, error: Exception) -> None:
        self.close()
        if self._path is not None:
            self._say(f"{self._path} cannot be used ({error}): the hosts' robots.txt is not kept for a resume")
            self._path = None

    def _say(self, text: str) -> None:
        if not self._told:
            self._told = True
            self._notify(text)


_NO_DAMAGE: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


def _select(file: sqlite3.Connection, origin: str) -> CachedRules | None:
    row = file.execute("SELECT until, text, trouble FROM rules WHERE origin = ?", (origin,)).fetchone()
    if row is None:
        return None
    until, packed, trouble = row
    if not isinstance(until, float) or not math.isfinite(until) or not isinstance(trouble, str | None):
        raise TypeError("a value in it has changed")
    # A longer text than is ever stored would be damage too, and take memory.
    unpacking = zlib.decompressobj()
    text = unpacking.decompress(packed, LONGEST)
    if not unpacking.eof:
        raise ValueError("a text in it has changed")
    return CachedRules(RobotsAnswer(origin, text, trouble), until)


def _connect(path: Path | None) -> sqlite3.Connection:
    if path is not None:
        _make_file(path)
    file = sqlite3.connect("" if path is None else path, isolation_level=None, check_same_thread=False)
    try:
        # A killed process leaves its log, which the next one reads. A host takes 21 µs
        # (get and put, 20,000 of them); with a rollback journal it takes 72 µs.
        for pragma in ("journal_mode = WAL", "synchronous = OFF", f"cache_size = -{CACHE_KIB}"):
            file.execute(f"PRAGMA {pragma}")
        file.execute(_TABLE)
        file.execute("DELETE FROM rules WHERE trouble IS NOT NULL")
    except BaseException:
        file.close()
        raise
    return file


def _make_file(path: Path) -> None:
    """Create the file *path*, for its owner alone, unless it exists.

    Raises OSError or ValueError if it cannot be created, or is no plain file.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise ValueError("it is no plain file")
    finally:
        os.close(fd)
