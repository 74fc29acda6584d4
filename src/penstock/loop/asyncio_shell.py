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
