"""Read CSV and TSV: a header row, then a row for each input.

Knows columns. Does not know where a record ends, as ``records`` does, nor what a URL
is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator
from itertools import chain
from zlib import crc32

from msgspec.structs import replace

from penstock.core.extents import SeqSet
from penstock.core.web.model import Row
from penstock.errors import InputError
from penstock.seams import Contents
from penstock.source.columns import resolve_columns
from penstock.source.digests import Digests
from penstock.source.records import TableRecords
from penstock.source.remarks import Remarks
from penstock.source.rows import Shape
from penstock.source.text import repair_text

__all__ = ["Table"]


class Table:
    """The format of a table with a header row, which *records* splits into rows.

    The URL is in the column that *shape* names. The outcome repeats the other columns
    by name; a second column of the same name gets a number. Blank lines are no inputs.
    A row with too few fields has null in the columns it lacks; a surplus field is
    called by the number of its column.
    """

    __slots__ = ("_header", "_name", "_records", "_remarks", "_shape")

    def __init__(
        self,
        shape: Shape,
        records: Callable[[Iterator[bytes]], TableRecords],
        *,
        name: str,
        header: bool = True,
        remarks: Remarks | None = None,
    ) -> None:
        """*records* is CsvRecords or TsvRecords; messages call the table *name*.

        Without a *header* the columns are called by their numbers, from 1.
        """
        self._shape = shape
        self._records = records
        self._name = name
        self._header = header
        self._remarks = remarks or Remarks()

    def read(
        self, blocks: Iterator[bytes], settled: SeqSet, first: int, contents: Contents | None = None
    ) -> Generator[Row, None, int]:
        """Yield the rows not *settled*, numbered from *first*; return the next seq.

        Raises InputError before the first row if the table lacks a column that is
        needed.
        """
        records = self._records(blocks)
        begun = next(records, None)
        if begun is None and not self._header:
            return first
        columns = self._columns(begun, records)
        shape = resolve_columns(self._shape, columns, self._name)
        at = columns.index(shape.column) if shape.column in columns else None
        records.expect(len(columns), at)
        each: Iterator[list[str]] = records
        if not self._header and begun is not None:
            each = chain((begun,), records)
        seq = first
        if contents is None:
            for record in each:
                if seq not in settled:
                    yield self._row(seq, record, records, columns, shape)
                seq += 1
            return seq
        # The columns give a record its meaning, so they are part of each digest.
        heading = crc32(repr(columns).encode())
        digests = Digests[tuple[int, list[str]]](
            contents, first, lambda seq, found: shape.row_of_values(seq, found[0], _map_to_columns(columns, found[1]))
        )
        add, tell, raw = digests.add, digests.tell, records.raw
        for record in each:
            digest = crc32(raw[0] if len(raw) == 1 else b"\n".join(raw), heading) or 1
            if seq not in settled:
                tell(digest, (records.line, record))
                yield self._row(seq, record, records, columns, shape)
            else:
                add(digest, (records.line, record))
            seq += 1
        digests.flush()
        return seq

    def _columns(self, begun: list[str] | None, records: TableRecords) -> list[str]:
        """Return the names of the columns; *begun* is the first record."""
        if begun is None:
            raise InputError(f"{self._name!r} is empty; a table begins with a row of column names")
        what = "row of column names" if self._header else "first row"
        if records.fault is not None:
            raise InputError(f"{self._name!r}: the {what} cannot be read: {records.fault}")
        if not self._header:
            return [str(number) for number in range(1, len(begun) + 1)]
        return _tell_apart([repair_text(name).strip() for name in begun])

    def _row(self, seq: int, record: list[str], records: TableRecords, columns: list[str], shape: Shape) -> Row:
        fault = records.fault
        if len(record) == len(columns):
            values: dict[str, str | None] = dict(zip(columns, record, strict=True))
        elif fault is None:
            values = self._fill_ragged(record, columns, records.row)
        else:
            values = dict(zip(columns, record, strict=False))
        row = shape.row_of_values(seq, records.line, values)
        if fault is None:
            fault = row.fault
        if not records.is_utf_8:
            self._remarks.add(
                "encoding",
                f"{self._name!r} is not UTF-8 in line {records.line}, and maybe in others; such bytes are shown as "
                r"\xe9. A spreadsheet may have written it as Windows-1252: iconv -f WINDOWS-1252 -t UTF-8",
            )
            if row.fields:
                fields = {name: repair_text(value) if value else value for name, value in row.fields.items()}
                row = replace(row, fields=fields)
        return row if fault is None else replace(row, fault=f"row {records.row}: {fault}")

    def _fill_ragged(self, record: list[str], columns: list[str], row: int) -> dict[str, str | None]:
        self._remarks.add(
            "ragged",
            f"{self._name!r} has {_count(record, 'field')} in row {row} and {_count(columns, 'column')}, and maybe "
            "more such rows: missing fields are null, surplus ones are called by the numbers of their columns",
        )
        return _map_to_columns(columns, record)


def _map_to_columns(columns: list[str], record: list[str]) -> dict[str, str | None]:
    """Return the fields of *record* by column; it may have too few or too many."""
    values: dict[str, str | None] = dict.fromkeys(columns)
    values.update(zip(columns, record, strict=False))
    for number, value in enumerate(record[len(columns) :], len(columns) + 1):
        name = str(number)
        while name in values:
            name += "_2"
        values[name] = value
    return values


def _count(things: list[str], name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


def _tell_apart(names: list[str]) -> list[str]:
    """Return *names*, with a number after each that is a repetition."""
    seen: Counter[str] = Counter()
    apart = []
    for name in names:
        seen[name] += 1
        apart.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return apart
