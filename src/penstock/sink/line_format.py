"""Formats of one line per outcome, in files that only grow.

Knows how the files follow each other, how to find lines again, and how to reduce a
damaged file to its good lines. Does not know the content of a line, or how bytes are made
durable (``durable``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from msgspec import Struct

from penstock.core.extents import Extent, SeqSet
from penstock.core.web.model import Outcome
from penstock.core.web.stored import Keep, RowTotals, Salvaged, Stored, Unreadable
from penstock.errors import OutputError
from penstock.sink.byte_extents import ByteExtents
from penstock.sink.durable import AppendFile, Hold, certify, locate_origin

__all__ = ["Decode", "Encode", "FileRow", "LineFormat", "LineSink", "Lines", "Restore", "Stretch"]

FILE_BYTES: Final = 4 << 30
"""Bytes of a file after which the next one begins: small enough to copy."""

EXTENT_BYTES: Final = 64 << 20
"""Bytes of an extent after a repair, about. If one of them changes later, the next repair drops all of these."""


class Encode(Protocol):
    """Makes the line of an outcome."""

    def __call__(self, outcome: Outcome, *, inline_body: bool) -> bytes | Iterator[bytes]:
        """Return the line, its line feed included, or its pieces if it is long. Never raises."""


Decode = Callable[[bytes, int], Stored]

Restore = Callable[[bytes], Outcome]
"""Returns the outcome in a line. Raises ValueError if there is none."""


class LineFormat(ByteExtents, Struct, frozen=True):
    """The format *name*, in files called ``STEM-00000.SUFFIX`` and so on.

    *load* returns what makes a line and what reads one back, which takes the line and its
    place, and raises ValueError if the line is not whole. *load_restore* returns what makes
    an outcome of a line again. They may import what only they need. The flush that makes
    a file *file_bytes* long begins the next one.
    """

    name: str
    stem: str
    suffix: str
    load: Callable[[], tuple[Encode, Decode]]
    load_restore: Callable[[], Restore]
    file_bytes: int = FILE_BYTES

    @property
    def pattern(self) -> str:
        """The regular expression of the files' names."""
        return rf"{re.escape(self.stem)}-[0-9]{{5}}\.{re.escape(self.suffix)}"

    def file_name(self, number: int) -> str:
        """Return the name of the file with this number, counted from 0; names sort like numbers."""
        return f"{self.stem}-{number:05d}.{self.suffix}"

    def file_number(self, name: str) -> int:
        """Return the number in a ``file_name``."""
        return int(name.removeprefix(f"{self.stem}-").removesuffix(f".{self.suffix}"))

    def open(self, folder: Path, committed: Mapping[str, int], *, inline_body: bool = True) -> LineSink:
        """Return a sink, as of ``Format.open``."""
        return LineSink(self, folder, committed, inline_body=inline_body)

    def read(self, folder: Path, extent: Extent) -> Iterator[Stored | Unreadable]:
        """Yield the rows of *extent*, as of ``Format.read``."""
        for row in self._rows(folder / extent.file, extent.start, extent.end):
            yield row.says

    def outcomes(self, folder: Path, extent: Extent) -> Iterator[Outcome | Unreadable]:
        """Yield the outcomes of *extent*, as of ``Format.outcomes``."""
        restore = self.load_restore()
        for line, _ in _lines(folder / extent.file, extent.start, extent.end):
            try:
                yield restore(line)
            except ValueError as error:
                yield Unreadable(str(error))

    def salvage(self, file: Path, keep: Keep, *, longest: int) -> Iterator[Salvaged]:
        """Reduce *file* to the rows that *keep* wants, as of ``Format.salvage``.

        Rows before the first bad one stay in their place; good ones behind it are appended again.
        """
        stretches = list(self._good_prefix(file, keep, longest))
        end = stretches[-1].end if stretches else 0
        with closing(AppendFile(file, end)) as grown:
            for stretch in stretches:
                yield certify(file, stretch.start, stretch.end, sink=self.name, seqs=stretch.rows.seqs), stretch.rows
            if grown.torn is not None:
                yield from self._append_from(grown.torn, grown, keep, longest)

    def recover(self, aside: Path, keep: Keep, *, longest: int) -> Iterator[Salvaged]:
        """Append the rows of *aside* that *keep* wants to the last file, as of ``Format.recover``."""
        last = self.files(aside.parent)[-1]
        with closing(AppendFile(last, last.stat().st_size if last.exists() else 0)) as grown:
            yield from self._append_from(aside, grown, keep, longest)

    def files(self, folder: Path) -> list[Path]:
        """Return the files in *folder*, in order, or the one to begin with if there is none."""
        found = sorted(file for file in folder.glob(f"{self.stem}-*") if re.fullmatch(self.pattern, file.name))
        return found or [folder / self.file_name(0)]

    def _rows(
        self, file: Path, start: int, end: int | None = None, *, first: int = 0, longest: int | None = None
    ) -> Iterator[FileRow]:
        """Yield the rows of *file* between two offsets; a line of over *longest* bytes comes in pieces.

        *first* is the place of the first byte of the file in the one it was cut off from.
        """
        _, decode = self.load()
        for line, place in _lines(file, start, end, longest):
            yield FileRow(line, place, _interpret(line, first + place, decode))

    def _good_prefix(self, file: Path, keep: Keep, longest: int) -> Iterator[Stretch]:
        """Yield the stretches of good rows before the first bad one."""
        stretch = Stretch(0, 0, RowTotals())
        for row in self._rows(file, 0, longest=longest):
            if not isinstance(row.says, Stored) or not keep(file.name, row.says):
                break
            if stretch.is_full_for(row.says.seq):
                yield stretch
                stretch = Stretch(stretch.end, stretch.end, RowTotals())
            stretch.rows.add(row.says)
            stretch = stretch._replace(end=row.place + len(row.line))
        if stretch.end > stretch.start:
            yield stretch

    def _append_from(self, aside: Path, file: AppendFile, keep: Keep, longest: int) -> Iterator[Salvaged]:
        """Append the good rows of *aside* to *file*, and yield extents of them."""
        name, first = locate_origin(aside)
        stretch = Stretch(file.end, file.end, RowTotals())
        for row in self._rows(aside, 0, first=first, longest=longest):
            if not isinstance(row.says, Stored) or not keep(name, row.says):
                continue
            if stretch.is_full_for(row.says.seq):
                yield from self._seal(file, stretch)
                stretch = Stretch(file.end, file.end, RowTotals())
            file.append(row.line)
            stretch.rows.add(row.says)
            stretch = stretch._replace(end=file.end)
        yield from self._seal(file, stretch)

    def _seal(self, file: AppendFile, stretch: Stretch) -> Iterator[Salvaged]:
        extent = file.seal(self.name, rows=len(stretch.rows.seqs), seqs=stretch.rows.seqs)
        if extent is not None:
            yield extent, stretch.rows


