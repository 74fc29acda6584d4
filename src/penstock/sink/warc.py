"""The format ``warc``: the records of outcomes in WARC files.

Knows how the files begin, and that a revisit is worth nothing without its response.
``warc_records`` makes the records, ``warc_reader`` finds them again.
docs/decisions/warc.md has the reasons.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from penstock.core.extents import SeqSet
from penstock.core.web.model import Outcome
from penstock.core.web.stored import Keep, Salvaged, Stored
from penstock.errors import UsageError
from penstock.sink.durable import AppendFile
from penstock.sink.line_format import Decode, Encode, LineFormat, Lines, LineSink, Row, Stretch
from penstock.sink.record import read_line
from penstock.sink.warc_reader import Entry, read_entries
from penstock.sink.warc_records import Gzip, RecordWriter

__all__ = ["WARC"]

FILE_BYTES: Final = 10**9
"""The size of file that web archives agree on. The flush that reaches it ends the file."""

RECORD_BYTES: Final = 2_000
"""About what the records of an outcome have besides messages."""


class WarcFormat(LineFormat, frozen=True):
    """Files of gzip members, of which those of one outcome are what a line is to ``LineFormat``."""

    def open(self, folder: Path, committed: Mapping[str, int], *, inline_body: bool = True) -> LineSink:
        """Return a sink, as of ``Format.open``. Raises UsageError if isal is missing."""
        return WarcSink(self, folder, committed, inline_body=inline_body)

    def salvage(self, file: Path, keep: Keep, *, longest: int) -> Iterator[Salvaged]:
        """Reduce *file* to the rows that *keep* wants, as of ``Format.salvage``, without revisits of responses lost."""
        return super().salvage(file, _keep_with_responses(keep), longest=longest)

    def recover(self, aside: Path, keep: Keep, *, longest: int) -> Iterator[Salvaged]:
        """Append the rows of *aside* that *keep* wants, without revisits of responses that are elsewhere."""
        return super().recover(aside, _keep_with_responses(keep), longest=longest)

    def _rows(
        self, file: Path, start: int, end: int | None = None, *, first: int = 0, longest: int | None = None
    ) -> Iterator[Row]:
        with file.open("rb") as source:
            stop = file.stat().st_size if end is None else end
            yield from read_entries(source, start, stop, first=first, longest=longest)

    def _append_from(self, aside: Path, file: AppendFile, keep: Keep, longest: int) -> Iterator[Salvaged]:
        if not file.end:
            file.append(RecordWriter(_load_gzip()).begin_file(file.path.name))
        yield from super()._append_from(aside, file, keep, longest)

    def _seal(self, file: AppendFile, stretch: Stretch) -> Iterator[Salvaged]:
        # A file that no row came to stays empty: its head alone would be an extent of nothing.
        if stretch.rows.seqs:
            yield from super()._seal(file, stretch)


class WarcSink(LineSink):
    """Makes the records when they are written, in the writer's thread; each file begins with a warcinfo record."""

    def __init__(self, layout: WarcFormat, folder: Path, committed: Mapping[str, int], *, inline_body: bool) -> None:
        self._writer = RecordWriter(_load_gzip())
        super().__init__(layout, folder, committed, inline_body=inline_body)
        self._encode = self._writer.row

    def take(self, outcome: Outcome) -> int:
        """Take *outcome* and return about the bytes that it has in memory."""
        return super().take(outcome) + len(outcome.head) + len(outcome.request) + RECORD_BYTES

    def write(self, block: Lines) -> None:
        """Append the records of *block*. Raises OutputError if the disk does not take them."""
        if block.seqs and not self._file.end:
            self._file.append(self._writer.begin_file(self._file.path.name))
        super().write(block)


def _keep_with_responses(keep: Keep) -> Keep:
    """Return *keep*, which refuses a revisit too if the response that it refers to was not kept before."""
    kept = SeqSet()

    def keep_whole(file: str, stored: Stored) -> bool:
        assert isinstance(stored, Entry)
        if stored.refers_to is not None and stored.refers_to not in kept:
            return False
        if not keep(file, stored):
            return False
        if stored.response is not None:
            kept.add(stored.response)
        return True

    return keep_whole


def _load_gzip() -> Gzip:
    try:
        from isal import isal_zlib  # noqa: PLC0415 - an extra, and only for who writes
    except ImportError:
        raise UsageError("writing WARC takes isal; install it: pip install 'penstock[warc]'") from None
    return Gzip(isal_zlib.compress, isal_zlib.compressobj)


def _load() -> tuple[Encode, Decode]:
    return RecordWriter(_load_gzip()).row, read_line


WARC: Final = WarcFormat("warc", "pages", "warc.gz", _load, FILE_BYTES)
