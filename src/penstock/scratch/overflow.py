"""The overflow: jobs that wait for a busy host and are too many to wait in memory.

Knows jobs by their key, and SQLite. Does not know why they wait.

The file has no name, so it is gone with the process and no other process reads it. So
it is written without a journal and without fsync.
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

__all__ = ["DiskOverflow"]

BATCH: Final = 500
"""Jobs that are written together; until then they stay in memory."""

CACHE_KIB: Final = 4_096
"""KiB of memory that SQLite may take for pages of the file."""


class DiskOverflow:
    """Stores jobs by their key, and returns them oldest first.

    The first job creates the file, in *folder* or the directory for temporary files. A
    job takes there the bytes of its URL, headers, body and fields, and some 50 more; a
    job whose fields cannot be encoded stays in memory. Raises OutputError if the disk
    refuses a write.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Create no file before the first job."""
        self._folder = folder
        self._file: sqlite3.Connection | None = None
        self._number = 0
        self._unwritten: list[tuple[str, int, bytes]] = []
        self._unwritable: dict[int, Job] = {}
        # The tuple of headers that most jobs of a run share: the engine compares it by
        # identity.
        self._headers: Headers = ()
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(Job).decode

    def put(self, jobs: Sequence[Job]) -> None:
        """Store *jobs*, each after the jobs that its key has here."""
        for job in jobs:
            self._number += 1
            self._unwritten.append((job.key, self._number, self._encode_job(job)))
        if len(self._unwritten) >= BATCH:
            self._write()

    def take(self, key: str, most: int) -> list[Job]:
        """Remove and return the oldest jobs of *key*, at most *most*."""
        if self._unwritten:
            self._write()
        try:
            rows = self._open().execute(
                "DELETE FROM jobs WHERE (key, number) IN (SELECT key, number FROM jobs WHERE key = ? "
                "ORDER BY number LIMIT ?) RETURNING number, job",
                (key, most),
            )
            return [self._decode_job(number, job) for number, job in sorted(rows)]
        except (sqlite3.Error, OSError) as error:
            raise self._translate(error) from error

    def close(self) -> None:
        """Drop the jobs and the file. May be called twice."""
        self._unwritten.clear()
        self._unwritable.clear()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _encode_job(self, job: Job) -> bytes:
        if not self._headers:
            self._headers = job.headers
        try:
            text = self._encode(job)
            # Fields that a program put into its input must come back as they were, else
            # the job stays in memory: waiting must not turn a tuple into a list.
            if job.fields is None:
                return text
            again = self._decode(text)
            # NaN is not equal to itself, but has the same repr.
            if again == job or repr(again.fields) == repr(job.fields):
                return text
        except (TypeError, ValueError, OverflowError):
            pass
        self._unwritable[self._number] = job
        return b""

    def _decode_job(self, number: int, text: bytes) -> Job:
        if not text:
            return self._unwritable.pop(number)
        job = self._decode(text)
        return replace(job, headers=self._headers) if job.headers == self._headers else job

    def _write(self) -> None:
        try:
            self._open().executemany("INSERT INTO jobs VALUES (?, ?, ?)", self._unwritten)
        except (sqlite3.Error, OSError) as error:
            raise self._translate(error) from error
        self._unwritten.clear()

    def _open(self) -> sqlite3.Connection:
        if self._file is None:
            handle, name = tempfile.mkstemp(prefix=".penstock-overflow-", dir=self._folder)
            try:
                # SQLite opens the file by its name, which is removed then.
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

    def _translate(self, error: Any) -> OutputError:
        where = self._folder or tempfile.gettempdir()
        return OutputError(f"jobs that wait for busy hosts cannot be stored in {where}: {error}; make room there")
