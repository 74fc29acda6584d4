"""What every shell in an event loop does when the loop calls it.

Knows the driver and how to ask a loop for a timer. Does not know which loop it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from penstock.loop.driver import Driver

__all__ = ["Timer", "Turns"]


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
