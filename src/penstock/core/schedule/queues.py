"""The jobs of each key, as the frontier keeps them.

Knows which jobs a key has, and what keeps them. Does not know whose turn it is, the window, or what time it is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import Any, Final

from penstock.core.schedule.answers import Bottleneck, Waiting
from penstock.core.web.judge import Rest

__all__ = ["LONG_AGO", "KeyQueue", "KeyQueues"]

LONG_AGO: Final = float("-inf")
NO_ERRANDS: Final[deque[Any]] = deque()
"""What most lanes have of them, all the same one: a deque takes 600 bytes and a third of a microsecond."""

_EVERYBODYS: Final = frozenset(
    {Bottleneck.CONCURRENCY, Bottleneck.CONSUMER, Bottleneck.CUT_OFF, Bottleneck.PAUSED, Bottleneck.RATE}
)
"""What keeps the jobs of all keys alike."""


class KeyQueue:
    """The jobs of one key that may start as soon as the key's limits allow, oldest first.

    *first* are prerequisites: what must be done before other jobs can be. While the lane is *gated* one of them is
    for its own jobs, and of those none starts.
    """

    __slots__ = (
        "backing_off",
        "doomed",
        "first",
        "free_at",
        "gated",
        "jobs",
        "key",
        "parked",
        "queued",
        "rest",
        "running",
        "shut",
        "spacing",
        "spilled",
        "started",
    )

    def __init__(self, key: Any) -> None:
        self.key = key
        self.jobs: deque[Any] = deque()
        self.first: deque[Any] = NO_ERRANDS
        self.gated = False
        self.running = 0
        self.backing_off = 0
        # When one of its jobs was started last, and when the next may be.
        self.started = self.free_at = LONG_AGO
        # Seconds between two starts that its server asks for.
        self.spacing = 0.0
        # Until when its server itself wants to be left alone.
        self.parked = LONG_AGO
        self.queued = False
        self.spilled = 0
        # How many of the spilled jobs will not be tried, and what they come to instead.
        self.doomed = 0
        self.rest: Rest | None = None
        # Until when jobs that come are given up as well.
        self.shut = LONG_AGO

    @property
    def load(self) -> int:
        """How many jobs of the key are known and have no outcome, wherever they are."""
        return len(self.first) + len(self.jobs) + self.spilled + self.running + self.backing_off

    @property
    def startable(self) -> bool:
        """Whether one of its jobs may start when its slots and its delay allow."""
        return bool(self.first or (self.jobs and not self.gated))

    def reason(
        self, per_key: int, now: float, everybodys: tuple[Bottleneck, float | None]
    ) -> tuple[Bottleneck, float | None]:
        """What its jobs wait for at *now*, and until when: something of its own, or *everybodys*."""
        if self.running >= per_key:
            return Bottleneck.PER_KEY, None
        if self.free_at > now:
            return (Bottleneck.PARKED if self.parked == self.free_at else Bottleneck.DELAY), self.free_at
        if not self.startable:
            return Bottleneck.ROBOTS, None
        return everybodys if everybodys[0] in _EVERYBODYS else (Bottleneck.NOTHING, None)

    def put_first(self, prerequisite: Any) -> None:
        """Let *prerequisite* go before all jobs."""
        if self.first is NO_ERRANDS:
            self.first = deque()
        self.first.append(prerequisite)

    def turn_away(self, job: Any) -> Any:
        """The ending of *job*, which was offered while the lane is shut."""
        assert self.rest is not None, "a lane is shut when it is given up"
        return self.rest(job)

    def give_up(self, jobs: Iterable[Any]) -> list[Any]:
        """What the doomed among *jobs*, the first of them, come to."""
        endings = [] if self.rest is None else [self.rest(job) for job in islice(jobs, self.doomed)]
        self.doomed -= len(endings)
        return endings


class KeyQueues(dict[Any, KeyQueue]):
    """The lanes that have something to say, by their keys; asked for another key, there is a new lane.

    At ``last`` others may have started a job of any key.
    What walks over all of them does so over a copy: another thread may ask.
    """

    last = LONG_AGO

    def __missing__(self, key: Any) -> KeyQueue:
        lane = self[key] = KeyQueue(key)
        lane.started = self.last
        return lane

    def share(self, window: int) -> int:
        """How many jobs a key may have here once half of *window* is taken."""
        return max(1, window // (2 * len(self)))

    def cut_down(self, share: int) -> list[Any]:
        """Take from every key what it has beyond *share*, newest jobs first, for the overflow."""
        jobs: list[Any] = []
        for lane in self.values():
            beyond = [lane.jobs.pop() for _ in range(len(lane.jobs) - share)]
            lane.spilled += len(beyond)
            jobs += reversed(beyond)
        return jobs

    def drop(self, now: float) -> list[Any]:
        """Give back every job that waits, and forget what is in the overflow.

        All keys are forgotten but those of which something runs, and those that are parked still at *now*: who goes on
        another time must know of them.
        """
        jobs = [job for lane in self.values() for job in (*lane.first, *lane.jobs)]
        for lane in list(self.values()):
            lane.jobs.clear()
            lane.first.clear()
            lane.queued = lane.gated = False
            lane.backing_off = lane.spilled = lane.doomed = 0
            if not lane.running and lane.parked <= now:
                del self[lane.key]
        return jobs

    def parked(self, now: float) -> dict[Any, float]:
        """The keys that are parked still at *now*, each with the time until which it is."""
        return {lane.key: lane.parked for lane in list(self.values()) if lane.parked > now}

    def largest(self) -> tuple[Any, int] | None:
        """The key with the most jobs, waiting and running, and how many."""
        lane = max(list(self.values()), key=lambda lane: lane.load, default=None)
        return (lane.key, lane.load) if lane is not None and lane.load else None

    def waiting(
        self,
        timers: Iterable[tuple[float, tuple[KeyQueue | None, Any]]],
        per_key: int,
        now: float,
        everybodys: tuple[Bottleneck, float | None],
    ) -> list[Waiting]:
        """What the jobs of each key wait for at *now*, keys with the most jobs first.

        *timers* say when jobs are to be tried again, *everybodys* what keeps jobs of all keys.
        """
        again: dict[Any, float] = {}
        for time, (lane, job) in timers:
            if lane is not None and job is not None:
                again[lane.key] = min(time, again.get(lane.key, time))
        found = []
        for lane in list(self.values()):
            if lane.jobs or lane.first:
                jobs = len(lane.first) + len(lane.jobs) + lane.spilled
                found.append(Waiting(lane.key, jobs, lane.running, *lane.reason(per_key, now, everybodys)))
            if lane.backing_off:
                found.append(Waiting(lane.key, lane.backing_off, lane.running, Bottleneck.BACKOFF, again.get(lane.key)))
        return sorted(found, key=lambda waiting: -waiting.jobs)
