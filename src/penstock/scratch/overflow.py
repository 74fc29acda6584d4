"""The overflow: jobs that wait for a busy host and are too many to wait in memory.

Knows jobs by their key, and SQLite. Does not know why they wait.

The file has no name: it is gone with the process, and nothing of it is ever read by another. So it is
written without journal and without fsync.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from penstock.core.web.model import Headers, Job
from penstock.errors import OutputError

__all__ = ["Overflow"]

BATCH: Final = 500
"""Jobs that are written at once; until then they are kept."""

CACHE_KIB: Final = 4_096
"""Memory that SQLite may take for pages of the file."""


class Overflow:
    """Keeps jobs by their key, and gives them back oldest first.

    The file is made with the first job, in *folder* or where temporary files go. A job takes there what its URL,
    headers, body and fields take, and some 50 bytes; a job whose fields can't be written stays in memory.
    OutputError where the disk does not take it.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Nothing is made yet."""
        self._folder = folder
        self._file: sqlite3.Connection | None = None
        self._number = 0
        self._unwritten: list[tuple[str, int, bytes]] = []
        self._unwritable: dict[int, Job] = {}
        # The one tuple of headers that most jobs of a run share: the engine knows it by identity.
        self._headers: Headers = ()
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(Job).decode

    def put(self, jobs: Sequence[Job]) -> None:
        """Keep *jobs*, each behind those that its key has here."""
        for job in jobs:
            self._number += 1
            self._unwritten.append((job.key, self._number, self._encoded(job)))
        if len(self._unwritten) >= BATCH:
            self._write()

    def take(self, key: str, most: int) -> list[Job]:
        """The oldest jobs of *key*, *most* of them at the most; they are not here any more."""
        if self._unwritten:
            self._write()
        try:
            rows = self._open().execute(
                "DELETE FROM jobs WHERE (key, number) IN (SELECT key, number FROM jobs WHERE key = ? "
                "ORDER BY number LIMIT ?) RETURNING number, job",
                (key, most),
            )
            return [self._decoded(number, job) for number, job in sorted(rows)]
        except (sqlite3.Error, OSError) as error:
            raise self._broken(error) from error

    def close(self) -> None:
        """Drop the file. May be called twice."""
        self._unwritten.clear()
        self._unwritable.clear()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _encoded(self, job: Job) -> bytes:
        if not self._headers:
            self._headers = job.headers
        try:
            text = self._encode(job)
            # What a program put into the fields of its input comes back as it was, or is not written: a tuple is
            # not to become a list by having waited.
            if job.fields is None:
                return text
            again = self._decode(text)
            # NaN is not itself, but is written the same.
            if again == job or repr(again.fields) == repr(job.fields):
                return text
        except (TypeError, ValueError, OverflowError):
            pass
        self._unwritable[self._number] = job
        return b""

    def _decoded(self, number: int, text: bytes) -> Job:
        if not text:
            return self._unwritable.pop(number)
        job = self._decode(text)
        return replace(job, headers=self._headers) if job.headers == self._headers else job

    def _write(self) -> None:
        try:
            self._open().executemany("INSERT INTO jobs VALUES (?, ?, ?)", self._unwritten)
        except (sqlite3.Error, OSError) as error:
            raise self._broken(error) from error
        self._unwritten.clear()

    def _open(self) -> sqlite3.Connection:
        if self._file is None:
            handle, name = tempfile.mkstemp(prefix=".penstock-overflow-", dir=self._folder)
            try:
                # SQLite opens it by its name; after that the name is not needed any more.
                self._file = sqlite3.connect(name, isolation_level=None)
                for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = OFF", "synchronous = OFF"):
                    self._file.execute(f"PRAGMA {pragma}")
                self._file.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
                self._file.execute(
                    "CREATE TABLE jobs (key TEXT, number INTEGER, job BLOB, PRIMARY KEY (key, number)) WITHOUT ROWID"
                )
            finally:
                os.close(handle)
                Path(name).unlink()
        return self._file

    def _broken(self, error: Any) -> OutputError:
        where = self._folder or tempfile.gettempdir()
        return OutputError(f"jobs that wait for busy hosts can't be put aside in {where}: {error}; make room there")
