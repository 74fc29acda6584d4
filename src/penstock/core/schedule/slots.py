"""How many jobs may run at the moment: the concurrency, or fewer in a pause, or while nothing can be reached.

Arithmetic on times that are handed in. Does not know jobs or keys.
"""

from __future__ import annotations

from typing import Final

from penstock.core.schedule.answers import Bottleneck
from penstock.core.schedule.limits import Limits
from penstock.core.web.delays import ConcurrencyProbe

__all__ = ["Slots"]

LONG_AGO: Final = float("-inf")

PROBES: Final = 4
"""Jobs that run at once to find out if anything can be reached, each of another host, and new ones before others."""


class Slots:
    """*number* of them, as of the last ``count``; *probing* is whether what starts is to find out if anything can."""

    __slots__ = ("crowd", "held_until", "number", "paused", "probing", "scouts")

    def __init__(self, number: int) -> None:
        """All of them may be taken."""
        self.number = number
        # What says how many are worth having, if anything does.
        self.crowd: ConcurrencyProbe | None = None
        self.paused = False
        self.probing = False
        # How many jobs of hosts that are not known yet are still to be looked for, to be tried first.
        self.scouts = 0
        self.held_until = LONG_AGO

    def rest(self, until: float) -> bool:
        """Have nothing start before *until*; whether that is a time at which to ``count`` again."""
        later = until > self.held_until
        self.held_until = max(until, self.held_until)
        return later

    def probe(self, until: float | None) -> None:
        """Have only PROBES jobs run from *until* on, until one finds that something can be reached (None)."""
        self.probing = until is not None
        self.scouts = PROBES if self.probing else 0
        if until is None:
            self.held_until = LONG_AGO

    def count(self, limits: Limits, now: float) -> None:
        """Find out how many there are at *now* within *limits*."""
        # Kept: another thread may take the pause back between two looks at it.
        self.paused = limits.full or limits.pauses > 0
        if self.paused or now < self.held_until:
            self.number = 0
        else:
            most = self.most(limits.concurrency)
            self.number = min(PROBES, most) if self.probing else most

    def most(self, concurrency: int) -> int:
        """How many there are when nothing is in the way."""
        return concurrency if self.crowd is None else min(concurrency, self.crowd.allowed)

    def why_none(self, limits: Limits, running: int, undelivered: int, now: float) -> tuple[Bottleneck, float | None]:
        """Why none is free while so many are *running* or *undelivered*, and until when where that is known."""
        if self.paused:
            return limits.stopped_by(None if running or undelivered else now)
        if self.probing or now < self.held_until:
            until = self.held_until if not running and now < self.held_until else None
            return (Bottleneck.CUT_OFF if self.probing else Bottleneck.DELAY), until
        return (Bottleneck.CONSUMER if running < self.most(limits.concurrency) else Bottleneck.CONCURRENCY), None
