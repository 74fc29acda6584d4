"""Which job may start, and when: the heart of Penstock, and pure.

Knows keys (hosts), slots, delays, the pace and the window. Does not know bytes, sockets, URLs, retries'
reasons, or what time it is.

The frontier is asked ``next(now)`` until it says to wait, and told of every attempt with ``judge``. It
asks for another job only when a slot is free that no job it holds may take, so that what it reads ahead
is only ever the price of finding a host that is not busy.

A key's jobs wait in its lane. A lane stands in at most one place: in the ready queue, where lanes take
turns, or in the timers until its delay has passed; a lane whose slots are all taken stands nowhere, and
comes back when one of its jobs is judged. So nothing here walks over lanes that wait.
"""

from __future__ import annotations

import enum
import heapq
from collections import deque
from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol

from penstock.core.judge import Again, Done, Onward, Verdict
from penstock.core.limits import Pace

__all__ = [
    "Answer",
    "Bound",
    "Finished",
    "Frontier",
    "Held",
    "Keyed",
    "Pull",
    "Start",
    "Wait",
    "Waiting",
]

NEVER: Final = float("inf")
LONG_AGO: Final = float("-inf")

IN_ORDER: Final = 2
"""Where outcomes come out in input order, the inputs known and not yet out, as a multiple of the concurrency. One of
them may keep all others waiting, so this is what bounds the outcomes held back; below 2, every slow job would soon
leave all slots but its own empty."""


class Keyed(Protocol):
    """A job, as far as the frontier cares: something with a key."""

    @property
    def key(self) -> Any:
        """Whose limits apply."""


class Start(NamedTuple):
    """Slot, host and pace are all free: give the job to the engine."""

    job: Any


class Pull(NamedTuple):
    """There is room for another job: take one item from the source and offer it, or close."""


class Wait(NamedTuple):
    """Nothing may start before *until*, or before something finishes (None)."""

    until: float | None


class Finished(NamedTuple):
    """The source is closed, nothing is held, nothing runs: leave the loop."""


class Held(NamedTuple):
    """The job is in the frontier's memory now."""


class Bound(enum.StrEnum):
    """What kept the frontier from starting more, the last time it said so; or what the jobs of one key wait for."""

    NOTHING = "nothing"
    SOURCE = "source"
    CONCURRENCY = "concurrency"
    CONSUMER = "consumer"
    RATE = "rate"
    KEYS = "keys"
    BACKOFF = "backoff"
    ORDER = "order"
    PAUSED = "paused"
    PER_KEY = "per_key"
    DELAY = "delay"


class Waiting(NamedTuple):
    """What *jobs* of one *key* wait for: *bound*, until the time *until* where it is a matter of time.

    ``NOTHING`` means that they start with the next step; *running* is how many of the key run meanwhile.
    """

    key: Any
    jobs: int
    running: int
    bound: Bound
    until: float | None


Answer = Start | Pull | Wait | Finished
Policy = Callable[[Any, float, float], Verdict]

PULL: Final = Pull()
FINISHED: Final = Finished()
HELD: Final = Held()


class _Lane:
    """The jobs of one key that may start as soon as the key's limits allow, oldest first."""

    __slots__ = ("backing_off", "free_at", "jobs", "key", "queued", "running")

    def __init__(self, key: Any) -> None:
        self.key = key
        self.jobs: deque[Any] = deque()
        self.running = 0
        self.backing_off = 0
        self.free_at = LONG_AGO
        self.queued = False


