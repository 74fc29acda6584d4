"""CSV and TSV: a header row, then a row for each input.

Knows columns. Does not know where a record ends (``records`` does), nor what a URL is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator
from zlib import crc32

from msgspec.structs import replace

from penstock.core.model import Row
from penstock.errors import InputError
from penstock.seams import Contents, Settled
from penstock.source.digests import Digests
from penstock.source.records import Records
from penstock.source.rows import Shape
from penstock.source.text import mended

__all__ = ["Table"]


class Table:
    """The format of a table with a header row, its rows told apart by *records*.

    The URL is in the column that *shape* names, whatever its case where none has it exactly. The other
    columns come back by name; a name that stands there twice gets a number. Blank lines are no inputs.
    """

    __slots__ = ("_name", "_records", "_shape")

    def __init__(self, shape: Shape, records: Callable[[Iterator[bytes]], Records], *, name: str) -> None:
        """*records* is ``Quoted`` or ``Tabbed``; *name* is what messages call the table."""
        self._shape = shape
        self._records = records
        self._name = name

    def read(
        self, blocks: Iterator[bytes], settled: Settled, first: int, contents: Contents | None = None
    ) -> Generator[Row, None, int]:
        """The rows in *blocks* that are not *settled*, numbered from *first*; returns the next free seq.

        InputError, before the first row, where the header lacks a column that is needed.
        """
        records = self._records(blocks)
        columns = self._header(records)
        shape = self._shape_for(columns)
        records.expect(len(columns), columns.index(shape.column) if shape.column in columns else None)
        seq = first
        if contents is None:
            for record in records:
                if seq not in settled:
                    yield _row(seq, record, records, columns, shape)
                seq += 1
            return seq
        # The columns say what a record means, so they are part of each digest.
        heading = crc32(repr(columns).encode())
        digests = Digests[tuple[int, list[str]]](
            contents, first, lambda seq, found: shape.row_of_values(seq, found[0], _by_name(columns, found[1]))
        )
        add, tell, raw = digests.add, digests.tell, records.raw
        for record in records:
            digest = crc32(raw[0] if len(raw) == 1 else b"\n".join(raw), heading) or 1
            if seq not in settled:
                tell(digest, (records.line, record))
                yield _row(seq, record, records, columns, shape)
            else:
                add(digest, (records.line, record))
            seq += 1
        digests.flush()
        return seq

    def _header(self, records: Records) -> list[str]:
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


def _row(seq: int, record: list[str], records: Records, columns: list[str], shape: Shape) -> Row:
    fault = records.fault
    if fault is None and len(record) != len(columns):
        fault = f"{len(record)} fields where the header has {len(columns)}"
    row = shape.row_of_values(seq, records.line, _by_name(columns, record))
    if fault is None:
        fault = row.fault
    if not records.is_utf_8 and row.fields:
        row = replace(row, fields={name: mended(value) for name, value in row.fields.items()})
    return row if fault is None else replace(row, fault=f"row {records.row}: {fault}")


def _by_name(columns: list[str], record: list[str]) -> dict[str, str]:
    return dict(zip(columns, record, strict=False))


def _told_apart(names: list[str]) -> list[str]:
    """*names* with a number at each that has stood there before."""
    seen: Counter[str] = Counter()
    apart = []
    for name in names:
        seen[name] += 1
        apart.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return apart
