"""When a session ends before its work does: by the share that is done, or by the speed.

Arithmetic on counts and times that the caller gives. Does not know what the work is,
nor how the session is ended. See docs/decisions/stopping-early.md.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from penstock.core.schedule.statistics import Statistics

__all__ = ["SPAN", "EarlyEnd"]

SPAN: Final = 60.0
"""Seconds over which the speed is averaged, and before which it is not compared: names,
connections and the first answers need time."""


class EarlyEnd:
    """Checks from time to time whether a session should end.

    It should if *share* of the inputs, from 0 to 1, is done and their number is known,
    or if the average over the last SPAN seconds is below *speed* outcomes a second.
    """

    __slots__ = ("_marks", "_share", "_speed")

    def __init__(self, share: float | None, speed: float | None) -> None:
        """Check no share if *share* is None, and no speed if *speed* is None."""
        self._share = share
        self._speed = speed
        self._marks: deque[tuple[float, int]] = deque([(0.0, 0)])

    def check(self, now: Statistics) -> str | None:
        """Return the setting that ends the session, or None.

        Times must not go back from one call to the next.
        """
        # Rounded, since 0.07 * 100 is more than 7.
        if self._share is not None and now.total is not None and now.done >= round(self._share * now.total, 6):
            return "stop_at"
        if self._speed is not None and self._average(now) < self._speed:
            return "min_speed"
        return None

    def _average(self, now: Statistics) -> float:
        """Return outcomes a second over SPAN; infinite before those are over."""
        marks = self._marks
        marks.append((now.elapsed, now.tally.total))
        while marks[1][0] <= now.elapsed - SPAN:
            marks.popleft()
        since, count = marks[0]
        return (now.tally.total - count) / (now.elapsed - since) if now.elapsed >= SPAN else float("inf")