def _lines(file: Path, start: int, end: int | None = None, longest: int | None = None) -> Iterator[tuple[bytes, int]]:
    """Yield the lines of *file* between two offsets, each with its place; one of over *longest* bytes in pieces."""
    with file.open("rb") as lines:
        lines.seek(start)
        stop = file.stat().st_size if end is None else end
        while start < stop and (line := lines.readline(min(stop - start, longest or stop - start))):
            yield line, start
            start += len(line)


class FileRow(NamedTuple):
    """A *line*, its *place* in the file that it is read from, and what it says."""

    line: bytes
    place: int
    says: Stored | Unreadable


class Stretch(NamedTuple):
    """A stretch of rows that will be an extent."""

    start: int
    end: int
    rows: RowTotals

    def is_full_for(self, seq: int) -> bool:
        """Return whether a row of the input *seq* belongs in the next stretch."""
        return self.end - self.start >= EXTENT_BYTES or seq in self.rows.seqs


def _interpret(line: bytes, place: int, decode: Decode) -> Stored | Unreadable:
    try:
        return decode(line, place)
    except ValueError as error:
        return Unreadable(str(error))


class Lines(NamedTuple):
    """So many *rows*, one for each of *seqs*, as the *pieces* that they are made of."""

    pieces: list[bytes | Iterator[bytes]]
    rows: int
    seqs: list[int]


