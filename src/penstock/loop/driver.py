"""The loop: it obeys the frontier and decides nothing. The shells around it only wait.

Knows the seams and the frontier's answers. Does not know any concrete source, engine or
judge, formats, files, or who consumes the outcomes.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from random import random
from typing import Any, Final, Generic, NamedTuple, TypeVar

from penstock.core.schedule.answers import Answer, Ask, Bottleneck, Deliver, Finished, Pull, Refill, Spill, Start, Wait
from penstock.core.schedule.frontier import Frontier
from penstock.core.schedule.shortage import NO_SHORTAGE
from penstock.core.schedule.statistics import Statistics
from penstock.core.schedule.verdicts import Allow, Deny, Done, Ending, Satisfied, Verdict
from penstock.errors import Stalled
from penstock.loop.delivery import Delivery
from penstock.seams import EXHAUSTED, NOT_YET, Engine, Gate, Overflow, Source

__all__ = ["Driver", "Judge", "Stages"]

R = TypeVar("R")

TURNS: Final = 1000
"""Reactions to the frontier in one step, so that no long stretch of bad lines keeps a shell from its duties."""

Judge = Callable[[Any, float, float], Verdict]
"""Returns what an attempt, finished at a time, means; the last argument is a random number in [0, 1)."""


class Stages(NamedTuple, Generic[R]):
    """The stages in the order in which a job passes them."""

    source: Source[Any]
    frontier: Frontier
    engine: Engine[Any, Any]
    judge: Judge
    delivery: Delivery[R]


class Driver(Generic[R]):
    """Takes jobs from the source, has the engine run them as the frontier allows, and delivers their outcomes.

    Outcomes wait in ``outcomes`` for the consumer; while they do they count against the
    concurrency. ``failure`` is what the source raised, if it did, or the error that was
    to end everything. ``complete`` says, once ``finished``, that every item of the
    source has its outcome.

    *gate*, if any, is asked about each job before it starts; without an *overflow* the
    frontier must not spill. *clock* gives monotonic seconds, *draw* a random number in
    [0, 1).
    """

    def __init__(
        self,
        stages: Stages[R],
        *,
        gate: Gate | None = None,
        overflow: Overflow | None = None,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random,
    ) -> None:
        """Start nothing before the first step."""
        self.engine = stages.engine
        self.clock = clock
        self.outcomes: deque[R] = stages.delivery.ready
        self.finished = False
        self.complete = False
        self.failure: BaseException | None = None
        self._source = stages.source
        self._frontier = stages.frontier
        self._judge = stages.judge
        self._delivery = stages.delivery
        self._gate = gate
        self._overflow = overflow
        self._frontier.asks = gate is not None
        self._draw = draw
        self._shortage = NO_SHORTAGE
        self._pulled = 0
        self._requested = False
        self._exhausted = False
        self._stopping = False
        self._aborting = False
        self._dropped = False
        self._began = clock()

    def step(self) -> float | None:
        """Start all that may start now; return when the next step is due, or None if only the engine can tell.

        Sets ``finished`` when there is nothing left to do.
        """
        frontier, outcomes, delivery = self._frontier, self.outcomes, self._delivery
        now = self.clock()
        if (self._stopping or self._aborting) and self._wind_up():
            return now
        self._pass_on_shortage()
        start = self.engine.start
        for _ in range(TURNS):
            answer = frontier.next(now, len(outcomes), delivery.withheld)
            if type(answer) is Start:
                start(answer.job, now)
            elif type(answer) is Pull:
                if not self._pull(min(TURNS, frontier.room(len(outcomes), delivery.withheld)), now):
                    return frontier.wakes_at()
            elif type(answer) is Wait:
                self._check_wait(answer.until)
                return answer.until
            elif type(answer) is Finished:
                self._finish(whole=True)
                return now
            elif type(answer) is Ask:
                self._ask(answer.job, now)
            else:
                self._move_or_deliver(answer)
        return now

    def collect(self, timeout: float | None) -> None:
        """Judge what the engine has finished, after at most *timeout* seconds."""
        attempts = self.engine.collect(timeout)
        if attempts:
            judge, settle, put = self._judge, self._frontier.settle, self._delivery.put
            now, draw = self.clock(), self._draw
            for attempt in attempts:
                verdict = judge(attempt, now, draw())
                settle(attempt.job, verdict, now)
                if type(verdict) is Done:
                    put(verdict.outcome)
                    continue
                if type(verdict) is Satisfied and self._gate is not None:
                    self._gate.learn(verdict.result)
                if self._stopping:
                    self._dropped = True
            self._heed_failure()

    def has_more(self) -> bool:
        """Return whether there are outcomes to take, or may be later."""
        return bool(self.outcomes) or not self.finished

    def stop(self) -> None:
        """Start and pull nothing more; jobs that run may finish. For any thread and for signal handlers."""
        self._stopping = True
        self._source.request(0)
        self.engine.wake()

    def abort(self) -> None:
        """Start and pull nothing more and drop what runs. For any thread and for signal handlers."""
        self._aborting = True
        self._source.request(0)
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
        """Do the same inside of an event loop, and wait until all of it has ended. May be called twice.

        What runs ends before the source is closed: it may use what the source has open.
        """
        self.finished = True
        try:
            self.engine.cancel()
            try:
                await self.engine.join_cancelled()
            finally:
                await self._source.aclose()
        finally:
            self._close_the_rest()

    def raise_failure(self) -> None:
        """Raise ``failure``, if there is one, once every outcome that completed before it was taken."""
        if self.failure is not None:
            raise self.failure

    def statistics(self) -> Statistics:
        """Return where the work stands."""
        frontier, gate = self._frontier, self._gate
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
        """Do what ``stop`` and ``abort`` want; return whether nothing is left to do then."""
        if self._aborting:
            self.engine.cancel()
            self._finish()
            return True
        if not self._frontier.drained:
            aside = self._frontier.spilled
            self._dropped = bool(self._frontier.drain() or aside)
        return False

    def _pass_on_shortage(self) -> None:
        """Tell the frontier what the machine has run out of, if that has changed."""
        shortage = self.engine.shortage()
        if shortage is not self._shortage:
            self._shortage = shortage
            self._frontier.limit_by(shortage)

    def _ask(self, job: Any, now: float) -> None:
        """Ask the gate about *job* and do what it decides."""
        gate = self._gate
        assert gate is not None, "a frontier asks only if there is a gate"
        decision = gate.decide(job)
        if type(decision) is Allow:
            started = self._frontier.allow(decision.spacing)
            if started is not None:
                self.engine.start(started, now)
        elif type(decision) is Deny:
            self._frontier.deny(decision.spacing)
            self._deliver(decision.ending)
        else:
            self._frontier.defer(decision.prerequisite)

    def _pull(self, room: int, now: float) -> bool:
        """Take items from the source, up to *room* and as long as each may start at once.

        Return False if the source has none at the moment, or if one ended everything.
        """
        pull, try_start, start = self._source.pull, self._frontier.try_start, self.engine.start
        for _ in range(room):
            try:
                item = pull()
            except Exception as failure:  # noqa: BLE001 - the caller gets it from raise_failure
                self.failure = self.failure or failure
                item = EXHAUSTED
            if item is NOT_YET:
                self._frontier.starve()
                self._request()
                return False
            if item is EXHAUSTED:
                self._exhausted = True
                self._frontier.close()
                return True
            if item.seq >= 0:
                self._pulled += 1
            if isinstance(item, Ending):
                self._deliver(item)
                break
            if not try_start(item):
                if type(answer := self._frontier.offer(item)) is Spill:
                    self._move_or_deliver(answer)
                break
            start(item, now)
        return not self._aborting

    def _request(self) -> None:
        """Let the source make as many items as there is room for."""
        self._requested = True
        self._source.request(self._frontier.room(len(self.outcomes), self._delivery.withheld))
        if self._stopping or self._aborting:
            # Another thread, or a signal handler, may have called stop() in between.
            self._source.request(0)

    def _check_wait(self, until: float | None) -> None:
        """Take back what the source was allowed: there is no room now. Raises Stalled if nothing ends the wait."""
        if self._requested:
            self._requested = False
            self._source.request(0)
        frontier = self._frontier
        if until is None and not (frontier.running or self.outcomes or frontier.bound is Bottleneck.PAUSED):
            raise Stalled(f"nothing runs and nothing will wake: {frontier!r}")

    def _move_or_deliver(self, answer: Answer) -> None:
        """Move jobs between the frontier and the overflow, or deliver endings, as the frontier says."""
        if isinstance(answer, Deliver):
            for ending in answer.endings:
                self._deliver(ending)
            return
        overflow = self._overflow
        assert overflow is not None, "only a frontier with an overflow spills"
        if isinstance(answer, Spill):
            overflow.put(answer.jobs)
        elif isinstance(answer, Refill):
            self._frontier.refill(answer.key, overflow.take(answer.key, answer.most))

    def _deliver(self, outcome: Any) -> None:
        self._delivery.put(outcome)
        self._heed_failure()

    def _heed_failure(self) -> None:
        """End everything if an outcome that was delivered is the error that is to end it."""
        failure = self._delivery.failure
        if failure is not None:
            self.failure = self.failure or failure
            self.abort()

    def _close_the_rest(self) -> None:
        self.engine.close()
        self._delivery.close()
        for rest in (self._gate, self._overflow):
            if rest is not None:
                rest.close()

    def _finish(self, *, whole: bool = False) -> None:
        self.finished = True
        self.complete = whole and self._exhausted and not self._dropped and self.failure is None
        self._delivery.release()
