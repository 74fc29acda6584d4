"""A Parquet file that is written aside, a row group at a time, and gets its name once it is durable.

Knows how a row group is encoded, and that it is bounded. Does not know what a row means.
docs/decisions/parquet.md has the measurements behind the numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from penstock.core.extents import Extent, SeqSet
from penstock.errors import OutputError
from penstock.sink.durable import BUFFER, PART, AppendFile, rename
from penstock.sink.parquet.columns import arrow

__all__ = ["GROUP_BYTES", "PartFile"]

GROUP_BYTES: Final = 8 << 20
"""Bytes of a row group before compression; only a group of one row may have more. A reader holds one at a time."""

PAGE_BYTES: Final = 1 << 20
LEVEL: Final = 3
"""Of zstd."""

REPETITIVE: Final = ("outcome", "error", "http", "ip", "coding", "headers.list.element.name")
"""Columns that get a dictionary: few values, often."""


class PartFile:
    """The part *path*. Every row goes into it with ``add``, and ``seal`` makes it durable under its name.

    Raises OutputError if the disk does not take it.
    """

    def __init__(self, path: Path, schema: Any) -> None:
        """Begin the file aside."""
        self._path = path
        self._file = AppendFile(path.with_name(path.name + PART), 0)
        self._stream = _Drain(self._file)
        self._batches: list[Any] = []
        self._held = 0
        self._rows = 0
        self._seqs = SeqSet()
        from pyarrow.parquet import ParquetWriter  # noqa: PLC0415 - an extra

        self._writer = ParquetWriter(
            arrow().PythonFile(self._stream, mode="w"),
            schema,
            compression="zstd",
            compression_level=LEVEL,
            use_dictionary=list(REPETITIVE),
            # The least and the greatest body would be compared for nothing.
            write_statistics=[name for name in schema.names if name not in ("body", "data", "input")],
            data_page_size=PAGE_BYTES,
            write_batch_size=64,
            write_page_checksum=True,
        )

    def add(self, batch: Any, seqs: Iterable[int]) -> None:
        """Take a record *batch*, with a row for each of *seqs*, and write the row group before it if that is full."""
        if self._held + batch.nbytes > GROUP_BYTES:
            self._write_group()
        self._batches.append(batch)
        self._held += batch.nbytes
        self._rows += batch.num_rows
        self._seqs.update(seqs)
        if self._held >= GROUP_BYTES:  # a long body does not wait
            self._write_group()

    def seal(self, sink: str) -> Extent:
        """Close the file, make it durable under its name, and return its extent."""
        self._write_group()
        with _refusing(self._path):
            self._writer.close()
        self._seqs.run_optimize()
        extent = self._file.seal(sink, rows=self._rows, seqs=self._seqs)
        assert extent is not None, "a Parquet file is never empty"
        self.close()
        if self._path.exists():
            raise OutputError(f"{self._path} was made by something else during the run; move it away")
        rename(self._file.path, self._path)
        return replace(extent, file=self._path.name)

    def close(self) -> None:
        """Close the file; it stays unfinished if it is not sealed. May be called twice."""
        self._stream.ended = True
        self._writer.is_open = False
        self._file.close()

    def _write_group(self) -> None:
        if self._batches:
            table = arrow().Table.from_batches(self._batches)
            self._batches, self._held = [], 0
            with _refusing(self._path):
                self._writer.write_table(table, row_group_size=table.num_rows)


class _Drain:
    """Passes bytes from pyarrow on to a file. At the end it drops them: an abandoned writer writes a footer."""

    closed = False

    def __init__(self, file: AppendFile) -> None:
        self._file = file
        self.ended = False

    def write(self, data: bytes) -> int:
        if not self.ended:
            for start in range(0, len(data), BUFFER):  # longer pieces would be joined, and so copied
                self._file.append(data[start : start + BUFFER])
        return len(data)

    def flush(self) -> None:
        """Do nothing: ``seal`` flushes."""


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Raise OutputError if pyarrow cannot encode."""
    try:
        yield
    except arrow().ArrowException as error:
        raise OutputError(f"cannot write {path}: {error}") from error
