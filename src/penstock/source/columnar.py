"""Parquet and Arrow files, a batch of rows at a time, of the columns that are needed.

Knows pyarrow, which is imported when such a file is opened. Does not know what a value asks for.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any, Final

from msgspec.structs import replace

from penstock.core.extents import Settled
from penstock.core.web.model import Row
from penstock.errors import InputError, UsageError
from penstock.seams import Contents
from penstock.settings import InputSettings
from penstock.source import fingerprint
from penstock.source.columns import resolved
from penstock.source.digests import Digests, of_item, whole
from penstock.source.octets import Octets
from penstock.source.rows import Shape

__all__ = ["Columnar"]

BATCH: Final = 1_024
"""Rows made at once."""

BUFFER: Final = 1_048_576
"""Bytes of a column read at once, so that a row group of any size takes no more memory."""

Values = tuple[int, dict[str, Any]]


class Columnar:
    """An input in a Parquet file, or one of Arrow's (Feather): a row for each of its rows, numbered from 1.

    UsageError if pyarrow is not there; InputError if the file is none, is damaged, or lacks a column.
    """

    blocks = False

    def __init__(self, octets: Octets, input_format: str, settings: InputSettings) -> None:
        """*input_format* is parquet or arrow."""
        if not octets.regular or isinstance(octets.where, int):
            raise InputError(f"{octets.name!r} is a stream; {input_format} is read from a file")
        if settings.delimiter is not None or not settings.header:
            raise InputError(f"{octets.name!r} is read as {input_format}, which has names for its columns")
        self._path = octets.where
        self._name = octets.name
        self._format = input_format
        self._asked = Shape.of(settings)
        self._read = self._rows = 0

    def rows(self, settled: Settled, contents: Contents | None = None) -> Iterator[Row]:
        """Every row whose seq is not in *settled*, in order."""
        return whole(self.read, settled, contents)

    def read(self, settled: Settled, first: int, contents: Contents | None = None) -> Generator[Row, None, int]:
        """The rows that are not *settled*, numbered from *first*; returns the next free seq."""
        self._read = 0
        with closing(self._opened()) as batches:
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
                            digests.tell(of_item(values), (self._read, values))
                        yield _numbered(shape.row_of_values(seq, self._read, values))
                    elif digests is not None:
                        digests.add(of_item(values), (self._read, values))
                    seq += 1
            if digests is not None:
                digests.flush()
        return seq

    def remarks(self) -> list[str]:
        """Nothing is to be said of it."""
        return []

    def fingerprint(self) -> dict[str, Any] | None:
        """What ``fingerprint.of_file`` says of it."""
        return fingerprint.of_file(self._path, self._format)

    def progress(self) -> tuple[int, int] | None:
        """Rows read, of rows there are; None if the file does not say how many."""
        return (min(self._read, self._rows), self._rows) if self._rows else None

    def check(self) -> None:
        """Open it; InputError if it is none, or lacks a column."""
        with closing(self._opened()) as batches:
            next(batches)

    def _opened(self) -> Generator[Any, None, None]:
        """The shape of its rows, and then its batches."""
        try:
            import pyarrow as pa  # noqa: PLC0415 - an extra
        except ImportError:
            said = f"to read {self._name!r} takes pyarrow; install it: pip install 'penstock[parquet]'"
            raise UsageError(said) from None
        try:
            with pa.OSFile(self._path) as file:
                opened = _Parquet(file) if self._format == "parquet" else _Arrow(file)
                self._rows = opened.rows
                shape = resolved(self._asked, opened.columns, self._name)
                yield shape
                yield from opened.batches(_needed(shape, opened.columns))
        except (pa.ArrowException, OSError, EOFError) as error:
            said = str(error).partition("\n")[0]
            raise InputError(f"{self._name!r} can't be read as {self._format}: {said}") from error


def _needed(shape: Shape, columns: list[str]) -> list[str]:
    """Those of *columns* that a row is made of."""
    if not shape.select:
        return columns
    needed = {*shape.select, shape.column, *(shape.template.names if shape.template else ())}
    return [column for column in columns if column in needed]


def _numbered(row: Row) -> Row:
    return row if row.fault is None else replace(row, fault=f"row {row.line}: {row.fault}")


class _Parquet:
    """A Parquet file, read by pages: a row group may be of any size."""

    def __init__(self, file: Any) -> None:
        from pyarrow.parquet import ParquetFile  # noqa: PLC0415 - an extra

        self._file = ParquetFile(file, buffer_size=BUFFER, pre_buffer=False)
        self.columns = list(self._file.schema_arrow.names)
        self.rows = self._file.metadata.num_rows

    def batches(self, columns: list[str]) -> Iterator[Any]:
        """All rows, *columns* of them."""
        return self._file.iter_batches(BATCH, columns=columns, use_threads=False)  # type: ignore[no-any-return]


class _Arrow:
    """An Arrow file, or a stream of Arrow's in a file."""

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
        """All rows, *columns* of them, a few at a time."""
        for batch in self._found:
            for at in range(0, batch.num_rows, BATCH):
                yield batch.slice(at, BATCH).select(columns)
