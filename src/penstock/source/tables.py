"""CSV and TSV: a header row, then a row for each input.

Knows quoting and columns through the standard library's csv. Does not know what a URL is.

A quote that is never closed would swallow the inputs after it. So a record that is broken costs only the
line it begins on: reading goes on with the next one, and every line that held an input gets an outcome.
"""

from __future__ import annotations

import csv
from collections import Counter, deque
from collections.abc import Generator, Iterator
from typing import Final

from msgspec.structs import replace

from penstock.core.model import Row
from penstock.errors import InputError
from penstock.seams import Settled
from penstock.source.lines import split
from penstock.source.rows import Shape
from penstock.source.text import mended

__all__ = ["MAX_RECORD", "Table"]

MAX_RECORD: Final = 1_048_576
"""The longest record held, in bytes. One field ends at ``csv.field_size_limit()``, 131,072 characters."""

PLAINER: Final = {
    "new-line character seen in unquoted field": "a carriage return in a field that is not quoted",
    "unexpected end of data": "a quote that is never closed",
}
"""What some of the csv module's words mean for whoever wrote the table."""


class Table:
    """The format of a table with a header row, its columns parted by *delimiter*.

    The URL is in the column that *shape* names, whatever its case where none has it exactly. The other
    columns come back by name; a name that stands there twice gets a number. Blank lines are no inputs.
    """

    __slots__ = ("_delimiter", "_name", "_shape")

    def __init__(self, shape: Shape, *, delimiter: str, name: str) -> None:
        """*name* is what messages call the table."""
        self._shape = shape
        self._delimiter = delimiter
        self._name = name

    def read(self, blocks: Iterator[bytes], settled: Settled, first: int) -> Generator[Row, None, int]:
        """The rows in *blocks* that are not *settled*, numbered from *first*; returns the next free seq.

        InputError, before the first row, where the header lacks a column that is needed.
        """
        records = _Records(blocks, self._delimiter)
        columns = self._header(records)
        shape = self._shape_for(columns)
        seq = first
        for record in records:
            if seq not in settled:
                yield _row(seq, record, records, columns, shape)
            seq += 1
        return seq

    def _header(self, records: _Records) -> list[str]:
        header = next(records, None)
        if header is None:
            raise InputError(f"{self._name!r} is empty; a table begins with a row of column names")
        if records.fault is not None:
            raise InputError(f"{self._name!r}: the row of column names cannot be read: {records.fault}")
        return _told_apart([mended(name).strip() for name in header])

    def _shape_for(self, columns: list[str]) -> Shape:
        """The shape with the URL's column as the table spells it, once every column needed is there."""
        template = self._shape.template
        for name in template.names if template else ():
            if name not in columns:
                raise self._missing(name, columns, "url_template")
        wanted = self._shape.column
        if wanted in columns or (template is not None and not template.uses_whole):
            return self._shape
        alike = [name for name in columns if name.casefold() == wanted.casefold()]
        if len(alike) != 1:
            raise self._missing(wanted, columns, "column")
        return replace(self._shape, column=alike[0])

    def _missing(self, name: str, columns: list[str], setting: str) -> InputError:
        there = ", ".join(repr(column[:40]) for column in columns[:20])
        more = f" and {len(columns) - 20} more" if len(columns) > 20 else ""
        return InputError(f"{self._name!r} has no column {name!r}; it has {there}{more}. Say which with {setting}")


class _Records:
    """The records of a table, and what is known of the last one given.

    ``row`` is its number, counted as a spreadsheet does, the header being row 1; ``line`` the physical
    line it begins on; ``fault`` why it cannot be read; ``is_utf_8`` whether all of it is.
    """

    __slots__ = (
        "_ahead",
        "_delimiter",
        "_lines",
        "_next_line",
        "_reader",
        "_size",
        "_taken",
        "fault",
        "is_utf_8",
        "line",
        "row",
    )

    def __init__(self, blocks: Iterator[bytes], delimiter: str) -> None:
        self._lines = (line for lines in split(blocks, MAX_RECORD) for line in lines)
        self._ahead: deque[bytes] = deque()
        self._taken: list[bytes] = []
        self._size = 0
        self._delimiter = delimiter
        self._reader = self._new_reader()
        self._next_line = 1
        self.row = 0
        self.line = 0
        self.fault: str | None = None
        self.is_utf_8 = True

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        """The next record that is not blank; empty where it is broken."""
        while True:
            record = self._read()
            if self.fault is not None or self._taken[0].strip():
                return record

    def _read(self) -> list[str]:
        self.line = self._next_line
        self.row += 1
        self.fault = None
        self.is_utf_8 = True
        self._taken.clear()
        self._size = 0
        try:
            record = next(self._reader)
        except csv.Error as error:
            said = str(error).partition(" - ")[0]
            self.fault = PLAINER.get(said, said)
            self._ahead.extendleft(reversed(self._taken[1:]))
            self._next_line += 1
            self._reader = self._new_reader()
            return []
        self._next_line += len(self._taken)
        return record

    def _new_reader(self) -> Iterator[list[str]]:
        # Strict, since else an open quote ends quietly with the file, and the rows inside it are gone.
        return csv.reader(self._feed(), delimiter=self._delimiter, strict=True)

    def _feed(self) -> Iterator[str]:
        """The lines as csv.reader takes them, noted down, so that a broken record can be given back."""
        while True:
            line = self._ahead.popleft() if self._ahead else next(self._lines, None)
            if line is None:
                return
            self._taken.append(line)
            self._size += len(line)
            if self._size > MAX_RECORD:
                raise csv.Error(f"a record of over {MAX_RECORD:,} bytes")
            yield self._decoded(line) + "\n"

    def _decoded(self, line: bytes) -> str:
        try:
            return line.decode()
        except UnicodeDecodeError:
            self.is_utf_8 = False
            return line.decode("utf-8", "surrogateescape")


def _row(seq: int, record: list[str], records: _Records, columns: list[str], shape: Shape) -> Row:
    fault = records.fault
    if fault is None and len(record) != len(columns):
        fault = f"{len(record)} fields where the header has {len(columns)}"
    row = shape.row_of_values(seq, records.line, dict(zip(columns, record, strict=False)))
    if fault is None:
        fault = row.fault
    if not records.is_utf_8 and row.fields:
        row = replace(row, fields={name: mended(value) for name, value in row.fields.items()})
    return row if fault is None else replace(row, fault=f"row {records.row}: {fault}")


def _told_apart(names: list[str]) -> list[str]:
    """*names* with a number at each that has stood there before."""
    seen: Counter[str] = Counter()
    apart = []
    for name in names:
        seen[name] += 1
        apart.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return apart
