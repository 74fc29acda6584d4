"""The format ``sqlite``: each outcome a row of one database.

Knows the names of its files. ``database`` has the rest, and is imported when the format is
used: SQLite is not for a help page.
"""

# ruff: noqa: PLC0415 - see above

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from penstock.core.extents import Extent
from penstock.core.web.model import Outcome
from penstock.core.web.stored import Keep, Salvaged, Stored, Unreadable

if TYPE_CHECKING:
    from penstock.sink.database import SqliteSink

__all__ = ["SQLITE", "SqliteFormat"]


class SqliteFormat(Struct, frozen=True):
    """The format ``sqlite``."""

    name: str = "sqlite"
    pattern: str = r"outcomes\.db"
    unfinished: str = r"outcomes\.db\.part"
    folder: None = None
    unit: str = "rows"

    def open(self, folder: Path, committed: Mapping[str, int], *, inline_body: bool = True) -> SqliteSink:
        """Return a sink, as of ``Format.open``."""
        from penstock.sink.database import FILE, SqliteSink

        return SqliteSink(folder / FILE, committed.get(FILE, 0), inline_body=inline_body)

    def length(self, file: Path) -> int:
        """Return the ``id`` of the last row."""
        from penstock.sink.database import find_length

        return find_length(file)

    def checksum(self, folder: Path, extent: Extent) -> tuple[str, int]:
        """Return the CRC-32 of the rows of *extent*, and the bytes of their bodies."""
        from penstock.sink.database import sum_rows

        return sum_rows(folder, extent)

    def read(self, folder: Path, extent: Extent) -> Iterator[Stored | Unreadable]:
        """Yield the rows of *extent*, as of ``Format.read``."""
        from penstock.sink.database import read_rows

        return read_rows(folder, extent)

    def outcomes(self, folder: Path, extent: Extent) -> Iterator[Outcome | Unreadable]:
        """Yield the outcomes of *extent*, as of ``Format.outcomes``."""
        from penstock.sink.database import read_outcomes

        return read_outcomes(folder, extent)

    def salvage(self, file: Path, keep: Keep, *, longest: int) -> Iterator[Salvaged]:  # noqa: ARG002 - SQLite has a limit
        """Reduce *file* to the rows that *keep* wants, as of ``Format.salvage``."""
        from penstock.sink.database import salvage

        return salvage(file, keep)

    def recover(self, aside: Path, keep: Keep, *, longest: int) -> Iterator[Salvaged]:  # noqa: ARG002 - as above
        """Append the rows of *aside* that *keep* wants, as of ``Format.recover``."""
        from penstock.sink.database import recover

        return recover(aside, keep)


SQLITE: Final = SqliteFormat()
