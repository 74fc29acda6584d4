"""Rebuilds the ledger from the rows that can still be read.

Knows run.json, which it needs, and judges rows. A row is kept if it can be read and its
body has the digest beside it. Of several rows for one input the last counts, unless the
one before was no failure: then it is no retry. If the old ledger can be read, it drops
rows too: in an extent whose bytes have changed, and in files set aside earlier.
Dropped rows are set aside, and a resume fetches their inputs again.

The formats read and cut the files; if there are several sinks, ``agreement`` says what
all of them have. docs/decisions/repair-order.md says where a moved row goes.

A repair that was killed can be run again. What the first one had moved may then be
fetched again, or, if it was tried again before, have its older outcome.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from operator import itemgetter
from pathlib import Path
from typing import Final, NamedTuple

from msgspec import Struct

from penstock.core.extents import Extent, SeqSet
from penstock.core.schedule.tally import Tally
from penstock.core.web.retry import LATER, reason
from penstock.core.web.stored import Keep, Salvaged, Stored
from penstock.errors import FolderDamaged, FolderError
from penstock.runs.account import Account, Failures
from penstock.runs.agreement import Agreement
from penstock.runs.contents import DigestStretch
from penstock.runs.files import LEDGER_FILE, asides, is_left, outputs, refuse_foreign
from penstock.runs.folder import RunFolder, no_run, read_manifest
from penstock.runs.ledger import Ledger
from penstock.runs.lock import Lock
from penstock.runs.manifest import Manifest
from penstock.seams import Format
from penstock.sink.durable import set_aside, sweep
from penstock.sink.formats import FORMATS

__all__ = ["Repair", "repair"]

ESCAPED: Final = 6
"""Bytes of text that one byte of a body becomes at most: \\u001f in JSON."""

OVERHEAD_BYTES: Final = 16 << 20
"""More than a row has besides its body."""

Commit = tuple[list[Extent], Tally, Failures]


class Repair(Struct, frozen=True, kw_only=True):
    """The result: *settled* inputs kept their outcome, *lost* ones of the old ledger did not."""

    settled: int
    lost: int


def repair(path: Path) -> Repair:
    """Rebuild the ledger of the run in the folder *path*, and remove damaged rows from its outputs.

    Raises FolderError if there is no run, or something that is not a run's; FolderDamaged if run.json cannot be read,
    FolderInUse while another process works on it, OutputError if the disk refuses.
    """
    if not RunFolder.holds_run(path):
        raise no_run(path)
    manifest = read_manifest(path)
    refuse_foreign(path)
    with Lock(path):
        sweep(path, is_left)
        old = _read_old_ledger(path, manifest.run)
        commits = list(_salvage(path, manifest, old))
        if (path / LEDGER_FILE).exists():
            set_aside(path / LEDGER_FILE, 0)
        digests = _read_old_digests(path, manifest.run)
        with closing(Ledger.create(path / LEDGER_FILE, manifest.run, commits=commits, digests=digests)) as ledger:
            settled = ledger.settled()
            if old.total is not None and settled.range_cardinality(0, old.total) == old.total - old.duplicates:
                ledger.finish(old.total, old.duplicates)
            # An input that lost its newest outcome has an older one again; that was a failure, and is tried again.
            back = old.suspect & settled
            pending = (old.pending | back) & SeqSet().union(*ledger.failures().values())
            if pending or old.reasons:
                ledger.set_pass(old.reasons or LATER, old.passes, pending)
    return Repair(settled=len(settled), lost=len((old.settled - settled) | back))


class _Old(NamedTuple):
    """The content of an old ledger, and which files not to read.

    *changed* has, for each file, where the stretches begin and end whose bytes have changed, and *suspect* the inputs
    whose newest outcome is in one of them. *closed* files were set aside while this ledger was there.
    """

    settled: SeqSet
    suspect: SeqSet
    changed: Mapping[str, list[tuple[int, int]]]
    total: int | None
    duplicates: int
    pending: SeqSet
    passes: int
    reasons: frozenset[str]
    closed: frozenset[Path]


def _read_old_ledger(path: Path, run: str) -> _Old:
    changed = defaultdict[str, list[tuple[int, int]]](list)
    suspect = defaultdict[str, SeqSet](SeqSet)
    try:
        with closing(Ledger(path / LEDGER_FILE, run)) as ledger:
            for extent in ledger.extents():
                suspect[extent.sink] -= extent.seqs
                if not _is_unchanged(path, extent):
                    suspect[extent.sink] |= extent.seqs
                    changed[extent.file].append((extent.start, extent.end))
            return _Old(
                ledger.settled(),
                SeqSet().union(*suspect.values()),
                changed,
                ledger.total,
                ledger.duplicates,
                ledger.pending(),
                ledger.passes,
                ledger.reasons,
                frozenset(asides(path)),
            )
    except FolderError:
        return _Old(SeqSet(), SeqSet(), {}, None, 0, SeqSet(), 1, frozenset(), frozenset())


def _read_old_digests(path: Path, run: str) -> Iterator[DigestStretch]:
    """Yield what the old ledger has of the input's contents; nothing else has it."""
    try:
        with closing(Ledger(path / LEDGER_FILE, run)) as ledger:
            yield from ledger.digests()
    except FolderError:
        return


