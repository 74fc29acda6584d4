"""The files of the format ``parquet``: how they follow each other, and how one is read back and reduced.

Every flush makes a file. It is written aside and renamed, so under its name it is
always whole, and one extent is one file. Does not know the columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from penstock.core.extents import Extent
from penstock.core.web.model import Outcome
from penstock.core.web.stored import Keep, RowTotals, Salvaged, Stored, Unreadable
from penstock.errors import OutputError
from penstock.sink.byte_extents import ByteExtents
from penstock.sink.durable import PART, AppendFile, Hold, certify, locate_origin, remove, set_aside, sweep
from penstock.sink.parquet.columns import Taken, arrow, build, schema
from penstock.sink.parquet.part import PartFile
from penstock.sink.parquet.reader import PartReader

__all__ = ["PARQUET"]

NAME: Final = "parquet"
PATTERN: Final = r"pages-[0-9]{6}\.parquet"
MOST_FILES: Final = 1_000_000

BATCH_BYTES: Final = 1 << 20
"""Bytes of outcomes that become Arrow arrays at once."""


class ParquetFormat(ByteExtents):
    """The format; see ``seams.Format``."""

    name: Final = NAME
    pattern: Final = PATTERN
    unfinished = rf"{PATTERN}{re.escape(PART)}"

    def open(self, folder: Path, committed: Mapping[str, int], *, inline_body: bool) -> ParquetSink:
        """Return a sink, as of ``Format.open``. Raises UsageError if pyarrow is missing."""
        arrow()
        sweep(folder, lambda name: re.fullmatch(self.unfinished, name) is not None)
        for file in _files(folder):
            if file.name not in committed:
                set_aside(file, 0)
                remove(file)
        finished = []
        for name, size in sorted(committed.items()):
            file = folder / name
            if not file.exists() or file.stat().st_size != size:
                AppendFile(file, size).close()  # sets added bytes aside, refuses a shorter file
            finished.append((Hold.of(file), size))
        return ParquetSink(folder, finished, inline_body=inline_body)

    def read(self, folder: Path, extent: Extent) -> Iterator[Stored | Unreadable]:
        """Yield the rows of *extent*, as of ``Format.read``."""
        with PartReader(folder / extent.file) as part:
            for group in range(part.groups):
                rows = part.read_rows(group)
                yield from [rows] if isinstance(rows, Unreadable) else rows

    def outcomes(self, folder: Path, extent: Extent) -> Iterator[Outcome | Unreadable]:
        """Yield the outcomes of *extent*, as of ``Format.outcomes``."""
        with PartReader(folder / extent.file) as part:
            for group in range(part.groups):
                outcomes = part.read_outcomes(group)
                yield from [outcomes] if isinstance(outcomes, Unreadable) else outcomes

    def salvage(self, file: Path, keep: Keep, *, longest: int) -> Iterator[Salvaged]:
        """Reduce *file* to the rows that *keep* wants, as of ``Format.salvage``."""
        choice = _choose(file, file.name, keep, longest)
        if not choice.complete:
            aside = set_aside(file, 0)
            remove(file)
            yield from _copy(aside, choice, file)
        elif choice.rows.seqs:
            yield certify(file, 0, file.stat().st_size, sink=NAME, seqs=choice.rows.seqs), choice.rows

    def recover(self, aside: Path, keep: Keep, *, longest: int) -> Iterator[Salvaged]:
        """Write the rows of *aside* that *keep* wants to a file of their own, as of ``Format.recover``."""
        name, _ = locate_origin(aside)
        folder = aside.parent
        yield from _copy(aside, _choose(aside, name, keep, longest), folder / _file_name(_next_number(folder)))


PARQUET: Final = ParquetFormat()


class _Choice(NamedTuple):
    """The rows to keep: the *kept* ones of each row group by their places in it, and whether these are all."""

    kept: list[list[int]]
    rows: RowTotals
    complete: bool


def _choose(file: Path, name: str, keep: Keep, longest: int) -> _Choice:
    """Ask *keep* for each row of *file*, which is or was called *name*."""
    kept: list[list[int]] = []
    totals = RowTotals()
    complete = True
    with PartReader(file, longest) as part:
        for group in range(part.groups):
            rows = part.read_rows(group)
            kept.append([])
            if isinstance(rows, Unreadable):
                complete = False
                continue
            for place, row in enumerate(rows):
                # An input comes once in a file of ours, and an extent can't have it twice.
                if row.seq not in totals.seqs and keep(name, row):
                    kept[-1].append(place)
                    totals.add(row)
            complete = complete and len(kept[-1]) == len(rows)
    return _Choice(kept, totals, complete)


def _copy(source: Path, choice: _Choice, path: Path) -> Iterator[Salvaged]:
    """Write the rows of *choice* from *source* to the new file *path*, if there is any."""
    if not choice.rows.seqs:
        return
    with PartReader(source) as reader, closing(PartFile(path, reader.schema())) as part:
        for group, kept in enumerate(choice.kept):
            if kept:
                for batch in reader.read_table(group).take(kept).to_batches():
                    part.add(batch, batch.column("seq").to_pylist())
        yield part.seal(NAME), choice.rows


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.glob("pages-*.parquet") if re.fullmatch(PATTERN, file.name))


def _file_name(number: int) -> str:
    """Return the name of the file with this number, counted from 0; names sort like numbers."""
    if number >= MOST_FILES:
        raise OutputError(f"there are {number:,} Parquet files, which is all that have a name; begin another run")
    return f"pages-{number:06d}.parquet"


def _next_number(folder: Path) -> int:
    files = _files(folder)
    return int(files[-1].stem.removeprefix("pages-")) + 1 if files else 0


class ParquetSink:
    """Writes a file for each flush; see ``Format.open``. *finished* are the files before, and their lengths."""

    name: Final = NAME

    def __init__(self, folder: Path, finished: list[tuple[Hold, int]], *, inline_body: bool) -> None:
        self._folder = folder
        self._number = _next_number(folder)
        self._finished = finished
        self._inline_body = inline_body
        self._taken: list[Taken] = []
        self._rows: list[Taken] = []
        self._size = 0
        self._part: PartFile | None = None

    def take(self, outcome: Outcome) -> int:
        """Take *outcome*, and return roughly the bytes that it takes in memory."""
        taken = Taken.of(outcome)
        self._taken.append(taken)
        return taken.size

    def cut(self) -> list[Taken]:
        """Return the outcomes taken since the last cut."""
        taken, self._taken = self._taken, []
        return taken

    def write(self, block: list[Taken]) -> None:
        """Write the outcomes of *block*, except for a last row group that is not full."""
        for row in block:
            if self._rows and self._size + row.size > BATCH_BYTES:
                self._convert()
            self._rows.append(row)
            self._size += row.size
        if self._size > BATCH_BYTES:
            self._convert()

    def flush(self) -> list[Extent]:
        """Make every outcome written durable, in a file of their own, and return its extent.

        Raises OutputError if that fails, FolderDamaged if a file of the run was replaced, removed or cut meanwhile.
        """
        for hold, size in self._finished:
            hold.confirm(size)
        self._convert()
        if self._part is None:
            return []
        extent = self._part.seal(NAME)
        self._part = None
        self._finished.append((Hold.of(self._folder / extent.file), extent.end))
        return [extent]

    def close(self) -> None:
        """Close the file; rows without a flush are lost, and were never claimed. May be called twice."""
        if self._part is not None:
            self._part.close()

    def _convert(self) -> None:
        if not self._rows:
            return
        if self._part is None:
            self._part = PartFile(self._folder / _file_name(self._number), schema())
            self._number += 1
        rows, self._rows, self._size = self._rows, [], 0
        self._part.add(build(rows, inline_body=self._inline_body), [row.outcome.seq for row in rows])