class LineSink:
    """Appends a line for each outcome to the files of *layout* in *folder*; see ``Format.open``."""

    def __init__(self, layout: LineFormat, folder: Path, committed: Mapping[str, int], *, inline_body: bool) -> None:
        self.name = layout.name
        self._layout = layout
        self._encode, _ = layout.load()
        self._folder = folder
        self._inline_body = inline_body
        self._lines: list[bytes] = []
        self._pieces: list[bytes | Iterator[bytes]] = []
        self._count = 0
        self._taken: list[int] = []
        self._rows = 0
        self._seqs = SeqSet()
        last = max(committed, default=layout.file_name(0))
        found = {file.name for file in folder.glob(f"{layout.stem}-*") if re.fullmatch(layout.pattern, file.name)}
        self._finished: list[tuple[Hold, int]] = []
        for name in sorted(found.union(committed) - {last}):
            self._leave(AppendFile(folder / name, committed.get(name, 0)))
        self._number = layout.file_number(last)
        self._file = AppendFile(folder / last, committed.get(last, 0))
        self._begin_next_if_full()

    def take(self, outcome: Outcome) -> int:
        """Take *outcome* and return the bytes of its line, of its body alone if that is long."""
        # Counted first: if an interrupt comes before the end, there are more rows than seqs, and the ledger refuses.
        self._count += 1
        line = self._encode(outcome, inline_body=self._inline_body)
        if isinstance(line, bytes):
            self._lines.append(line)
            size = len(line)
        else:
            self._join_lines()
            self._pieces.append(line)
            size = len(outcome.body)
        self._taken.append(outcome.seq)
        return size

    def cut(self) -> Lines:
        """Return the lines taken since the last cut."""
        self._join_lines()
        block = Lines(self._pieces, self._count, self._taken)
        self._pieces, self._count, self._taken = [], 0, []
        return block

    def write(self, block: Lines) -> None:
        """Append the lines of *block*. Raises OutputError if the disk does not take them."""
        for line in block.pieces:
            for piece in (line,) if isinstance(line, bytes) else line:
                self._file.append(piece)
        self._rows += block.rows
        self._seqs.update(block.seqs)

    def flush(self) -> list[Extent]:
        """Make every line written durable and return its extent.

        Raises OutputError if that fails, FolderDamaged if a file of the run, an earlier one included, was replaced,
        removed or cut meanwhile.
        """
        for hold, size in self._finished:
            hold.confirm(size)
        seqs, self._seqs = self._seqs, SeqSet()
        rows, self._rows = self._rows, 0
        seqs.run_optimize()
        extent = self._file.seal(self.name, rows=rows, seqs=seqs)
        self._begin_next_if_full()
        return [] if extent is None else [extent]

    def close(self) -> None:
        """Close the file; unflushed rows are lost, and were never claimed. May be called twice."""
        self._file.close()

    def _join_lines(self) -> None:
        """Make one piece of the short lines: apart they take more memory (docs/decisions/allocator.md)."""
        if self._lines:
            self._pieces.append(b"".join(self._lines))
            self._lines.clear()

    def _begin_next_if_full(self) -> None:
        if self._file.end >= self._layout.file_bytes:
            self._leave(self._file)
            self._number += 1
            path = self._folder / self._layout.file_name(self._number)
            if path.exists() and path.stat().st_size:  # the remains of a crash were cut when the sink was made
                raise OutputError(f"{path} was made by something else during the run; move it away")
            self._file = AppendFile(path, 0)

    def _leave(self, file: AppendFile) -> None:
        """Close *file*, which is complete, and note which file it is."""
        self._finished.append((Hold.of(file.path), file.end))
        file.close()
