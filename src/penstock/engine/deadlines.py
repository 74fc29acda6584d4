"""Deadlines for requests in flight, extended while their sockets are unread.

Knows times and tokens. Does not know transfers or sockets.

If a consumer spends a minute on one page, an event loop is kept busy, or the process is
stopped (Ctrl-Z), the sockets of the other requests are not read. That time must not
count against them. So if the first check after a deadline is more than GRACE seconds
late, every deadline moves by the time since the check before. libcurl's own time-outs
can't do that, and are not used. See docs/decisions/deadlines.md.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Final, Generic, TypeVar

__all__ = ["GRACE", "Deadlines"]

GRACE: Final = 0.25
"""Seconds after a deadline within which its request must end, if sockets are read."""

T = TypeVar("T")


class Deadlines(Generic[T]):
    """One deadline a token; dropped ones stay in the heap until a sweep.

    ``has`` says whether a token has one; it is the dictionary's own method, so that it
    costs no call more.
    """

    def __init__(self) -> None:
        """Start without deadlines."""
        self._heap: list[tuple[float, int, T]] = []
        self._current: dict[T, int] = {}
        self.has = self._current.__contains__
        self._numbers = 0
        self._extension = 0.0
        self._checked = 0.0

    def extend(self, now: float) -> float:
        """Extend all deadlines if this check, at the monotonic time *now*, comes late.

        Returns the seconds by which they moved.
        """
        nearest, gap = self.next(), 0.0
        if nearest is not None and now - nearest > GRACE:
            gap = now - self._checked
            self._extension += gap
        self._checked = now
        return gap

    def touch(self, now: float) -> None:
        """Note that the sockets are unread from *now* until the next ``extend``."""
        self._checked = now

    def set(self, token: T, time: float) -> None:
        """Set the deadline of *token* to the monotonic *time*."""
        self._numbers += 1
        self._current[token] = self._numbers
        heapq.heappush(self._heap, (time - self._extension, self._numbers, token))

    def drop(self, token: T) -> None:
        """Remove the deadline of *token*, which has ended."""
        del self._current[token]
        if len(self._heap) > 2 * len(self._current) + 64:
            self._sweep()

    def discard(self, token: T) -> None:
        """Remove the deadline of *token* if it has one."""
        if self._current.pop(token, None) is not None and len(self._heap) > 2 * len(self._current) + 64:
            self._sweep()

    def next(self) -> float | None:
        """Return the monotonic time of the nearest deadline, or None."""
        heap = self._heap
        while heap:
            time, number, token = heap[0]
            if self._current.get(token) == number:
                return time + self._extension
            heapq.heappop(heap)
        return None

    def due(self, now: float) -> Iterator[T]:
        """Yield and drop each token whose deadline is at or before *now*."""
        while (time := self.next()) is not None and time <= now:
            _, _, token = heapq.heappop(self._heap)
            del self._current[token]
            yield token

    def _sweep(self) -> None:
        """Remove the dropped deadlines from the heap."""
        self._heap = [entry for entry in self._heap if self._current.get(entry[2]) == entry[1]]
        heapq.heapify(self._heap)
