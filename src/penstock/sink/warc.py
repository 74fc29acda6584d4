"""The format ``warc``: the records of outcomes in WARC files.

Knows how the files begin, and that a revisit is worth nothing without its response.
``warc_sink`` writes them, ``warc_reader`` finds them again, and each is imported if used.
docs/decisions/warc.md has the reasons.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from penstock.core.extents import Extent, SeqSet
from penstock.core.web.model import Outcome
from penstock.core.web.stored import Keep, Salvaged, Stored, Unreadable
from penstock.sink.durable import AppendFile
from penstock.sink.frames import FrameFile
from penstock.sink.line_format import Decode, Encode, FileRow, LineFormat, LineSink, Restore

__all__ = ["WARC"]

FILE_BYTES: Final = 10**9
"""The size of file that web archives agree on. The flush that reaches it ends the file."""


class WarcFormat(LineFormat, frozen=True):
    """Files of gzip members. The members of one outcome together are a row, as a line is in other files."""

    def open(self, folder: Path, committed: Mapping[str, int], *, inline_body: bool = True) -> LineSink:
        """Return a sink, as of ``Format.open``. Raises UsageError if isal is missing."""
        from penstock.sink.warc_sink import WarcSink  # noqa: PLC0415 - as in _load

        return WarcSink(self, folder, committed, inline_body=inline_body)

    def outcomes(self, folder: Path, extent: Extent) -> Iterator[Outcome | Unreadable]:
        """Yield the outcomes of *extent*, as of ``Format.outcomes``."""
        from penstock.sink.warc_reader import read_outcomes  # noqa: PLC0415 - as in _load

        return read_outcomes(folder / extent.file, extent.start, extent.end)

    def salvage(self, file: Path, keep: Keep, *, longest: int) -> Iterator[Salvaged]:
        """Reduce *file* to the rows that *keep* wants, as of ``Format.salvage``, without revisits of responses lost."""
        return super().salvage(file, _keep_with_responses(keep), longest=longest)

    def recover(self, aside: Path, keep: Keep, *, longest: int) -> Iterator[Salvaged]:
        """Append the rows of *aside* that *keep* wants, without revisits of responses that are elsewhere."""
        return super().recover(aside, _keep_with_responses(keep), longest=longest)

    def _rows(
        self, file: Path, start: int, end: int | None = None, *, first: int = 0, longest: int | None = None
    ) -> Iterator[FileRow]:
        from penstock.sink.warc_reader import read_entries  # noqa: PLC0415 - as in _load

        with file.open("rb") as source:
            stop = file.stat().st_size if end is None else end
            yield from read_entries(source, start, stop, first=first, longest=longest)

    def _append_from(
        self, aside: Path, file: AppendFile | FrameFile, keep: Keep, longest: int, heading: bytes | None
    ) -> Iterator[Salvaged]:
        from penstock.sink.warc_sink import make_writer  # noqa: PLC0415 - as in _load

        if not file.end:
            heading = make_writer().begin_file(file.path.name)
        yield from super()._append_from(aside, file, keep, longest, heading)


def _keep_with_responses(keep: Keep) -> Keep:
    """Return *keep*, which refuses a revisit too if the response that it refers to was not kept before."""
    from penstock.sink.warc_reader import Entry  # noqa: PLC0415 - as in _load

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


def _load() -> tuple[Encode, Decode]:
    from penstock.sink.record import read_line  # noqa: PLC0415 - orjson is not for a help page
    from penstock.sink.warc_sink import make_writer  # noqa: PLC0415

    return make_writer().row, read_line


def _load_restore(_heading: bytes) -> Restore:
    from penstock.sink.outcome import read_outcome  # noqa: PLC0415 - as in _load

    return read_outcome


WARC: Final = WarcFormat("warc", "pages", "warc.gz", _load, _load_restore, file_bytes=FILE_BYTES)
