"""Flow: what the caller of ``fetch`` and ``throttle`` holds. Iterable with ``for`` and with ``async for``.

Knows the driver, its shells and the frontier's limits. Does not know what the work is.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from penstock.bounds import MOST_AT_ONCE, check_number, check_rate
from penstock.core.schedule.frontier import Frontier, Waiting
from penstock.core.schedule.learned import Learned
from penstock.core.schedule.statistics import Statistics
from penstock.errors import NotPaused, UsageError
from penstock.loop.asyncio_shell import AsyncioShell
from penstock.loop.blocking_shell import BlockingShell
from penstock.loop.driver import Driver

__all__ = ["Flow", "loop_runs"]

R = TypeVar("R")

Make = Callable[[asyncio.AbstractEventLoop | None], Driver[R]]


class Flow(Generic[R]):
    """Outcomes as they complete, made only as fast as they are taken.

    Nothing begins before the first one is asked for. While outcomes wait to be taken nothing new starts:
    at most ``concurrency`` of them wait. Leaving the loop early closes everything; so do ``close``,
    ``aclose`` and leaving a ``with`` or ``async with`` block. Of a loop in a coroutine that is left by ``break`` or
    by what its own body raises, Python closes what is behind it a moment later; inside of ``async with flow:``
    everything is over when the block is left.

    One flow is iterated once, in one way. An Exception of an input iterator comes out of the loop after the
    outcomes of all that was read before; a KeyboardInterrupt or SystemExit of it at once.

    ``pause``, ``resume``, ``stop``, ``abort``, the limits and all that tells how it goes may be used at any
    time, from any thread.
    """

    def __init__(self, frontier: Frontier, make: Make[R]) -> None:
        """*make* is called when the first outcome is asked for, with the loop to work in, if there is one.

        *frontier* is that of the driver it makes.
        """
        self._frontier = frontier
        self._make = make
        self._driver: Driver[R] | None = None
        self._shell: AsyncioShell | None = None
        self._thread: int | None = None
        self._consumer: asyncio.Task[Any] | None = None
        self._pausing = threading.Lock()
        self._stopping = False
        self._aborting = False
        self._closed = False
        # Whom done() and join() wait for, on whatever thread; its result is what the loop raised.
        self._end: Future[Exception | None] = Future()

    def __repr__(self) -> str:
        """State, counts and limits, for a debugger."""
        frontier = self._frontier
        limits = f"concurrency={frontier.concurrency} per_key={self.per_key} rate={frontier.rate}"
        if frontier.pauses:
            limits += f" pauses={frontier.pauses}"
        if self._driver is None:
            return f"<Flow {'closed' if self._closed else 'not begun'} {limits}>"
        now = self.statistics()
        state = "closed" if self._closed else "finished" if self._driver.finished else "open"
        return (
            f"<Flow {state} done={now.tally.total} running={now.running} held={now.held}"
            f" undelivered={now.undelivered} bound={now.bound} {limits}>"
        )

    def __iter__(self) -> Iterator[R]:
        """Outcomes as they complete, for a plain loop."""
        for batch in self.batches():
            # A page that was taken is the caller's alone: memory does not hold it until the whole batch is taken.
            batch.reverse()
            while batch:
                yield batch.pop()

    async def __aiter__(self) -> AsyncIterator[R]:
        """Outcomes as they complete, for a loop inside a coroutine."""
        driver = self.begin(asyncio.get_running_loop())
        self._consumer = asyncio.current_task()
        with self.ending():
            try:
                shell = self._shell = AsyncioShell(driver)
                try:
                    while await shell.wait():
                        while driver.outcomes:
                            yield driver.outcomes.popleft()
                    driver.raise_failure()
                finally:
                    shell.close()
            finally:
                await driver.aclose()

    def batches(self, every: float | None = None) -> Generator[list[R], None, None]:
        """What has completed since the last time, as lists; a list may be empty after *every* seconds."""
        with closing(self.turns(every)) as turns:
            for _ in turns:
                yield self.completed()

    def completed(self) -> list[R]:
        """Take what has completed since the last time; also after the loop was left, however it was."""
        if self._driver is None:
            return []
        outcomes = list(self._driver.outcomes)
        self._driver.outcomes.clear()
        return outcomes

    def turns(self, every: float | None = None) -> Generator[None, None, None]:
        """Work, and stop whenever something is ``completed``, or after *every* seconds. What is not taken stays."""
        driver = self.begin(None)
        self._thread = threading.get_ident()
        shell = BlockingShell(driver)
        with self.ending():
            try:
                while shell.wait(None if every is None else driver.clock() + every):
                    yield
                driver.raise_failure()
            finally:
                driver.close()

    async def done(self) -> Statistics:
        """Wait until the work is over, whoever takes its outcomes; where nobody does, do it and drop them.

        Returns how it ended: ``tally`` counts what failed, ``Flow.complete`` tells whether anything was left.
        Raises what the loop over the outcomes raised, if the input or, with ``fail_fast``, the work did. UsageError
        inside of the very loop over the outcomes, where it would wait for itself.
        """
        if self._driver is None and not self._closed:
            async for _ in self:
                pass
        else:
            self._refuse_to_wait(asyncio.current_task() is self._consumer)
            self._raise(await asyncio.shield(asyncio.wrap_future(self._end)))
        return self.statistics()

    def join(self) -> Statistics:
        """``done`` for where no event loop runs: blocks until the work is over, and does it where nobody does.

        UsageError inside of an event loop, and inside of the very loop over the outcomes, where it would wait
        for itself.
        """
        if loop_runs():
            raise UsageError("join would block the running event loop; write: await flow.done()")
        if self._driver is None and not self._closed:
            for _ in self.batches():
                pass
        else:
            self._refuse_to_wait(self._thread == threading.get_ident())
            self._raise(self._end.result())
        return self.statistics()

    def pause(self) -> None:
        """Start nothing more until ``resume`` was called as often as ``pause``; what runs goes on."""
        with self._pausing:
            self._frontier.pauses += 1

    def resume(self) -> None:
        """Take one pause back; NotPaused where there is none."""
        with self._pausing:
            if not self._frontier.pauses:
                raise NotPaused("this flow is not paused; each resume() takes back one pause()")
            self._frontier.pauses -= 1
        self._wake()

    @property
    def concurrency(self) -> int:
        """How many jobs run at once (1 to 1,000,000). A lower one holds as soon as enough have finished."""
        return self._frontier.concurrency

    @concurrency.setter
    def concurrency(self, concurrency: int) -> None:
        self._frontier.concurrency = check_number("concurrency", concurrency, 1, MOST_AT_ONCE, whole=True)
        self._wake()

    @property
    def per_key(self) -> int | None:
        """How many jobs of one key run at once (1 to 1,000,000), None for no limit; of ``fetch``: ``per_host``.

        UsageError where it is set and there are no keys.
        """
        return None if self._frontier.per_key >= MOST_AT_ONCE else self._frontier.per_key

    @per_key.setter
    def per_key(self, per_key: int | None) -> None:
        if not self._frontier.keyed:
            raise UsageError("per_key is for items with a key; say which they have: throttle(..., key=function)")
        most = MOST_AT_ONCE if per_key is None else per_key
        self._frontier.per_key = check_number("per_key", most, 1, MOST_AT_ONCE, whole=True)
        self._wake()

    @property
    def rate(self) -> float | None:
        """How many jobs start in a second (above 0, to 1,000,000); None for no limit."""
        return self._frontier.rate

    @rate.setter
    def rate(self, rate: float | None) -> None:
        self._frontier.rate = check_rate(rate)
        self._wake()

    def parked(self) -> dict[Any, float]:
        """The keys whose servers asked to be left alone (Retry-After), and until when, in seconds since 1970."""
        now, wall = time.monotonic(), time.time()
        return {key: wall + until - now for key, until in self._frontier.parked(now).items()}

    def learned(self) -> Learned:
        """What was learned of the keys that another session should know."""
        return Learned(self.parked(), self._frontier.slowed(), time.time())

    def waiting(self) -> list[Waiting]:
        """What the jobs of each key wait for, most jobs first; times are those of ``time.monotonic``."""
        return self._frontier.waiting()

    def stop(self) -> None:
        """Take no more and start no more; what runs may finish and comes out. The rest stays undone.

        May be called from any thread and from a signal handler.
        """
        self._stopping = True
        if self._driver is not None:
            self._driver.stop()

    def abort(self) -> None:
        """Take no more and drop what runs; what had completed still comes out.

        May be called from any thread and from a signal handler.
        """
        self._aborting = True
        if self._driver is not None:
            self._driver.abort()

    @property
    def complete(self) -> bool:
        """Whether every input has come out with its outcome, and there are no more."""
        return self._driver is not None and self._driver.complete

    @property
    def failure(self) -> BaseException | None:
        """What the input's iterator raised, if it did."""
        return None if self._driver is None else self._driver.failure

    def close(self) -> None:
        """Drop what runs and give back everything. May be called twice.

        Inside of an event loop use ``aclose``: this one can't wait until coroutines that it drops are over.
        Called by the work itself both are an ``abort``: whoever takes the outcomes does the rest.
        """
        with self._leaving() as driver:
            if driver is not None:
                driver.close()

    async def aclose(self) -> None:
        """Drop what runs, wait until it is over, and give back everything. May be called twice.

        Raises what the input's iterator raises when it is closed.
        """
        with self._leaving() as driver:
            if driver is not None:
                await driver.aclose()

    def statistics(self) -> Statistics:
        """Where the work stands. UsageError where it has not begun."""
        if self._driver is None:
            raise UsageError(
                "this flow was closed before it began"
                if self._closed
                else "this flow has not begun; ask for its first outcome"
            )
        return self._driver.statistics()

    def __enter__(self) -> Self:
        """Close on leaving the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    async def __aenter__(self) -> Self:
        """Close on leaving the block."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.aclose()

    def begin(self, loop: asyncio.AbstractEventLoop | None) -> Driver[R]:
        """The driver, begun: for a shell that waits in another way than the two here do, inside of ``ending``.

        *loop* is the asyncio loop to work in, if there is one. UsageError where somebody has begun before.
        """
        if self._closed:
            raise UsageError("this flow is closed")
        if self._driver is not None:
            raise UsageError("this flow is being iterated already; one flow is one loop")
        try:
            self._driver = self._make(loop)
        except UsageError:  # in another way it may still begin
            raise
        except BaseException:  # the input's, from its __iter__
            with self.ending():
                raise
        if self._stopping:
            self._driver.stop()
        if self._aborting:
            self._driver.abort()
        return self._driver

    @contextmanager
    def _leaving(self) -> Iterator[Driver[R] | None]:
        """The driver to close, if there is one, with nobody watching it any more; called by the work, only an abort."""
        if self._is_inside():
            self.abort()
            yield None
            return
        with self.ending():
            if self._shell is not None:
                self._shell.close()
            yield self._driver

    @contextmanager
    def ending(self) -> Iterator[None]:
        """Inside of it this flow comes to its end, and whoever waits for that is told of it afterwards."""
        error = None
        try:
            yield
        except Exception as failure:
            error = failure
            raise
        finally:
            self._closed = True
            if not self._end.done():
                self._end.set_result(error)
            if self._shell is not None:
                self._shell.tell()

    def _refuse_to_wait(self, for_itself: bool) -> None:  # noqa: FBT001 - what is asked, said where it is known
        if for_itself and not self._end.done():
            raise UsageError("inside of the loop over the outcomes this would wait for itself for ever")

    def _raise(self, error: Exception | None) -> None:
        if error is not None:
            raise error

    def _is_inside(self) -> bool:
        """Whether it is the work that asks."""
        return self._driver is not None and self._driver.engine.inside()

    def _wake(self) -> None:
        if self._driver is not None and not self._closed:
            self._driver.engine.wake()


def loop_runs() -> bool:
    """Whether an event loop runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
