"""The database of the format ``sqlite``: each outcome a row.

Knows the database: its extents count rows by their ``id``. Its transaction is durable
before the ledger's, and rows that the ledger lacks are set aside by the next opening.
``rows`` has the columns. docs/decisions/sqlite-rows.md says why rows are summed.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final

from penstock.core.extents import Extent, SeqSet
from penstock.core.web.model import Outcome
from penstock.core.web.stored import Keep, RowTotals, Salvaged, Stored, Unreadable
from penstock.errors import FolderDamaged, OutputError
from penstock.remedies import call
from penstock.sink.durable import PART, TORN, Hold, certify, checksum_text, locate_origin, remove, rename, set_aside
from penstock.sink.rows import COLUMNS, TableRow, make_row

__all__ = ["FILE", "NAME", "SqliteSink", "find_length", "read_outcomes", "read_rows", "recover", "salvage", "sum_rows"]

NAME: Final = "sqlite"

FILE: Final = "outcomes.db"

BUSY_SECONDS: Final = 30.0
"""Seconds that a write waits for another program that reads the database."""

COMMIT_BYTES: Final = 8 << 20
"""Bytes of rows after which the database commits, though the ledger does not yet. A transaction that does not fit
the cache would keep readers out from then on to its end."""

CACHE_KIB: Final = 16 << 10

ROW_BYTES: Final = 600
"""Bytes of a row besides its body, about."""

EXTENT_ROWS: Final = 10_000
"""Rows of an extent after a repair. If one of them changes later, the next repair drops all of these."""

_DAMAGED: Final = frozenset(
    {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_ERROR}
)
_FILL: Final = ("page_size = 16384", "journal_mode = MEMORY", "synchronous = OFF")
"""For a database that gets its name when it is whole and flushed. A page of 16 KiB holds a body of 10 kB."""


def find_length(file: Path) -> int:
    """Return the ``id`` of the last row."""
    with _reading(file) as database:
        return _find_end(database)


def sum_rows(folder: Path, extent: Extent) -> tuple[str, int]:
    """Return the CRC-32 of the rows of *extent*, and the bytes of their bodies."""
    value = size = 0
    for _, row in _rows(folder / extent.file, extent.start, extent.end):
        if not isinstance(row, Unreadable):
            value = row.add_to(value)
            size += len(row.body or b"")
    return checksum_text(value), size


def read_rows(folder: Path, extent: Extent) -> Iterator[Stored | Unreadable]:
    """Yield the rows of *extent*, as of ``Format.read``."""
    for number, row in _rows(folder / extent.file, extent.start, extent.end):
        yield _interpret(number, row)


def read_outcomes(folder: Path, extent: Extent) -> Iterator[Outcome | Unreadable]:
    """Yield the outcomes of *extent*, as of ``Format.outcomes``."""
    for _, row in _rows(folder / extent.file, extent.start, extent.end):
        if isinstance(row, Unreadable):
            yield row
            continue
        try:
            yield row.to_outcome()
        except ValueError as error:
            yield Unreadable(str(error))


def salvage(file: Path, keep: Keep) -> Iterator[Salvaged]:
    """Reduce *file* to the rows that *keep* wants, as of ``Format.salvage``.

    If one is not wanted, all of the database is set aside, and a new one is made of the others.
    """
    wanted, whole = SeqSet(), True
    try:
        for number, row in _rows(file, 0):
            stored = _interpret(number, row)
            if isinstance(stored, Stored) and keep(file.name, stored):
                wanted.add(number)
            else:
                whole = False
    except OSError:
        whole = False
    if not whole:
        aside = set_aside(file, 0)
        _make(file, _choose(aside, wanted))
    yield from _certify(file, 0)


def recover(aside: Path, keep: Keep) -> Iterator[Salvaged]:
    """Append the rows of *aside* that *keep* wants to the database, as of ``Format.recover``."""
    name, _ = locate_origin(aside)
    wanted = SeqSet()
    with contextlib.suppress(OSError):
        for number, row in _rows(aside, 0):
            stored = _interpret(number, row)
            if isinstance(stored, Stored) and keep(name, stored):
                wanted.add(number)
    file = aside.parent / FILE
    if not file.exists():
        _make(file, ())
    with closing(_connect(file)) as database, _translate("write", file):
        end = _find_end(database)
        database.execute("BEGIN IMMEDIATE")
        for number, (_, row) in enumerate(_choose(aside, wanted), start=end + 1):
            database.execute(_insert(), (number, *row.to_columns()))
        database.execute("COMMIT")
    yield from _certify(file, end)


class SqliteSink:
    """Adds a row for each outcome to the database at *path*; see ``Format.open``."""

    name = NAME

    def __init__(self, path: Path, committed: int, *, inline_body: bool) -> None:
        self._make_row = partial(make_row, inline_body=inline_body)
        self._taken: list[TableRow] = []
        self._path = path
        self._trouble: str | None = None
        if not path.exists():
            if committed:
                raise _damaged(path, f"is missing, of which {committed} rows were committed")
            _make(path, ())
        self._hold = Hold.of(path)
        self._database = _connect(path)
        try:
            with self._all_or_nothing("prepare"):
                self._cut(committed)
        except BaseException:
            self._database.close()
            raise
        self._insert = _insert()
        self._start = self._end = committed
        self._checksum = self._open_bytes = 0
        self._seqs = SeqSet()

    def take(self, outcome: Outcome) -> int:
        """Take *outcome* and return roughly the bytes of its row."""
        row = self._make_row(outcome)
        self._taken.append(row)
        return len(row.body or b"") + ROW_BYTES

    def cut(self) -> list[TableRow]:
        """Return the rows taken since the last cut."""
        taken, self._taken = self._taken, []
        return taken

    def write(self, block: list[TableRow]) -> None:
        """Insert *block*, perhaps into the open transaction. Raises OutputError if the database does not take it."""
        if not block:
            return
        with self._all_or_nothing("write"):
            if not self._database.in_transaction:
                self._hold.confirm()
                self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany(self._insert, self._number(block))
            self._open_bytes += sum(len(row.body or b"") + ROW_BYTES for row in block)
            if self._open_bytes >= COMMIT_BYTES:
                self._commit()

    def flush(self) -> list[Extent]:
        """Commit every row written, and return their extent.

        Raises OutputError if that fails, FolderDamaged if the database was replaced or removed meanwhile.
        """
        with self._all_or_nothing("flush"):
            self._hold.confirm()
            if self._database.in_transaction:
                self._commit()
        if self._end == self._start:
            return []
        rows = self._end - self._start
        text = checksum_text(self._checksum)
        extent = Extent(self.name, self._path.name, self._start, self._end, rows, text, self._seqs)
        self._start, self._checksum, self._seqs = self._end, 0, SeqSet()
        return [extent]

    def close(self) -> None:
        """Close the database; rows that are not committed are lost. May be called twice."""
        self._trouble = self._trouble or f"{self._path} is closed"
        self._database.close()

    def _commit(self) -> None:
        self._database.execute("COMMIT")
        self._open_bytes = 0
        self._hold.confirm()

    def _number(self, block: list[TableRow]) -> Iterator[tuple[Any, ...]]:
        """Yield the values of the rows with the next ids, and count and sum them."""
        for row in block:
            self._end += 1
            self._checksum = row.add_to(self._checksum)
            self._seqs.add(row.seq)
            yield (self._end, *row.to_columns())

    def _cut(self, committed: int) -> None:
        """Set the rows aside that were not committed, then delete them."""
        end = _find_end(self._database)
        if end < committed:
            raise _damaged(self._path, f"ends at row {end}, before the {committed} that were committed")
        if end > committed:
            _set_rows_aside(self._path, committed)
            self._database.execute("BEGIN IMMEDIATE")
            self._database.execute("DELETE FROM outcomes WHERE id > ?", (committed,))
            self._database.execute("COMMIT")

    @contextlib.contextmanager
    def _all_or_nothing(self, doing: str) -> Iterator[None]:
        """Refuse every further call if the block does not run to its end."""
        if self._trouble is not None:
            raise OutputError(self._trouble)
        self._trouble = f"{self._path} is in an unknown state since it failed to {doing}; nothing more is written to it"
        with _translate(doing, self._path):
            yield
        self._trouble = None


def _damaged(path: Path, what: str) -> FolderDamaged:
    return FolderDamaged(f"{path} {what}; keep the rest with: ", call("verify", path.parent, repair=True))


@contextlib.contextmanager
def _translate(doing: str, path: Path) -> Iterator[None]:
    """Raise OutputError for an error of SQLite, FolderDamaged if the database is damaged."""
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF in _DAMAGED:
            raise _damaged(path, f"is damaged: {error}") from error
        raise OutputError(
            f"cannot {doing} {path}: {error}; free some space, or close what else reads it. "
            "Everything committed before is safe"
        ) from error


def _connect(path: Path) -> sqlite3.Connection:
    """Open the database, which begins no transaction by itself; a missing file is not created."""
    uri = f"{path.absolute().as_uri()}?mode=rw"
    with _translate("open", path):
        database = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            # The removal of the journal is the commit; FULL would leave it to the next flush of the folder.
            database.execute("PRAGMA synchronous = EXTRA")
            database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        except BaseException:
            database.close()
            raise
    return database


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the database to read it, which may roll back what a crash left. An error of SQLite becomes an OSError."""
    try:
        uri = f"{path.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)) as database:
            yield database
    except sqlite3.Error as error:
        raise OSError(str(error)) from error


