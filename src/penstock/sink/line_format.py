"""Formats of one line per outcome, in files that only grow.

Knows how the files follow each other, how to find lines again, and how to reduce a
damaged file to its good lines, compressed or not. Does not know the content of a line, how
lines are compressed (``frames``), or how bytes are made durable (``durable``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from functools import partial
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import ClassVar, Final, NamedTuple, Protocol

from msgspec import Struct

from penstock.core.extents import Extent, SeqSet
from penstock.core.web.model import Outcome
from penstock.core.web.stored import Keep, RowTotals, Salvaged, Stored, Unreadable
from penstock.errors import OutputError
from penstock.sink.byte_extents import ByteExtents
from penstock.sink.durable import AppendFile, Hold, certify, locate_origin, remove
from penstock.sink.frames import Compression, FrameFile, find_frames, read_lines

__all__ = ["Decode", "Encode", "FileRow", "LineFormat", "LineSink", "Lines", "Restore"]

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
    place, and raises ValueError if the line is not whole. *load_restore* takes the line that
    each file begins with, empty for none, and returns what makes an outcome of any other line
    again. *compression*, if given, returns how the lines are compressed. They may import what
    only they need. The first rows after a flush that left a file *file_bytes* long begin the
    next one.
    """

    name: str
    stem: str
    suffix: str
    load: Callable[[], tuple[Encode, Decode]]
    load_restore: Callable[[bytes], Restore]
    compression: Callable[[], Compression] | None = None
    file_bytes: int = FILE_BYTES

    has_heading: ClassVar[bool] = False
    """Whether each file begins with a line that is no row; such a format is not compressed."""

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

    def find_heading(self, folder: Path) -> bytes | None:  # noqa: ARG002 - for formats that have one
        """Return the line that each file in *folder* begins with, empty for no line, or None if it can't be found."""
        return b""

    def is_heading(self, line: bytes) -> bool:  # noqa: ARG002 - for formats that have one
        """Return whether *line* may be a heading."""
        return False

    def append_to(self, file: Path, committed: int) -> AppendFile | FrameFile:
        """Open *file* at *committed* bytes to append lines, as of AppendFile."""
        opened = AppendFile(file, committed)
        return opened if self.compression is None else FrameFile(opened, self.compression())

    def list_files(self, folder: Path) -> list[Path]:
        """Return the files in *folder*, in order."""
        return sorted(file for file in folder.glob(f"{self.stem}-*") if re.fullmatch(self.pattern, file.name))

    def open(self, folder: Path, committed: Mapping[str, int], *, inline_body: bool = True) -> LineSink:
        """Return a sink, as of ``Format.open``."""
        return LineSink(self, folder, committed, inline_body=inline_body)

    def read(self, folder: Path, extent: Extent) -> Iterator[Stored | Unreadable]:
        """Yield the rows of *extent*, as of ``Format.read``."""
        for row in self._rows(folder / extent.file, extent.start, extent.end):
            yield row.says

    def outcomes(self, folder: Path, extent: Extent) -> Iterator[Outcome | Unreadable]:
        """Yield the outcomes of *extent*, as of ``Format.outcomes``."""
        restore = self.load_restore(self.find_heading(folder) or b"")
        for line, _, _, fault in self._lines(folder / extent.file, extent.start, extent.end):
            if fault is not None:
                yield Unreadable(fault)
                continue
            try:
                yield restore(line)
            except ValueError as error:
                yield Unreadable(str(error))

    def salvage(self, file: Path, keep: Keep, *, longest: int) -> Iterator[Salvaged]:
        """Reduce *file* to the rows that *keep* wants, as of ``Format.salvage``.

        Rows before the first bad one stay in their place; good ones behind it are appended again. Of compressed rows
        a whole frame stays or goes. A file without rows is removed.
        """
        heading = self.find_heading(file.parent)
        stretches, answers = self._find_good_prefix(file, keep, longest)
        end = stretches[-1].end if stretches else 0
        with closing(self.append_to(file, end)) as grown:
            for stretch in stretches:
                yield certify(file, stretch.start, stretch.end, sink=self.name, seqs=stretch.rows.seqs), stretch.rows
            if grown.torn is not None:
                yield from self._append_from(grown.torn, grown, _repeat(answers, keep), longest, heading)
            is_empty = grown.end == 0
        if is_empty:
            remove(file)  # no gzip file, and no table

    def recover(self, aside: Path, keep: Keep, *, longest: int) -> Iterator[Salvaged]:
        """Append the rows of *aside* that *keep* wants to the last file, as of ``Format.recover``."""
        heading = self.find_heading(aside.parent)
        files = self.list_files(aside.parent)
        last = files[-1] if files else aside.parent / self.file_name(0)
        with closing(self.append_to(last, last.stat().st_size if files else 0)) as grown:
            yield from self._append_from(aside, grown, keep, longest, heading)

    def _rows(
        self, file: Path, start: int, end: int | None = None, *, first: int = 0, longest: int | None = None
    ) -> Iterator[FileRow]:
        """Yield the rows of *file* between two offsets; a line of over *longest* bytes comes in pieces.

        *first* is the place of the first byte of the file in the one it was cut off from.
        """
        _, decode = self.load()
        for line, place, line_end, fault in self._lines(file, start, end, begins=first == 0, longest=longest):
            says = _interpret(line, first + place, decode) if fault is None else Unreadable(fault)
            yield FileRow(line, place, line_end, says)

    def _lines(
        self, file: Path, start: int, end: int | None = None, *, begins: bool = True, longest: int | None = None
    ) -> Iterator[FileLine]:
        """Yield the lines of *file* between two offsets, decompressed; one of over *longest* bytes in pieces.

        *begins* is whether the file is from its beginning on, where its heading is.
        """
        with file.open("rb") as opened:
            stop = file.stat().st_size if end is None else end
            most = longest or stop
            opened.seek(start)
            if self.has_heading and begins and start == 0:
                heading = opened.readline(min(stop, most))
                if not self.is_heading(heading):
                    yield FileLine(heading, 0, len(heading), "the row of column names is damaged")
                start = len(heading)
            if self.compression is None:
                while start < stop and (line := opened.readline(min(stop - start, most))):
                    yield FileLine(line, start, start + len(line), None)
                    start += len(line)
                return
            compression = self.compression()
            for frame in find_frames(opened, start, stop, compression):
                if frame.fault is not None:
                    lost = f"bytes {frame.start} to {frame.end} can't be decompressed: {frame.fault}"
                    yield FileLine(b"", frame.start, frame.end, lost)
                    continue
                for line in read_lines(opened, frame, compression, longest):
                    yield FileLine(line, frame.start, frame.end, None)

    def _find_good_prefix(self, file: Path, keep: Keep, longest: int) -> tuple[list[_Stretch], list[bool]]:
        """Return the stretches of good rows before the first bad one.

        Also return what *keep* said of the rows behind them that it was asked about.
        """
        stretches = [_Stretch(0, 0, RowTotals())]
        answers: list[bool] = []
        for _, rows in groupby(self._rows(file, 0, longest=longest), attrgetter("place")):
            good, end, answers = _judge(rows, partial(keep, file.name))
            if not good:
                break
            if any(stretches[-1].is_full_for(stored.seq) for stored in good):
                stretches.append(_Stretch(stretches[-1].end, stretches[-1].end, RowTotals()))
            for stored in good:
                stretches[-1].rows.add(stored)
            stretches[-1] = stretches[-1]._replace(end=end)
            answers = []
        return [stretch for stretch in stretches if stretch.end], answers

    def _append_from(
        self, aside: Path, file: AppendFile | FrameFile, keep: Keep, longest: int, heading: bytes | None
    ) -> Iterator[Salvaged]:
        """Append the good rows of *aside* to *file*, and yield extents of them."""
        if heading is None and file.end == 0:
            return
        name, first = locate_origin(aside)
        stretch = _Stretch(file.end, file.end, RowTotals())
        for row in self._rows(aside, 0, first=first, longest=longest):
            if not isinstance(row.says, Stored) or not keep(name, row.says):
                continue
            if stretch.is_full_for(row.says.seq):
                yield from self._seal(file, stretch)
                stretch = _Stretch(file.end, file.end, RowTotals())
            if file.end == 0 and heading:
                file.append(heading)
            file.append(row.line)
            stretch.rows.add(row.says)
            stretch = stretch._replace(end=file.end)
        yield from self._seal(file, stretch)

    def _seal(self, file: AppendFile | FrameFile, stretch: _Stretch) -> Iterator[Salvaged]:
        extent = file.seal(self.name, rows=len(stretch.rows.seqs), seqs=stretch.rows.seqs)
        if extent is not None:
            yield extent, stretch.rows


