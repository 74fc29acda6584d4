"""The shell for scripts, threads and the command line: it waits in the engine's own selector.

Knows the driver and when Ctrl-C may be raised. Does not know event loops.
"""

from __future__ import annotations

from typing import Any, Final

from penstock.loop.driver import Driver
from penstock.loop.interrupts import Interrupts

__all__ = ["BlockingShell"]

BUSY: Final = 0.01
"""Seconds after which a consumer was busy with what it took: less than any delay that is noticed. To look each time
costs `for` a fifth of its speed (0.44 of the bare loop against 0.55: python -m benchmarks --scenario 50)."""


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