def _find_end(database: sqlite3.Connection) -> int:
    end: int = database.execute("SELECT coalesce(max(id), 0) FROM outcomes").fetchone()[0]
    return end


def _rows(file: Path, start: int, end: int | None = None) -> Iterator[tuple[int, TableRow | Unreadable]]:
    """Yield the rows of *file* with an ``id`` after *start* and up to *end*, in order, each with its ``id``.

    One query gets one row, so that a slow reader never keeps a writer waiting. Raises
    OSError if the database can't be opened.
    """
    query = f"SELECT id, {', '.join(COLUMNS)} FROM outcomes WHERE id > ? AND id <= ? ORDER BY id LIMIT 1"  # noqa: S608
    with _reading(file) as database:
        stop = _find_end(database) if end is None else end
        while start < stop:
            try:
                found = database.execute(query, (start, stop)).fetchone()
            except sqlite3.Error as error:  # a page is damaged; rows on other pages can be found
                start += 1
                yield start, Unreadable(str(error))
                continue
            if found is None:
                return
            start, *values, body = found
            yield start, TableRow(values, body.encode() if isinstance(body, str) else body)


def _interpret(number: int, row: TableRow | Unreadable) -> Stored | Unreadable:
    """Return what *row* says. Its place is where an extent would start whose first row it is."""
    if isinstance(row, Unreadable):
        return row
    try:
        return row.to_stored(number - 1)
    except ValueError as error:
        return Unreadable(str(error))


