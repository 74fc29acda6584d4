"""The shell for scripts, threads and the command line: it waits in the engine.

Knows the driver and when Ctrl-C may be raised. Does not know event loops.
"""

from __future__ import annotations

from typing import Any, Final

from penstock.loop.driver import Driver
from penstock.loop.interrupts import DeferredInterrupt

__all__ = ["BlockingShell"]

BUSY: Final = 0.01
"""Seconds after which a consumer counts as busy with its outcomes: shorter than any
delay that a user notices. To collect before each turn costs `for` a fifth of its speed
(0.44 of the bare loop against 0.55: python -m benchmarks --scenario 50)."""


class BlockingShell:
    """Drives the work while the consumer waits for outcomes, and never otherwise."""

    def __init__(self, driver: Driver[Any]) -> None:
        """Start no job before the first ``wait``."""
        self._driver = driver
        self._interrupt = DeferredInterrupt(driver.engine.wake)
        self._returned_at = driver.clock()

    def wait(self, until: float | None) -> bool:
        """Work until outcomes are ready, the work has finished, or it is *until*.

        Return whether outcomes may follow: False once the work has finished and every
        outcome was taken.
        """
        with self._interrupt:
            self._work(until)
        self._returned_at = self._driver.clock()
        return self._driver.has_more()

    def _work(self, until: float | None) -> None:
        driver = self._driver
        if self._is_due():
            return
        if driver.clock() - self._returned_at >= BUSY:
            # Before any start: an answer that has arrived meanwhile may ask for a pause of its host.
            driver.collect(0)
        wake = driver.step()
        while not self._is_due():
            if until is not None and (wake is None or until < wake):
                wake = until
            now = driver.clock()
            driver.collect(None if wake is None else max(0.0, wake - now))
            if self._is_due() or (until is not None and driver.clock() >= until):
                break
            wake = driver.step()

    def _is_due(self) -> bool:
        """Whether the consumer must wake: for outcomes, the end, or a Ctrl-C."""
        driver = self._driver
        return bool(driver.outcomes) or driver.finished or self._interrupt.pending
