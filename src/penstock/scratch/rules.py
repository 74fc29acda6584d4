"""What each origin answered when it was asked for its robots.txt, on the disk.

Knows origins and texts, and SQLite. Does not know what the texts mean.

It can all be asked for again, so nothing is flushed: a crash of the machine may cost requests, not outcomes. Nor does
the file ever stop a run: one that is damaged in any way is set aside, and if none can be written, what is heard is kept
in a file without a name.
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

__all__ = ["DAMAGED", "FILE", "Kept", "RulesStore"]

T = TypeVar("T")

FILE: Final = "robots.db"
"""What the file in a run folder is called."""

DAMAGED: Final = f"{FILE}.damaged"
"""What it is called when it was set aside; an earlier one makes room."""

SIDES: Final = ("", "-journal", "-wal", "-shm")
"""A database, and what SQLite puts beside it."""

CACHE_KIB: Final = 2_048

LONGEST: Final = 1 << 20
"""Bytes of one text at most: twice what is read of a robots.txt."""

_TABLE: Final = """CREATE TABLE IF NOT EXISTS rules (
    origin TEXT PRIMARY KEY, until REAL NOT NULL, text BLOB NOT NULL, trouble TEXT
) WITHOUT ROWID"""


class Kept(Struct, frozen=True, gc=False):
    """What was *heard*, and until when it holds, in seconds since 1970."""

    heard: RobotsAnswer
    until: float


class RulesStore:
    """Answers by their origin.

    They are in the folder *folder*, where those of an earlier session may be, or in a file without a name. What was no
    answer is forgotten between sessions, so that a resume asks again. *tell* is called once, if a file is damaged or
    can't be used.
    """

    def __init__(self, folder: Path | None = None, tell: Callable[[str], object] = lambda _: None) -> None:
        """Nothing is opened yet."""
        self._path = None if folder is None else folder / FILE
        self._tell = tell
        self._told = False
        self._file: sqlite3.Connection | None = None

    def get(self, origin: str) -> Kept | None:
        """Return what *origin* answered last; None if it was not asked, or the answer is lost."""
        return self._done(lambda file: _got(file, origin))

    def put(self, kept: Kept) -> None:
        """Keep it, in place of what its origin answered before."""
        heard = kept.heard
        row = (heard.origin, kept.until, zlib.compress(heard.text, 1), heard.trouble)
        self._done(lambda file: file.execute("INSERT OR REPLACE INTO rules VALUES (?, ?, ?, ?)", row))

    def close(self) -> None:
        """Close the file. May be called twice."""
        if self._file is not None:
            file, self._file = self._file, None
            with suppress(sqlite3.Error):  # of a damaged one, which may be lost
                file.close()

    def _done(self, action: Callable[[sqlite3.Connection], T]) -> T:
        """Return what *action* gives: with the file there is, else with a new one, else with one that has no name."""
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
        """Give a damaged file another name, with what SQLite has put beside it; a link is renamed, and not followed.

        A disk that is full, and a file that another process has locked, are no damage: that file stays as it is.
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
            self._say(f"{self._path} can't be used ({error}): what hosts say in robots.txt is not kept for a resume")
            self._path = None

    def _say(self, text: str) -> None:
        if not self._told:
            self._told = True
            self._tell(text)


_NO_DAMAGE: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


def _got(file: sqlite3.Connection, origin: str) -> Kept | None:
    row = file.execute("SELECT until, text, trouble FROM rules WHERE origin = ?", (origin,)).fetchone()
    if row is None:
        return None
    until, packed, trouble = row
    if not isinstance(until, float) or not math.isfinite(until) or not isinstance(trouble, str | None):
        raise TypeError("a value in it has changed")
    # More than is ever kept would be damage too, and take memory.
    unpacking = zlib.decompressobj()
    text = unpacking.decompress(packed, LONGEST)
    if not unpacking.eof:
        raise ValueError("a text in it has changed")
    return Kept(RobotsAnswer(origin, text, trouble), until)


def _connect(path: Path | None) -> sqlite3.Connection:
    if path is not None:
        _make(path)
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


def _make(path: Path) -> None:
    """See that there is a plain file *path*, for its owner alone; OSError or ValueError if there can't be one."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise ValueError("it is no plain file")
    finally:
        os.close(fd)
