"""When a session ends before its work does: by the share that is done, or by the speed.

Arithmetic on counts and times, which are given. Does not know what the work is, nor how it is ended.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from penstock.core.schedule.statistics import Statistics

__all__ = ["SPAN", "Finish"]

SPAN: Final = 60.0
"""Seconds over which a speed is averaged, and before which none is looked at: names, connections and the first answers
take their time."""


class Finish:
    """Told now and then where the work stands, it says whether that is enough.

    *share* of the inputs, from 0 to 1, is enough once their number is known; and fewer than *speed* outcomes a second,
    over the last SPAN seconds, are too few to go on for.
    """

    __slots__ = ("_marks", "_share", "_speed")

    def __init__(self, share: float | None, speed: float | None) -> None:
        """None for either is no bound."""
        self._share = share
        self._speed = speed
        self._marks: deque[tuple[float, int]] = deque([(0.0, 0)])

    def reached(self, now: Statistics) -> str | None:
        """The setting by which it is time to end, or None; times do not go back from one call to the next."""
        # Rounded, since 0.07 * 100 is more than 7.
        if self._share is not None and now.total is not None and now.done >= round(self._share * now.total, 6):
            return "stop_at"
        if self._speed is not None and self._average(now) < self._speed:
            return "min_speed"
        return None

    def _average(self, now: Statistics) -> float:
        """Outcomes a second over the last SPAN seconds; without end before there were so many."""
        marks = self._marks
        marks.append((now.elapsed, now.tally.total))
        while marks[1][0] <= now.elapsed - SPAN:
            marks.popleft()
        since, count = marks[0]
        return (now.tally.total - count) / (now.elapsed - since) if now.elapsed >= SPAN else float("inf")
