"""Flow: what the caller of ``fetch`` holds. Iterable with ``for`` and with ``async for``.

Knows the driver and its shells. Does not know what the work is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Generator, Iterator
from types import TracebackType
from typing import Self

from penstock.core.model import Outcome
from penstock.core.tally import Statistics
from penstock.driver import AsyncioShell, BlockingShell, Driver
from penstock.errors import UsageError

__all__ = ["Flow"]


class Flow:
    """Outcomes as they complete, made only as fast as they are taken.

    Nothing begins before the first one is asked for. While outcomes wait to be taken nothing new starts:
    at most ``concurrency`` of them wait. Leaving the loop early closes everything; so do ``close``,
    ``aclose`` and leaving a ``with`` or ``async with`` block.

    One flow is iterated once, in one way. What an input iterator raises comes out of the loop after the
    outcomes of all that was read before.
    """

    def __init__(self, make: Callable[[], Driver]) -> None:
        """*make* is called when the first outcome is asked for."""
        self._make = make
        self._driver: Driver | None = None
        self._stopping = False
        self._aborting = False
        self._closed = False

    def __repr__(self) -> str:
        """State and counts, for a debugger."""
        if self._driver is None:
            return f"<Flow {'closed' if self._closed else 'not begun'}>"
        now = self.statistics()
        state = "closed" if self._closed else "finished" if self._driver.finished else "open"
        return (
            f"<Flow {state} done={now.tally.total} running={now.running} held={now.held}"
            f" undelivered={now.undelivered} bound={now.bound}>"
        )

    def __iter__(self) -> Iterator[Outcome]:
        """Outcomes as they complete, for a plain loop."""
        for batch in self.batches():
            yield from batch

    async def __aiter__(self) -> AsyncIterator[Outcome]:
        """Outcomes as they complete, for a loop inside a coroutine."""
        driver = self._begin()
        shell = AsyncioShell(driver)
        outcomes = driver.outcomes
        try:
            while await shell.wait():
                while outcomes:
                    yield outcomes.popleft()
            driver.raise_failure()
        finally:
            shell.close()
            self.close()

    def batches(self, every: float | None = None) -> Generator[list[Outcome], None, None]:
        """What has completed since the last time, as lists; a list may be empty after *every* seconds."""
        driver = self._begin()
        shell = BlockingShell(driver)
        outcomes = driver.outcomes
        try:
            while shell.wait(None if every is None else driver.clock() + every):
                batch = list(outcomes)
                outcomes.clear()
                yield batch
            driver.raise_failure()
        finally:
            self.close()

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
        """Drop what runs and give back everything. May be called twice."""
        self._closed = True
        if self._driver is not None:
            self._driver.close()

    async def aclose(self) -> None:
        """The same, for symmetry with ``async with``."""
        self.close()

    def statistics(self) -> Statistics:
        """Where the work stands. UsageError before it has begun."""
        if self._driver is None:
            raise UsageError("this flow has not begun; ask for its first outcome")
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
        self.close()

    def _begin(self) -> Driver:
        if self._closed:
            raise UsageError("this flow is closed")
        if self._driver is not None:
            raise UsageError("this flow is being iterated already; one flow is one loop")
        self._driver = self._make()
        if self._stopping:
            self._driver.stop()
        if self._aborting:
            self._driver.abort()
        return self._driver
