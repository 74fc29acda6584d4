"""A ledger made anew from what can still be read.

Knows run.json, which it needs, and the outputs. A line is taken if it is a whole record whose body has
the digest beside it. Of several lines for one input the last counts, unless the one before was no failure: then it is
no retry. Where the old ledger can be read, it is heard too: no line is taken of an extent whose bytes have changed,
nor any that was set aside before. Everything else is set aside, and its inputs are fetched again by a resume. Killed
midway, it can be run again; what it had moved by then may have to be fetched again, or has the outcome it had before a
retry.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from operator import itemgetter
from pathlib import Path
from typing import Final, NamedTuple

from msgspec import Struct
from pyroaring import BitMap64

from penstock.core.extents import Extent
from penstock.core.schedule.tally import Tally
from penstock.core.web.retry import LATER
from penstock.errors import FolderDamaged, FolderError
from penstock.runs.account import Account, Failures
from penstock.runs.contents import Held
from penstock.runs.files import LEDGER_FILE, asides, is_left, outputs, refuse_foreign
from penstock.runs.folder import RunFolder, no_run, read_manifest
from penstock.runs.ledger import Ledger
from penstock.runs.lock import Lock
from penstock.runs.verify import Counts, rows
from penstock.sink.durable import TORN, AppendFile, certify, checksum, set_aside, sweep
from penstock.sink.jsonl import NAME, JsonlSink, file_name
from penstock.sink.record import Stored, read_line

__all__ = ["Repair", "repair"]

EXTENT_BYTES: Final = 64 << 20
"""How much goes into one extent: as much as is doubted at once if a byte of it should change later."""

ESCAPED: Final = 6
"""Bytes of JSON that one byte of a body comes to at most: \\u001f."""

OVERHEAD_BYTES: Final = 16 << 20
"""More than a line holds beside its body."""

Commit = tuple[list[Extent], Tally, Failures]


class Repair(Struct, frozen=True, kw_only=True):
    """What was done: *settled* inputs kept their outcome, *lost* ones of the old ledger did not."""

    settled: int
    lost: int


def repair(path: Path) -> Repair:
    """Rebuild the ledger of the run in the folder *path*, and rid its outputs of what is damaged.

    FolderError if there is no run, or something that is not a run's; FolderDamaged if run.json cannot be read,
    FolderInUse while another process works on it, OutputError if the disk refuses.
    """
    if not RunFolder.holds_run(path):
        raise no_run(path)
    refuse_foreign(path)
    manifest = read_manifest(path)
    with Lock(path):
        sweep(path, is_left)
        old = _old_ledger(path, manifest.run)
        commits = _Salvage(
            path, old, ESCAPED * max(manifest.longest, manifest.settings.max_body) + OVERHEAD_BYTES
        ).commits()
        if (path / LEDGER_FILE).exists():
            set_aside(path / LEDGER_FILE, 0)
        digests = _old_digests(path, manifest.run)
        with closing(Ledger.create(path / LEDGER_FILE, manifest.run, commits=commits, digests=digests)) as ledger:
            settled = ledger.settled()
            if old.total is not None and settled.range_cardinality(0, old.total) == old.total - old.duplicates:
                ledger.finish(old.total, old.duplicates)
            # What lost its newest outcome has an older one again; that was a failure, and is tried again.
            back = old.suspect & settled
            pending = (old.pending | back) & BitMap64().union(*ledger.failures().values())
            if pending or old.reasons:
                ledger.set_pass(old.reasons or LATER, old.passes, pending)
    return Repair(settled=len(settled), lost=len((old.settled - settled) | back))


class _Old(NamedTuple):
    """What an old ledger says, and the files not to look into.

    *changed* has, for each file, where the stretches begin and end whose bytes have changed, and *suspect* the inputs
    whose newest outcome is in one of them.
    """

    settled: BitMap64
    suspect: BitMap64
    changed: dict[str, list[tuple[int, int]]]
    total: int | None
    duplicates: int
    pending: BitMap64
    passes: int
    reasons: frozenset[str]
    closed: frozenset[Path]


def _old_ledger(path: Path, run: str) -> _Old:
    suspect, changed = BitMap64(), defaultdict[str, list[tuple[int, int]]](list)
    try:
        with closing(Ledger(path / LEDGER_FILE, run)) as ledger:
            for extent in ledger.extents():
                suspect -= extent.seqs
                if not _unchanged(path, extent):
                    suspect |= extent.seqs
                    changed[extent.file].append((extent.start, extent.end))
            return _Old(
                ledger.settled(),
                suspect,
                changed,
                ledger.total,
                ledger.duplicates,
                ledger.pending(),
                ledger.passes,
                ledger.reasons,
                frozenset(_asides(path)),
            )
    except FolderError:
        return _Old(BitMap64(), BitMap64(), {}, None, 0, BitMap64(), 1, frozenset(), frozenset())


def _old_digests(path: Path, run: str) -> Iterator[Held]:
    """What the old ledger has of the input's contents; nothing else has it."""
    try:
        with closing(Ledger(path / LEDGER_FILE, run)) as ledger:
            yield from ledger.digests()
    except FolderError:
        return


