"""The loop: it obeys the frontier and has no opinions. The shells around it only wait.

Knows the seams and the frontier's answers. Does not know any concrete source or engine, formats, files,
or who consumes the outcomes.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from random import random
from typing import Any, Final, Generic, NamedTuple, TypeVar

from penstock.core.schedule.frontier import (
    Answer,
    Ask,
    Bottleneck,
    Finished,
    Frontier,
    Pull,
    Refill,
    Settle,
    Spill,
    Start,
    Wait,
)
from penstock.core.web.judge import Done, Satisfied
from penstock.core.web.model import Ending, Prerequisite
from penstock.core.web.tally import Statistics
from penstock.errors import Stalled
from penstock.loop.delivery import Delivery
from penstock.seams import Engine, Gate, Overflow, Signal, Source

__all__ = ["Beside", "Driver"]

R = TypeVar("R")

TURNS: Final = 1000
"""Reactions to the frontier in one step, so that no long stretch of bad lines keeps a shell from its duties."""


class Beside(NamedTuple):
    """What the driver asks beside the engine: *gate* about each job before it starts, *overflow* to keep jobs.

    Where there is no overflow the frontier must not spill; where there is no gate every job may start.
    """

    gate: Gate | None = None
    overflow: Overflow | None = None


class Driver(Generic[R]):
    """Takes jobs from *source*, has *engine* do them as *frontier* allows, and hands the outcomes to *delivery*.

    Outcomes wait in ``outcomes`` for whoever drives; while they do they count against the concurrency.
    ``failure`` is what the source raised, if it did, or the error that was to end it all. ``complete`` says,
    once ``finished``, that every item of the source has its outcome. *beside* is what else there is to ask. *clock*
    gives monotonic seconds, *draw* a random number in [0, 1).
    """

    def __init__(
        self,
        source: Source[Any],
        frontier: Frontier,
        engine: Engine[Any, Any],
        delivery: Delivery[R],
        *,
        beside: Beside | None = None,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random,
    ) -> None:
        """Nothing happens before the first step."""
        self.engine = engine
        self.clock = clock
        self.outcomes: deque[R] = delivery.ready
        self.finished = False
        self.complete = False
        self._source = source
        self._frontier = frontier
        self._delivery = delivery
        beside = self._beside = beside or Beside()
        frontier.asks = beside.gate is not None
        self._draw = draw
        self._pulled = 0
        self.failure: BaseException | None = None
        self._exhausted = False
        self._stopping = False
        self._aborting = False
        self._dropped = False
        self._began = clock()

    def step(self) -> float | None:
        """Start all that may start now, and say until when nothing more will: None, until the engine stirs.

        Sets ``finished`` when there is nothing left to do.
        """
        frontier, outcomes, delivery = self._frontier, self.outcomes, self._delivery
        now = self.clock()
        if (self._stopping or self._aborting) and self._wind_up():
            return now
        start = self.engine.start
        for _ in range(TURNS):
            answer = frontier.next(now, len(outcomes), delivery.withheld)
            if type(answer) is Start:
                start(answer.job, now)
            elif type(answer) is Pull:
                if not self._pull():
                    return frontier.wakes_at()
            elif type(answer) is Wait:
                if answer.until is None and not (frontier.running or outcomes or frontier.bound is Bottleneck.PAUSED):
                    raise Stalled(f"nothing runs and nothing will wake: {frontier!r}")
                return answer.until
            elif type(answer) is Finished:
                self._finish(whole=True)
                return now
            elif type(answer) is Ask:
                self._ask(answer.job, now)
            else:
                self._put_aside_or_back(answer)
        return now

    def collect(self, timeout: float | None) -> None:
        """Judge what the engine has finished, after at most *timeout* seconds."""
        attempts = self.engine.collect(timeout)
        if attempts:
            now, judge, draw, deliver = self.clock(), self._frontier.judge, self._draw, self._deliver
            for attempt in attempts:
                verdict = judge(attempt, now, draw())
                if type(verdict) is Done:
                    deliver(verdict.outcome)
                    continue
                if type(verdict) is Satisfied and self._beside.gate is not None:
                    self._beside.gate.learn(verdict.heard)
                if self._stopping:
                    self._dropped = True

    def has_more(self) -> bool:
        """Whether there are outcomes to take, or may be later."""
        return bool(self.outcomes) or not self.finished

    def stop(self) -> None:
        """Start nothing more; what runs may finish. For any thread and for signal handlers."""
        self._stopping = True
        self.engine.wake()

    def abort(self) -> None:
        """Start nothing more and drop what runs. For any thread and for signal handlers."""
        self._aborting = True
        self.engine.wake()

    def close(self) -> None:
        """Drop what runs, close the source and the engine. May be called twice."""
        self.finished = True
        try:
            try:
                self.engine.cancel()
            finally:
                self._source.close()
        finally:
            self._close_the_rest()

    async def aclose(self) -> None:
        """The same inside of a loop: it returns when nothing of it is left. May be called twice.

        What runs is over before the source is closed: it may use what the source has open.
        """
        self.finished = True
        try:
            self.engine.cancel()
            try:
                await self.engine.settle()
            finally:
                await self._source.aclose()
        finally:
            self._close_the_rest()

    def raise_failure(self) -> None:
        """Raise ``failure``, if there is one, once all that completed before it was taken."""
        if self.failure is not None:
            raise self.failure

    def statistics(self) -> Statistics:
        """Where the work stands."""
        frontier, gate = self._frontier, self._beside.gate
        return Statistics(
            self.clock() - self._began,
            frontier.running,
            frontier.held + frontier.spilled,
            len(self.outcomes) + (self._delivery.withheld or 0),
            self._pulled,
            self._exhausted,
            (frontier.bound is Bottleneck.CONCURRENCY and self.engine.bound()) or frontier.bound,
            frontier.largest(),
            self._delivery.tally(),
            capped={} if gate is None else dict(gate.capped),
        )

    def _wind_up(self) -> bool:
        """Do what ``stop`` and ``abort`` want; whether nothing is left to do then."""
        if self._aborting:
            self.engine.cancel()
            self._finish()
            return True
        if self._frontier.window:
            aside = self._frontier.spilled
            self._dropped = bool(self._frontier.drain() or aside)
        return False

    def _ask(self, job: Any, now: float) -> None:
        """Start *job* if its host lets it, or what must be asked of the host before."""
        gate = self._beside.gate
        assert gate is not None, "a frontier asks only where there is a gate"
        leave = gate.look(job)
        if isinstance(leave, Prerequisite):
            self._frontier.detour(leave)
        elif isinstance(leave, Ending):
            self._frontier.refuse(gate.spacing(job))
            self._deliver(leave)
        else:
            started = self._frontier.admit(leave)
            if started is not None:
                self.engine.start(started, now)

    def _pull(self) -> bool:
        """Take one item from the source; False where it has none at the moment, or that was the end of it all."""
        try:
            item = self._source.pull()
        except Exception as failure:  # noqa: BLE001 - it belongs to the caller, who gets it from raise_failure
            self.failure = self.failure or failure
            item = Signal.EXHAUSTED
        if isinstance(item, Signal):
            if item is Signal.NOT_YET:
                self._frontier.starve()
                return False
            self._exhausted = True
            self._frontier.close()
            return True
        self._pulled += 1
        if isinstance(item, Ending):
            self._deliver(item)
        elif type(answer := self._frontier.offer(item)) is Spill:
            self._put_aside_or_back(answer)
        return not self._aborting

    def _put_aside_or_back(self, answer: Answer) -> None:
        """Move jobs between the frontier and the overflow, as the frontier says."""
        if isinstance(answer, Settle):
            for ending in answer.endings:
                self._deliver(ending)
            return
        overflow = self._beside.overflow
        assert overflow is not None, "only a frontier with an overflow spills"
        if isinstance(answer, Spill):
            overflow.put(answer.jobs)
        elif isinstance(answer, Refill):
            self._frontier.refill(answer.key, overflow.take(answer.key, answer.most))

    def _deliver(self, outcome: Any) -> None:
        delivery = self._delivery
        delivery.put(outcome)
        if delivery.failure is not None:
            self.failure = self.failure or delivery.failure
            self.abort()

    def _close_the_rest(self) -> None:
        self.engine.close()
        self._delivery.close()
        for rest in self._beside:
            if rest is not None:
                rest.close()

    def _finish(self, *, whole: bool = False) -> None:
        self.finished = True
        self.complete = whole and self._exhausted and not self._dropped and self.failure is None
        self._delivery.release()
