"""The slots for jobs: as many as the lowest of three ceilings, or fewer in a pause or an outage.

Arithmetic on times that the caller gives. Does not know jobs or keys.
"""

from __future__ import annotations

from typing import Final

from penstock.core.schedule.answers import Bottleneck
from penstock.core.schedule.limits import Limits
from penstock.core.schedule.probe import ConcurrencyProbe
from penstock.core.schedule.shortage import NO_SHORTAGE, Shortage

__all__ = ["PROBES", "Slots"]

LONG_AGO: Final = float("-inf")

PROBES: Final = 4
"""Jobs that run at once in an outage, to find out whether it is over: each of another host, new hosts first."""


class Slots:
    """The slots for running jobs: *number* of them, as of the last ``count``.

    Three ceilings stand side by side: the user's (``Limits.concurrency``), that of the
    concurrency *probe*, and the machine's (*shortage*). *probing* says that only PROBES
    jobs run, to find the end of an outage.
    """

    __slots__ = ("number", "paused", "probe", "probing", "scouts", "shortage", "suspended_until")

    def __init__(self, number: int) -> None:
        """Start with all of them free."""
        self.number = number
        self.probe: ConcurrencyProbe | None = None
        self.shortage: Shortage = NO_SHORTAGE
        self.paused = False
        self.probing = False
        # The number of jobs of new hosts that are still to be read, to be tried first.
        self.scouts = 0
        self.suspended_until = LONG_AGO

    def suspend(self, until: float) -> bool:
        """Let nothing start before *until*; return whether that is a new time at which to ``count`` again."""
        later = until > self.suspended_until
        self.suspended_until = max(until, self.suspended_until)
        return later

    def probe_from(self, until: float | None) -> None:
        """Let only PROBES jobs run from *until* on; None ends the outage."""
        self.probing = until is not None
        self.scouts = PROBES if self.probing else 0
        if until is None:
            self.suspended_until = LONG_AGO

    def count(self, limits: Limits, now: float) -> None:
        """Set the number of slots at *now* within *limits*."""
        # Kept, as another thread may end the pause before ``why_none`` is asked.
        self.paused = self.shortage.full or limits.pauses > 0
        if self.paused or now < self.suspended_until:
            self.number = 0
        else:
            most = self.most(limits.concurrency)
            self.number = min(PROBES, most) if self.probing else most

    def most(self, concurrency: int) -> int:
        """Return the lowest of the three ceilings, of which the user's is *concurrency*."""
        if self.probe is not None:
            concurrency = min(concurrency, self.probe.allowed)
        ceiling = self.shortage.ceiling
        return concurrency if ceiling is None else min(concurrency, ceiling)

    def why_none(self, limits: Limits, running: int, undelivered: int, now: float) -> tuple[Bottleneck, float | None]:
        """Return why none is free with *running* and *undelivered* jobs, and until when, if that is known."""
        if self.paused:
            if self.shortage.full and not limits.pauses:
                # With nothing in flight only another look at the memory can end the
                # wait.
                return Bottleneck.MEMORY, None if running or undelivered else now
            return Bottleneck.PAUSED, None
        if self.probing or now < self.suspended_until:
            until = self.suspended_until if not running and now < self.suspended_until else None
            return (Bottleneck.CUT_OFF if self.probing else Bottleneck.DELAY), until
        return (Bottleneck.CONSUMER if running < self.most(limits.concurrency) else Bottleneck.CONCURRENCY), None
