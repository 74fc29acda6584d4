"""A ledger made anew from what can still be read.

Knows run.json, which it needs, and the outputs. A line is taken if it is a whole record whose body has
the digest beside it; of two lines for one input the first is taken. Where the old ledger can be read, it
is heard too: no line is taken of an extent whose bytes have changed, nor any that was set aside before.
Everything else is set aside, and its inputs are fetched again by a resume. Killed midway, it can be run
again; what it had moved by then may have to be fetched again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from msgspec import Struct
from pyroaring import BitMap64

from penstock.core.model import Kind
from penstock.core.tally import Tally
from penstock.errors import FolderDamaged, FolderError
from penstock.runs.folder import LEDGER_FILE, RunFolder, outputs, read_manifest
from penstock.runs.ledger import Ledger
from penstock.runs.lock import Lock
from penstock.runs.verify import rows
from penstock.seams import Extent
from penstock.sink.durable import TORN, AppendFile, certify, checksum, set_aside, sweep
from penstock.sink.jsonl import PATTERN, JsonlSink, file_name
from penstock.sink.record import Stored, read_line

__all__ = ["Repair", "repair"]

EXTENT_BYTES: Final = 64 << 20
"""How much goes into one extent: as much as is doubted at once if a byte of it should change later."""

ESCAPED: Final = 6
"""Bytes of JSON that one byte of a body comes to at most: \\u001f."""

OVERHEAD_BYTES: Final = 16 << 20
"""More than a line holds beside its body."""


class Repair(Struct, frozen=True, kw_only=True):
    """What was done: *settled* inputs kept their outcome, *lost* ones of the old ledger did not."""

    settled: int
    lost: int


def repair(path: Path) -> Repair:
    """Rebuild the ledger of the run in the folder *path*, and rid its outputs of what is damaged.

    FolderError where there is no run, FolderDamaged where run.json cannot be read, FolderInUse while
    somebody works on it, OutputError where the disk refuses.
    """
    if not RunFolder.holds_run(path):
        raise FolderError(f"{path} holds no run; name the folder given to: penstock fetch -o")
    with Lock(path):
        sweep(path)
        manifest = read_manifest(path)
        old = _old_ledger(path, manifest.run)
        salvage = _Salvage(path, old, ESCAPED * manifest.settings.max_body + OVERHEAD_BYTES)
        extents = salvage.extents()
        if (path / LEDGER_FILE).exists():
            set_aside(path / LEDGER_FILE, 0)
        with closing(Ledger.create(path / LEDGER_FILE, manifest.run, extents=extents, tally=salvage.tally)) as ledger:
            settled = ledger.settled()
            if old.total is not None and settled.range_cardinality(0, old.total) == old.total - old.duplicates:
                ledger.finish(old.total, old.duplicates)
    return Repair(settled=len(settled), lost=len(old.settled - settled))


class _Old(NamedTuple):
    """What an old ledger says: settled inputs, those not to be trusted, sums, and the files not to look into."""

    settled: BitMap64
    suspect: BitMap64
    total: int | None
    duplicates: int
    closed: frozenset[Path]


def _old_ledger(path: Path, run: str) -> _Old:
    suspect = BitMap64()
    try:
        with closing(Ledger(path / LEDGER_FILE, run)) as ledger:
            for extent in ledger.extents():
                if not _unchanged(path, extent):
                    suspect |= extent.seqs
            return _Old(ledger.settled(), suspect, ledger.total, ledger.duplicates, frozenset(_asides(path)))
    except FolderError:
        return _Old(BitMap64(), BitMap64(), None, 0, frozenset())


def _asides(path: Path) -> list[Path]:
    return sorted(path.glob(f"{PATTERN}{TORN}*"))


def _unchanged(path: Path, extent: Extent) -> bool:
    try:
        return checksum(path / extent.file, extent.start, extent.end) == extent.checksum
    except FolderDamaged:
        return False


class _Salvage:
    """Goes through the outputs and then through what was set aside, and takes each good line once."""

    def __init__(self, path: Path, old: _Old, longest: int) -> None:
        self.tally = Tally()
        self._path = path
        self._refused = old.suspect.copy()
        self._closed = old.closed
        self._longest = longest

    def extents(self) -> list[Extent]:
        """Cut every output after its good lines, append those found elsewhere, and say what there is now."""
        extents: list[Extent] = []
        files = outputs(self._path) or [self._path / file_name(0)]
        for file in files:
            good = list(self._good_prefix(file)) if file.exists() else []
            end = good[-1][1] if good else 0
            AppendFile(file, end).close()
            extents += [certify(file, start, end, sink=JsonlSink.name, seqs=seqs) for start, end, seqs in good]
        with closing(AppendFile(files[-1], files[-1].stat().st_size)) as last:
            for aside in _asides(self._path):
                if aside not in self._closed:
                    extents += self._append_from(aside, last)
        return extents

    def _good_prefix(self, file: Path) -> Iterator[tuple[int, int, BitMap64]]:
        """The stretches of good lines up to the first that is not."""
        start = end = 0
        seqs = BitMap64()
        with file.open("rb") as lines:
            for row in rows(lines, 0, file.stat().st_size, self._longest):
                seq = self._take(row)
                if seq is None:
                    break
                seqs.add(seq)
                end += len(row)
                if end - start >= EXTENT_BYTES:
                    yield start, end, seqs
                    start, seqs = end, BitMap64()
        if end > start:
            yield start, end, seqs

    def _append_from(self, aside: Path, last: AppendFile) -> Iterator[Extent]:
        """The good lines of *aside*, whose inputs have no outcome yet, at the end of the last output."""
        start, seqs = last.end, BitMap64()
        with aside.open("rb") as lines:
            for row in rows(lines, 0, aside.stat().st_size, self._longest):
                seq = self._take(row)
                if seq is not None:
                    seqs.add(seq)
                    last.append(row)
                if last.end - start >= EXTENT_BYTES:
                    yield from _sealed(last, seqs)
                    start, seqs = last.end, BitMap64()
        yield from _sealed(last, seqs)

    def _take(self, row: bytes) -> int | None:
        """The seq of *row* if it is good and the first of its input."""
        try:
            stored = read_line(row)
        except ValueError:
            return None
        if stored.seq in self._refused or not stored.intact():
            return None
        self._refused.add(stored.seq)
        _count(self.tally, stored)
        return stored.seq


def _sealed(file: AppendFile, seqs: BitMap64) -> Iterator[Extent]:
    extent = file.seal(JsonlSink.name, rows=len(seqs), seqs=seqs)
    if extent is not None:
        yield extent


def _count(tally: Tally, stored: Stored) -> None:
    """As ``Tally.add`` would have counted the outcome."""
    tally.kinds[stored.outcome] += 1
    if stored.outcome is Kind.FETCHED and stored.status is not None:
        tally.statuses[stored.status] += 1
    elif stored.error is not None:
        tally.slugs[stored.error] += 1
    tally.bytes += stored.length
    tally.attempts += stored.attempts
    tally.redirects += len(stored.redirects)
