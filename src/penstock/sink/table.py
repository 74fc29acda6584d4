"""The format ``csv``: a row for each outcome, with the columns of its input, for spreadsheets.

Knows the row of column names that each file begins with. ``cells`` has the rest of a row, ``table_sink`` makes rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import ClassVar, Final

from penstock.sink.durable import TORN, locate_origin
from penstock.sink.line_format import Decode, Encode, LineFormat, LineSink, Restore

__all__ = ["CSV"]

LONGEST_HEADING: Final = 16 << 20
"""Bytes of the longest row of column names that is read."""


class TableFormat(LineFormat, frozen=True):
    """A LineFormat whose files all begin with the same row of column names."""

    has_heading: ClassVar[bool] = True

    def is_heading(self, line: bytes) -> bool:
        """Return whether *line* is a row of column names."""
        from penstock.sink.cells import COLUMNS, INPUT, split_row  # noqa: PLC0415 - orjson is not for a help page

        try:
            cells = split_row(line)
        except ValueError:
            return False
        return (*cells[: len(COLUMNS)], *cells[-1:]) == (*COLUMNS, INPUT)

    def find_heading(self, folder: Path) -> bytes | None:
        """Return the row of column names that the files in *folder* begin with, or None if it can't be found."""
        asides = [file for file in sorted(folder.glob(f"{self.stem}-*{TORN}*")) if self._was_begun_by(file)]
        for file in (*self.list_files(folder), *asides):
            with file.open("rb") as opened:
                line = opened.readline(LONGEST_HEADING)
            if self.is_heading(line):
                return line
        return None

    def open(self, folder: Path, committed: Mapping[str, int], *, inline_body: bool = True) -> LineSink:  # noqa: ARG002
        """Return a sink, as of ``Format.open``; a table has no bodies in any case."""
        from penstock.sink.table_sink import TableSink  # noqa: PLC0415 - orjson is not for a help page

        return TableSink(self, folder, committed)

    def _was_begun_by(self, aside: Path) -> bool:
        """Return whether *aside* was set aside from the beginning of a file of this format."""
        name, start = locate_origin(aside)
        return start == 0 and name.endswith(f".{self.suffix}")


def _load() -> tuple[Encode, Decode]:
    from penstock.sink.cells import encode, read_row  # noqa: PLC0415 - orjson is not for a help page

    return encode, read_row


def _load_restore(heading: bytes) -> Restore:
    from penstock.sink.cells import read_names, read_outcome  # noqa: PLC0415 - as in _load

    return partial(read_outcome, names=read_names(heading) if heading else [])


CSV: Final = TableFormat("csv", "outcomes", "csv", _load, _load_restore)
