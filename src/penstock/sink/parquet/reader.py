"""Reads a part back, a row group at a time.

Knows pyarrow's reader. Damage in one row group does not hide the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from penstock.core.web.model import Outcome
from penstock.core.web.stored import Stored, Unreadable
from penstock.sink.parquet.columns import VERSION, VERSION_KEY, arrow, read_rows
from penstock.sink.parquet.part import GROUP_BYTES

__all__ = ["PartReader"]

Row = TypeVar("Row", Stored, Outcome)

ROOM: Final = 4 * GROUP_BYTES
"""More than a row group has besides its longest row."""


class PartReader:
    """The row groups of the part *file*, each of which a call reads whole.

    A group that says it has more than *longest* bytes and a full group's is damaged.
    Raises OSError if the file cannot be opened.
    """

    def __init__(self, file: Path, longest: int | None = None) -> None:
        from pyarrow.parquet import ParquetFile  # noqa: PLC0415 - an extra

        self._longest = longest
        self._fault: Unreadable | None = None
        self._file = arrow().OSFile(str(file))
        self._broken = (arrow().ArrowException, OSError, KeyError, TypeError, ValueError)
        try:
            self._part = ParquetFile(self._file, pre_buffer=False, page_checksum_verification=True)
            version = (self._part.metadata.metadata or {}).get(VERSION_KEY)
            if version != VERSION:
                raise ValueError(f"its columns are of the schema {version!r}, not {VERSION!r}")
        except self._broken as error:
            self._fault = _describe(error)

    @property
    def groups(self) -> int:
        """The number of row groups; a file that cannot be read has one, which cannot be read."""
        return 1 if self._fault is not None else self._part.metadata.num_row_groups

    def schema(self) -> Any:
        """Return the columns of the file."""
        return self._part.schema_arrow

    def read_table(self, group: int) -> Any:
        """Return a row *group* with all its columns."""
        return self._part.read_row_group(group, use_threads=False)

    def read_rows(self, group: int) -> list[Stored] | Unreadable:
        """Return the rows of a row *group*, or why it cannot be read."""
        return self._read(group, read_rows)

    def read_outcomes(self, group: int) -> list[Outcome] | Unreadable:
        """Return the outcomes of a row *group*, or why it cannot be read."""
        from penstock.sink.parquet.restore import restore_rows  # noqa: PLC0415 - few need it

        return self._read(group, restore_rows)

    def _read(self, group: int, read: Callable[[Any], Iterable[Row]]) -> list[Row] | Unreadable:
        if self._fault is not None:
            return self._fault
        try:
            size = self._part.metadata.row_group(group).total_byte_size
            if self._longest is not None and size > self._longest + ROOM:
                return Unreadable(f"row group {group} says that it has {size} bytes")
            return list(read(self.read_table(group)))
        except self._broken as error:
            return _describe(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()


def _describe(error: BaseException) -> Unreadable:
    return Unreadable(str(error).partition("\n")[0] or type(error).__name__)
