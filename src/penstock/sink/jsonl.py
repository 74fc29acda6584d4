"""Outcomes as lines of JSON in files that only grow.

Knows when to begin the next file. Does not know the form of a line (``record``), nor how bytes are made
to last (``durable``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pyroaring import BitMap64

from penstock.core.extents import Extent
from penstock.core.web.model import Outcome
from penstock.errors import OutputError
from penstock.settings import OutputSettings
from penstock.sink.durable import AppendFile, Hold
from penstock.sink.record import LONG, line, pieces

__all__ = ["NAME", "JsonlSink", "file_name"]

NAME: Final = r"outcomes-[0-9]{5}\.jsonl"
"""What the names of the files match, whole: no other file is touched, whatever its name resembles."""

FILE_BYTES: Final = 4 << 30
"""A file that has reached this length is followed by another: small enough to be moved about."""


class JsonlSink:
    """Appends a line for each outcome to ``outcomes-00000.jsonl`` and its successors in *folder*.

    *committed* gives the length in bytes of each file that the ledger knows; what stands after it is set
    aside. FolderDamaged where a file is shorter, OutputError where one cannot be written.
    """

    name: Final = "jsonl"

    def __init__(
        self,
        folder: Path,
        committed: Mapping[str, int],
        settings: OutputSettings,
        *,
        file_bytes: int = FILE_BYTES,
    ) -> None:
        self._folder = folder
        self._inline_body = settings.body == "inline"
        self._file_bytes = file_bytes
        # A bitmap from the start: a list of the seqs of one flush grew to 5 MB at 25,000 outcomes a second.
        self._seqs = BitMap64()
        self._rows = 0
        last = max(committed, default=file_name(0))
        found = {file.name for file in folder.glob("outcomes-*") if re.fullmatch(NAME, file.name)}
        self._finished: list[tuple[Hold, int]] = []
        for name in sorted(found.union(committed) - {last}):
            self._leave(AppendFile(folder / name, committed.get(name, 0)))
        self._number = file_number(last)
        self._file = AppendFile(folder / last, committed.get(last, 0))
        self._begin_next_if_full()

    def write(self, outcome: Outcome) -> int:
        """Take *outcome* and return the bytes of its line. OutputError if the disk is due and refuses."""
        # Counted first: if an interrupt comes before the end, there are more rows than seqs, and the ledger refuses.
        self._rows += 1
        if len(outcome.body) < LONG:
            data = line(outcome, inline_body=self._inline_body)
            self._file.append(data)
            size = len(data)
        else:
            size = self._file.extend(pieces(outcome, inline_body=self._inline_body))
        self._seqs.add(outcome.seq)
        return size

    def flush(self) -> list[Extent]:
        """Put every line taken on the disk for good, and say where. OutputError if it cannot be done.

        FolderDamaged if a file of the run, also an earlier one, was replaced, removed or cut meanwhile.
        """
        for hold, size in self._finished:
            hold.confirm(size)
        seqs, self._seqs = self._seqs, BitMap64()
        rows, self._rows = self._rows, 0
        seqs.run_optimize()
        extent = self._file.seal(self.name, rows=rows, seqs=seqs)
        self._begin_next_if_full()
        return [] if extent is None else [extent]

    def close(self) -> None:
        """Let go of the file; what was not flushed is lost, and was never claimed. May be called twice."""
        self._file.close()

    def _begin_next_if_full(self) -> None:
        if self._file.end >= self._file_bytes:
            self._leave(self._file)
            self._number += 1
            path = self._folder / file_name(self._number)
            if path.exists() and path.stat().st_size:  # what a crash had left was cut when the sink was made
                raise OutputError(f"{path} was made by something else while the run was at work; move it away")
            self._file = AppendFile(path, 0)

    def _leave(self, file: AppendFile) -> None:
        """Close *file*, to which nothing more is written, and keep an eye on it."""
        self._finished.append((Hold.of(file.path), file.end))
        file.close()


def file_name(number: int) -> str:
    """The name of the output file with this number, counted from 0; sorting names sorts numbers."""
    return f"outcomes-{number:05d}.jsonl"


def file_number(name: str) -> int:
    """The number in a ``file_name``."""
    return int(name.removeprefix("outcomes-").removesuffix(".jsonl"))
