"""The work that each shell in an event loop does when the loop calls it.

Knows the driver and how to ask a loop for a timer. Does not know which loop it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from penstock.loop.driver import Driver

__all__ = ["Timer", "Turns"]


class Timer(Protocol):
    """A call that an event loop has scheduled."""

    def cancel(self) -> object:
        """Drop the call."""


class Turns:
    """Advances a driver as far as it can, and sets a timer for the next turn.

    *later* schedules a call of the event loop after a number of seconds. *wake* wakes
    the consumer: outcomes are ready, the work has finished, or ``failure`` is set.
    """

    def __init__(
        self, driver: Driver[Any], later: Callable[[float, Callable[[], None]], Timer], wake: Callable[[], None]
    ) -> None:
        """Nothing is done before the first call."""
        self.failure: BaseException | None = None
        self._driver = driver
        self._later = later
        self._wake = wake
        self._timer: Timer | None = None
        self._due: float | None = None

    def __call__(self) -> None:
        """Take one turn."""
        if not self._driver.finished:
            try:
                self._advance()
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as failure:  # noqa: BLE001 - a loop's callback has no caller: the consumer raises it
                self.failure = failure
                self._wake()

    def close(self) -> None:
        """Cancel the timer. May be called twice."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = self._due = None

    def _advance(self) -> None:
        driver = self._driver
        driver.collect(0)
        next_start = driver.step()
        if driver.outcomes or driver.finished:
            self._wake()
        if driver.finished:
            return
        due = driver.engine.deadline()
        if due is None or (next_start is not None and next_start < due):
            due = next_start
        if due != self._due:
            self.close()
            if due is not None:
                self._due = due
                self._timer = self._later(max(0.0, due - driver.clock()), self._ring)

    def _ring(self) -> None:
        self._timer = self._due = None
        self()
