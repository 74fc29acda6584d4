"""One session of work: outcomes go from a flow into a store, and somebody is told how it goes.

What is kept when a session is left early: docs/decisions/leaving-a-run.md.

Knows the flow, sinks and the ledger by their seams. Does not know HTTP, formats or terminals.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import nsmallest
from pathlib import Path
from typing import Final, Protocol

from msgspec.structs import replace

from penstock.core.extents import Extent, Settled
from penstock.core.results import Summary
from penstock.core.schedule.learned import Learned
from penstock.core.schedule.statistics import Statistics
from penstock.core.schedule.tally import Tally
from penstock.core.web.finish import Finish
from penstock.core.web.model import Outcome
from penstock.core.web.retry import reason
from penstock.errors import OutputError, PenstockError
from penstock.loop.flow import Flow
from penstock.loop.interrupts import Uninterrupted
from penstock.remedies import Remedy, spoken
from penstock.seams import Input, Report, Sink
from penstock.settings import Settings

__all__ = ["Folder", "Lines", "Session", "Silence", "Summary"]

log = logging.getLogger("penstock")

FLUSH_BYTES: Final = 256 * 1024 * 1024
"""Bytes that may be taken since the last commit, whatever the time: what a crash may cost in traffic."""

WRITE_BYTES: Final = 1 << 20
"""Bytes of lines that are joined into one write."""

NAMED: Final = 3
"""Hosts that are left alone for a while and are named to whoever looks on."""

OFTEN: Final = 1.0
"""Seconds after which a session with an end of its own looks whether that has come, at the latest."""


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

    @property
    def total(self) -> int | None:
        """How many inputs there are, where all of them have been read."""

    def commit(self, extents: Sequence[Extent], tally: Tally, failures: Mapping[str, Settled]) -> None:
        """Settle the inputs of *extents*, all together."""

    def tally(self) -> Tally:
        """One outcome for each settled input."""

    def pending(self) -> Settled:
        """The settled inputs that are still to be tried again."""

    def learn(self, learned: Learned) -> None:
        """Keep what was *learned* of hosts."""

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
    def path(self) -> Path:
        """Where it is."""

    @property
    def ledger(self) -> Ledger:
        """The account of what is settled."""

    def confirm(self) -> None:
        """Raise FolderDamaged if its files are not those it was opened with."""

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

    def __init__(self, pieces: Callable[[Outcome], Iterable[bytes]], write: Callable[[bytes], object]) -> None:
        """*pieces* makes the bytes of a line, *write* takes them; what it raises ends the session."""
        self._pieces = pieces
        self._write = write

    def take(self, outcomes: Sequence[Outcome]) -> None:
        """Write them, many lines at once but no more than is worth it."""
        held: list[bytes] = []
        size = 0
        for outcome in outcomes:
            for piece in self._pieces(outcome):
                held.append(piece)
                size += len(piece)
                if size >= WRITE_BYTES:
                    self._write(b"".join(held))
                    held.clear()
                    size = 0
        if held:
            self._write(b"".join(held))

    def finish(self, inputs: int | None, duplicates: int) -> None:
        """Everything is written already."""

    def close(self) -> None:
        """Nothing is held."""


class Folder:
    """A store that makes outcomes durable in *sinks* and then settles them in the folder's ledger.

    *every* is the most seconds between two commits. *learned* tells what was learned of hosts; that is kept as well.
    Where *space* has no more room, what was taken is committed first.
    """

    def __init__(
        self,
        sinks: Sequence[Sink],
        folder: RunFolder,
        every: float,
        *,
        learned: Callable[[], Learned] = Learned,
        space: Space | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.every = every
        self._sinks = sinks
        self._folder = folder
        self._ledger = folder.ledger
        self._learned = learned
        self._kept = learned()
        self._staged: deque[Outcome] = deque()
        self._midway = False
        self._clock = clock
        self._space = space
        self._tally = Tally()
        self._failures: dict[str, Settled] = {}
        self._taken = 0
        self._due = clock() + every

    def take(self, outcomes: Sequence[Outcome]) -> None:
        """Hand each outcome to every sink; commit when it is time. OutputError if an outcome can't be kept.

        If it is left by a KeyboardInterrupt, the next call goes on behind the outcome that it came in.
        """
        self._staged.extend(outcomes)
        while self._staged:
            self._hand_on(self._staged.popleft())
        if self._taken >= FLUSH_BYTES or self._clock() >= self._due:
            self._commit()
            if self._space is not None:
                self._space.check()

    def finish(self, inputs: int | None, duplicates: int) -> None:
        """Commit the rest. FolderDamaged if a file of the run was replaced, removed or cut meanwhile."""
        self._commit()
        if inputs is not None:
            self._ledger.finish(inputs, duplicates)

    def close(self) -> None:
        """Let go of the files; what was not committed will be done again."""
        for sink in self._sinks:
            sink.close()
        self._folder.close()

    def _hand_on(self, outcome: Outcome) -> None:
        self._need_room(len(outcome.body))
        for sink in self._sinks:
            self._taken += sink.write(outcome)
        self._midway = True
        self._tally.add(outcome)
        why = reason(outcome.error, outcome.status)
        if why is not None:
            self._failures.setdefault(why, Settled()).add(outcome.seq)
        self._midway = False

    def _need_room(self, size: int) -> None:
        if self._space is not None:
            try:
                self._space.admit(size)
            except OutputError:
                self._commit()
                raise

    def _commit(self) -> None:
        if self._midway:
            raise OutputError("an outcome was interrupted while it was counted; what was committed before is safe")
        # Also if there is nothing to be committed: what was committed before must still be there at the end.
        self._folder.confirm()
        learned = self._learned()
        if _told(learned) != _told(self._kept):
            self._ledger.learn(learned)
            self._kept = learned
        extents = [extent for sink in self._sinks for extent in sink.flush()]
        if self._tally.total:
            self._ledger.commit(extents, self._tally, self._failures)
            self._tally = Tally()
            self._failures = {}
            self._taken = 0
        self._due = self._clock() + self.every


class Session:
    """Runs *flow* to its end, or until it is stopped, into *store*, and then those that *again* gives.

    *settings* are those in force; *folder*, where there is one, has what earlier sessions of the same run had settled.
    *again* begins another pass and gives its flow, or None where there is none to be done. ``remarks`` is where a stage
    leaves what is to be said once, ``advice`` what is to be said first and has a remedy in it.
    """

    def __init__(
        self,
        flow: Flow[Outcome],
        store: Store,
        source: Input,
        *,
        settings: Settings,
        folder: RunFolder | None = None,
        again: Callable[[], Flow[Outcome] | None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing begins before ``execute``."""
        self.settings = settings
        self._flow = flow
        self._store = store
        self._source = source
        self.remarks: list[str] = []
        self.advice: tuple[str | Remedy, ...] = ()
        self._folder = None if folder is None else str(folder.path)
        self._ledger = ledger = None if folder is None else folder.ledger
        self._next_flow = again
        self._clock = clock
        self._before = 0 if ledger is None else ledger.tally().total
        self._pending = 0 if ledger is None else len(ledger.pending())
        self._known = None if ledger is None else ledger.total
        self._earlier = Tally()
        self._spent = 0.0
        self._stopped = False
        self._storing = False
        self._uninterrupted = Uninterrupted()
        self._finish = Finish(settings.stop_at, settings.min_speed)
        self._ended_by: str | None = None
        self._end: float | None = None
        self._look: float | None = None

    def execute(self, report: Report | None = None) -> Summary:
        """Do the work, and say how it ended.

        Whatever leaves it early (Ctrl-C, what the input, the report or ``on_page`` raises), all that is complete is
        stored and committed first. OutputError or FolderDamaged if that can't be done, or, with another error, a note
        on it. The session can be resumed.
        """
        report = report or Silence()
        try:
            if self.advice:
                report.remark(spoken(self.advice))
            if self.settings.deadline is not None:
                self._end = self._clock() + self.settings.deadline
            if (self.settings.stop_at, self.settings.min_speed) != (None, None):
                self._look = self._clock() + OFTEN
            self._uninterrupted.install()
            self._work(report)
            while self._flow.complete and (flow := self._next_flow()) is not None:
                self._go_over_to(flow)
                self._work(report)
        finally:
            self._uninterrupted.restore()
            try:
                report.close()
            finally:
                self.close()
        return self._summary()

    def is_done(self) -> bool:
        """Whether every input had its outcome before, and none is to be tried again."""
        return self._known is not None and not self._pending

    def close(self) -> None:
        """Let go of everything, also where nothing was executed. May be called twice."""
        try:
            self._flow.close()
        finally:
            self._store.close()

    def stop(self) -> None:
        """Take no more, finish what runs, keep it. For any thread and for signal handlers."""
        self._stopped = True
        self._ended_by = self._ended_by or "stop"
        self._flow.stop()

    def abort(self) -> None:
        """Stop now and keep what is complete. For any thread and for signal handlers."""
        self._stopped = True
        self._ended_by = self._ended_by or "stop"
        self._flow.abort()

    def _work(self, report: Report) -> None:
        store, clock = self._store, self._clock
        due = None if report.every is None else clock()
        often = None if self._end is self._look is None else min(self.settings.deadline or OFTEN, OFTEN)
        self._tell(report)
        turns = self._flow.turns(_sooner(_sooner(store.every, report.every), often))
        try:
            for _ in turns:
                self._take()
                self._tell(report)
                if self._is_over():
                    self._flow.stop()
                if due is not None and clock() >= due:
                    report.update(self._statistics())
                    due = clock() + (report.every or 0.0)
        except BaseException as failure:
            try:
                self._keep(failure)
            finally:
                turns.close()
            raise
        with self._uninterrupted:
            # Those of earlier sessions were met again, as the whole input is read again.
            store.finish(self._inputs(), self._flow.statistics().tally.duplicates)

    def _take(self) -> None:
        """Store what has completed; a signal that comes meanwhile is heard when it is stored."""
        with self._uninterrupted:
            self._storing = True
            self._store.take(self._flow.completed())
            self._storing = False

    def _keep(self, failure: BaseException) -> None:
        """Commit what is complete before *failure* comes out, unless it is the store itself that failed."""
        if self._storing and isinstance(failure, Exception):
            return
        with self._uninterrupted:
            try:
                self._store.take(self._flow.completed())
                self._store.finish(None, 0)
            except PenstockError as error:
                failure.add_note(f"What was complete by then could not be stored: {error}")

    def _tell(self, report: Report) -> None:
        while self.remarks:
            report.remark(self.remarks.pop(0))
        for remark in self._source.remarks():
            report.remark(remark)

    def _go_over_to(self, flow: Flow[Outcome]) -> None:
        """Let another pass begin."""
        assert self._ledger is not None, "only what is kept can be tried again"
        statistics = self._statistics()
        self._earlier, self._spent = statistics.tally, statistics.elapsed
        self._pending += len(self._ledger.pending())
        self._known = self._ledger.total
        self._flow = flow
        if self._stopped or self._is_over():
            flow.stop()

    def _is_over(self) -> bool:
        """Whether nothing more is to be begun."""
        if self._ended_by is None:
            now = self._clock()
            if self._end is not None and now >= self._end:
                self._ended_by = "deadline"
            elif self._look is not None and now >= self._look:
                # Once a second: to say where the work stands walks over all hosts.
                self._look = now + OFTEN
                self._ended_by = self._finish.reached(self._statistics())
        return self._ended_by is not None

    def _inputs(self) -> int | None:
        return self._statistics().done if self._flow.complete else None

    def _statistics(self) -> Statistics:
        now = self._flow.statistics()
        tally = self._earlier.snapshot()
        tally.merge(now.tally)
        # Each pass meets them again.
        tally.duplicates = max(self._earlier.duplicates, now.tally.duplicates)
        parked, slowed, clock = self._flow.learned()
        busiest = now.busiest and now.busiest[0]
        known = self._known
        if known is not None and self._before + now.pulled - self._pending > known:
            # The list has grown since it was counted.
            known = None
        named = nsmallest(NAMED, parked.items(), key=lambda entry: (entry[0] != busiest, entry[1]))
        return replace(
            now,
            elapsed=self._spent + now.elapsed,
            tally=tally,
            before=self._before,
            again=self._pending,
            read=self._source.progress(),
            inputs=known,
            alone=len(parked),
            parked=tuple((key, max(0.0, until - clock)) for key, until in named),
            spacing=slowed.get(busiest, 0.0),
        )

    def _summary(self) -> Summary:
        statistics = self._statistics()
        tally, pending = statistics.tally, 0
        if self._ledger is not None:
            tally, pending = self._ledger.tally(), len(self._ledger.pending())
            tally.duplicates = tally.duplicates or statistics.tally.duplicates
        return Summary(
            self._folder,
            tally,
            statistics.tally,
            statistics.done if self._flow.complete else None,
            statistics.elapsed,
            self._flow.complete,
            statistics,
            self._pending - pending,
            pending,
            None if self._flow.complete else self._ended_by,
            self._left(statistics),
        )

    def _left(self, statistics: Statistics) -> int | None:
        """How many inputs have no outcome; None if that is not known, as of a list that was not read to its end."""
        if statistics.total is None:
            return None
        left = statistics.total - statistics.done
        # All that there were have theirs, and yet there is more to read.
        return left if left or statistics.exhausted or self._flow.complete else None


def _told(learned: Learned) -> tuple[Mapping[str, int], Mapping[str, float]]:
    """*learned* without what comes of reading two clocks."""
    return {host: round(until) for host, until in learned.parked.items()}, learned.slowed


def _sooner(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else min(one, other)
