"""A run folder read back: the newest outcome of each input, from whatever sinks it had.

Knows the ledger and the seam of formats. Changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Literal

from penstock.core.extents import Extent, SeqSet
from penstock.core.schedule.tally import Tally
from penstock.core.web.model import Outcome
from penstock.core.web.selection import read_conditions, select
from penstock.core.web.stored import Unreadable
from penstock.errors import FolderDamaged, FolderError, FolderInUse, UsageError
from penstock.remedies import call
from penstock.runs.files import LEDGER_FILE
from penstock.runs.folder import RunFolder, no_run, read_manifest
from penstock.runs.ledger import Ledger
from penstock.runs.lock import Lock
from penstock.scratch.ordering import SeqOrder
from penstock.sink.formats import FORMATS
from penstock.sink.outcome import read_outcome
from penstock.sink.record import line

__all__ = ["Run", "open"]

Order = Literal["commit", "seq"]


class Run:
    """The outcomes of a run that were committed when it was opened, the newest of each input.

    Iterating reads them from the files, one at a time, in the order in which they were
    committed; it may be done again. Memory does not depend on their number. The object
    holds no file open. ``tally`` has the counts.
    """

    def __init__(self, path: Path, tally: Tally, extents: list[tuple[Extent, SeqSet]]) -> None:
        """*extents* are of one sink, each with the seqs whose newest outcome it has."""
        self.path = path
        self.tally = tally
        self._extents = extents

    def __repr__(self) -> str:
        """Show the folder and the counts."""
        return f"<Run {str(self.path)!r}: {len(self):,} outcomes>"

    def __len__(self) -> int:
        """Return the number of inputs that have an outcome."""
        return sum(len(newest) for _, newest in self._extents)

    def __iter__(self) -> Iterator[Outcome]:
        """Yield the outcomes in the order of their commits."""
        return self.outcomes()

    def outcomes(self, *where: str, order: Order = "commit") -> Iterator[Outcome]:
        """Yield the outcomes that meet every condition of *where*, as ``penstock export --where`` takes them.

        With *order* ``seq`` they come in the order of the inputs; all that are wanted are
        first put in order on the disk, in TMPDIR.

        Raises UsageError if a condition can't be read, FolderDamaged if an outcome can't.
        """
        try:
            conditions = read_conditions(where)
        except ValueError as error:
            raise UsageError(str(error)) from None
        wanted = (outcome for outcome in self._read() if select(outcome, conditions))
        return wanted if order == "commit" else _sort(wanted)

    def failed(self) -> Iterator[Outcome]:
        """Yield the outcomes of the inputs that were tried and have no complete response."""
        return self.outcomes("outcome=failed")

    def find(self, url: str | int) -> Outcome | None:
        """Return the outcome of the first input with this URL, or of the one with this seq; None if there is none.

        A URL is looked for in all outcomes, in those of one commit at a time.
        """
        if isinstance(url, int):
            return next((found for found in self._read(SeqSet([url]))), None)
        found = (outcome for outcome in self._read() if url in (outcome.url, outcome.final_url))
        return min(found, key=lambda outcome: outcome.seq, default=None)

    def to_arrow(self, *where: str, order: Order = "commit") -> Any:
        """Return the outcomes as a ``pyarrow.RecordBatchReader``, which reads them as its consumer asks.

        The columns are as of ``--sink parquet``, the parameters as of ``outcomes``. Raises UsageError if pyarrow is
        not installed.
        """
        from penstock.reading.tables import read_batches  # noqa: PLC0415 - an extra

        return read_batches(self.outcomes(*where, order=order))

    def to_pandas(self, *where: str, order: Order = "commit") -> Any:
        """Return the outcomes as a ``pandas.DataFrame``, all in memory; the rest is as of ``to_arrow``."""
        from penstock.reading.tables import to_pandas  # noqa: PLC0415 - as above

        return to_pandas(self.outcomes(*where, order=order))

    def to_polars(self, *where: str, order: Order = "commit") -> Any:
        """Return the outcomes as a ``polars.DataFrame``, all in memory; the rest is as of ``to_arrow``."""
        from penstock.reading.tables import to_polars  # noqa: PLC0415 - as above

        return to_polars(self.outcomes(*where, order=order))

    def _read(self, seqs: SeqSet | None = None) -> Iterator[Outcome]:
        """Yield the newest outcomes of *seqs*, or of all inputs."""
        for extent, newest in self._extents:
            wanted = newest if seqs is None else newest & seqs
            if wanted:
                yield from self._read_extent(extent, wanted)

    def _read_extent(self, extent: Extent, wanted: SeqSet) -> Iterator[Outcome]:
        try:
            for row in FORMATS[extent.sink].outcomes(self.path, extent):
                if isinstance(row, Unreadable):
                    raise self._damaged(extent, row.reason)
                if row.seq in wanted:
                    yield row
        except OSError as error:
            raise self._damaged(extent, error.strerror or str(error)) from error

    def _damaged(self, extent: Extent, why: str) -> FolderDamaged:
        return FolderDamaged(
            f"{self.path / extent.file} can't be read: {why}; check the rest: ", call("verify", self.path)
        )


def open(path: str | os.PathLike[str]) -> Run:  # noqa: A001 - read as penstock.open
    """Return the run in the folder *path*, also while it is at work, as far as it is committed.

    Raises FolderError if there is no run, or if it has only formats that this version of
    Penstock does not know; FolderDamaged if its ledger can't be read.
    """
    folder = Path(path)
    if not RunFolder.holds_run(folder):
        raise no_run(folder)
    manifest = read_manifest(folder)
    # Committed extents never change while a run is at work, so a lock that is taken is no hindrance.
    with suppress(FolderInUse), Lock(folder, shared=True):
        return _read_ledger(folder, manifest.run, manifest.settings.sinks)
    return _read_ledger(folder, manifest.run, manifest.settings.sinks)


def _read_ledger(folder: Path, run: str, sinks: Iterable[str]) -> Run:
    known = [name for name in FORMATS if name in set(sinks)]
    if not known:
        raise FolderError(f"{folder} has outputs in formats that this version does not know: {', '.join(sinks)}")
    with closing(Ledger(folder / LEDGER_FILE, run)) as ledger:
        extents = [extent for extent in ledger.extents() if extent.sink == known[0]]
        return Run(folder, ledger.tally(), _find_newest(extents))


def _find_newest(extents: list[Extent]) -> list[tuple[Extent, SeqSet]]:
    """Return each extent with the seqs that no later one has."""
    later, found = SeqSet(), []
    for extent in reversed(extents):
        found.append((extent, extent.seqs - later))
        later |= extent.seqs
    return found[::-1]


def _sort(outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
    """Yield *outcomes* in the order of their seqs."""
    with closing(SeqOrder()) as order:
        for outcome in outcomes:
            order.add(outcome.seq, line(outcome, inline_body=True))
        for row in order.rows():
            yield read_outcome(row)
