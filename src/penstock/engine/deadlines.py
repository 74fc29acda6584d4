"""Deadlines for what runs, lenient where it was us who came late.

Knows times and tokens. Does not know transfers or sockets.

When a consumer spends a minute on one page, or an event loop is kept busy, nobody reads the sockets of the
other requests meanwhile; that minute is not theirs. Nor does anybody while the process is
stopped (Ctrl-Z). So where the first look after a deadline comes more than GRACE seconds late, every deadline moves by
the time since the look before. libcurl's own time-outs
can't do that, which is why they are not used.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Final, Generic, TypeVar

__all__ = ["GRACE", "Deadlines"]

GRACE: Final = 0.25
"""Seconds past a deadline at which a request must have ended, if somebody looks."""

T = TypeVar("T")


class Deadlines(Generic[T]):
    """One deadline a token; a token that has ended is left in the heap until it is worth a sweep."""

    def __init__(self) -> None:
        """No deadlines, and nobody late yet."""
        self._heap: list[tuple[float, int, T]] = []
        self._current: dict[T, int] = {}
        self._numbers = 0
        self._put_off = 0.0
        self._looked = 0.0

    def __contains__(self, token: T) -> bool:
        return token in self._current

    def look(self, now: float) -> float:
        """Somebody looks, at the monotonic time *now*; if late, everything is put off, by the seconds returned."""
        nearest, gap = self.next(), 0.0
        if nearest is not None and now - nearest > GRACE:
            gap = now - self._looked
            self._put_off += gap
        self._looked = now
        return gap

    def look_away(self, now: float) -> None:
        """Nobody looks from *now* on, until the next ``look``."""
        self._looked = now

    def set(self, token: T, time: float) -> None:
        """Let *token* end at the monotonic *time*, in place of any deadline it had."""
        self._numbers += 1
        self._current[token] = self._numbers
        heapq.heappush(self._heap, (time - self._put_off, self._numbers, token))

    def drop(self, token: T) -> None:
        """*token* has ended by itself."""
        del self._current[token]
        if len(self._heap) > 2 * len(self._current) + 64:
            self._heap = [entry for entry in self._heap if self._current.get(entry[2]) == entry[1]]
            heapq.heapify(self._heap)

    def discard(self, token: T) -> None:
        """*token* has ended by itself, if it had a deadline at all."""
        if token in self._current:
            self.drop(token)

    def next(self) -> float | None:
        """The monotonic time of the nearest deadline; None where there is none."""
        heap = self._heap
        while heap:
            time, number, token = heap[0]
            if self._current.get(token) == number:
                return time + self._put_off
            heapq.heappop(heap)
        return None

    def due(self, now: float) -> Iterator[T]:
        """Every token whose deadline is at or before *now*; it is dropped as it comes out."""
        while (time := self.next()) is not None and time <= now:
            _, _, token = heapq.heappop(self._heap)
            del self._current[token]
            yield token