def _choose(file: Path, wanted: SeqSet) -> Iterator[tuple[int, TableRow]]:
    """Yield the rows of *file* with the ids *wanted*."""
    for number in wanted:
        for _, row in _rows(file, number - 1, number):
            if not isinstance(row, Unreadable):
                yield number, row


def _set_rows_aside(path: Path, start: int) -> None:
    """Copy the rows after *start* to a database of their own, whole or not at all; see ``durable.set_aside``."""
    part = path.with_name(f"{path.name}.torn{PART}")
    rows = ((number, row) for number, row in _rows(path, start) if not isinstance(row, Unreadable))
    value = _fill(part, rows)
    rename(part, path.with_name(f"{path.name}{TORN}{start}-{value}"))


def _make(path: Path, rows: Iterable[tuple[int, TableRow]]) -> None:
    """Make a database of *rows* at *path*, whole or not at all."""
    part = path.with_name(path.name + PART)
    _fill(part, rows)
    rename(part, path)


def _fill(part: Path, rows: Iterable[tuple[int, TableRow]]) -> str:
    """Make a database of *rows*, flush it, and return its CRC-32 in hexadecimal."""
    remove(part)
    columns = ", ".join(f"{name} {kind}".rstrip() for name, kind in COLUMNS.items())
    uri = f"{part.absolute().as_uri()}?mode=rwc"
    with _translate("write", part), closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as database:
        for pragma in _FILL:
            database.execute(f"PRAGMA {pragma}")
        database.execute("BEGIN")
        database.execute("PRAGMA user_version = 1")
        database.execute(f"CREATE TABLE outcomes (id INTEGER PRIMARY KEY, {columns})")
        database.execute("CREATE INDEX outcomes_seq ON outcomes (seq)")
        database.execute(
            "CREATE VIEW newest AS SELECT * FROM outcomes AS one "
            "WHERE id = (SELECT max(id) FROM outcomes WHERE seq = one.seq)"
        )
        insert = _insert()
        for number, row in rows:
            database.execute(insert, (number, *row.to_columns()))
        database.execute("COMMIT")
    size = part.stat().st_size
    return certify(part, 0, size, sink=NAME, seqs=SeqSet()).checksum.rpartition(":")[2]


def _insert() -> str:
    return f"INSERT INTO outcomes (id, {', '.join(COLUMNS)}) VALUES (?{', ?' * len(COLUMNS)})"  # noqa: S608


def _certify(file: Path, start: int) -> Iterator[Salvaged]:
    """Yield extents of all rows of *file* after *start*, which are flushed first."""
    certify(file, 0, 0, sink=NAME, seqs=SeqSet())
    totals, value, end = RowTotals(), 0, start
    for number, row in _rows(file, start):
        stored = _interpret(number, row)
        if isinstance(row, Unreadable) or isinstance(stored, Unreadable):
            raise _damaged(file, f"changes while it is read: row {number} can't be read any more")
        if stored.seq in totals.seqs or len(totals.seqs) == EXTENT_ROWS:
            yield _extent(file, start, end, value, totals), totals
            totals, value, start = RowTotals(), 0, end
        totals.add(stored)
        value, end = row.add_to(value), number
    if end > start:
        yield _extent(file, start, end, value, totals), totals


def _extent(file: Path, start: int, end: int, value: int, totals: RowTotals) -> Extent:
    return Extent(NAME, file.name, start, end, len(totals.seqs), checksum_text(value), totals.seqs)
