"""The jobs of each key, as the frontier keeps them, and the place where each key's queue stands.

Knows which jobs a key has, and what keeps them. Does not know whose turn it is, the
window, or what time it is.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import Any, Final

from penstock.core.schedule.answers import Bottleneck, Waiting
from penstock.core.schedule.verdicts import EndingOf

__all__ = ["LONG_AGO", "PLACES", "Abandoned", "KeyQueue", "KeyQueues", "QueuePlace", "find_place"]

LONG_AGO: Final = float("-inf")
NO_PREREQUISITES: Final[deque[Any]] = deque()
"""The prerequisites of most keys, shared by all of them: a deque takes 600 bytes and a third of a microsecond."""

_FOR_ALL_KEYS: Final = frozenset(
    {Bottleneck.CONCURRENCY, Bottleneck.CONSUMER, Bottleneck.CUT_OFF, Bottleneck.PAUSED, Bottleneck.RATE}
)
"""The bottlenecks that keep the jobs of all keys alike."""


class QueuePlace(enum.Enum):
    """Where the queue of a key stands. It is *listed* in at most one place of the frontier."""

    # Listed: the frontier comes back to it.
    READY = ("ready", True)  # takes its turn among the keys
    DELAYED = ("delayed", True)  # in the timers, until the key's delay or park is over
    EMPTY = ("empty", True)  # all its jobs are in the overflow; the frontier will ask for them
    # Not listed: an event brings it back.
    REFILLING = ("refilling", False)  # the frontier has asked for them, until ``refill``
    FULL = ("full", False)  # all slots of the key are taken, until one of its jobs ends
    GATED = ("gated", False)  # waits for a prerequisite, until that ends
    ABANDONED = ("abandoned", False)  # its jobs in the overflow are abandoned, until the last of them has its ending
    BUSY = ("busy", False)  # nothing waits; its jobs run or back off
    FORGOTTEN = ("forgotten", False)  # has nothing left to say

    def __init__(self, text: str, listed: bool) -> None:  # noqa: FBT001 - a row of the table above
        self.text = text
        self.listed = listed


READY, DELAYED, EMPTY = QueuePlace.READY, QueuePlace.DELAYED, QueuePlace.EMPTY
FULL, GATED, ABANDONED = QueuePlace.FULL, QueuePlace.GATED, QueuePlace.ABANDONED
BUSY, FORGOTTEN = QueuePlace.BUSY, QueuePlace.FORGOTTEN

# fmt: off
PLACES: Final = (
    # startable  full   early  gated  spilled abandoned busy     place
    (True,       True,  None,  None,  None,   None,     None,    FULL),
    (True,       False, True,  None,  None,   None,     None,    DELAYED),
    (True,       False, False, None,  None,   None,     None,    READY),
    (False,      None,  None,  True,  None,   None,     None,    GATED),
    (False,      None,  None,  False, True,   True,     None,    ABANDONED),
    (False,      None,  None,  False, True,   False,    None,    EMPTY),
    (False,      None,  None,  False, False,  None,     True,    BUSY),
    (False,      None,  True,  False, False,  None,     False,   DELAYED),
    (False,      None,  False, False, False,  None,     False,   FORGOTTEN),
)
"""The place by what holds for a queue; None is either. ``find_place`` is the same as code, as it runs for every job.

