"""One session of work: outcomes go from a flow into a store, and somebody is told how it goes.

Knows the flow, sinks and the ledger by their seams. Does not know HTTP, formats or terminals.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from heapq import nsmallest
from typing import Final, Protocol

from msgspec import Struct
from msgspec.structs import replace

from penstock.core.model import Outcome
from penstock.core.tally import Statistics, Tally
from penstock.errors import OutputError
from penstock.flow import Flow
from penstock.seams import Extent, Input, Report, Sink
from penstock.settings import Settings

__all__ = ["Folder", "Lines", "Session", "Silence", "Summary"]

log = logging.getLogger("penstock")

FLUSH_BYTES: Final = 256 * 1024 * 1024
"""Bytes that may be taken since the last commit, whatever the time: what a crash may cost in traffic."""


NAMED: Final = 3
"""Hosts that are left alone for a while and are named to whoever looks on."""

OFTEN: Final = 1.0
"""Seconds after which a session with a deadline looks at the clock at the latest."""


class Summary(Struct, frozen=True):
    """How a session ended.

    *tally* counts all outcomes there are, *session* those of this session; *inputs* is how many inputs
    there are, once all have been read. *complete* says that every input has its outcome, or shares that of
    an earlier one: *inputs* = ``tally.total`` + ``tally.duplicates``. *folder* is None where lines went to
    standard output. *elapsed* is in seconds.
    """

    folder: str | None
    tally: Tally
    session: Tally
    inputs: int | None
    elapsed: float
    complete: bool
    statistics: Statistics


class Store(Protocol):
    """Where a session's outcomes go."""

    @property
    def every(self) -> float | None:
        """Seconds after which ``take`` must be called again, also with nothing; None: it need not."""

    def take(self, outcomes: Sequence[Outcome]) -> None:
        """Take what has completed, perhaps nothing."""

    def finish(self, inputs: int | None, duplicates: int) -> None:
        """Keep what was taken for good; *inputs* is how many there are, if all have their outcome.

        All but *duplicates*, that is.
        """

    def close(self) -> None:
        """Let go, without keeping anything more."""


class Ledger(Protocol):
    """What a session needs of a run's ledger."""

    def commit(self, extents: Sequence[Extent], tally: Tally) -> None:
        """Settle the inputs of *extents*, all together."""

    def park(self, hosts: Mapping[str, float]) -> None:
        """Note which hosts are to be left alone, and until when."""

    def finish(self, inputs: int, duplicates: int) -> None:
        """Note that the run is complete."""


class Space(Protocol):
    """What a session needs to know of the disk."""

    def admit(self, size: int) -> None:
        """OutputError where about *size* bytes more would be too many."""

    def check(self) -> None:
        """OutputError where there is no room."""


class RunFolder(Protocol):
    """What a session needs of a run folder."""

    @property
    def ledger(self) -> Ledger:
        """The account of what is settled."""

    def close(self) -> None:
        """Let go of the folder."""


class Silence:
    """A report that tells nobody."""

    every: float | None = None

    def remark(self, text: str) -> None:
        """Leave it to whoever reads the log."""
        log.warning(text)

    def update(self, statistics: Statistics) -> None:
        """Say nothing."""

    def close(self) -> None:
        """Nothing to leave."""


class Lines:
    """A store that writes each outcome as one line, at once, and keeps nothing."""

    every: float | None = None

    def __init__(self, line: Callable[[Outcome], bytes], write: Callable[[bytes], object]) -> None:
        """*line* makes the bytes, *write* takes them; what it raises ends the session."""
        self._line = line
        self._write = write

    def take(self, outcomes: Sequence[Outcome]) -> None:
        """Write them."""
        if outcomes:
            self._write(b"".join(map(self._line, outcomes)))

    def finish(self, inputs: int | None, duplicates: int) -> None:
        """Everything is written already."""

    def close(self) -> None:
        """Nothing is held."""


