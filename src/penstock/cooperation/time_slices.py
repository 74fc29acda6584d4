"""Slices of time in which the tasks of a rota are stepped, on any event loop.

Knows the rota, a scheduler, and a predicate that says when a slice is over. Does not
know what a step does, or which loop it runs in.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, Protocol

from penstock.core.schedule.cooperator import Rota

__all__ = ["Predicate", "Scheduled", "Scheduler", "Slices", "ten_milliseconds"]

SLICE: Final = 0.01
"""Seconds for which iterators are stepped before the loop has its turn; the same as in
Twisted's ``task.Cooperator``."""

Predicate = Callable[[], bool]


class Scheduled(Protocol):
    """A scheduled call: Twisted's IDelayedCall or asyncio's Handle."""

    def cancel(self) -> object:
        """Cancel the call."""


Scheduler = Callable[[Callable[[], None]], Scheduled]


def ten_milliseconds() -> Predicate:
    """Return a predicate that says whether ten milliseconds have passed since."""
    end = time.monotonic() + SLICE
    return lambda: time.monotonic() >= end


class Slices:
    """Steps the members of *rota* in turn; each has a ``step()``.

    *factory* is called at the start of each slice and returns a predicate, which says
    after each step whether the slice is over. *scheduler* calls a slice later. *stop*
    is called if *factory* or its predicate raises.
    """

    def __init__(
        self, rota: Rota[Any], factory: Callable[[], Predicate], scheduler: Scheduler, stop: Callable[[], None]
    ) -> None:
        """Start with no slice scheduled."""
        self._rota = rota
        self._factory = factory
        self._scheduler = scheduler
        self._stop = stop
        self._call: Scheduled | None = None
        self._stepping = False

    def reschedule(self) -> None:
        """Schedule a slice if a task can be stepped, else cancel the scheduled one."""
        if not self._rota.due:
            if self._call is not None:
                self._call.cancel()
                self._call = None
        elif self._call is None and not self._stepping:
            self._call = self._scheduler(self._slice)

    def _slice(self) -> None:
        """Step tasks in turn until the slice is over, or no task can be stepped."""
        if self._stepping:  # by a scheduler that did not wait: a generator must not be entered twice
            return
        self._call = None
        self._stepping = True
        try:
            over = self._factory()
            while (member := self._rota.next()) is not None:
                member.step()
                if over():
                    break
        except Exception:
            # Steps raise no Exception, so the predicate did. Without it no task would
            # ever be stepped again, so all of them end now.
            self._stop()
            raise
        finally:
            self._stepping = False
            self.reschedule()
