"""What is to happen at which time: an agenda, kept in a heap.

Knows times and their order. Does not know what time it is.
"""

from __future__ import annotations

import heapq
from typing import Final, Generic, TypeVar

__all__ = ["NEVER", "Timers"]

T = TypeVar("T")

NEVER: Final = float("inf")


class Timers(Generic[T]):
    """Entries by their time; of those with the same time the one that was set first comes first.

    ``soonest`` is the time of the first, and never where there is none.
    """

    __slots__ = ("_entries", "_number", "soonest")

    def __init__(self) -> None:
        """Nothing is to happen."""
        self._entries: list[tuple[float, int, T]] = []
        self._number = 0
        # An attribute, not a question: it is looked at for every job.
        self.soonest = NEVER

    def set(self, time: float, entry: T) -> None:
        """Have *entry* come at *time*."""
        self._number += 1
        heapq.heappush(self._entries, (time, self._number, entry))
        if time < self.soonest:  # noqa: PLR1730 - twice as fast as a call, once or twice for every job
            self.soonest = time

    def take(self) -> T:
        """Take out the entry that comes first."""
        entries = self._entries
        entry = heapq.heappop(entries)[2]
        self.soonest = entries[0][0] if entries else NEVER
        return entry

    def clear(self) -> None:
        """Nothing is to happen any more."""
        self._entries.clear()
        self.soonest = NEVER

    def entries(self) -> list[tuple[float, T]]:
        """What is to happen and when, in no order; a copy, since another thread may ask."""
        return [(time, entry) for time, _, entry in list(self._entries)]
