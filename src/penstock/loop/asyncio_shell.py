"""The shell for asyncio: the running loop watches the engine's one descriptor.

Knows the driver and one event loop. Does not know who iterates over the outcomes.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from penstock.loop.driver import Driver
from penstock.loop.turns import Turns

__all__ = ["AsyncioShell"]


class AsyncioShell:
    """Lets the running event loop drive the work.

    The work continues while the consumer awaits something else, up to the outcomes that
    may wait for it.
    """

    def __init__(self, driver: Driver[Any]) -> None:
        """Add the engine of *driver* to the running loop."""
        self._driver = driver
        self._loop = asyncio.get_running_loop()
        self._fd = driver.engine.fileno()
        self._turns = Turns(driver, self._loop.call_later, self.wake)
        self._waiter: asyncio.Future[None] | None = None
        self._loop.add_reader(self._fd, self._turns)
        self._watched = True

    async def wait(self) -> bool:
        """Work until outcomes are ready or the work has finished.

        Return whether outcomes may follow.
        """
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

    def wake(self) -> None:
        """Let ``wait`` check again."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def close(self) -> None:
        """Remove the engine's descriptor from the loop. May be called twice."""
        self._turns.close()
        if self._watched:
            self._watched = False
            with suppress(RuntimeError):
                self._loop.remove_reader(self._fd)