def _is_unchanged(path: Path, extent: Extent) -> bool:
    if extent.sink not in FORMATS:
        return False
    try:
        return FORMATS[extent.sink].checksum(path, extent)[0] == extent.checksum
    except (FolderDamaged, OSError):
        return False


def _salvage(path: Path, manifest: Manifest, old: _Old) -> Iterator[Commit]:
    """Reduce the outputs to their sound rows, and yield commits of these."""
    longest = ESCAPED * max(manifest.longest, manifest.settings.max_body) + OVERHEAD_BYTES
    formats = [FORMATS[name] for name in manifest.settings.sinks]
    found = [list(_salvage_sound(path, format_, old, longest)) for format_ in formats]
    if len(formats) == 1:
        yield from (([extent], rows.tally, rows.failures) for extent, rows in found[0])
        return
    agreement = Agreement(path, [[extent for extent, _ in sink] for sink in found])
    while not agreement.is_whole():
        # A format may have to drop more: a revisit in a WARC file goes with its response.
        found = [list(_salvage_rows(path, format_, agreement.keep, longest)) for format_ in formats]
        agreement = Agreement(path, [[extent for extent, _ in sink] for sink in found])
    # An input has one row in each sink now, so that all may be one commit, wherever a format's extents end.
    if found[0]:
        account = Account()
        for _, rows in found[0]:
            account.add(rows.seqs, rows.tally, rows.failures)
        yield [extent for sink in found for extent, _ in sink], account.tally, account.failures


def _salvage_sound(path: Path, format_: Format, old: _Old, longest: int) -> Iterator[Salvaged]:
    """Reduce the outputs of *format_* to their sound rows, add rows that were set aside, and yield the extents."""
    before = frozenset(asides(path, format_))
    rows = _SoundRows(old.changed)
    yield from _salvage_rows(path, format_, rows.keep, longest)
    for aside in sorted(before - old.closed):
        # How old its rows are is not known, so they do not replace any.
        yield from format_.recover(aside, rows.without_replacing(), longest=longest)


def _salvage_rows(path: Path, format_: Format, keep: Keep, longest: int) -> Iterator[Salvaged]:
    for file in outputs(path, format_):
        yield from format_.salvage(file, keep, longest=longest)


class _SoundRows:
    """Decides which rows of one sink are kept, asked in the order in which they were written."""

    def __init__(self, changed: Mapping[str, Sequence[tuple[int, int]]]) -> None:
        self._changed = changed
        self._settled = SeqSet()
        self._replaceable = SeqSet()

    def keep(self, file: str, stored: Stored) -> bool:
        """Return whether the row can be trusted and its input has no outcome yet that may not be replaced."""
        seq = stored.seq
        if not stored.intact or self._is_changed(file, stored.place):
            return False
        if seq in self._settled and seq not in self._replaceable:
            return False
        self._settled.add(seq)
        if reason(stored.error, stored.status) is None:
            self._replaceable.discard(seq)
        else:
            self._replaceable.add(seq)
        return True

    def without_replacing(self) -> Keep:
        """Return a ``keep`` that refuses the rows of inputs that have an outcome now."""
        settled = self._settled.copy()
        return lambda file, stored: stored.seq not in settled and self.keep(file, stored)

    def _is_changed(self, file: str, place: int) -> bool:
        changed = self._changed.get(file, [])
        behind = bisect_right(changed, place, key=itemgetter(0))
        return behind > 0 and place < changed[behind - 1][1]
