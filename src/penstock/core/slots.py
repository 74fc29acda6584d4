"""How many jobs may run at the moment: the concurrency, or fewer in a pause, or while nothing can be reached.

Arithmetic on times that are handed in. Does not know jobs or keys.
"""

from __future__ import annotations

from typing import Final

from penstock.core.answers import Bound
from penstock.core.limits import Limits

__all__ = ["Slots"]

LONG_AGO: Final = float("-inf")


class Slots:
    """*number* of them, as of the last ``count``; *probing* is whether what starts is to find out if anything can."""

    __slots__ = ("held_until", "number", "paused", "probing")

    def __init__(self, number: int) -> None:
        """All of them may be taken."""
        self.number = number
        self.paused = False
        self.probing = False
        self.held_until = LONG_AGO

    def hold_back(self, until: float | None) -> bool:
        """Have nothing start before *until* and then one job at a time, or (None) go on as ever.

        Whether that is a time at which to ``count`` again.
        """
        self.probing = until is not None
        if until is None or until <= self.held_until:
            return False
        self.held_until = until
        return True

    def count(self, limits: Limits, now: float) -> None:
        """Find out how many there are at *now* within *limits*."""
        # Kept: another thread may take the pause back between two looks at it.
        self.paused = limits.pauses > 0
        if self.paused or (self.probing and now < self.held_until):
            self.number = 0
        else:
            self.number = 1 if self.probing else limits.concurrency

    def why_none(self, running: int, concurrency: int, now: float) -> tuple[Bound, float | None]:
        """Why none is free while so many are *running*, and until when where that is known."""
        if self.paused:
            return Bound.PAUSED, None
        if self.probing:
            return Bound.CUT_OFF, self.held_until if not running and now < self.held_until else None
        return (Bound.CONSUMER if running < concurrency else Bound.CONCURRENCY), None
