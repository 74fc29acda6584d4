"""The flow that ``fetch`` and ``throttle`` return, for ``for`` and for ``async for``.

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
from penstock.core.schedule.answers import Waiting
from penstock.core.schedule.frontier import Frontier
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
    """Outcomes as they complete, only as fast as the consumer takes them.

    Nothing starts before the consumer asks for the first outcome. While outcomes wait
    for the consumer, no job starts; at most ``concurrency`` of them wait. Leaving the
    loop early closes everything; so do ``close``, ``aclose`` and leaving a ``with`` or
    ``async with`` block. If ``break`` or an exception leaves an ``async for`` loop,
    Python closes the flow a moment later; with ``async with flow:`` everything is over
    when the block is left.

    A flow is iterated once, in one way. If the input iterator raises an Exception, the
    loop raises it after the outcomes of all items before; a KeyboardInterrupt or
    SystemExit at once.

    ``pause``, ``resume``, ``stop``, ``abort``, the limits and all queries may be used
    at any time, from any thread.
    """

    def __init__(self, frontier: Frontier, make: Make[R]) -> None:
        """*make* makes the driver of *frontier* at the request for the first outcome.

        It gets the event loop to work in, or None.
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
        # done() and join() wait for it, on any thread; its result is the exception that the loop raised.
        self._end: Future[Exception | None] = Future()

    def __repr__(self) -> str:
        """Show state, counts and limits, for a debugger."""
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
        """Yield outcomes as they complete, for a plain loop."""
        for batch in self.batches():
            # The consumer alone holds a page that it has taken: the batch does not keep it in memory.
            batch.reverse()
            while batch:
                yield batch.pop()

    async def __aiter__(self) -> AsyncIterator[R]:
        """Yield outcomes as they complete, for a loop inside a coroutine."""
        driver = self.begin(asyncio.get_running_loop())
        self._consumer = asyncio.current_task()
        with self.ending():
            try:
                with closing(AsyncioShell(driver)) as shell:
                    self._shell = shell
                    while await shell.wait():
                        while driver.outcomes:
                            yield driver.outcomes.popleft()
                    driver.raise_failure()
            finally:
                await driver.aclose()

    def batches(self, every: float | None = None) -> Generator[list[R], None, None]:
        """Yield the outcomes that have completed since the last batch.

        A batch is empty if none has after *every* seconds.
        """
        with closing(self.turns(every)) as turns:
            for _ in turns:
                yield self.take_completed()

    def take_completed(self) -> list[R]:
        """Take the outcomes that have completed since the last call.

        This also works after the loop was left.
        """
        if self._driver is None:
            return []
        outcomes = list(self._driver.outcomes)
        self._driver.outcomes.clear()
        return outcomes

    def turns(self, every: float | None = None) -> Generator[None, None, None]:
        """Work, and yield when outcomes have completed, or after *every* seconds.

        ``take_completed`` takes them.
        """
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
        """Wait until the work has ended.

        Without a consumer, do the work and drop its outcomes.

        Returns the final statistics: ``tally`` counts the failures; ``Flow.complete``
        says whether every input has its outcome.

        Raises the exception that the loop over the outcomes raised. Raises UsageError
        inside that loop itself, as it would wait for ever.
        """
        if self._driver is None and not self._closed:
            async for _ in self:
                pass
        else:
            self._check_wait(asyncio.current_task() is self._consumer)
            self._raise(await asyncio.shield(asyncio.wrap_future(self._end)))
        return self.statistics()

    def join(self) -> Statistics:
        """Block until the work has ended, as ``done`` does.

        Without a consumer, do the work and drop its outcomes.

        Raises UsageError inside an event loop, and inside the loop over the outcomes
        itself, as it would wait for ever.
        """
        if loop_runs():
            raise UsageError("join would block the running event loop; write: await flow.done()")
        if self._driver is None and not self._closed:
            for _ in self.batches():
                pass
        else:
            self._check_wait(self._thread == threading.get_ident())
            self._raise(self._end.result())
        return self.statistics()

    def pause(self) -> None:
        """Start no job until ``resume`` was called as often as ``pause``.

        Running jobs continue.
        """
        with self._pausing:
            self._frontier.pauses += 1

    def resume(self) -> None:
        """Take back one ``pause``. Raises NotPaused if there is none."""
        with self._pausing:
            if not self._frontier.pauses:
                raise NotPaused("this flow is not paused; each resume() takes back one pause()")
            self._frontier.pauses -= 1
        self.wake()

    @property
    def concurrency(self) -> int:
        """The most jobs at once, 1 to 1,000,000.

        A lower limit holds as soon as enough jobs have finished.
        """
        return self._frontier.concurrency

    @concurrency.setter
    def concurrency(self, concurrency: int) -> None:
        self._frontier.concurrency = check_number("concurrency", concurrency, 1, MOST_AT_ONCE, whole=True)
        self.wake()

    @property
    def per_key(self) -> int | None:
        """The most jobs of one key at once, 1 to 1,000,000, or None for no limit.

        This is ``per_host`` of ``fetch``.

        Setting it raises UsageError if there are no keys.
        """
        return None if self._frontier.per_key >= MOST_AT_ONCE else self._frontier.per_key

    @per_key.setter
    def per_key(self, per_key: int | None) -> None:
        if not self._frontier.keyed:
            raise UsageError("per_key is for items with a key; say which they have: throttle(..., key=function)")
        most = MOST_AT_ONCE if per_key is None else per_key
        self._frontier.per_key = check_number("per_key", most, 1, MOST_AT_ONCE, whole=True)
        self.wake()

    @property
    def rate(self) -> float | None:
        """The most starts a second, above 0, up to 1,000,000; None for no limit."""
        return self._frontier.rate

    @rate.setter
    def rate(self, rate: float | None) -> None:
        self._frontier.rate = check_rate(rate)
        self.wake()

    def parked(self) -> dict[Any, float]:
        """Return the paused keys (Retry-After), each with the end in seconds since 1970."""
        now, wall = time.monotonic(), time.time()
        return {key: wall + until - now for key, until in self._frontier.parked(now).items()}

    def learned(self) -> Learned:
        """Return what another session should know of the keys."""
        return Learned(self.parked(), self._frontier.slowed(), time.time())

    def waiting(self) -> list[Waiting]:
        """Return why the jobs of each key wait, most jobs first.

        Times are as of ``time.monotonic``.
        """
        return self._frontier.waiting()

    def stop(self) -> None:
        """Start no more jobs; running jobs finish, and their outcomes are delivered.

        May be called from any thread and from a signal handler.
        """
        self._stopping = True
        if self._driver is not None:
            self._driver.stop()

    def abort(self) -> None:
        """Start no more jobs and drop the running ones.

        Completed outcomes are still delivered.

        May be called from any thread and from a signal handler.
        """
        self._aborting = True
        if self._driver is not None:
            self._driver.abort()

    @property
    def complete(self) -> bool:
        """Whether every input has its outcome, and there are no more inputs."""
        return self._driver is not None and self._driver.complete

    @property
    def failure(self) -> BaseException | None:
        """The exception of the input iterator, or None."""
        return None if self._driver is None else self._driver.failure

    def close(self) -> None:
        """Drop the running jobs and release everything. May be called twice.

        Inside an event loop use ``aclose``: this method can't wait until dropped
        coroutines have ended. If the work itself calls either, that is an ``abort``:
        the consumer's loop closes the rest.
        """
        with self._leaving() as driver:
            if driver is not None:
                driver.close()

    async def aclose(self) -> None:
        """Drop the running jobs, wait until they have ended, and release everything.

        May be called twice.

        Raises the exception that the input iterator raises when it is closed.
        """
        with self._leaving() as driver:
            if driver is not None:
                await driver.aclose()

    def statistics(self) -> Statistics:
        """Return where the work stands. Raises UsageError if it has not begun."""
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
        """Make the driver and return it, for another shell than the two here.

        Drive it inside ``ending``.

        *loop* is the asyncio loop to work in, or None. Raises UsageError if the flow
        has begun before.
        """
        if self._closed:
            raise UsageError("this flow is closed")
        if self._driver is not None:
            raise UsageError("this flow is being iterated already; one flow is one loop")
        try:
            self._driver = self._make(loop)
        except UsageError:  # the flow may still begin in another way
            raise
        except BaseException:  # raised by the __iter__ of the input
            with self.ending():
                raise
        if self._stopping:
            self._driver.stop()
        if self._aborting:
            self._driver.abort()
        return self._driver

    @contextmanager
    def _leaving(self) -> Iterator[Driver[R] | None]:
        """Give the driver to close, or None, once no loop watches it.

        If the work itself is the caller, only abort.
        """
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
        """End the flow when the block is left, and wake ``done`` and ``join``."""
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
                self._shell.wake()

    def _check_wait(self, is_consumer: bool) -> None:  # noqa: FBT001 - each caller knows its consumer in another way
        """Raise UsageError if the consumer would wait for its own loop."""
        if is_consumer and not self._end.done():
            raise UsageError("inside the loop over the outcomes this would wait for itself for ever")

    def _raise(self, error: Exception | None) -> None:
        if error is not None:
            raise error

    def _is_inside(self) -> bool:
        """Whether the work itself is the caller."""
        return self._driver is not None and self._driver.engine.inside()

    def wake(self) -> None:
        """Look again at the limits: something outside has changed. For any thread."""
        if self._driver is not None and not self._closed:
            self._driver.engine.wake()


def loop_runs() -> bool:
    """Whether an event loop runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
