"""Writes WARC files. Knows isal, the extra that compresses; ``warc_records`` makes the records."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from penstock.core.web.model import Outcome
from penstock.errors import UsageError
from penstock.sink.line_format import LineFormat, Lines, LineSink
from penstock.sink.warc_records import Gzip, RecordWriter

__all__ = ["WarcSink", "make_writer"]

RECORD_BYTES: Final = 2_000
"""About what the records of an outcome have besides messages."""


class WarcSink(LineSink):
    """Makes the records when they are written, in the writer's thread; each file begins with a warcinfo record."""

    def __init__(self, layout: LineFormat, folder: Path, committed: Mapping[str, int], *, inline_body: bool) -> None:
        self._writer = make_writer()
        super().__init__(layout, folder, committed, inline_body=inline_body)
        self._encode = self._writer.row

    def take(self, outcome: Outcome) -> int:
        """Take *outcome* and return about the bytes that it has in memory."""
        return super().take(outcome) + len(outcome.head) + len(outcome.request) + RECORD_BYTES

    def _make_heading(self, block: Lines) -> bytes:  # noqa: ARG002 - a warcinfo record is the same for all
        return self._writer.begin_file(self._file.path.name)


def make_writer() -> RecordWriter:
    """Return a writer of records. Raises UsageError if isal is missing."""
    try:
        from isal import isal_zlib  # noqa: PLC0415 - an extra
    except ImportError:
        raise UsageError("writing WARC takes isal; install it: pip install 'penstock[warc]'") from None
    return RecordWriter(Gzip(isal_zlib.compress, isal_zlib.compressobj))
