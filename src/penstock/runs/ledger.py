"""Which inputs are settled: the table of extents in run.db.

Knows what was committed, which of it is to be tried again, and refuses what cannot be true. Does not know formats,
hosts, or how bytes get on the disk.

An input may be committed more than once: where its outcome is a failure, and a pass was begun in which it is tried
again. The newest outcome counts: that of the latest commit, which stands behind all others in the files of its sink.

SQLite keeps a rollback journal rather than a write-ahead log: between two commits run.db is one file that
may be copied as it is, and it works on network file systems.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from pyroaring import BitMap64

from penstock.core.web.delays import Learned
from penstock.core.web.reasons import covers, reasons_in
from penstock.core.web.retry import STATUSES
from penstock.core.web.tally import Tally
from penstock.errors import FolderDamaged, FolderError, FolderMismatch, InputChanged, OutputError, PenstockError
from penstock.remedies import call
from penstock.runs.account import Account, Failures
from penstock.runs.contents import SCHEMA as CONTENTS
from penstock.runs.contents import (
    Comparison,
    Held,
    KnownDigests,
    known_to,
    read_all,
    read_block,
    sum_fault,
    unknown,
    write_held,
)
from penstock.runs.lookup import find_url
from penstock.runs.tables import APPLICATION_ID, SCHEMA, VERSION, extents_in, packed, sound, unnoted, unpacked
from penstock.seams import Extent, Settled
from penstock.sink.durable import PART, Hold, remove, rename, write_file

__all__ = ["Ledger"]

WITHOUT_CONTENTS: Final = 4
"""The version that has no table of contents: it gets one, and the new version, with its next transaction."""

BUSY_SECONDS: Final = 30.0
"""How long a commit waits for somebody who is reading run.db with a tool of their own."""

HEADER_BYTES: Final = 100
"""Bytes of the header of an SQLite database (its file format, section 1.3)."""

_IN_ORDER: Final = 'SELECT "commit", sink, file, "end", seqs FROM extents ORDER BY "commit", sink, file, "start"'
_LAST_COMMIT: Final = "SELECT coalesce(max(number), 0) FROM commits"
_DAMAGED: Final = frozenset(
    {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_ERROR}
)


class Ledger:
    """What the run with the identity *run* has committed, in the database at *path*.

    The sums are kept in memory, the extents are not. After a commit that failed, every further one raises
    OutputError: whether it took place only a new opening can tell.
    """

    def __init__(self, path: Path, run: str) -> None:
        """Open it. FolderDamaged where it cannot be read, FolderMismatch where it is not this run's."""
        self._path = path
        if not path.exists():
            raise self._damaged("it is missing")
        self._account = Account()
        self._committed: dict[tuple[str, str], int] = {}
        self._pending = BitMap64()
        self._trouble: str | None = None
        # The thread that reads the input asks for contents while another one commits.
        self._lock = threading.RLock()
        self._contents: Comparison | None = None
        with self._translated("read"):
            self._database = _connect(path)
        try:
            self._hold, self._size = Hold.of(path), path.stat().st_size
            with self._translated("read"):
                self._check_identity(run)
                self._total: int | None = self._scalar("SELECT total FROM run")
                self._duplicates: int = self._scalar("SELECT duplicates FROM run")
                self._load()
        except BaseException:
            self._database.close()
            raise

    @classmethod
    def create(
        cls,
        path: Path,
        run: str,
        *,
        commits: Iterable[tuple[Sequence[Extent], Tally, Failures]] = (),
        digests: Iterable[Held] = (),
    ) -> Ledger:
        """A new ledger at *path*, in place of any other, with *commits* in it: it appears whole or not at all.

        *digests* are those of the input's contents.

        OutputError where it cannot be written.
        """
        part = path.with_name(path.name + PART)
        write_file(part, b"")
        try:
            with contextlib.closing(_connect(part)) as database:
                database.execute("BEGIN IMMEDIATE")
                for statement in SCHEMA.split(";"):
                    database.execute(statement)
                database.execute("INSERT INTO run VALUES (?, NULL, 0)", (run,))
                database.execute("COMMIT")
        except sqlite3.Error as error:
            raise OutputError(f"cannot write {path}: {error}") from error
        with contextlib.closing(cls(part, run)) as ledger:
            for extents, tally, failures in commits:
                # Passes are over that what is committed here was made in.
                ledger._pending = ledger._account.replaceable()  # noqa: SLF001 - its own class
                ledger.commit(extents, tally, failures)
            with ledger._transaction():  # noqa: SLF001 - as above
                write_held(ledger._database, digests)  # noqa: SLF001 - as above
        # A journal left beside a database that is gone would be rolled back, or forward, into the new one.
        for side in ("", "-journal", "-wal", "-shm"):
            remove(path.with_name(path.name + side))
        rename(part, path)
        return cls(path, run)

    @property
    def total(self) -> int | None:
        """The number of inputs, once all of them have been read and settled; None before."""
        return self._total

    @property
    def duplicates(self) -> int:
        """How many of the ``total`` inputs share the outcome of an earlier one; 0 before all have been read."""
        return self._duplicates if self._total is not None else 0

    @property
    def passes(self) -> int:
        """How many times the run went over its inputs, or has begun to; a ``retry`` counts anew, from 1."""
        return self._pass

    @property
    def reasons(self) -> frozenset[str]:
        """Why an input was tried again in the pass that was begun last; empty where none was."""
        return self._reasons

    def settled(self) -> Settled:
        """The seqs whose outcomes are durable, as a set of the caller's own."""
        return self._account.settled.copy()

    def pending(self) -> Settled:
        """Those of them that are still to be tried again, as a set of the caller's own."""
        return self._pending.copy()

    def failures(self) -> dict[str, Settled]:
        """Which of the settled may be tried again, by the reason."""
        return {why: failed.copy() for why, failed in self._account.failures.items() if failed}

    def unnoted(self) -> dict[str, int]:
        """How many inputs have each status that an older build counted without saying which they are."""
        noted, counted = self._account.failures, reasons_in(self._account.tally).items()
        once = ((why, count) for why, count in counted if why.isdigit() and int(why) not in STATUSES)
        return {why: left for why, count in once if (left := count - len(noted.get(why, ()))) > 0}

    def note(self, read: Callable[[Extent], Failures]) -> None:
        """Note which inputs those of ``unnoted`` are; *read* gives the failures in an extent."""
        with self._translated("read"):
            found = list(unnoted(self._database, read))
        with self._transaction():
            self._database.executemany("INSERT OR REPLACE INTO failures VALUES (?, ?, ?)", found)
        with self._translated("read"):
            self._account = Account()
            self._load()

    def tally(self) -> Tally:
        """One outcome for each settled input, the newest; and the duplicates, once they are known."""
        tally = self._account.tally.snapshot()
        tally.duplicates = self.duplicates
        return tally

    def committed(self, sink: str) -> dict[str, int]:
        """The length in bytes of each of the sink's files, as far as it was committed."""
        return {file: length for (name, file), length in self._committed.items() if name == sink}

    def extents(self) -> Iterator[Extent]:
        """Every extent by sink, file and place, read as the caller goes. FolderDamaged where one is broken."""
        with self._translated("read"):
            yield from extents_in(self._database)

    def commit(self, extents: Sequence[Extent], tally: Tally, failures: Failures | None = None) -> None:
        """Settle the inputs in *extents*, those of all sinks at once; *tally* and *failures* are of these alone.

        PenstockError where they contradict each other or what was committed (a bug of ours); OutputError
        where the disk refuses. No extents, no commit. An input that is committed after ``finish`` for the first time
        opens the run again.
        """
        if not extents:
            return
        failures = failures or {}
        seqs = self._checked(extents, tally, failures)
        with self._transaction():
            number = self._scalar(_LAST_COMMIT) + 1
            counts = json.dumps(tally.as_dict(), separators=(",", ":"))
            self._database.execute("INSERT INTO commits VALUES (?, ?)", (number, counts))
            self._database.executemany(
                "INSERT INTO extents VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [(number, e.sink, e.file, e.start, e.end, e.rows, e.checksum, packed(e.seqs)) for e in extents],
            )
            self._database.executemany(
                "INSERT INTO failures VALUES (?, ?, ?)",
                [(number, why, packed(failed)) for why, failed in failures.items()],
            )
            if not seqs.issubset(self._account.settled):
                self._database.execute("UPDATE run SET total = NULL")
        if not seqs.issubset(self._account.settled):
            self._total = None
        self._account.add(seqs, tally, failures)
        self._pending -= seqs
        self._committed.update(((e.sink, e.file), e.end) for e in extents)

    def begin_pass(self, reasons: Collection[str], number: int = 1) -> Settled:
        """Have each input tried again whose outcome is one of these *reasons*, and say which.

        Nothing is left of a pass before. *number* is what ``passes`` says from now on; where there is no such
        input, only the first pass begins.
        """
        found = [failed for why, failed in self._account.failures.items() if covers(reasons, why) and failed]
        if found or number == 1:
            self.set_pass(reasons, number, BitMap64().union(*found))
        return self.pending()

    def set_pass(self, reasons: Collection[str], number: int, pending: BitMap64) -> None:
        """Note that pass *number* was begun for *reasons*, in which *pending* inputs are still to be tried again."""
        with self._transaction():
            self._database.execute("DELETE FROM pass")
            self._database.execute(
                f"INSERT INTO pass VALUES (?, ?, ?, ({_LAST_COMMIT}))",  # noqa: S608 - a constant
                (number, ",".join(sorted(reasons)), packed(pending)),
            )
        self._pass, self._reasons, self._pending = number, frozenset(reasons), pending.copy()

    def learn(self, learned: Learned) -> None:
        """Keep what was *learned* of hosts, in place of what was kept before."""
        with self._transaction():
            for table, hosts in (("parked", learned.parked), ("slowed", learned.slowed)):
                self._database.execute(f"DELETE FROM {table}")  # noqa: S608 - a constant
                self._database.executemany(f"INSERT INTO {table} VALUES (?, ?)", sorted(hosts.items()))  # noqa: S608
            # Not in the schema: older versions can do without it, and read what they know all the same.
            self._database.execute("CREATE TABLE IF NOT EXISTS noted (at REAL NOT NULL)")
            self._database.execute("DELETE FROM noted")
            self._database.execute("INSERT INTO noted VALUES (?)", (learned.noted,))

    def learned(self) -> Learned:
        """What was given to ``learn`` last, but for damaged values: it may be lost, so it stops no run.

        Undated if an older version of this program noted it.
        """
        with self._translated("read"):
            parked = sound(self._database.execute("SELECT host, until FROM parked"))
            slowed = sound(self._database.execute("SELECT host, seconds FROM slowed"))
            dated = self._scalar("SELECT count(*) FROM sqlite_master WHERE name = 'noted'")
            noted = self._scalar("SELECT at FROM noted") if dated else None
            return Learned(parked, slowed, noted) if isinstance(noted, float) else Learned(parked, slowed)

    def finish(self, inputs: int, duplicates: int = 0) -> None:
        """Note that there are so many *inputs*, and that all are settled but for so many *duplicates*.

        PenstockError if that is not so; InputChanged where inputs are left that were to be tried again.
        """
        if self._pending:
            raise InputChanged(
                f"{len(self._pending)} inputs were to be tried again that are not in the input any more, the first of "
                f"them being number {self._pending.min()}, counted from 0; what was found of it is stored"
            )
        missing = inputs - duplicates - self._account.settled.range_cardinality(0, inputs)
        if missing:
            raise PenstockError(f"{missing} of {inputs} inputs have no outcome: a bug of Penstock's, please report it")
        with self._transaction():
            self._database.execute("UPDATE run SET total = ?, duplicates = ?", (inputs, duplicates))
        self._total, self._duplicates = inputs, duplicates

    def fault(self) -> str | None:
        """What SQLite finds wrong with the file when it looks at all of it; None for nothing."""
        with self._translated("read"):
            found = str(self._scalar("PRAGMA integrity_check"))
            return sum_fault(self._database) if found == "ok" else found

    def digests(self) -> Iterator[Held]:
        """What is kept of the input's contents, but for what has changed since: for another ledger."""
        with self._translated("read"):
            yield from read_all(self._database)

    def contents(self, *, force: bool = False) -> Comparison:
        """What compares the input with what it was, as it is read once more; not if *force*.

        What it finds out of inputs that have no outcome yet is kept with the next commit.
        """
        answered = self.settled()
        if self._total:
            # Duplicates have no outcome of their own, but their originals have one.
            answered.add_range(0, self._total)
        self._contents = Comparison(self.kept(), answered, force=force)
        return self._contents

    def kept(self) -> KnownDigests:
        """What ``Comparison`` compares with."""
        with self._lock, self._translated("read"):
            end = known_to(self._database)
        return KnownDigests(self._block if end else unknown, end, self._keep, self._url)

    def close(self) -> None:
        """Let go of the file. May be called twice."""
        with self._lock:
            self._database.close()

    def _block(self, number: int) -> bytes:
        with self._lock, self._translated("read"):
            return read_block(self._database, number)

    def _keep(self) -> None:
        """Keep the digests that are held already: there are many."""
        with self._transaction():
            pass

    def _url(self, seq: int) -> str | None:
        """What the newest outcome of the input *seq* has for its URL, if it can be found."""
        with self._lock:
            return find_url(self._path.parent, self.extents(), seq)

    def _check_identity(self, run: str) -> None:
        if self._size < HEADER_BYTES:
            # SQLite takes a file of no byte or one for a database that has nothing in it yet.
            raise self._damaged(f"it is cut to {self._size} B")
        if self._scalar("PRAGMA application_id") != APPLICATION_ID:
            raise FolderMismatch(f"{self._path} is not the ledger of a run; put the right file back")
        version = self._scalar("PRAGMA user_version")
        if version not in (VERSION, WITHOUT_CONTENTS):
            raise FolderMismatch(
                f"{self._path} has version {version} of its tables, this Penstock knows {VERSION}; use the "
                f"{'newer' if version > VERSION else 'older'} one",
            )
        if self._scalar("SELECT id FROM run") != run:
            raise FolderMismatch(f"{self._path} belongs to another run than run.json beside it")

    def _load(self) -> None:
        row = self._database.execute('SELECT number, reasons, seqs, "after" FROM pass').fetchone()
        self._pass, reasons, pending, after = row or (1, "", None, 0)
        self._reasons = frozenset(reasons.split(",")) if reasons else frozenset[str]()
        self._pending = BitMap64() if pending is None else unpacked(pending)
        for number, extents in groupby(self._database.execute(_IN_ORDER), key=itemgetter(0)):
            by_sink: dict[str, BitMap64] = {}
            for _, sink, file, end, blob in extents:
                by_sink.setdefault(sink, BitMap64()).update(unpacked(blob))
                self._committed[sink, file] = end
            seqs = next(iter(by_sink.values()))
            (counts,) = self._database.execute("SELECT tally FROM commits WHERE number = ?", (number,)).fetchone()
            failures = self._database.execute('SELECT reason, seqs FROM failures WHERE "commit" = ?', (number,))
            self._account.add(
                seqs, Tally.from_dict(json.loads(counts)), {why: unpacked(blob) for why, blob in failures}
            )
            if number > after:
                self._pending -= seqs

    def _checked(self, extents: Sequence[Extent], tally: Tally, failures: Failures) -> BitMap64:
        """The seqs of *extents*, which every sink must have, each once; before only what is to be tried again."""
        by_sink: dict[str, BitMap64] = {}
        ends = dict(self._committed)
        for extent in extents:
            seqs = by_sink.setdefault(extent.sink, BitMap64())
            file = (extent.sink, extent.file)
            if extent.start != ends.get(file, 0) or extent.end <= extent.start:
                raise _impossible(f"{extent.file} goes on at {extent.start}, but {ends.get(file, 0)} was committed")
            if extent.rows != len(extent.seqs):
                raise _impossible(f"{extent.rows} rows hold {len(extent.seqs)} inputs")
            if not extent.seqs.isdisjoint(seqs):
                raise _impossible("an input was settled twice")
            ends[file] = extent.end
            seqs |= extent.seqs
        first, *others = by_sink.values()
        if any(other != first for other in others) or tally.total != len(first):
            raise _impossible("the sinks and the tally do not hold the same outcomes")
        if reasons_in(tally) != {why: len(failed & first) for why, failed in failures.items()}:
            raise _impossible("the failures and the tally do not hold the same outcomes")
        if not (first & self._account.settled).issubset(self._pending):
            raise _impossible("an input was settled twice")
        return first

    def _scalar(self, query: str) -> Any:
        row = self._database.execute(query).fetchone()
        return row[0] if row else None

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            if self._trouble is not None:
                raise OutputError(self._trouble)
            self._trouble = f"{self._path} is in an unknown state since a commit failed; nothing more is written to it"
            try:
                with self._translated("write"):
                    # SQLite itself would call a file that was moved "a readonly database", and make a cut one anew.
                    self._hold.confirm(self._size)
                    self._database.execute("BEGIN IMMEDIATE")
                    yield
                    self._keep_held()
                    self._database.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._database.execute("ROLLBACK")
                raise
            self._trouble = None

    def _keep_held(self) -> None:
        """Write what was read of the input, in the transaction that settles it or in one before."""
        held = [] if self._contents is None else self._contents.take()
        if held:
            self._database.execute(CONTENTS)
            self._database.execute(f"PRAGMA user_version = {VERSION}")
            write_held(self._database, held)

    @contextlib.contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        """SQLite's errors, a bitmap's and JSON's end here."""
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in _DAMAGED or (doing == "read" and code == sqlite3.SQLITE_IOERR):
                raise self._damaged(str(error)) from error
            if doing == "read":
                raise FolderError(f"cannot read {self._path}: {error}") from error
            raise OutputError(
                f"cannot write {self._path}: {error}; free some space, or close what else reads it. "
                "What was committed before is safe",
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise self._damaged(str(error)) from error

    def _damaged(self, reason: str) -> FolderDamaged:
        return FolderDamaged(
            f"{self._path} is damaged: {reason}; rebuild it from the outputs with: ",
            call("verify", self._path.parent, repair=True),
        )


def _connect(path: Path) -> sqlite3.Connection:
    """An open database that begins no transaction by itself, and no file where there is none."""
    uri = f"{path.absolute().as_uri()}?mode=rw"
    database = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        # FULL would leave the removal of the journal, which is the commit, to the folder's next flush.
        database.execute("PRAGMA synchronous = EXTRA")
    except BaseException:
        database.close()
        raise
    return database


def _impossible(what: str) -> PenstockError:
    return PenstockError(f"refused to commit: {what}. This is a bug of Penstock's, please report it")