class FileLine(NamedTuple):
    """A *line* in the bytes from *place* to *end* of a file, or why these have none.

    A compressed line has the bytes of its frame.
    """

    line: bytes
    place: int
    end: int
    fault: str | None


class FileRow(NamedTuple):
    """A row, as the *line* or the other bytes that are stored of it, and what it says; the rest is as of FileLine."""

    line: bytes
    place: int
    end: int
    says: Stored | Unreadable


class _Stretch(NamedTuple):
    """A stretch of rows that will be an extent."""

    start: int
    end: int
    rows: RowTotals

    def is_full_for(self, seq: int) -> bool:
        """Return whether a row of the input *seq* belongs in the next stretch."""
        return self.end - self.start >= EXTENT_BYTES or seq in self.rows.seqs


def _judge(rows: Iterable[FileRow], keep: Callable[[Stored], bool]) -> tuple[list[Stored], int, list[bool]]:
    """Return the *rows* of a line or frame, none of them unless all stay, with its end and the answers of *keep*."""
    good: dict[int, Stored] = {}
    answers: list[bool] = []
    end = 0
    for row in rows:
        if isinstance(row.says, Unreadable):
            return [], end, answers
        answers.append(keep(row.says))
        if not answers[-1] or row.says.seq in good:
            return [], end, answers
        good[row.says.seq] = row.says
        end = row.end
    return list(good.values()), end, answers


