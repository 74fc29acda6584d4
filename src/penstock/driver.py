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
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

from penstock.core.frontier import Answer, Ask, Bound, Finished, Frontier, Pull, Refill, Settle, Spill, Start, Wait
from penstock.core.judge import Done, Ruled
from penstock.core.model import Ending, Errand
from penstock.core.tally import Statistics
from penstock.delivery import Delivery
from penstock.errors import Stalled
from penstock.interrupts import Interrupts
from penstock.seams import Engine, Gate, Overflow, Signal, Source

__all__ = ["AsyncioShell", "Beside", "BlockingShell", "Driver", "Turns"]

R = TypeVar("R")

BUSY: Final = 0.01
"""Seconds after which a consumer was busy with what it took: less than any delay that is noticed. To look each time
costs `for` a fifth of its speed (0.44 of the bare loop against 0.55: python -m benchmarks --scenario 50)."""

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
                if answer.until is None and not (frontier.running or outcomes or frontier.bound is Bound.PAUSED):
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
                if type(verdict) is Ruled and self._beside.gate is not None:
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
            (frontier.bound is Bound.CONCURRENCY and self.engine.bound()) or frontier.bound,
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
        if isinstance(leave, Errand):
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


class BlockingShell:
    """Waits in the engine's own selector: for scripts, threads and the command line."""

    def __init__(self, driver: Driver[Any]) -> None:
        """Drive *driver* whenever outcomes are asked for."""
        self._driver = driver
        self._interrupts = Interrupts(driver.engine.wake)
        self._left = driver.clock()

    def wait(self, until: float | None) -> bool:
        """Work until there are outcomes, or everything is done, or the time *until* has come.

        Whether there may be more later: False once the work is finished and every outcome was taken.
        """
        with self._interrupts:
            self._work(until)
        self._left = self._driver.clock()
        return self._driver.has_more()

    def _work(self, until: float | None) -> None:
        driver = self._driver
        if self._has_something():
            return
        if driver.clock() - self._left >= BUSY:
            # What came meanwhile is heard before anything more is started: it may say that a host is to be left alone.
            driver.collect(0)
        wake = driver.step()
        while not self._has_something():
            if until is not None and (wake is None or until < wake):
                wake = until
            now = driver.clock()
            driver.collect(None if wake is None else max(0.0, wake - now))
            if self._has_something() or (until is not None and driver.clock() >= until):
                break
            wake = driver.step()

    def _has_something(self) -> bool:
        """Whether there is something for whoever waits: outcomes, the end, or a Ctrl-C."""
        driver = self._driver
        return bool(driver.outcomes) or driver.finished or self._interrupts.held


class Timer(Protocol):
    """What a loop gives for something it will call."""

    def cancel(self) -> object:
        """Do not call it."""


class Turns:
    """What a shell does whenever its loop lets it: all that can be done now, and a timer for what comes later.

    *later* is the loop's way to call something after so many seconds; *tell* is called when there are
    outcomes, or nothing more will come, or ``failure`` says why not.
    """

    def __init__(
        self, driver: Driver[Any], later: Callable[[float, Callable[[], None]], Timer], tell: Callable[[], None]
    ) -> None:
        """Nothing is done before the first call."""
        self.failure: BaseException | None = None
        self._driver = driver
        self._later = later
        self._tell = tell
        self._timer: Timer | None = None
        self._due: float | None = None

    def __call__(self) -> None:
        """Take one turn."""
        if not self._driver.finished:
            try:
                self._work()
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as failure:  # noqa: BLE001 - nobody stands above a loop's callback; the consumer must know
                self.failure = failure
                self._tell()

    def close(self) -> None:
        """Take no more turns by itself. May be called twice."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = self._due = None

    def _work(self) -> None:
        driver = self._driver
        driver.collect(0)
        wake = driver.step()
        if driver.outcomes or driver.finished:
            self._tell()
        if driver.finished:
            return
        due = driver.engine.deadline()
        if due is None or (wake is not None and wake < due):
            due = wake
        if due != self._due:
            self.close()
            if due is not None:
                self._due = due
                self._timer = self._later(max(0.0, due - driver.clock()), self._ring)

    def _ring(self) -> None:
        self._timer = self._due = None
        self()


class AsyncioShell:
    """Waits in the running event loop, which watches the engine's one descriptor.

    The work goes on while the consumer awaits something else, up to the outcomes that may wait for it.
    """

    def __init__(self, driver: Driver[Any]) -> None:
        """Plug *driver* into the running loop."""
        self._driver = driver
        self._loop = asyncio.get_running_loop()
        self._fd = driver.engine.fileno()
        self._turns = Turns(driver, self._loop.call_later, self.tell)
        self._waiter: asyncio.Future[None] | None = None
        self._loop.add_reader(self._fd, self._turns)
        self._plugged = True

    async def wait(self) -> bool:
        """Work until there are outcomes or everything is done; whether there may be more later."""
        driver, turns = self._driver, self._turns
        turns()
        while not driver.outcomes and not driver.finished and turns.failure is None:
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        if turns.failure is not None:
            raise turns.failure
        return driver.has_more()

    def tell(self) -> None:
        """Let whoever waits look again."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def close(self) -> None:
        """Unplug from the loop, before the engine closes: then its descriptor may be anybody's. May be called twice."""
        self._turns.close()
        if self._plugged:
            self._plugged = False
            with suppress(RuntimeError):
                self._loop.remove_reader(self._fd)