def _asides(path: Path) -> list[Path]:
    return [aside for aside in asides(path) if re.match(NAME, aside.name)]


def _unchanged(path: Path, extent: Extent) -> bool:
    try:
        return checksum(path / extent.file, extent.start, extent.end) == extent.checksum
    except FolderDamaged:
        return False


class _Salvage:
    """Goes through the outputs and then through what was set aside, and takes each good line, older ones first."""

    def __init__(self, path: Path, old: _Old, longest: int) -> None:
        self._path = path
        self._changed = old.changed
        self._closed = old.closed
        self._longest = longest
        self._account = Account()

    def commits(self) -> list[Commit]:
        """Cut every output after its good lines, append those found elsewhere, and say what there is now."""
        before = frozenset(_asides(self._path))
        commits: list[Commit] = []
        files = outputs(self._path) or [self._path / file_name(0)]
        newer: dict[str, BitMap64] = {file.name: BitMap64() for file in files}
        for number, file in enumerate(files):
            good = list(self._good_prefix(file)) if file.exists() else []
            end = good[-1][1] if good else 0
            AppendFile(file, end).close()
            for start, stop, counts in good:
                extent = certify(file, start, stop, sink=JsonlSink.name, seqs=counts.seqs)
                commits.append(([extent], counts.tally, counts.failures))
                for older in files[:number]:
                    newer[older.name] |= counts.seqs
        with closing(AppendFile(files[-1], files[-1].stat().st_size)) as last:
            for aside in _asides(self._path):
                if aside not in before:
                    # The end of an output: what stands in those after it is newer, what stands before it is older.
                    commits += self._append_from(aside, last, newer[_origin(aside)[0]])
                elif aside not in self._closed:
                    # Nobody knows how old it is.
                    commits += self._append_from(aside, last, self._account.settled.copy())
        return commits

    def _good_prefix(self, file: Path) -> Iterator[tuple[int, int, Counts]]:
        """The stretches of good lines up to the first that is not; no input is twice in one."""
        start = end = 0
        counts = Counts()
        with file.open("rb") as lines:
            for row in rows(lines, 0, file.stat().st_size, self._longest):
                stored = self._good(row, file.name, end)
                if stored is None or self._is_told(stored, counts):
                    break
                if end - start >= EXTENT_BYTES or stored.seq in counts.seqs:
                    yield start, end, self._taken(counts)
                    start, counts = end, Counts()
                counts.add(stored)
                end += len(row)
        if end > start:
            yield start, end, self._taken(counts)

    def _append_from(self, aside: Path, last: AppendFile, but: BitMap64) -> Iterator[Commit]:
        """The good lines of *aside* at the end of the last output, *but* not those of these inputs."""
        name, place = _origin(aside)
        start, counts = last.end, Counts()
        with aside.open("rb") as lines:
            for row in rows(lines, 0, aside.stat().st_size, self._longest):
                stored = self._good(row, name, place)
                place += len(row)
                if stored is None or stored.seq in but or self._is_told(stored, counts):
                    continue
                if last.end - start >= EXTENT_BYTES or stored.seq in counts.seqs:
                    yield from _sealed(last, self._taken(counts))
                    start, counts = last.end, Counts()
                counts.add(stored)
                last.append(row)
        yield from _sealed(last, self._taken(counts))

    def _good(self, row: bytes, file: str, place: int) -> Stored | None:
        """What *row* says, which stands, or stood, at this *place* in *file*; None where it can't be trusted."""
        changed = self._changed.get(file, [])
        behind = bisect_right(changed, place, key=itemgetter(0))
        if behind and place < changed[behind - 1][1]:
            return None
        try:
            stored = read_line(row)
        except ValueError:
            return None
        return stored if stored.intact() else None

    def _is_told(self, stored: Stored, counts: Counts) -> bool:
        """Whether the input has an outcome, in *counts* or before, that no other takes the place of."""
        for settled, failures in ((counts.seqs, counts.failures), (self._account.settled, self._account.failures)):
            if stored.seq in settled:
                return not any(stored.seq in failed for failed in failures.values())
        return False

    def _taken(self, counts: Counts) -> Counts:
        self._account.add(counts.seqs, counts.tally, counts.failures)
        return counts


def _origin(aside: Path) -> tuple[str, int]:
    """The file that the bytes in *aside* were cut off from, and their place in it."""
    name, _, place = aside.name.partition(TORN)
    return name, int(place.partition("-")[0])


def _sealed(file: AppendFile, counts: Counts) -> Iterator[Commit]:
    extent = file.seal(JsonlSink.name, rows=len(counts.seqs), seqs=counts.seqs)
    if extent is not None:
        yield [extent], counts.tally, counts.failures
