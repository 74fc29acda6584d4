"""Timers: entries in the order of their times, in a heap.

Knows times and their order. Does not know what time it is.
"""

from __future__ import annotations

import heapq
from typing import Final, Generic, TypeVar

__all__ = ["NEVER", "Timers"]

T = TypeVar("T")

NEVER: Final = float("inf")


class Timers(Generic[T]):
    """Entries in the order of their times, and of their insertion if the times are equal.

    ``soonest`` is the time of the first entry, NEVER if there is none.
    """

    __slots__ = ("_entries", "_number", "soonest")

    def __init__(self) -> None:
        """Start without entries."""
        self._entries: list[tuple[float, int, T]] = []
        self._number = 0
        # An attribute, not a property: the frontier reads it for every job.
        self.soonest = NEVER

    def set(self, time: float, entry: T) -> None:
        """Insert *entry* at *time*."""
        self._number += 1
        heapq.heappush(self._entries, (time, self._number, entry))
        if time < self.soonest:  # noqa: PLR1730 - twice as fast as a call, once or twice for every job
            self.soonest = time

    def take(self) -> T:
        """Remove and return the first entry."""
        entries = self._entries
        entry = heapq.heappop(entries)[2]
        self.soonest = entries[0][0] if entries else NEVER
        return entry

    def clear(self) -> None:
        """Remove all entries."""
        self._entries.clear()
        self.soonest = NEVER

    def entries(self) -> list[tuple[float, T]]:
        """Return the times and entries, in no order; a copy, as another thread may ask."""
        return [(time, entry) for time, _, entry in list(self._entries)]
