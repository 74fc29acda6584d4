"""Read Parquet and Arrow files, a batch of rows at a time and only the columns needed.

Knows pyarrow, and imports it when such a file is opened. Does not know what a value
requests.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any, Final

from msgspec.structs import replace

from penstock.core.extents import SeqSet
from penstock.core.web.model import Row
from penstock.errors import InputError, UsageError
from penstock.seams import Contents
from penstock.settings import InputSettings
from penstock.source import fingerprint
from penstock.source.columns import resolve_columns
from penstock.source.digests import Digests, digest_item, read_whole
from penstock.source.octets import Octets
from penstock.source.rows import Shape

__all__ = ["ColumnarInput"]

BATCH: Final = 1_024
"""Rows read at once."""

BUFFER: Final = 1_048_576
"""Bytes of a column read at once, so that memory does not grow with the row group."""

Values = tuple[int, dict[str, Any]]


class ColumnarInput:
    """A Parquet or Arrow (Feather) file as an input; its rows are numbered from 1.

    Raises UsageError if pyarrow is missing; InputError if the file has another format,
    is damaged, or lacks a column.
    """

    blocks = False
    nests = on_demand = False

    def __init__(self, octets: Octets, input_format: str, settings: InputSettings) -> None:
        """*input_format* is parquet or arrow.

        Raises InputError if *octets* are no file, or if *settings* do not fit the
        format.
        """
        if not octets.regular or isinstance(octets.where, int):
            raise InputError(f"{octets.name!r} is a stream; {input_format} is read from a file")
        if settings.delimiter is not None or not settings.header:
            raise InputError(f"{octets.name!r} is read as {input_format}, which has names for its columns")
        self._path = octets.where
        self._name = octets.name
        self._format = input_format
        self._asked = Shape.of(settings)
        self._read = self._rows = 0

    def rows(self, settled: SeqSet, contents: Contents | None = None) -> Generator[Row, None, None]:
        """Yield every row whose seq is not in *settled*, in order."""
        return read_whole(self.read, settled, contents)

    def read(self, settled: SeqSet, first: int, contents: Contents | None = None) -> Generator[Row, None, int]:
        """Yield the rows not *settled*, numbered from *first*; return the next seq."""
        self._read = 0
        with closing(self._open()) as batches:
            shape = next(batches)
            seq = first
            digests = (
                None
                if contents is None
                else Digests[Values](contents, first, lambda seq, found: shape.row_of_values(seq, *found))
            )
            for batch in batches:
                if digests is None and settled.range_cardinality(seq, seq + batch.num_rows) == batch.num_rows:
                    seq += batch.num_rows
                    self._read += batch.num_rows
                    continue
                for values in batch.to_pylist():
                    self._read += 1
                    if seq not in settled:
                        if digests is not None:
                            digests.tell(digest_item(values), (self._read, values))
                        yield _number_fault(shape.row_of_values(seq, self._read, values))
                    elif digests is not None:
                        digests.add(digest_item(values), (self._read, values))
                    seq += 1
            if digests is not None:
                digests.flush()
        return seq

    def remarks(self) -> list[str]:
        """Return no remarks: the file describes its contents."""
        return []

    def fingerprint(self) -> dict[str, Any] | None:
        """Return the fingerprint of the file."""
        return fingerprint.of_file(self._path, self._format)

    def progress(self) -> tuple[int, int] | None:
        """Return rows read and rows in all, or None if the number is unknown."""
        return (min(self._read, self._rows), self._rows) if self._rows else None

    def check(self) -> None:
        """Open the file.

        Raises InputError if it has another format or lacks a column.
        """
        with closing(self._open()) as batches:
            next(batches)

    def _open(self) -> Generator[Any, None, None]:
        """Yield the shape of the rows, then the batches."""
        try:
            import pyarrow as pa  # noqa: PLC0415 - an extra
        except ImportError:
            said = f"reading {self._name!r} takes pyarrow; install it: pip install 'penstock[parquet]'"
            raise UsageError(said) from None
        try:
            with pa.OSFile(self._path) as file:
                opened = _Parquet(file) if self._format == "parquet" else _Arrow(file)
                self._rows = opened.rows
                shape = resolve_columns(self._asked, opened.columns, self._name)
                yield shape
                yield from opened.batches(_select_columns(shape, opened.columns))
        except (pa.ArrowException, OSError, EOFError) as error:
            said = str(error).partition("\n")[0]
            raise InputError(f"{self._name!r} cannot be read as {self._format}: {said}") from error


def _select_columns(shape: Shape, columns: list[str]) -> list[str]:
    """Return the *columns* that a row consists of."""
    if not shape.select:
        return columns
    needed = {*shape.select, shape.column, *(shape.template.names if shape.template else ())}
    return [column for column in columns if column in needed]


def _number_fault(row: Row) -> Row:
    return row if row.fault is None else replace(row, fault=f"row {row.line}: {row.fault}")


class _Parquet:
    """A Parquet file, read page by page, since a row group may have any size."""

    def __init__(self, file: Any) -> None:
        from pyarrow.parquet import ParquetFile  # noqa: PLC0415 - an extra

        self._file = ParquetFile(file, buffer_size=BUFFER, pre_buffer=False)
        self.columns = list(self._file.schema_arrow.names)
        self.rows = self._file.metadata.num_rows

    def batches(self, columns: list[str]) -> Iterator[Any]:
        """Yield all rows, with *columns* alone."""
        return self._file.iter_batches(BATCH, columns=columns, use_threads=False)  # type: ignore[no-any-return]


class _Arrow:
    """An Arrow file, or an Arrow stream in a file."""

    def __init__(self, file: Any) -> None:
        from pyarrow import ipc  # noqa: PLC0415 - an extra

        magic = file.read(6)
        file.seek(0)
        if magic == b"ARROW1":
            self._reader = ipc.open_file(file)
            self._found: Iterator[Any] = map(self._reader.get_batch, range(self._reader.num_record_batches))
        else:
            self._reader = ipc.open_stream(file)
            self._found = iter(self._reader)
        self.columns = list(self._reader.schema.names)
        self.rows = 0

    def batches(self, columns: list[str]) -> Iterator[Any]:
        """Yield all rows, with *columns* alone, at most ``BATCH`` at a time."""
        for batch in self._found:
            for at in range(0, batch.num_rows, BATCH):
                yield batch.slice(at, BATCH).select(columns)
