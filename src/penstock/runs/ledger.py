"""Which inputs are settled: the table of extents in run.db.

Knows what was committed and which inputs are to be tried again; refuses what cannot be
true. Keeps for the next session the digests of the input's rows and the delays of
hosts, without using them. Does not know the rows of the outputs (``lookup``
reads one for an error message), or how bytes are made durable.

An input may be committed again if its outcome is a failure and a pass was begun in
which it is tried again. The newest outcome counts: that of the latest commit, whose
rows stand behind all others in the files of each sink.

SQLite keeps a rollback journal rather than a write-ahead log: between two commits
run.db is one file that may be copied, and it works on network file systems.
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

from penstock.core.extents import Extent, SeqSet
from penstock.core.schedule.learned import Learned
from penstock.core.schedule.tally import Tally
from penstock.core.web.reasons import count_reasons, covers
from penstock.core.web.retry import STATUSES
from penstock.errors import FolderDamaged, FolderError, FolderMismatch, InputChanged, OutputError, PenstockError
from penstock.remedies import call
from penstock.runs.account import Account, Failures
from penstock.runs.contents import SCHEMA as CONTENTS
from penstock.runs.contents import (
    Comparison,
    DigestStretch,
    KnownDigests,
    find_end,
    find_fault,
    read_all,
    read_block,
    read_no_block,
    write_digests,
)
from penstock.runs.lookup import find_url
from penstock.runs.schema import APPLICATION_ID, SCHEMA, VERSION, extents_in, find_unnoted, keep_sound, pack, unpack
from penstock.sink.durable import PART, Hold, remove, rename, write_file

__all__ = ["Ledger"]

WITHOUT_CONTENTS: Final = 4
"""The version without a table of contents. Its next transaction adds one, and the new version."""

BUSY_SECONDS: Final = 30.0
"""Seconds that a commit waits for another program that reads run.db."""

HEADER_BYTES: Final = 100
"""Bytes of the header of an SQLite database (its file format, section 1.3)."""

_IN_ORDER: Final = 'SELECT "commit", sink, file, "end", seqs FROM extents ORDER BY "commit", sink, file, "start"'
_LAST_COMMIT: Final = "SELECT coalesce(max(number), 0) FROM commits"
_DAMAGED: Final = frozenset(
    {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_ERROR}
)


class Ledger:
    """The commits of the run with the identity *run*, in the database at *path*.

    The sums are in memory, the extents are not. After a failed commit every further one
    raises OutputError: only a new opening can tell whether it took place.
    """

    def __init__(self, path: Path, run: str) -> None:
        """Open the database. Raises FolderDamaged if it cannot be read, FolderMismatch if it is another run's."""
        self._path = path
        if not path.exists():
            raise self._damaged("it is missing")
        self._account = Account()
        self._committed: dict[tuple[str, str], int] = {}
        self._pending = SeqSet()
        self._trouble: str | None = None
        # The thread that reads the input reads blocks of digests while another one commits.
        self._lock = threading.RLock()
        self._contents: Comparison | None = None
        with self._translate("read"):
            self._database = _connect(path)
        try:
            self._hold, self._size = Hold.of(path), path.stat().st_size
            with self._translate("read"):
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
        digests: Iterable[DigestStretch] = (),
    ) -> Ledger:
        """Create a ledger at *path*, which replaces any other, with *commits* in it: whole or not at all.

        *digests* are of the input's rows. Raises OutputError if it cannot be
        written.
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
                # The passes in which these outcomes were made are over.
                ledger._pending = ledger._account.find_replaceable()  # noqa: SLF001 - its own class
                ledger.commit(extents, tally, failures)
            with ledger._transaction():  # noqa: SLF001 - as above
                write_digests(ledger._database, digests)  # noqa: SLF001 - as above
        # SQLite would apply the journal of the old database to the new one.
        for side in ("", "-journal", "-wal", "-shm"):
            remove(path.with_name(path.name + side))
        rename(part, path)
        return cls(path, run)

    @property
    def total(self) -> int | None:
        """The number of inputs once all are read and settled, else None."""
        return self._total

    @property
    def duplicates(self) -> int:
        """The number of the ``total`` inputs that share the outcome of an earlier one; 0 until all are read."""
        return self._duplicates if self._total is not None else 0

    @property
    def passes(self) -> int:
        """The number of passes that the run has begun; a ``retry`` counts from 1 again."""
        return self._pass

    @property
    def reasons(self) -> frozenset[str]:
        """The reasons for which the latest pass tries inputs again; empty if there was none."""
        return self._reasons

    def settled(self) -> SeqSet:
        """Return a copy of the set of seqs whose outcomes are durable."""
        return self._account.settled.copy()

    def pending(self) -> SeqSet:
        """Return a copy of the set of inputs that are still to be tried again."""
        return self._pending.copy()

    def failures(self) -> dict[str, SeqSet]:
        """Return which settled inputs may be tried again, by the reason."""
        return {why: failed.copy() for why, failed in self._account.failures.items() if failed}

    def count_unnoted(self) -> dict[str, int]:
        """Return how many inputs have each status that an older build counted without noting their seqs."""
        noted, counted = self._account.failures, count_reasons(self._account.tally).items()
        once = ((why, count) for why, count in counted if why.isdigit() and int(why) not in STATUSES)
        return {why: left for why, count in once if (left := count - len(noted.get(why, ()))) > 0}

    def note(self, read: Callable[[Extent], Failures]) -> None:
        """Note the seqs that ``count_unnoted`` counts; *read* returns the failures in an extent."""
        with self._translate("read"):
            found = list(find_unnoted(self._database, read))
        with self._transaction():
            self._database.executemany("INSERT OR REPLACE INTO failures VALUES (?, ?, ?)", found)
        with self._translate("read"):
            self._account = Account()
            self._load()

    def tally(self) -> Tally:
        """Return the counts of the newest outcome of each settled input, and of the duplicates once they are known."""
        tally = self._account.tally.snapshot()
        tally.duplicates = self.duplicates
        return tally

    def lengths(self, sink: str) -> dict[str, int]:
        """Return how many bytes of each of the sink's files were committed."""
        return {file: length for (name, file), length in self._committed.items() if name == sink}

    def extents(self) -> Iterator[Extent]:
        """Yield every extent by sink, file and place. Raises FolderDamaged if one is broken."""
        with self._translate("read"):
            yield from extents_in(self._database)

    def commit(
        self,
        extents: Sequence[Extent],
        tally: Tally,
        failures: Failures | None = None,
        learned: Learned | None = None,
    ) -> None:
        """Settle the inputs in *extents*, of all sinks at once; *tally* and *failures* are of these alone.

        The delays *learned* of hosts, if given, replace earlier ones. A new input that is committed after ``finish``
        reopens the run. Raises PenstockError if the arguments contradict each other or
        what was committed (a bug of Penstock's), OutputError if the disk refuses.
        """
        if not extents:
            if learned is not None:
                self.learn(learned)
            return
        failures = failures or {}
        seqs = self._check_commit(extents, tally, failures)
        with self._transaction():
            if learned is not None:
                self._write_learned(learned)
            number = self._scalar(_LAST_COMMIT) + 1
            counts = json.dumps(tally.as_dict(), separators=(",", ":"))
            self._database.execute("INSERT INTO commits VALUES (?, ?)", (number, counts))
            self._database.executemany(
                "INSERT INTO extents VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [(number, e.sink, e.file, e.start, e.end, e.rows, e.checksum, pack(e.seqs)) for e in extents],
            )
            self._database.executemany(
                "INSERT INTO failures VALUES (?, ?, ?)",
                [(number, why, pack(failed)) for why, failed in failures.items()],
            )
            if not seqs.issubset(self._account.settled):
                self._database.execute("UPDATE run SET total = NULL")
        if not seqs.issubset(self._account.settled):
            self._total = None
        self._account.add(seqs, tally, failures)
        self._pending -= seqs
        self._committed.update(((e.sink, e.file), e.end) for e in extents)

    def begin_pass(self, reasons: Collection[str], number: int = 1) -> SeqSet:
        """Begin pass *number*, which tries each input again whose outcome has one of these *reasons*; return these.

        It replaces the pass before. If there is no such input, only the first pass begins.
        """
        found = [failed for why, failed in self._account.failures.items() if covers(reasons, why) and failed]
        if found or number == 1:
            self.set_pass(reasons, number, SeqSet().union(*found))
        return self.pending()

    def set_pass(self, reasons: Collection[str], number: int, pending: SeqSet) -> None:
        """Note that pass *number* began for *reasons*, and that *pending* inputs are still to be tried again in it."""
        with self._transaction():
            self._database.execute("DELETE FROM pass")
            self._database.execute(
                f"INSERT INTO pass VALUES (?, ?, ?, ({_LAST_COMMIT}))",  # noqa: S608 - a constant
                (number, ",".join(sorted(reasons)), pack(pending)),
            )
        self._pass, self._reasons, self._pending = number, frozenset(reasons), pending.copy()

    def learn(self, learned: Learned) -> None:
        """Store the delays *learned* of hosts; they replace earlier ones."""
        with self._transaction():
            self._write_learned(learned)

    def _write_learned(self, learned: Learned) -> None:
        for table, hosts in (("parked", learned.parked), ("slowed", learned.slowed)):
            self._database.execute(f"DELETE FROM {table}")  # noqa: S608 - a constant
            self._database.executemany(f"INSERT INTO {table} VALUES (?, ?)", sorted(hosts.items()))  # noqa: S608
        # Not in the schema, so that older versions of this program still read the database.
        self._database.execute("CREATE TABLE IF NOT EXISTS noted (at REAL NOT NULL)")
        self._database.execute("DELETE FROM noted")
        self._database.execute("INSERT INTO noted VALUES (?)", (learned.noted,))

    def learned(self) -> Learned:
        """Return what ``learn`` kept last, without damaged values: they may be lost, so they stop no run.

        It is undated if an older version of this program kept it.
        """
        with self._translate("read"):
            parked = keep_sound(self._database.execute("SELECT host, until FROM parked"))
            slowed = keep_sound(self._database.execute("SELECT host, seconds FROM slowed"))
            dated = self._scalar("SELECT count(*) FROM sqlite_master WHERE name = 'noted'")
            noted = self._scalar("SELECT at FROM noted") if dated else None
            return Learned(parked, slowed, noted) if isinstance(noted, float) else Learned(parked, slowed)

    def finish(self, inputs: int, duplicates: int = 0) -> None:
        """Note that there are *inputs* inputs, all settled except *duplicates* of them.

        Raises PenstockError if that is not so, InputChanged if some inputs are still to be
        tried again.
        """
        if self._pending:
            raise InputChanged(
                f"{len(self._pending)} inputs were to be tried again that are not in the input any more, the first of "
                f"them being number {self._pending.min()}, counted from 0; all other outcomes are stored"
            )
        missing = inputs - duplicates - self._account.settled.range_cardinality(0, inputs)
        if missing:
            raise PenstockError(f"{missing} of {inputs} inputs have no outcome: a bug of Penstock's, please report it")
        with self._transaction():
            self._database.execute("UPDATE run SET total = ?, duplicates = ?", (inputs, duplicates))
        self._total, self._duplicates = inputs, duplicates

    def fault(self) -> str | None:
        """Describe the fault that SQLite's full check finds, or return None if there is none."""
        with self._translate("read"):
            found = str(self._scalar("PRAGMA integrity_check"))
            return find_fault(self._database) if found == "ok" else found

    def digests(self) -> Iterator[DigestStretch]:
        """Yield the digests kept of the input's rows, without damaged ones: for another ledger."""
        with self._translate("read"):
            yield from read_all(self._database)

    def contents(self, *, force: bool = False) -> Comparison:
        """Return what compares the input, as it is read once more, with what it was; with *force* nothing is compared.

        The digests of inputs without an outcome are written with the next commit.
        """
        answered = self.settled()
        if self._total:
            # Duplicates have no outcome of their own, but their originals have one.
            answered.add_range(0, self._total)
        self._contents = Comparison(self.read_digests(), answered, force=force)
        return self._contents

    def read_digests(self) -> KnownDigests:
        """Return the digests that ``Comparison`` compares with."""
        with self._lock, self._translate("read"):
            end = find_end(self._database)
        return KnownDigests(self._block if end else read_no_block, end, self._keep, self._url)

    def close(self) -> None:
        """Close the database. May be called twice."""
        with self._lock:
            self._database.close()

    def _block(self, number: int) -> bytes:
        with self._lock, self._translate("read"):
            return read_block(self._database, number)

    def _keep(self) -> None:
        """Write the digests held so far, since there are many."""
        with self._transaction():
            pass

    def _url(self, seq: int) -> str | None:
        """Return the URL in the newest outcome of the input *seq*, or None if it can't be found."""
        with self._lock:
            return find_url(self._path.parent, self.extents(), seq)

    def _check_identity(self, run: str) -> None:
        if self._size < HEADER_BYTES:
            # SQLite takes a file of at most one byte for an empty database.
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
        self._pending = SeqSet() if pending is None else unpack(pending)
        for number, extents in groupby(self._database.execute(_IN_ORDER), key=itemgetter(0)):
            by_sink: dict[str, SeqSet] = {}
            for _, sink, file, end, blob in extents:
                by_sink.setdefault(sink, SeqSet()).update(unpack(blob))
                self._committed[sink, file] = end
            seqs = next(iter(by_sink.values()))
            (counts,) = self._database.execute("SELECT tally FROM commits WHERE number = ?", (number,)).fetchone()
            failures = self._database.execute('SELECT reason, seqs FROM failures WHERE "commit" = ?', (number,))
            self._account.add(seqs, Tally.from_dict(json.loads(counts)), {why: unpack(blob) for why, blob in failures})
            if number > after:
                self._pending -= seqs

    def _check_commit(self, extents: Sequence[Extent], tally: Tally, failures: Failures) -> SeqSet:
        """Return the seqs of *extents*. Every sink must have each once; only pending ones may be settled already."""
        by_sink: dict[str, SeqSet] = {}
        ends = dict(self._committed)
        for extent in extents:
            seqs = by_sink.setdefault(extent.sink, SeqSet())
            file = (extent.sink, extent.file)
            if extent.start != ends.get(file, 0) or extent.end <= extent.start:
                raise _impossible(f"{extent.file} continues at {extent.start}, but {ends.get(file, 0)} was committed")
            if extent.rows != len(extent.seqs):
                raise _impossible(f"{extent.rows} rows hold {len(extent.seqs)} inputs")
            if not extent.seqs.isdisjoint(seqs):
                raise _impossible("an input was settled twice")
            ends[file] = extent.end
            seqs |= extent.seqs
        first, *others = by_sink.values()
        if any(other != first for other in others) or tally.total != len(first):
            raise _impossible("the sinks and the tally do not hold the same outcomes")
        if count_reasons(tally) != {why: len(failed & first) for why, failed in failures.items()}:
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
                with self._translate("write"):
                    # SQLite would call a moved file "a readonly database", and take a cut one for an empty one.
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
        """Write the digests held, in the transaction that settles their inputs or in an earlier one."""
        held = [] if self._contents is None else self._contents.take()
        if held:
            self._database.execute(CONTENTS)
            self._database.execute(f"PRAGMA user_version = {VERSION}")
            write_digests(self._database, held)

    @contextlib.contextmanager
    def _translate(self, doing: str) -> Iterator[None]:
        """Translate the errors of SQLite, of bitmaps and of JSON."""
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
                "Everything committed before is safe",
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise self._damaged(str(error)) from error

    def _damaged(self, reason: str) -> FolderDamaged:
        return FolderDamaged(
            f"{self._path} is damaged: {reason}; rebuild it from the outputs with: ",
            call("verify", self._path.parent, repair=True),
        )


def _connect(path: Path) -> sqlite3.Connection:
    """Open the database, which begins no transaction by itself; a missing file is not created."""
    uri = f"{path.absolute().as_uri()}?mode=rw"
    database = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        # The removal of the journal is the commit; FULL would leave it to the next flush of the folder.
        database.execute("PRAGMA synchronous = EXTRA")
    except BaseException:
        database.close()
        raise
    return database


def _impossible(what: str) -> PenstockError:
    return PenstockError(f"refused to commit: {what}. This is a bug of Penstock's, please report it")