*startable*: one of its jobs may start when the key's limits allow. *full*: per_key jobs
run. *early*: the key's delay or park is not over. *gated*: a prerequisite is not done.
*spilled*: has jobs in the overflow, *abandoned*: of which some are abandoned. *busy*:
jobs run or back off.
"""
# fmt: on


class Abandoned:
    """A key whose waiting jobs are not tried: *spilled* of them are still in the overflow.

    *ending_of* makes their endings; jobs that are offered before *until* are abandoned
    as well.
    """

    __slots__ = ("ending_of", "spilled", "until")

    def __init__(self, ending_of: EndingOf, until: float, spilled: int) -> None:
        self.ending_of = ending_of
        self.until = until
        self.spilled = spilled


class KeyQueue:
    """The jobs of one key that may start as soon as the key's limits allow, oldest first.

    *first* are prerequisites, which start before all *jobs*. While the queue is
    *gated*, one of them is for its own jobs, and of those none starts.
    """

    __slots__ = (
        "abandoned",
        "backing_off",
        "first",
        "free_at",
        "gated",
        "jobs",
        "key",
        "parked",
        "place",
        "running",
        "spacing",
        "spilled",
        "started",
    )

    def __init__(self, key: Any) -> None:
        self.key = key
        self.jobs: deque[Any] = deque()
        self.first: deque[Any] = NO_PREREQUISITES
        self.gated = False
        self.running = 0
        self.backing_off = 0
        # When one of its jobs was started last, and when the next may be.
        self.started = self.free_at = LONG_AGO
        # Seconds between two starts that its server asks for.
        self.spacing = 0.0
        # Until when its server itself wants to be left alone.
        self.parked = LONG_AGO
        self.place = BUSY
        self.spilled = 0
        self.abandoned: Abandoned | None = None

    @property
    def load(self) -> int:
        """The number of jobs of the key that are known and have no outcome, in memory or not."""
        return len(self.first) + len(self.jobs) + self.spilled + self.running + self.backing_off

    @property
    def startable(self) -> bool:
        """Whether one of its jobs may start when its slots and its delay allow."""
        return bool(self.first or (self.jobs and not self.gated))

    def reason(
        self, per_key: int, now: float, for_all: tuple[Bottleneck, float | None]
    ) -> tuple[Bottleneck, float | None]:
        """Return the bottleneck of its jobs at *now*, and until when: one of its own, or the one *for_all* keys."""
        if self.running >= per_key:
            return Bottleneck.PER_KEY, None
        if self.free_at > now:
            return (Bottleneck.PARKED if self.parked == self.free_at else Bottleneck.DELAY), self.free_at
        if not self.startable:
            return Bottleneck.ROBOTS, None
        return for_all if for_all[0] in _FOR_ALL_KEYS else (Bottleneck.NOTHING, None)

    def put_first(self, prerequisite: Any) -> None:
        """Let *prerequisite* start before all jobs."""
        if self.first is NO_PREREQUISITES:
            self.first = deque()
        self.first.append(prerequisite)

    def abandon(self, ending_of: EndingOf, until: float) -> list[Any]:
        """Abandon all jobs that wait or come before *until*; return the endings of the ones in memory."""
        self.abandoned = Abandoned(ending_of, until, self.spilled)
        endings = [ending_of(job) for job in self.jobs]
        self.jobs.clear()
        return endings

    def end_abandoned(self, jobs: Iterable[Any]) -> list[Any]:
        """Return the endings of the abandoned ones among *jobs* from the overflow, which are the first of them."""
        abandoned = self.abandoned
        if abandoned is None:
            return []
        endings = [abandoned.ending_of(job) for job in islice(jobs, abandoned.spilled)]
        abandoned.spilled -= len(endings)
        return endings


def find_place(queue: KeyQueue, per_key: int, now: float) -> QueuePlace:
    """Return the place where *queue* belongs at *now*; see PLACES."""
    if queue.first or (queue.jobs and not queue.gated):
        if queue.running >= per_key:
            return FULL
        return READY if queue.free_at <= now else DELAYED
    if queue.gated:
        return GATED
    if queue.spilled:
        return ABANDONED if queue.abandoned is not None and queue.abandoned.spilled else EMPTY
    if queue.running or queue.backing_off:
        return BUSY
    return FORGOTTEN if queue.free_at <= now else DELAYED


class KeyQueues(dict[Any, KeyQueue]):
    """The queues of all keys that have something to say, by their keys; a queue is made for any other key.

    At ``last`` another session may have started a job of any key. What walks over all
    queues does so over a copy, as another thread may ask.
    """

    last = LONG_AGO

    def __missing__(self, key: Any) -> KeyQueue:
        queue = self[key] = KeyQueue(key)
        queue.started = self.last
        return queue

    def drop(self, now: float) -> list[Any]:
        """Remove and return all waiting jobs, and forget those in the overflow.

        A key is forgotten unless its jobs run, or it is parked at *now*: a later
        session must know that.
        """
        jobs = [job for queue in self.values() for job in (*queue.first, *queue.jobs)]
        for queue in list(self.values()):
            queue.jobs.clear()
            queue.first.clear()
            queue.place = BUSY
            queue.gated = False
            queue.backing_off = queue.spilled = 0
            if queue.abandoned is not None:
                queue.abandoned.spilled = 0
            if not queue.running and queue.parked <= now:
                del self[queue.key]
        return jobs

    def parked(self, now: float) -> dict[Any, float]:
        """Return the keys that are parked at *now*, each with the end of that."""
        return {queue.key: queue.parked for queue in list(self.values()) if queue.parked > now}

    def largest(self) -> tuple[Any, int] | None:
        """Return the key with the most jobs, waiting and running, and their number; None if there are no jobs."""
        queue = max(list(self.values()), key=lambda queue: queue.load, default=None)
        return (queue.key, queue.load) if queue is not None and queue.load else None

    def waiting(
        self,
        timers: Iterable[tuple[float, tuple[KeyQueue | None, Any]]],
        per_key: int,
        now: float,
        for_all: tuple[Bottleneck, float | None],
    ) -> list[Waiting]:
        """Return what the jobs of each key wait for at *now*, keys with the most jobs first.

        *timers* say when jobs are retried, *for_all* what keeps the jobs of all keys.
        """
        again: dict[Any, float] = {}
        for time, (timed, job) in timers:
            if timed is not None and job is not None:
                again[timed.key] = min(time, again.get(timed.key, time))
        found = []
        for queue in list(self.values()):
            if queue.jobs or queue.first:
                jobs = len(queue.first) + len(queue.jobs) + queue.spilled
                found.append(Waiting(queue.key, jobs, queue.running, *queue.reason(per_key, now, for_all)))
            if queue.backing_off:
                until = again.get(queue.key)
                found.append(Waiting(queue.key, queue.backing_off, queue.running, Bottleneck.BACKOFF, until))
        return sorted(found, key=lambda waiting: -waiting.jobs)
