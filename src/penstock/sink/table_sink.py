"""Appends rows of CSV, and decides which columns the files of a run have.

Does not know how a cell is written (``cells``), or how files follow each other (``line_format``).
docs/decisions/csv-columns.md says why the columns are these.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from penstock.core.web.model import Outcome
from penstock.errors import FolderDamaged
from penstock.remedies import call
from penstock.sink.cells import COLUMNS, INPUT, encode, join_cells, make_cells, name_column, split_row
from penstock.sink.line_format import LineFormat, Lines, LineSink

__all__ = ["TableSink"]

Fields = dict[str, Any] | None


class TableSink(LineSink):
    """Appends a row for each outcome; the first block of a run decides the columns of all its files.

    They are the columns of an outcome, the fields of the fullest input in that block, and one for all other fields.
    """

    def __init__(self, layout: LineFormat, folder: Path, committed: Mapping[str, int]) -> None:
        super().__init__(layout, folder, committed, inline_body=False)
        self._held: list[tuple[bytes, Fields]] = []
        self._heading = b""
        self._names: dict[str, int] = {}
        if any(committed.values()):
            heading = layout.find_heading(folder)
            if heading is None:
                self.close()
                raise FolderDamaged(
                    f"{folder / min(committed)} has lost its row of column names; keep what can be kept with: ",
                    call("verify", folder, repair=True),
                )
            self._set_columns(split_row(heading)[len(COLUMNS) : -1])

    def take(self, outcome: Outcome) -> int:
        """Take *outcome* and return about the bytes of its row."""
        self._count += 1
        row, fields = encode(outcome, inline_body=False), outcome.input
        self._held.append((row, fields))
        self._taken.append(outcome.seq)
        return len(row) + sum(len(value) for value in (fields or {}).values() if isinstance(value, str))

    def cut(self) -> Lines:
        """Return the rows taken since the last cut."""
        held, self._held = self._held, []
        if held and not self._heading:
            fullest = max((fields or {} for _, fields in held), key=len)
            self._set_columns(dict.fromkeys(map(name_column, fullest)))
        self._lines = [row[:-1] + b"," + join_cells(make_cells(fields, self._names)) for row, fields in held]
        return super().cut()._replace(heading=self._heading)

    def _set_columns(self, names: Iterable[str]) -> None:
        """Give each of the input's *names* a column."""
        self._names = {name: at for at, name in enumerate(names)}
        self._heading = join_cells([*COLUMNS, *self._names, INPUT])
