"""The proof that a run folder holds what its ledger says: every byte, every input once.

Knows how the account and the files must agree. Changes nothing, trusts neither, and
holds no more in memory than one row and the sets of seqs.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from penstock.core.extents import Extent, SeqSet
from penstock.core.results import Verification
from penstock.core.schedule.tally import Tally
from penstock.core.web.stored import RowTotals, Stored, Unreadable
from penstock.errors import FolderDamaged
from penstock.runs.account import Account, Failures
from penstock.runs.files import LEDGER_FILE, asides, outputs
from penstock.runs.folder import RunFolder, no_run, read_manifest
from penstock.runs.ledger import Ledger
from penstock.runs.lock import Lock
from penstock.seams import Format
from penstock.sink.durable import checksum
from penstock.sink.formats import FORMATS

__all__ = ["Recount", "verify"]

MOST_PROBLEMS: Final = 100
"""Problems that are described; all are counted."""


class Recount(Struct, frozen=True):
    """The number of *inputs* in an input that was read again, and the seqs of the *duplicates* without an outcome.

    *changed* says how the input has changed, if it has; then nothing was counted.
    """

    inputs: int = 0
    duplicates: SeqSet = msgspec.field(default_factory=SeqSet)
    changed: str | None = None


def verify(path: Path, again: Recount | None = None) -> Verification:
    """Read back all of the run in the folder *path* and compare it with its ledger.

    *again* is the input as the caller counted it again, if it did. Raises FolderError if
    there is no run or its ledger cannot be read, FolderInUse while another process works
    on it.
    """
    if not RunFolder.holds_run(path):
        raise no_run(path)
    manifest = read_manifest(path)  # before a lock is created in a folder that may be no run's
    with Lock(path, shared=True), closing(Ledger(path / LEDGER_FILE, manifest.run)) as ledger:
        return _Check(path, ledger, manifest.settings.sinks).result(again)


class _Check:
    """The counts so far, and the problems."""

    def __init__(self, path: Path, ledger: Ledger, sinks: Iterable[str]) -> None:
        self._path = path
        self._ledger = ledger
        self._found = {sink: Account() for sink in sinks}
        self._lengths: dict[str, int] = {}
        self._extents = self._rows = self._bytes = self._torn = 0
        self._problem_count = 0
        self._problems: list[str] = []

    def result(self, again: Recount | None) -> Verification:
        """Check everything."""
        fault = self._ledger.fault()
        if fault is not None:
            self._report(f"{LEDGER_FILE}: {fault}")
        for extent in self._ledger.extents():
            self._compare(extent)
        self._check_tails()
        self._check_asides()
        self._check_sums(again)
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
        """Compare one extent with the bytes it speaks of."""
        place = f"{extent.file} from {extent.start} to {extent.end}"
        self._extents += 1
        if extent.start != self._lengths.get(extent.file, 0):
            self._report(f"{place}: the extent before it ends at {self._lengths.get(extent.file, 0)}")
        self._lengths[extent.file] = extent.end
        account = self._found.setdefault(extent.sink, Account())
        if extent.sink not in FORMATS:
            self._report(f"{place}: this Penstock does not know the format {extent.sink}")
            return
        format_, totals = FORMATS[extent.sink], RowTotals()
        try:
            for row in format_.read(self._path, extent):
                self._take(row, totals, place)
            self._compare_sum(format_, extent, place)
        except (OSError, FolderDamaged) as error:
            self._report(f"{place}: cannot be read: {getattr(error, 'strerror', None) or error}")
            return
        if totals.seqs != extent.seqs:
            self._report(f"{place}: the rows are not those of the inputs that were committed")
        try:
            account.add(totals.seqs, totals.tally, totals.failures)
        except ValueError as error:
            self._report(f"{place}: {error}")

    def _take(self, row: Stored | Unreadable, totals: RowTotals, place: str) -> None:
        """Count one row of an extent of which *totals* has those before."""
        self._rows += 1
        if isinstance(row, Unreadable):
            self._report(f"{place}: a row is broken: {row.reason}")
            return
        if not row.intact:
            self._report(f"{place}: the body of input {row.seq} is not the one that was fetched")
        if row.seq in totals.seqs:
            self._report(f"{place}: input {row.seq} has two outcomes")
            return
        totals.add(row)

    def _compare_sum(self, format_: Format, extent: Extent, place: str) -> None:
        """Compare what the extent holds with its checksum."""
        missing = extent.end - max(extent.start, format_.length(self._path / extent.file))
        checksum, size = format_.checksum(self._path, extent)
        self._bytes += size
        if missing > 0:
            self._report(f"{place}: {missing} {format_.unit} are missing")
        elif checksum != extent.checksum:
            self._report(f"{place}: the {format_.unit} have changed since they were committed")

    def _check_tails(self) -> None:
        """Count what lies behind the committed extents: a crash may leave it, a finished run may not."""
        for format_ in FORMATS.values():
            for file in outputs(self._path, format_):
                try:
                    beyond = format_.length(file) - self._lengths.get(file.name, 0)
                except OSError as error:
                    self._report(f"{file.name}: cannot be read: {error.strerror or error}")
                    continue
                if beyond > 0:
                    self._count_tail(file, beyond, format_.unit)

    def _count_tail(self, file: Path, beyond: int, unit: str) -> None:
        self._torn += beyond
        if self._ledger.total is not None and not self._ledger.pending():
            self._report(f"{file.name}: {beyond} {unit} more than were committed, though the run has finished")

    def _check_asides(self) -> None:
        """Compare the bytes set aside with the CRC-32 in the name of its file."""
        for file in asides(self._path):
            value = file.name.rpartition("-")[2]
            if checksum(file, 0, file.stat().st_size) != f"crc32:{value}":
                self._report(f"{file.name}: it does not hold what its name says")

    def _check_sums(self, again: Recount | None) -> None:
        """Compare inputs and outcomes, by their sums."""
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
        """Return whether the ledger has these *failures*; it may lack failures that an older build only counted."""
        noted, unnoted = self._ledger.failures(), self._ledger.count_unnoted()
        if not noted.keys() <= failures.keys():
            return False
        return all(
            (seqs := noted.get(why, SeqSet())) == failed
            or (why in unnoted and seqs.issubset(failed) and len(failed) - len(seqs) == unnoted[why])
            for why, failed in failures.items()
        )

    def _compare_sums(self, again: Recount, settled: SeqSet) -> None:
        """Compare the sums of the ledger with the input's, which was read again."""
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
    """Return whether both count the same outcomes; the ledger alone knows duplicates."""
    return one.as_dict() | {"duplicates": 0} == other.as_dict() | {"duplicates": 0}
