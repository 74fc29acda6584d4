"""What is to happen at which time: an agenda, kept in a heap.

Knows times and their order. Does not know what time it is.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Generic, TypeVar

__all__ = ["Timers"]

T = TypeVar("T")


class Timers(Generic[T]):
    """Entries by their time; of those with the same time the one that was set first comes first."""

    __slots__ = ("_entries", "_number")

    def __init__(self) -> None:
        """Nothing is to happen."""
        self._entries: list[tuple[float, int, T]] = []
        self._number = 0

    def set(self, time: float, entry: T) -> None:
        """Have *entry* come at *time*."""
        self._number += 1
        heapq.heappush(self._entries, (time, self._number, entry))

    def next(self) -> float | None:
        """The time of the entry that comes first; None where there is none."""
        return self._entries[0][0] if self._entries else None

    def due(self, now: float) -> Iterator[T]:
        """Take out what is to happen at *now* or before, one after the other."""
        entries = self._entries
        while entries and entries[0][0] <= now:
            yield heapq.heappop(entries)[2]

    def clear(self) -> None:
        """Nothing is to happen any more."""
        self._entries.clear()

    def entries(self) -> list[tuple[float, T]]:
        """What is to happen and when, in no order; a copy, since another thread may ask."""
        return [(time, entry) for time, _, entry in list(self._entries)]
