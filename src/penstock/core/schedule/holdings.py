"""The jobs that a frontier knows: how many there are, where they wait, and for what.

Knows counts, queues, timers and limits, and answers questions about them. Does not know
which job is next.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.core.schedule.answers import Bottleneck, Waiting
from penstock.core.schedule.learned import KeyDelays
from penstock.core.schedule.limits import Limits, RateLimiter
from penstock.core.schedule.queues import LONG_AGO, KeyQueue, KeyQueues
from penstock.core.schedule.timers import Timers

__all__ = ["Holdings"]


class Holdings(Limits):
    """What a ``Frontier`` holds; only the frontier itself changes it.

    *running* jobs run, *held* ones wait. *bound* is why no more started when it last
    had to wait.
    """

    def __init__(self, *, concurrency: int, per_key: int, delay: float, rate: float | None) -> None:
        """Start with no jobs."""
        super().__init__(concurrency=concurrency, per_key=per_key, delay=delay, rate=rate)
        self.running = 0
        self.held = 0
        self.closed = self.drained = self.asks = False
        self.bound = Bottleneck.NOTHING
        self._delays: KeyDelays | None = None
        self._limiter = RateLimiter(rate)
        self._queues = KeyQueues()
        # A queue and a job whose backoff ends then, or None for the delay of its key;
        # without a queue, the end of a suspension.
        self._timers: Timers[tuple[KeyQueue | None, Any]] = Timers()
        self._backing_off = 0
        self._now = LONG_AGO

    def __repr__(self) -> str:
        """Show what it holds, for a debugger."""
        state = "closed" if self.closed else "open"
        name, keys = type(self).__name__, len(self._queues)
        return f"<{name} {state} running={self.running} held={self.held} keys={keys} {self.bound}>"

    def slowed(self) -> Mapping[Any, float]:
        """Return the keys that were found to need more time between two starts, and how much."""
        return {} if self._delays is None else self._delays.learned()

    def parked(self, now: float) -> dict[Any, float]:
        """Return the keys that are parked at *now*, each with the end of that."""
        return self._queues.parked(now)

    def largest(self) -> tuple[Any, int] | None:
        """Return the key with the most jobs, waiting and running, and their number; walks over all keys."""
        return self._queues.largest()

    def waiting(self) -> list[Waiting]:
        """Return what the jobs of each key wait for, keys with the most jobs first; walks over all keys.

        A key has two entries if some of its jobs wait for their retry and others for
        something else.
        """
        for_all = (self.bound, self._limiter.free_at() if self.bound is Bottleneck.RATE else None)
        return self._queues.waiting(self._timers.entries(), self._per_key, self._now, for_all)
