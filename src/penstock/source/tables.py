"""CSV and TSV: a header row, then a row for each input.

Knows columns. Does not know where a record ends (``records`` does), nor what a URL is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator
from itertools import chain
from zlib import crc32

from msgspec.structs import replace

from penstock.core.extents import Settled
from penstock.core.web.model import Row
from penstock.errors import InputError
from penstock.seams import Contents
from penstock.source.columns import resolved
from penstock.source.digests import Digests
from penstock.source.records import Records
from penstock.source.remarks import Remarks
from penstock.source.rows import Shape
from penstock.source.text import mended

__all__ = ["Table"]


class Table:
    """The format of a table with a header row, its rows told apart by *records*.

    The URL is in the column that *shape* names, whatever its case where none has it exactly. The other
    columns come back by name; a name that stands there twice gets a number. Blank lines are no inputs. A row that ends
    early has null in the columns it lacks; what it has beyond them comes back by the number of its column.
    """

    __slots__ = ("_header", "_name", "_records", "_remarks", "_shape")

    def __init__(
        self,
        shape: Shape,
        records: Callable[[Iterator[bytes]], Records],
        *,
        name: str,
        header: bool = True,
        remarks: Remarks | None = None,
    ) -> None:
        """*records* is ``Quoted`` or ``Tabbed``; *name* is what messages call the table.

        Without a *header* the columns are called by their numbers, from 1.
        """
        self._shape = shape
        self._records = records
        self._name = name
        self._header = header
        self._remarks = remarks or Remarks()

    def read(
        self, blocks: Iterator[bytes], settled: Settled, first: int, contents: Contents | None = None
    ) -> Generator[Row, None, int]:
        """The rows in *blocks* that are not *settled*, numbered from *first*; returns the next free seq.

        InputError, before the first row, where a column that is needed is not there.
        """
        records = self._records(blocks)
        begun = next(records, None)
        if begun is None and not self._header:
            return first
        columns = self._columns(begun, records)
        shape = resolved(self._shape, columns, self._name)
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
        # The columns say what a record means, so they are part of each digest.
        heading = crc32(repr(columns).encode())
        digests = Digests[tuple[int, list[str]]](
            contents, first, lambda seq, found: shape.row_of_values(seq, found[0], _by_name(columns, found[1]))
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

    def _columns(self, begun: list[str] | None, records: Records) -> list[str]:
        """The names of the columns, *begun* being the first record."""
        if begun is None:
            raise InputError(f"{self._name!r} is empty; a table begins with a row of column names")
        what = "row of column names" if self._header else "first row"
        if records.fault is not None:
            raise InputError(f"{self._name!r}: the {what} cannot be read: {records.fault}")
        if not self._header:
            return [str(number) for number in range(1, len(begun) + 1)]
        return _told_apart([mended(name).strip() for name in begun])

    def _row(self, seq: int, record: list[str], records: Records, columns: list[str], shape: Shape) -> Row:
        fault = records.fault
        if len(record) == len(columns):
            values: dict[str, str | None] = dict(zip(columns, record, strict=True))
        elif fault is None:
            values = self._ragged(record, columns, records.row)
        else:
            values = dict(zip(columns, record, strict=False))
        row = shape.row_of_values(seq, records.line, values)
        if fault is None:
            fault = row.fault
        if not records.is_utf_8:
            self._remarks.say(
                "encoding",
                f"{self._name!r} is not UTF-8 in line {records.line}, and maybe in others; such bytes are shown as "
                r"\xe9. A spreadsheet may have written it as Windows-1252: iconv -f WINDOWS-1252 -t UTF-8",
            )
            if row.fields:
                fields = {name: mended(value) if value else value for name, value in row.fields.items()}
                row = replace(row, fields=fields)
        return row if fault is None else replace(row, fault=f"row {records.row}: {fault}")

    def _ragged(self, record: list[str], columns: list[str], row: int) -> dict[str, str | None]:
        self._remarks.say(
            "ragged",
            f"{self._name!r} has {_number(record, 'field')} in row {row} and {_number(columns, 'column')}, and maybe "
            "more such rows: missing fields are null, surplus ones are called by the numbers of their columns",
        )
        return _by_name(columns, record)


def _by_name(columns: list[str], record: list[str]) -> dict[str, str | None]:
    """The fields of *record* by the names of their columns, whether it has as many or not."""
    values: dict[str, str | None] = dict.fromkeys(columns)
    values.update(zip(columns, record, strict=False))
    for number, value in enumerate(record[len(columns) :], len(columns) + 1):
        name = str(number)
        while name in values:
            name += "_2"
        values[name] = value
    return values


def _number(things: list[str], name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


def _told_apart(names: list[str]) -> list[str]:
    """*names* with a number at each that has stood there before."""
    seen: Counter[str] = Counter()
    apart = []
    for name in names:
        seen[name] += 1
        apart.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return apart