class Frontier:
    """Holds at most *window* jobs that have not started, and says which may start.

    *concurrency* jobs run at once, *per_key* of them for one key; starts for one key are *delay* seconds
    apart; at most *rate* start in a second. *policy* says what an attempt means (see ``Judge``); without
    one every attempt is final.

    Jobs that come back (a retry, a redirect) are held beyond the window where it is full: they were read
    already. So *held* and *running* together never exceed *window* + *concurrency* - 1.

    Without *keyed* all jobs have one key. Then reading on can't find another that is free, so no job is
    held that has not been tried: *running* and those never exceed *concurrency*.

    *concurrency*, *per_key*, *delay*, *rate* and *pauses* may be set at any time and from any thread, and hold
    from the next answer on; a key's new delay from its next start on. While *pauses* is above 0 nothing starts.
    """

    def __init__(
        self,
        *,
        window: int,
        concurrency: int,
        per_key: int,
        delay: float = 0.0,
        rate: float | None = None,
        policy: Policy | None = None,
        keyed: bool = True,
    ) -> None:
        """All bounds are at least 1; *delay* is at least 0; *rate* is above 0, or None for no limit."""
        self.window = window
        self.concurrency = concurrency
        self.delay = delay
        self.pauses = 0
        self.running = 0
        self.held = 0
        self.closed = False
        self.bound = Bound.NOTHING
        self._policy: Policy = policy or (lambda attempt, _now, _draw: Done(attempt))
        self._per_key = per_key
        self._rate = rate
        self._changed = False
        self._keyed = keyed
        self._pace = Pace(rate)
        self._lanes: dict[Any, _Lane] = {}
        self._ready: deque[_Lane] = deque()
        # (time, number, lane, job): a job whose back-off ends then, or None for the lane's own delay.
        self._timers: list[tuple[float, int, _Lane, Any]] = []
        self._numbers = 0
        self._backing_off = 0
        self._now = LONG_AGO

    def __repr__(self) -> str:
        """What it holds, for a debugger."""
        state = "closed" if self.closed else "open"
        return f"<Frontier {state} running={self.running} held={self.held} keys={len(self._lanes)} {self.bound}>"

    @property
    def per_key(self) -> int:
        """How many jobs of one key may run at once."""
        return self._per_key

    @per_key.setter
    def per_key(self, per_key: int) -> None:
        self._per_key = per_key
        self._changed = True

    @property
    def rate(self) -> float | None:
        """How many jobs may start in a second; None for no limit."""
        return self._rate

    @rate.setter
    def rate(self, rate: float | None) -> None:
        self._rate = rate
        self._changed = True

    def next(self, now: float, undelivered: int = 0, withheld: int | None = None) -> Answer:
        """What to do at *now*; each answer permits the one reaction that its class names.

        *undelivered* outcomes wait for a consumer: each takes a slot, so that a slow consumer is what
        bounds the work. *withheld* ones wait for an earlier input's, where they come out in input order (None:
        they do not): they take no slots, or the one they wait for might never get any, but nothing is pulled
        while they and the jobs known are IN_ORDER times the concurrency.
        """
        self._now = now
        if self._changed:
            self._rearrange()
        if self._timers and self._timers[0][0] <= now:
            self._wake(now)
        until = None
        if self.pauses:
            bound = Bound.PAUSED
        elif self.running + undelivered >= self.concurrency:
            bound = Bound.CONSUMER if self.running < self.concurrency else Bound.CONCURRENCY
        elif self._ready or self._may_pull(withheld):
            if self._pace.rate is None or (until := self._pace.free_at()) <= now:
                return Start(self._start(now)) if self._ready else PULL
            bound = Bound.RATE
        else:
            bound, until = self._held_up(withheld), self.wakes_at() if self.held else None
        if self.closed and not self.held and not self.running:
            return FINISHED
        self.bound = bound
        return Wait(until)

    def offer(self, job: Keyed) -> Held:
        """Take *job* in; it may start when its key's limits allow."""
        lane = self._lanes.get(job.key)
        if lane is None:
            lane = self._lanes[job.key] = _Lane(job.key)
        lane.jobs.append(job)
        self.held += 1
        if not lane.queued:
            self._place(lane)
        return HELD

    def judge(self, attempt: Any, now: float, draw: float) -> Done | Again:
        """Free the slot of *attempt*'s job and say what the attempt means.

        ``Again`` (another attempt, or a redirect's next hop) needs no reaction: the job is back in the
        frontier. After ``drain`` such a job is dropped, unsettled. *draw* in [0, 1) is for the jitter.
        """
        self._now = now
        self.running -= 1
        lane = self._lanes[attempt.job.key]
        lane.running -= 1
        verdict = self._policy(attempt, now, draw)
        if type(verdict) is Done:
            answer: Done | Again = verdict
        elif type(verdict) is Onward:
            answer = Again(verdict.job, now)
            if self.window:
                self.offer(verdict.job)
        else:
            assert isinstance(verdict, Again)
            answer = verdict
            if self.window:
                self._back_off(lane, verdict)
        if not lane.queued:
            self._place(lane)
        return answer

    def close(self) -> None:
        """The source has no more: nothing will be offered, and ``next`` will not ask."""
        self.closed = True

    def drain(self) -> list[Any]:
        """Close, and give back every job that has not started; what runs may finish."""
        self.closed = True
        self.window = 0
        jobs = [job for lane in self._lanes.values() for job in lane.jobs]
        jobs += [job for *_, job in self._timers if job is not None]
        for lane in self._lanes.values():
            lane.jobs.clear()
        self._lanes = {key: lane for key, lane in self._lanes.items() if lane.running}
        for lane in self._lanes.values():
            lane.queued = False
            lane.backing_off = 0
        self._ready.clear()
        self._timers.clear()
        self.held = self._backing_off = 0
        return jobs

    def wakes_at(self) -> float | None:
        """The time of the next timer: when a delay or a back-off ends; None where there is none."""
        return self._timers[0][0] if self._timers else None

    def starve(self) -> None:
        """Note that the source had nothing when it was asked."""
        self.bound = Bound.SOURCE

    def largest(self) -> tuple[Any, int] | None:
        """The key with the most jobs, waiting and running, and how many; walks over all keys."""
        lane = max(list(self._lanes.values()), key=_load, default=None)  # a copy: another thread may ask
        return (lane.key, _load(lane)) if lane is not None and _load(lane) else None

    def waiting(self) -> list[Waiting]:
        """What the jobs of each key wait for, keys with the most jobs first; walks over all keys.

        A key has two entries where some of its jobs wait to be tried again and others for something else.
        """
        again: dict[Any, float] = {}
        for time, _, lane, job in list(self._timers):
            if job is not None:
                again[lane.key] = min(time, again.get(lane.key, NEVER))
        found = []
        for lane in list(self._lanes.values()):  # a copy: another thread may ask
            if lane.jobs:
                found.append(Waiting(lane.key, len(lane.jobs), lane.running, *self._reason(lane)))
            if lane.backing_off:
                found.append(Waiting(lane.key, lane.backing_off, lane.running, Bound.BACKOFF, again.get(lane.key)))
        return sorted(found, key=lambda waiting: -waiting.jobs)

    def _reason(self, lane: _Lane) -> tuple[Bound, float | None]:
        if lane.running >= self._per_key:
            return Bound.PER_KEY, None
        if lane.free_at > self._now:
            return Bound.DELAY, lane.free_at
        if self.bound is Bound.RATE:
            return Bound.RATE, self._pace.free_at()
        everybodys = (Bound.CONCURRENCY, Bound.CONSUMER, Bound.PAUSED)
        return (self.bound if self.bound in everybodys else Bound.NOTHING), None

    def _may_pull(self, withheld: int | None) -> bool:
        """Whether to read on; asked only where no job held may start."""
        if self.closed or self.held >= self.window or not (self._keyed or self.held == self._backing_off):
            return False
        return withheld is None or self.running + self.held + withheld < IN_ORDER * self.concurrency

    def _held_up(self, withheld: int | None) -> Bound:
        """Why nothing may start, and nothing be pulled, though there is a slot."""
        if withheld and self._may_pull(None):
            return Bound.ORDER
        if not self.held:
            return Bound.NOTHING
        return Bound.KEYS if self.held > self._backing_off else Bound.BACKOFF

    def _rearrange(self) -> None:
        """Let a new *per_key* or *rate* hold: every lane goes to where it belongs now. Walks over all keys."""
        self._changed = False
        if self._pace.rate != self._rate:
            self._pace.change(self._rate)
        ready, self._ready = self._ready, deque()
        for lane in ready:
            lane.queued = False
            self._place(lane)
        for lane in list(self._lanes.values()):
            if lane.jobs and not lane.queued:
                self._place(lane)

    def _start(self, now: float) -> Any:
        lane = self._ready.popleft()
        lane.queued = False
        job = lane.jobs.popleft()
        lane.running += 1
        self.running += 1
        self.held -= 1
        if self.delay:
            lane.free_at = now + self.delay
        if self._pace.rate is not None:
            self._pace.start(now)
        if lane.jobs:
            self._place(lane)
        return job

    def _place(self, lane: _Lane) -> None:
        """Put a lane that stands nowhere where it belongs; forget it when it has nothing left to say."""
        if lane.jobs:
            if lane.running >= self._per_key:
                return
            lane.queued = True
            if lane.free_at <= self._now:
                self._ready.append(lane)
            else:
                self._at(lane.free_at, lane, None)
        elif not lane.running and not lane.backing_off:
            if lane.free_at <= self._now:
                del self._lanes[lane.key]
            else:
                lane.queued = True
                self._at(lane.free_at, lane, None)

    def _back_off(self, lane: _Lane, again: Again) -> None:
        self.held += 1
        self._backing_off += 1
        lane.backing_off += 1
        self._at(again.until, lane, again.job)

    def _at(self, time: float, lane: _Lane, job: Any) -> None:
        self._numbers += 1
        heapq.heappush(self._timers, (time, self._numbers, lane, job))

    def _wake(self, now: float) -> None:
        timers = self._timers
        while timers and timers[0][0] <= now:
            _, _, lane, job = heapq.heappop(timers)
            if job is None:
                lane.queued = False
            else:
                lane.backing_off -= 1
                self._backing_off -= 1
                lane.jobs.append(job)
            if not lane.queued:
                self._place(lane)


def _load(lane: _Lane) -> int:
    return len(lane.jobs) + lane.running + lane.backing_off