def _repeat(answers: Iterable[bool], keep: Keep) -> Keep:
    """Return a *keep* whose first answers are those given before, since it is asked once for each row."""
    given = iter(answers)

    def repeat(file: str, stored: Stored) -> bool:
        answer = next(given, None)
        return keep(file, stored) if answer is None else answer

    return repeat


def _interpret(line: bytes, place: int, decode: Decode) -> Stored | Unreadable:
    try:
        return decode(line, place)
    except ValueError as error:
        return Unreadable(str(error))


class Lines(NamedTuple):
    """So many *rows*, one for each of *seqs*, as the *pieces* that they are made of.

    A file begins with the *heading*.
    """

    pieces: list[bytes | Iterator[bytes]]
    rows: int
    seqs: list[int]
    heading: bytes = b""


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
        found = {file.name for file in layout.list_files(folder)}
        self._finished: list[tuple[Hold, int]] = []
        for name in sorted(found.union(committed) - {last}):
            self._leave(layout.append_to(folder / name, committed.get(name, 0)))
        self._number = layout.file_number(last)
        self._file = layout.append_to(folder / last, committed.get(last, 0))

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
        if block.rows and not self._rows:
            # Not before there are rows for it: an empty file is no gzip file.
            self._begin_next_if_full()
        if self._file.end == 0 and block.rows:
            self._file.append(self._make_heading(block))
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
        return [] if extent is None else [extent]

    def close(self) -> None:
        """Close the file; unflushed rows are lost, and were never claimed. May be called twice."""
        self._file.close()

    def _make_heading(self, block: Lines) -> bytes:
        """Return what the file begins with, of which *block* has the first rows."""
        return block.heading

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
            self._file = self._layout.append_to(path, 0)

    def _leave(self, file: AppendFile | FrameFile) -> None:
        """Close *file*, which is complete, and note which file it is."""
        self._finished.append((Hold.of(file.path), file.end))
        file.close()
