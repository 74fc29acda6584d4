"""The jobs of one key, as the frontier keeps them.

Knows one key. Does not know the others, the window, or what time it is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import Any, Final

from penstock.core.judge import Rest

__all__ = ["LONG_AGO", "Lane"]

LONG_AGO: Final = float("-inf")


class Lane:
    """The jobs of one key that may start as soon as the key's limits allow, oldest first."""

    __slots__ = ("backing_off", "doomed", "free_at", "jobs", "key", "parked", "queued", "rest", "running", "spilled")

    def __init__(self, key: Any) -> None:
        self.key = key
        self.jobs: deque[Any] = deque()
        self.running = 0
        self.backing_off = 0
        self.free_at = LONG_AGO
        # Until when its server itself wants to be left alone.
        self.parked = LONG_AGO
        self.queued = False
        self.spilled = 0
        # How many of the spilled jobs will not be tried, and what they come to instead.
        self.doomed = 0
        self.rest: Rest | None = None

    @property
    def load(self) -> int:
        """How many jobs of the key are known and have no outcome, wherever they are."""
        return len(self.jobs) + self.spilled + self.running + self.backing_off

    def give_up(self, jobs: Iterable[Any]) -> list[Any]:
        """What the doomed among *jobs*, the first of them, come to."""
        endings = [] if self.rest is None else [self.rest(job) for job in islice(jobs, self.doomed)]
        self.doomed -= len(endings)
        return endings
