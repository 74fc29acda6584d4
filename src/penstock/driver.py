"""The loop: it obeys the frontier and has no opinions. Two shells around it do nothing but wait.

Knows the seams and the frontier's answers. Does not know any concrete source or engine, formats, files,
or who consumes the outcomes.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from random import random
from typing import Final, Protocol

from penstock.core.frontier import Frontier, Pull, Start, Wait
from penstock.core.judge import Done
from penstock.core.model import Attempt, Job, Outcome
from penstock.core.tally import Statistics, Tally
from penstock.errors import Stalled
from penstock.seams import Engine, Signal, Source

__all__ = ["AsyncioShell", "BlockingShell", "Driver"]

TURNS: Final = 1000
"""Reactions to the frontier in one step, so that no long stretch of bad lines keeps a shell from its duties."""


class Finish(Protocol):
    """What has the last word on an outcome, such as a page callback."""

    def __call__(self, outcome: Outcome) -> Outcome:
        """The outcome to deliver in place of *outcome*."""

    def close(self) -> None:
        """Nothing more will come."""


class Driver:
    """Takes jobs from *source*, has *engine* do them as *frontier* allows, and gathers the outcomes.

    Outcomes wait in ``outcomes`` for whoever drives; while they do they count against the concurrency.
    ``failure`` is what the source raised, if it did. ``complete`` says, once ``finished``, that every item
    of the source has its outcome. *finish* has the last word on each. *clock* gives monotonic seconds,
    *draw* a random number in [0, 1).
    """

    def __init__(
        self,
        source: Source,
        frontier: Frontier,
        engine: Engine,
        *,
        finish: Finish | None = None,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random,
    ) -> None:
        """Nothing happens before the first step."""
        self.engine = engine
        self.clock = clock
        self.outcomes: deque[Outcome] = deque()
        self.finished = False
        self.complete = False
        self._source = source
        self._frontier = frontier
        self._finish = finish
        self._draw = draw
        self._tally = Tally()
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
        frontier, outcomes = self._frontier, self.outcomes
        now = self.clock()
        if self._aborting:
            self.engine.cancel()
            self.finished = True
            return now
        if self._stopping and frontier.window:
            self._dropped = bool(frontier.drain())
        for _ in range(TURNS):
            answer = frontier.next(now, len(outcomes))
            if isinstance(answer, Start):
                self.engine.start(answer.job, now)
            elif isinstance(answer, Pull):
                if not self._pull():
                    return frontier.wakes_at()
            elif isinstance(answer, Wait):
                if answer.until is None and not frontier.running and not outcomes:
                    raise Stalled(f"nothing runs and nothing will wake: {frontier!r}")
                return answer.until
            else:
                self.finished = True
                self.complete = self._exhausted and not self._dropped and self.failure is None
                return now
        return now

    def collect(self, timeout: float | None) -> None:
        """Judge what the engine has finished, after at most *timeout* seconds."""
        attempts = self.engine.collect(timeout)
        if attempts:
            now = self.clock()
            for attempt in attempts:
                self._judge(attempt, now)

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
            self._source.close()
        finally:
            self.engine.close()
            if self._finish is not None:
                self._finish.close()

    def raise_failure(self) -> None:
        """Raise what the source raised, if it did, once all that was pulled before has finished."""
        if self.failure is not None:
            raise self.failure

    def statistics(self) -> Statistics:
        """Where the work stands."""
        frontier = self._frontier
        return Statistics(
            self.clock() - self._began,
            frontier.running,
            frontier.held,
            len(self.outcomes),
            self._pulled,
            self._exhausted,
            frontier.bound,
            frontier.largest(),
            self._tally,
        )

    def _pull(self) -> bool:
        """Take one item from the source; False where it has none at the moment."""
        item: Job | Outcome | Signal
        try:
            item = self._source.pull()
        except Exception as failure:  # noqa: BLE001 - it belongs to the caller, who gets it from raise_failure
            self.failure = failure
            item = Signal.EXHAUSTED
        if isinstance(item, Job):
            self._frontier.offer(item)
        elif isinstance(item, Outcome):
            self._deliver(item)
        elif item is Signal.NOT_YET:
            self._frontier.starve()
            return False
        else:
            self._exhausted = True
            self._frontier.close()
            return True
        self._pulled += 1
        return True

    def _judge(self, attempt: Attempt, now: float) -> None:
        verdict = self._frontier.judge(attempt, now, self._draw())
        if type(verdict) is Done:
            self._deliver(verdict.outcome)
        elif self._stopping:
            self._dropped = True

    def _deliver(self, outcome: Outcome) -> None:
        if self._finish is not None:
            outcome = self._finish(outcome)
        self._tally.add(outcome)
        self.outcomes.append(outcome)


class BlockingShell:
    """Waits in the engine's own selector: for scripts, threads and the command line."""

    def __init__(self, driver: Driver) -> None:
        """Drive *driver* whenever outcomes are asked for."""
        self._driver = driver

    def wait(self, until: float | None) -> bool:
        """Work until there are outcomes, or everything is done, or the time *until* has come.

        Whether there may be more later: False once the work is finished and every outcome was taken.
        """
        driver = self._driver
        while not driver.outcomes and not driver.finished:
            wake = driver.step()
            if driver.outcomes or driver.finished:
                break
            if until is not None and (wake is None or until < wake):
                wake = until
            now = driver.clock()
            driver.collect(None if wake is None else max(0.0, wake - now))
            if until is not None and driver.clock() >= until:
                break
        return driver.has_more()


class AsyncioShell:
    """Waits in the running event loop, which watches the engine's one descriptor.

    The work goes on while the consumer awaits something else, up to the outcomes that may wait for it.
    """

    def __init__(self, driver: Driver) -> None:
        """Plug *driver* into the running loop."""
        self._driver = driver
        self._loop = asyncio.get_running_loop()
        self._fd = driver.engine.fileno()
        self._timer: asyncio.TimerHandle | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._failure: Exception | None = None
        self._loop.add_reader(self._fd, self._turn)

    async def wait(self) -> bool:
        """Work until there are outcomes or everything is done; whether there may be more later."""
        driver = self._driver
        self._turn()
        while not driver.outcomes and not driver.finished and self._failure is None:
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        failure = self._failure
        if failure is not None:
            raise failure
        return driver.has_more()

    def close(self) -> None:
        """Unplug from the loop. May be called twice."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        with suppress(RuntimeError):
            self._loop.remove_reader(self._fd)

    def _turn(self) -> None:
        """Do what can be done now, and see that the loop comes back when more can be."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._driver.finished:
            try:
                self._work()
            except Exception as failure:  # noqa: BLE001 - nobody stands above a loop's callback; the consumer must know
                self._failure = failure
                self._tell()

    def _work(self) -> None:
        driver = self._driver
        driver.collect(0)
        wake = driver.step()
        if driver.outcomes or driver.finished:
            self._tell()
        if not driver.finished:
            self._arm(wake)

    def _arm(self, wake: float | None) -> None:
        due = self._driver.engine.deadline()
        if due is None or (wake is not None and wake < due):
            due = wake
        if due is not None:
            self._timer = self._loop.call_later(max(0.0, due - self._driver.clock()), self._turn)

    def _tell(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