class Folder:
    """A store that makes outcomes durable in *sinks* and then settles them in the folder's ledger.

    *every* is the most seconds between two commits. *parked* tells which hosts are to be left alone, and until when
    (in seconds since 1970); that is kept as well. Where *space* has no more room, what was taken is committed first.
    """

    def __init__(
        self,
        sinks: Sequence[Sink],
        folder: RunFolder,
        every: float,
        *,
        parked: Callable[[], Mapping[str, float]] = dict,
        space: Space | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.every = every
        self._sinks = sinks
        self._folder = folder
        self._ledger = folder.ledger
        self._parked = parked
        self._kept: Mapping[str, float] = parked()
        self._clock = clock
        self._space = space
        self._tally = Tally()
        self._taken = 0
        self._due = clock() + every

    def take(self, outcomes: Sequence[Outcome]) -> None:
        """Hand each outcome to every sink; commit when it is time. OutputError if it can't be kept."""
        for outcome in outcomes:
            self._need_room(len(outcome.body))
            for sink in self._sinks:
                self._taken += sink.write(outcome)
            self._tally.add(outcome)
        if self._taken >= FLUSH_BYTES or self._clock() >= self._due:
            self._commit()
            if self._space is not None:
                self._space.check()

    def finish(self, inputs: int | None, duplicates: int) -> None:
        """Commit the rest."""
        self._commit()
        if inputs is not None:
            self._ledger.finish(inputs, duplicates)

    def close(self) -> None:
        """Let go of the files; what was not committed will be done again."""
        for sink in self._sinks:
            sink.close()
        self._folder.close()

    def _need_room(self, size: int) -> None:
        if self._space is not None:
            try:
                self._space.admit(size)
            except OutputError:
                self._commit()
                raise

    def _commit(self) -> None:
        parked = self._parked()
        if parked.keys() != self._kept.keys():
            self._ledger.park(parked)
            self._kept = parked
        if self._tally.total:
            extents = [extent for sink in self._sinks for extent in sink.flush()]
            self._ledger.commit(extents, self._tally)
            self._tally = Tally()
            self._taken = 0
        self._due = self._clock() + self.every


class Session:
    """Runs *flow* to its end, or until it is stopped, into *store*.

    *settings* are those in force; *before* counts what earlier sessions of the same run had settled. ``remarks`` is
    where a stage leaves what is to be said once.
    """

    def __init__(
        self,
        flow: Flow[Outcome],
        store: Store,
        source: Input,
        *,
        settings: Settings,
        folder: str | None = None,
        before: Tally | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing begins before ``execute``."""
        self.settings = settings
        self._flow = flow
        self._store = store
        self._source = source
        self._folder = folder
        self._before = before or Tally()
        self.remarks: list[str] = []
        self._clock = clock

    def execute(self, report: Report | None = None) -> Summary:
        """Do the work, and say how it ended.

        Whatever was taken is kept, also when the input raises: what it raises then comes out of here.
        OutputError where outcomes can't be kept; the session can be resumed.
        """
        report = report or Silence()
        try:
            self._work(report)
        finally:
            report.close()
            self.close()
        return self._summary()

    def close(self) -> None:
        """Let go of everything, also where nothing was executed. May be called twice."""
        self._flow.close()
        self._store.close()

    def stop(self) -> None:
        """Take no more, finish what runs, keep it. For any thread and for signal handlers."""
        self._flow.stop()

    def abort(self) -> None:
        """Stop now and keep what is complete. For any thread and for signal handlers."""
        self._flow.abort()

    def _work(self, report: Report) -> None:
        store, clock = self._store, self._clock
        due = None if report.every is None else clock()
        deadline = self.settings.deadline
        end = None if deadline is None else clock() + deadline
        often = None if deadline is None else min(deadline, OFTEN)
        self._tell(report)
        batches = self._flow.batches(_sooner(_sooner(store.every, report.every), often))
        try:
            for batch in batches:
                store.take(batch)
                self._tell(report)
                if end is not None and clock() >= end:
                    self._flow.stop()
                if due is not None and clock() >= due:
                    report.update(self._statistics())
                    due = clock() + (report.every or 0.0)
        except BaseException as failure:
            batches.close()
            if self._is_the_inputs(failure):
                store.finish(None, 0)
            raise
        # Those of earlier sessions were met again, as the whole input is read again.
        store.finish(self._inputs(), self._flow.statistics().tally.duplicates)

    def _tell(self, report: Report) -> None:
        while self.remarks:
            report.remark(self.remarks.pop(0))

    def _is_the_inputs(self, failure: BaseException) -> bool:
        """Whether *failure* came from the source: then everything taken before is sound."""
        return self._flow.failure is failure

    def _inputs(self) -> int | None:
        return self._before.total + self._flow.statistics().pulled if self._flow.complete else None

    def _statistics(self) -> Statistics:
        statistics = self._flow.statistics()
        parked, now = self._flow.parked(), time.time()
        busiest = statistics.busiest and statistics.busiest[0]
        named = nsmallest(NAMED, parked.items(), key=lambda entry: (entry[0] != busiest, entry[1]))
        return replace(
            statistics,
            before=self._before.total,
            read=self._source.progress(),
            alone=len(parked),
            parked=tuple((key, max(0.0, until - now)) for key, until in named),
        )

    def _summary(self) -> Summary:
        statistics = self._statistics()
        tally = Tally()
        tally.merge(self._before)
        tally.merge(statistics.tally)
        return Summary(
            self._folder,
            tally,
            statistics.tally,
            self._inputs(),
            statistics.elapsed,
            self._flow.complete,
            statistics,
        )


def _sooner(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else min(one, other)
