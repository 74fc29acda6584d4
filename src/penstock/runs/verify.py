"""The proof that a run folder holds what its ledger says: every byte, every input once.

Knows how the account and the files must agree. Changes nothing, trusts neither, and holds no more in
memory than one line and the sets of seqs.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO, Final

import msgspec
from msgspec import Struct
from pyroaring import BitMap64

from penstock.core.extents import Extent, Settled
from penstock.core.schedule.tally import Tally
from penstock.core.web.model import Kind
from penstock.core.web.retry import reason
from penstock.runs.account import Account, Failures
from penstock.runs.files import LEDGER_FILE, asides, outputs
from penstock.runs.folder import RunFolder, no_run, read_manifest
from penstock.runs.ledger import Ledger
from penstock.runs.lock import Lock
from penstock.sink.durable import checksum, checksum_text
from penstock.sink.record import Stored, read_line

__all__ = ["Counts", "Recount", "Verification", "rows", "verify"]

MOST_PROBLEMS: Final = 100
"""Problems told one by one; all are counted."""


class Recount(Struct, frozen=True):
    """The *inputs* as counted again, and the seqs of the *duplicates* among them, where those have no outcome.

    Or how it has *changed*: then nothing was counted.
    """

    inputs: int = 0
    duplicates: Settled = msgspec.field(default_factory=Settled)
    changed: str | None = None


class Verification(Struct, frozen=True, kw_only=True):
    """What was found: *problems* has the first of them in words, *problem_count* counts all.

    *rows* and *bytes* were read back and agree unless a problem says otherwise. *settled* inputs have
    their outcome; *replaced* rows are older outcomes of some of them: *rows* = *settled* + *replaced*. *pending* ones
    are still to be tried again. *total* is the number of inputs once the run has finished, and *duplicates* how many of
    them share an earlier one's outcome: *total* = *settled* + *duplicates*. *torn* bytes stand after what was
    committed, as a crash leaves them; a resume sets them aside.
    """

    files: int
    extents: int
    rows: int
    bytes: int
    settled: int
    replaced: int
    pending: int
    total: int | None
    duplicates: int
    torn: int
    problem_count: int
    problems: tuple[str, ...]

    @property
    def finished(self) -> bool:
        """Whether every input was read and has its outcome, by the ledger's word."""
        return self.total is not None

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong; a run that is not finished may well be in order."""
        return self.problem_count == 0


def verify(path: Path, again: Recount | None = None) -> Verification:
    """Read back all of the run in the folder *path* and compare it with its ledger.

    *again*, where given, are the inputs as counted again by the caller. FolderError where there
    is no run or its ledger cannot be read, FolderInUse while somebody works on it.
    """
    if not RunFolder.holds_run(path):
        raise no_run(path)
    run = read_manifest(path).run  # before a lock is made in what may be no run's folder
    with Lock(path, shared=True), closing(Ledger(path / LEDGER_FILE, run)) as ledger:
        return _Check(path, ledger).result(again)


class _Check:
    """The counts so far, and what is wrong."""

    def __init__(self, path: Path, ledger: Ledger) -> None:
        self._path = path
        self._ledger = ledger
        self._found: dict[str, Account] = {}
        self._lengths: dict[str, int] = {}
        self._extents = self._rows = self._bytes = self._torn = 0
        self._problem_count = 0
        self._problems: list[str] = []

    def result(self, again: Recount | None) -> Verification:
        """Look at everything."""
        fault = self._ledger.fault()
        if fault is not None:
            self._report(f"{LEDGER_FILE}: {fault}")
        for extent in self._ledger.extents():
            self._compare(extent)
        self._weigh_tails()
        self._weigh_asides()
        self._weigh_sums(again)
        return Verification(
            files=len(self._lengths),
            extents=self._extents,
            rows=self._rows,
            bytes=self._bytes,
            settled=len(self._ledger.settled()),
            replaced=max((account.replaced for account in self._found.values()), default=0),
            pending=len(self._ledger.pending()),
            total=self._ledger.total,
            duplicates=self._ledger.duplicates,
            torn=self._torn,
            problem_count=self._problem_count,
            problems=tuple(self._problems),
        )

    def _report(self, problem: str) -> None:
        self._problem_count += 1
        if len(self._problems) < MOST_PROBLEMS:
            self._problems.append(problem)

    def _compare(self, extent: Extent) -> None:
        """One extent with the bytes it speaks of."""
        place = f"{extent.file} from {extent.start} to {extent.end}"
        self._extents += 1
        if extent.start != self._lengths.get(extent.file, 0):
            self._report(f"{place}: {self._lengths.get(extent.file, 0)} bytes were committed before")
        self._lengths[extent.file] = extent.end
        counts, value, length = Counts(), 0, 0
        try:
            with (self._path / extent.file).open("rb") as file:
                for row in rows(file, extent.start, extent.end):
                    value = zlib.crc32(row, value)
                    length += len(row)
                    self._take(row, counts, place)
        except OSError as error:
            self._report(f"{place}: cannot be read: {error.strerror}")
            return
        self._bytes += length
        if length != extent.end - extent.start:
            self._report(f"{place}: {extent.end - extent.start - length} bytes are missing")
        elif checksum_text(value) != extent.checksum:
            self._report(f"{place}: the bytes have changed since they were committed")
        if counts.seqs != extent.seqs:
            self._report(f"{place}: the rows are not those of the inputs that were committed")
        try:
            self._found.setdefault(extent.sink, Account()).add(counts.seqs, counts.tally, counts.failures)
        except ValueError as error:
            self._report(f"{place}: {error}")

    def _take(self, row: bytes, counts: Counts, place: str) -> None:
        """Count one row of an extent of which *counts* are those before."""
        self._rows += 1
        try:
            stored = read_line(row)
        except ValueError as error:
            self._report(f"{place}: a row is broken: {error}")
            return
        if not stored.intact():
            self._report(f"{place}: the body of input {stored.seq} is not the one that was fetched")
        if stored.seq in counts.seqs:
            self._report(f"{place}: input {stored.seq} has two outcomes")
            return
        counts.add(stored)

    def _weigh_tails(self) -> None:
        """Bytes after the committed ones: a crash may leave them, a run that is over may not."""
        over = self._ledger.total is not None and not self._ledger.pending()
        for file in outputs(self._path):
            beyond = file.stat().st_size - self._lengths.get(file.name, 0)
            if beyond > 0:
                self._torn += beyond
                if over:
                    self._report(f"{file.name}: {beyond} bytes more than were committed, though the run has finished")

    def _weigh_asides(self) -> None:
        """Bytes set aside must be those in the file's name."""
        for file in asides(self._path):
            value = file.name.rpartition("-")[2]
            if checksum(file, 0, file.stat().st_size) != f"crc32:{value}":
                self._report(f"{file.name}: it does not hold what its name says")

    def _weigh_sums(self, again: Recount | None) -> None:
        """Inputs in, outcomes out."""
        settled, total, duplicates = self._ledger.settled(), self._ledger.total, self._ledger.duplicates
        for sink, found in self._found.items():
            if found.settled != settled:
                self._report(f"{sink}: its rows are not those of the {len(settled)} settled inputs")
            elif not self._are_noted({why: failed for why, failed in found.failures.items() if failed}):
                self._report(f"{sink}: other inputs have failed in its rows than {LEDGER_FILE} says")
            elif not _agree(found.tally, self._ledger.tally()):
                self._report(f"{sink}: its rows do not add up to what {LEDGER_FILE} says")
        if total is not None and not len(settled) == settled.range_cardinality(0, total) == total - duplicates:
            and_duplicates = f", {duplicates} of them duplicates" if duplicates else ""
            self._report(f"the run has finished with {total} inputs{and_duplicates}, but {len(settled)} have outcomes")
        if again is not None:
            self._compare_sums(again, settled)

    def _are_noted(self, failures: Failures) -> bool:
        """Whether the ledger has these *failures*; of those that an older build only counted it may lack some."""
        noted, unnoted = self._ledger.failures(), self._ledger.unnoted()
        if not noted.keys() <= failures.keys():
            return False
        return all(
            (seqs := noted.get(why, Settled())) == failed
            or (why in unnoted and seqs.issubset(failed) and len(failed) - len(seqs) == unnoted[why])
            for why, failed in failures.items()
        )

    def _compare_sums(self, again: Recount, settled: Settled) -> None:
        """The ledger's sums with those of the input, which was read again."""
        if again.changed is not None:
            self._report(again.changed)
            return
        inputs, total, duplicates = again.inputs, self._ledger.total, len(again.duplicates)
        if total is not None and inputs != total:
            self._report(f"there are {inputs} inputs, but the run has finished with {total}")
        if total is not None and duplicates != self._ledger.duplicates:
            self._report(f"there are {duplicates} duplicates, but the run has finished with {self._ledger.duplicates}")
        if settled and settled.max() >= inputs:
            self._report(f"there are {inputs} inputs, but input {settled.max()} has an outcome")
        if both := settled & again.duplicates:
            self._report(f"input {both.min()} asks for the same as an earlier one, but has an outcome of its own")


