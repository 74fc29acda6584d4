"""Timers: entries in the order of their times.

Knows times and their order. Does not know what time it is.
"""

from __future__ import annotations

from bisect import insort
from heapq import heappop, heappush
from typing import Final, Generic, TypeVar

__all__ = ["NEVER", "Timers"]

T = TypeVar("T")

NEVER: Final = float("inf")

PERIODS: Final = 64
"""Periods in a second, of which only the first one's entries are sorted."""


class Timers(Generic[T]):
    """Entries in the order of their times, and of their insertion if the times are equal.

    ``soonest`` is the time of the first entry, NEVER if there is none.

    A heap of all entries would take 17 steps for each of the 10^5 hosts whose delay is
    not over. Most of them come nearly in order, so that a list of one period is sorted
    in little more than one step for each.
    """

    __slots__ = ("_first", "_later", "_number", "_order", "_period", "soonest")

    def __init__(self) -> None:
        """Start without entries."""
        # Times and numbers are negative, so that the soonest entry is the last.
        self._first: list[tuple[float, int, T]] = []
        self._period = 0
        # The entries of each later period, and a heap of these periods. Both are empty
        # if ``_first`` is.
        self._later: dict[int, list[tuple[float, int, T]]] = {}
        self._order: list[int] = []
        self._number = 0
        # An attribute, not a property: the frontier reads it for every job.
        self.soonest = NEVER

    def set(self, time: float, entry: T) -> None:
        """Insert *entry* at *time*."""
        self._number = number = self._number - 1
        period = int(time * PERIODS)
        if not self._first:
            self._period = period
            self._first.append((-time, number, entry))
        elif period <= self._period:
            insort(self._first, (-time, number, entry))
        elif period in self._later:
            self._later[period].append((-time, number, entry))
        else:
            self._later[period] = [(-time, number, entry)]
            heappush(self._order, period)
        if time < self.soonest:  # noqa: PLR1730 - twice as fast as a call, once or twice for every job
            self.soonest = time

    def take(self) -> T:
        """Remove and return the first entry."""
        first = self._first
        entry = first.pop()[2]
        if not first:
            if not self._order:
                self.soonest = NEVER
                return entry
            self._period = heappop(self._order)
            first = self._first = self._later.pop(self._period)
            first.sort()
        self.soonest = -first[-1][0]
        return entry

    def clear(self) -> None:
        """Remove all entries."""
        self._first.clear()
        self._later.clear()
        self._order.clear()
        self.soonest = NEVER

    def entries(self) -> list[tuple[float, T]]:
        """Return the times and entries, in no order; a copy, as another thread may ask."""
        periods = [self._first, *list(self._later.values())]
        return [(-time, entry) for period in periods for time, _, entry in list(period)]
