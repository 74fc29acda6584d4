"""Stepping the tasks of a rota in slices, whatever event loop gives the time for them.

Knows the rota, a scheduler and a predicate that says when a slice is over. Does not know what a step is, or what loop
it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, Protocol

from penstock.core.schedule.cooperator import Rota

__all__ = ["Predicate", "Scheduled", "Scheduler", "Slices", "ten_milliseconds"]

SLICE: Final = 0.01
"""Seconds that iterators are stepped before the loop has its turn; the number of Twisted's ``task.Cooperator``."""

Predicate = Callable[[], bool]


class Scheduled(Protocol):
    """A call that has not happened yet; what of Twisted's IDelayedCall or asyncio's Handle is needed here."""

    def cancel(self) -> object:
        """Let it not happen."""


Scheduler = Callable[[Callable[[], None]], Scheduled]


def ten_milliseconds() -> Predicate:
    """What says whether ten milliseconds are over, from now on."""
    end = time.monotonic() + SLICE
    return lambda: time.monotonic() >= end


class Slices:
    """Steps the members of *rota*, which have a ``step()``, in turn.

    *factory* is called at the start of each slice; what it returns says after each step whether the slice is over.
    *scheduler* calls a slice some time later. *stop* is called where *factory* or what it made raises.
    """

    def __init__(
        self, rota: Rota[Any], factory: Callable[[], Predicate], scheduler: Scheduler, stop: Callable[[], None]
    ) -> None:
        """Nothing is scheduled yet."""
        self._rota = rota
        self._factory = factory
        self._scheduler = scheduler
        self._stop = stop
        self._call: Scheduled | None = None
        self._stepping = False

    def settle(self) -> None:
        """See to it that a slice is scheduled if, and only if, somebody could be stepped in it."""
        if not self._rota.due:
            if self._call is not None:
                self._call.cancel()
                self._call = None
        elif self._call is None and not self._stepping:
            self._call = self._scheduler(self._slice)

    def _slice(self) -> None:
        """Step the tasks in turn until the slice is over, or none can be stepped."""
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
            # Steps raise nothing of the kind; it was the predicate. Without it nobody would ever be stepped again,
            # so those who wait must hear of it.
            self._stop()
            raise
        finally:
            self._stepping = False
            self.settle()