def _agree(one: Tally, other: Tally) -> bool:
    """Whether both count the same outcomes; the ledger alone knows duplicates."""
    return one.as_dict() | {"duplicates": 0} == other.as_dict() | {"duplicates": 0}


class Counts:
    """What some lines of output say: their *seqs*, a *tally* of them, and the *failures* among them."""

    __slots__ = ("failures", "seqs", "tally")

    def __init__(self) -> None:
        """No line yet."""
        self.seqs = BitMap64()
        self.tally = Tally()
        self.failures: dict[str, BitMap64] = {}

    def add(self, stored: Stored) -> None:
        """Count one line, as ``Tally.add`` would have counted the outcome."""
        tally = self.tally
        self.seqs.add(stored.seq)
        tally.kinds[stored.outcome] += 1
        if stored.outcome is Kind.FETCHED and stored.status is not None:
            tally.statuses[stored.status] += 1
        elif stored.error is not None:
            tally.reasons[stored.error] += 1
        tally.bytes += stored.length
        tally.attempts += stored.attempts
        tally.redirects += len(stored.redirects)
        why = reason(stored.error, stored.status)
        if why is not None:
            self.failures.setdefault(why, BitMap64()).add(stored.seq)


def rows(file: BinaryIO, start: int, end: int, longest: int | None = None) -> Iterator[bytes]:
    """The lines of *file* between two offsets, line feeds included; one of over *longest* bytes in pieces."""
    file.seek(start)
    while start < end:
        row = file.readline(min(end - start, longest or end - start))
        if not row:
            return
        start += len(row)
        yield row
