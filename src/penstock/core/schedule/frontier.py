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

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from penstock.core.schedule.answers import (
    FINISHED,
    HELD,
    PULL,
    Ahead,
    Answer,
    Ask,
    Bottleneck,
    Finished,
    Held,
    Keyed,
    Pull,
    Refill,
    Settle,
    Spill,
    Start,
    Wait,
    Waiting,
)
from penstock.core.schedule.limits import Limits, Pace
from penstock.core.schedule.queues import LONG_AGO, KeyQueue, KeyQueues
from penstock.core.schedule.slots import Slots
from penstock.core.schedule.timers import NEVER, Timers
from penstock.core.web.delays import AdaptiveDelays, ConcurrencyProbe
from penstock.core.web.judge import Again, Done, Redirected, Rest, Satisfied, Verdict
from penstock.core.web.model import Prerequisite

__all__ = [
    "Ahead",
    "Answer",
    "Ask",
    "Bottleneck",
    "Finished",
    "Frontier",
    "Held",
    "Keyed",
    "Pull",
    "Refill",
    "Settle",
    "Spill",
    "Start",
    "Wait",
    "Waiting",
]

IN_ORDER: Final = 2
"""If outcomes come out in input order, the inputs known and not yet out, as a multiple of the concurrency: the bound of
the outcomes held back. Below 2, every slow job would soon leave all slots but its own empty."""

Policy = Callable[[Any, float, float], Verdict]


class Frontier(Limits):
    """Holds at most *window* jobs that have not started, and says which may start.

    *concurrency* jobs run at once, *per_key* of them for one key; starts for one key are *delay* seconds
    apart; at most *rate* start in a second. *policy* says what an attempt means (see ``Judge``); without
    one every attempt is final.

    Jobs that come back (a retry, a redirect) are held beyond the window where it is full: they were read
    already. So *held* and *running* together never exceed *window* + *concurrency* - 1.

    *ahead* says how far it reads on where no job may start. With an overflow the window is no limit to that: once
    half of it is taken a key keeps no more than its share, which is the smaller the more keys there are; what is beyond
    must be put aside (``Spill``) and comes back when the key has no more (``Refill``). So reading stops only where the
    jobs of as many keys as half the window wait. Nowhere, *running* and jobs never tried do not exceed *concurrency*.

    While *asks* is set it answers ``Ask`` where a job might start, to be told to ``admit``, ``refuse`` or ``detour``.

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
        ahead: Ahead = Ahead.WINDOW,
    ) -> None:
        """All bounds are at least 1; *delay* is at least 0; *rate* is above 0, or None for no limit."""
        self.window = window
        super().__init__(concurrency=concurrency, per_key=per_key, delay=delay, rate=rate)
        self.running = 0
        self.held = self.spilled = 0
        self.closed = self.asks = False
        self.bound = Bottleneck.NOTHING
        self._policy: Policy = policy or (lambda attempt, _now, _draw: Done(attempt))
        self._slots = Slots(concurrency)
        self.paces: AdaptiveDelays | None = None
        self._ahead = ahead
        self._spills = ahead is Ahead.OVERFLOW
        self._empty: deque[KeyQueue] = deque()  # lanes that have jobs in the overflow and none here
        self._endings: deque[Any] = deque()  # what is to be told of jobs that will not be tried
        self._doomed: deque[KeyQueue] = deque()  # lanes whose jobs in the overflow are given up
        self._pace = Pace(rate)
        self._lanes = KeyQueues()
        self._ready: deque[KeyQueue] = deque()
        # A lane and a job whose back-off ends then, or None for the lane's delay; without a lane, a time of rest ends.
        self._timers: Timers[tuple[KeyQueue | None, Any]] = Timers()
        self._backing_off = 0
        self._now = LONG_AGO

    def __repr__(self) -> str:
        """What it holds, for a debugger."""
        state = "closed" if self.closed else "open"
        return f"<Frontier {state} running={self.running} held={self.held} keys={len(self._lanes)} {self.bound}>"

    @property
    def keyed(self) -> bool:
        """Whether jobs may have different keys."""
        return self._ahead is not Ahead.NOWHERE

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
        if self._timers.soonest <= now:
            self._wake(now)
        if (self._empty or self._endings or self._doomed) and (chore := self._chore(undelivered)) is not None:
            return chore
        until = None
        if self.running + undelivered >= self._slots.number:
            bound, until = self._slots.why_none(self, self.running, undelivered, now)
        elif self._ready or self._may_pull(withheld):
            if self._rate is None or (until := self._pace.free_at()) <= now:
                scouting = self._slots.scouts and self._may_pull(withheld)
                return self._first() if self._ready and not scouting else PULL
            bound = Bottleneck.RATE
        elif self._spills and (jobs := self._evict()):
            return Spill(jobs)
        else:
            bound, until = self._held_up(withheld), self.wakes_at() if self.held or self.spilled else None
        if self.closed and not (self.held or self.running or self.spilled or self._endings):
            return FINISHED
        self.bound = bound
        return Wait(until)

    def offer(self, job: Keyed) -> Held | Spill:
        """Take *job* in; it may start when its key's limits allow. ``Spill`` where its key has its share here."""
        if self._spills and 2 * self.held >= self.window:
            lane = self._lanes.get(job.key)
            if (
                lane is not None
                and lane.shut <= self._now
                and (lane.spilled or len(lane.jobs) >= self._lanes.share(self.window))
            ):
                lane.spilled += 1
                self.spilled += 1
                return Spill((job,))
        held = self._hold(job)
        if self._slots.scouts:
            self._slots.scouts -= 1
            self._ready.rotate()
        return held

    def refill(self, key: Any, jobs: Sequence[Keyed]) -> None:
        """Take back *jobs* of *key* from the overflow, as ``Refill`` asked for."""
        lane = self._lanes[key]
        assert 0 < len(jobs) <= lane.spilled, f"{len(jobs)} of the {lane.spilled} jobs that {key!r} has in the overflow"
        lane.spilled -= len(jobs)
        self.spilled -= len(jobs)
        # The oldest are those that were there when the key was given up; a retry that came back since is not one.
        endings = lane.give_up(jobs)
        self._told(lane, endings)
        lane.jobs.extend(jobs[len(endings) :])
        self.held += len(jobs) - len(endings)
        if not lane.queued:
            self._place(lane)

    def _hold(self, job: Keyed) -> Held:
        lane = self._lanes[job.key]
        if lane.shut > self._now and type(job) is not Prerequisite:
            self._endings.append(lane.turn_away(job))
            return HELD
        lane.put_first(job) if type(job) is Prerequisite else lane.jobs.append(job)
        self.held += 1
        if not lane.queued and lane.running < self._per_key:
            self._place(lane)
        return HELD

    def admit(self, spacing: float = 0.0) -> Any:
        """Start the job that was asked about, and say which; starts on its key are *spacing* seconds apart at least.

        None where it is too soon by that: there will be another question.
        """
        lane = self._ready[0]
        lane.spacing = spacing and max(spacing, self.delay)
        if spacing and lane.started + spacing > self._now:
            lane.free_at = lane.started + spacing
            self._take_out(lane)
            self._place(lane)
            return None
        return self._start()

    def refuse(self, spacing: float = 0.0) -> None:
        """Forget the job that was asked about: it is not to be tried; *spacing* as of ``admit``."""
        lane = self._ready[0]
        lane.jobs.popleft()
        self.held -= 1
        if not lane.jobs:
            lane.free_at = max(lane.free_at, lane.started + spacing)
            self._take_out(lane)
            self._place(lane)

    def detour(self, prerequisite: Prerequisite) -> None:
        """Do *prerequisite* first: the job that was asked about is behind it, and so are all others of its key."""
        lane = self._ready[0]
        lane.jobs.popleft()
        lane.put_first(prerequisite)
        lane.gated = True

    def judge(self, attempt: Any, now: float, draw: float) -> Done | Again | Satisfied:
        """Free the slot of *attempt*'s job and say what the attempt means.

        ``Again`` (another attempt, or a redirect's next hop) needs no reaction: the job is back in the frontier, and so
        is the one behind a prerequisite that is ``Satisfied``. After ``drain`` such a job is dropped, unsettled.
        *draw* in [0, 1) is for the jitter.
        """
        self._now = now
        if self._slots.crowd is not None and self._slots.crowd.ended(self.running, now):
            self._slots.count(self, now)
        self.running -= 1
        job = attempt.job
        lane = self._lanes[job.key]
        lane.running -= 1
        verdict = self._policy(attempt, now, draw)
        if type(job) is Prerequisite and type(getattr(verdict, "job", None)) is not Prerequisite:
            self._open(job, lane, over=type(verdict) is not Satisfied)
        if self.window and (type(verdict) is not Done or verdict.rest is not None):
            self._heed(lane, verdict)
        answer = Again(verdict.job, now) if isinstance(verdict, Redirected) else verdict
        if answer.park is not None:
            self._park(lane, answer.park)
        hold = verdict.hold if type(verdict) is Again else None
        if hold is not None or self._slots.probing:
            self._slots.probe(hold)
            self.rest(LONG_AGO if hold is None else hold)
        if not lane.queued and (lane.jobs or lane.first or lane.spilled or not lane.running):
            self._place(lane)
        return answer

    def _heed(self, lane: KeyQueue, verdict: Verdict) -> None:
        """Take back what *verdict* says there is still to do for a job of *lane*."""
        if type(verdict) is Redirected:
            self._hold(verdict.job)
        elif type(verdict) is Again:
            self.held += 1
            self._backing_off += 1
            lane.backing_off += 1
            self._timers.set(verdict.until, (lane, verdict.job))
        elif type(verdict) is Done and verdict.rest is not None:
            self._give_up(lane, verdict.rest, verdict.park)

    def _open(self, prerequisite: Prerequisite, lane: KeyQueue, *, over: bool) -> None:
        """Let what waited for *prerequisite*, judged in *lane*, start, unless that is *over* as well."""
        home = self._lanes[prerequisite.behind.key]
        home.gated = False
        if not over and self.window:
            home.jobs.appendleft(prerequisite.behind)
            self.held += 1
        if home is not lane and not home.queued:
            self._place(home)

    def rest(self, until: float, last: float = LONG_AGO) -> None:
        """Start nothing before *until*; keys that are not known yet may have been asked, by others, until *last*."""
        self._lanes.last = max(self._lanes.last, last)
        if self._slots.rest(until):
            self._timers.set(until, (None, None))
        self._slots.count(self, self._now)

    def adapt(self, paces: AdaptiveDelays, crowd: ConcurrencyProbe) -> None:
        """Start no faster on any key than *paces* say, and have no more run at once than *crowd* does."""
        self.paces = paces
        self._slots.crowd = crowd
        self._changed = True

    def park(self, key: Any, until: float) -> None:
        """Start nothing of *key* before *until*; a wish for less than it has already is granted by that."""
        lane = self._lanes[key]
        self._park(lane, until)
        if not lane.queued:
            self._place(lane)

    def _park(self, lane: KeyQueue, until: float) -> None:
        if until > max(lane.free_at, self._now):
            lane.free_at = lane.parked = until
            self._take_out(lane)

    def parked(self, now: float) -> dict[Any, float]:
        """The keys that are parked still at *now*, each with the time until which it is."""
        return self._lanes.parked(now)

    def close(self) -> None:
        """The source has no more: nothing will be offered, and ``next`` will not ask."""
        self.closed = True

    def drain(self) -> list[Any]:
        """Close, and give back every job here that has not started; what runs may finish.

        Those in the overflow are forgotten; ``spilled`` tells before whether there are any.
        """
        self.closed = True
        self.window = 0
        jobs = self._lanes.drop(self._now)
        jobs += [job for _, (_, job) in self._timers.entries() if job is not None]
        self._ready.clear()
        self._timers.clear()
        self._empty.clear()
        self._doomed.clear()
        self.held = self._backing_off = self.spilled = 0
        return jobs

    def wakes_at(self) -> float | None:
        """The time of the next timer: when a delay or a back-off ends; None if there is none."""
        probe = self._slots.probing and self._ready and self._slots.number > self.running
        soonest = self._now if probe else self._timers.soonest
        return None if soonest == NEVER else soonest

    def starve(self) -> None:
        """Note that the source had nothing when it was asked."""
        self.bound = Bottleneck.SOURCE
        self._slots.scouts = 0

    def largest(self) -> tuple[Any, int] | None:
        """The key with the most jobs, waiting and running, and how many; walks over all keys."""
        return self._lanes.largest()

    def waiting(self) -> list[Waiting]:
        """What the jobs of each key wait for, keys with the most jobs first; walks over all keys.

        A key has two entries where some of its jobs wait to be tried again and others for something else.
        """
        everybodys = (self.bound, self._pace.free_at() if self.bound is Bottleneck.RATE else None)
        return self._lanes.waiting(self._timers.entries(), self._per_key, self._now, everybodys)

    def _chore(self, undelivered: int) -> Refill | Settle | None:
        """What has nothing to do with slots: jobs to bring back, and endings to tell as fast as they are taken."""
        while self._doomed:
            lane = self._doomed.popleft()
            if lane.doomed:  # two of its jobs that ran at once may have said so
                return Refill(lane.key, min(lane.doomed, self._lanes.share(self.window)))
        while self._empty:
            lane = self._empty.popleft()
            lane.queued = False
            if lane.spilled and not lane.doomed:
                return Refill(lane.key, min(lane.spilled, self._lanes.share(self.window)))
            self._place(lane)  # it was given up meanwhile
        if self._endings and (room := self._concurrency - undelivered) > 0:
            return Settle(tuple(self._endings.popleft() for _ in range(min(room, len(self._endings)))))
        return None

    def _give_up(self, lane: KeyQueue, rest: Rest, until: float | None) -> None:
        """Settle what waits in *lane*, here and in the overflow, and what comes *until* then; it is in no queue."""
        lane.rest, lane.doomed, lane.shut = rest, len(lane.jobs) + lane.spilled, LONG_AGO if until is None else until
        endings = lane.give_up(lane.jobs)
        lane.jobs.clear()
        self.held -= len(endings)
        self._take_out(lane)
        self._told(lane, endings)

    def _take_out(self, lane: KeyQueue) -> None:
        """Let *lane* stand in the queue no more, if it does; in the timers it may stay."""
        if lane.queued and lane in self._ready:
            self._ready.remove(lane)
            lane.queued = False

    def _told(self, lane: KeyQueue, endings: list[Any]) -> None:
        self._endings.extend(endings)
        if lane.doomed:
            self._doomed.append(lane)

    def _evict(self) -> tuple[Any, ...]:
        """Make room by cutting keys down to their share, if that is worth a walk over all of them."""
        if self.closed or self.held < self.window or 2 * len(self._lanes) > self.window:
            return ()
        jobs = self._lanes.cut_down(self._lanes.share(self.window))
        self.held -= len(jobs)
        self.spilled += len(jobs)
        return tuple(jobs)

    def _may_pull(self, withheld: int | None) -> bool:
        """Whether to read on; asked only where no job held may start."""
        if self.closed or self.held >= self.window or (self._ahead is Ahead.NOWHERE and self.held > self._backing_off):
            return False
        return withheld is None or self.running + self.held + self.spilled + withheld < IN_ORDER * self._concurrency

    def _held_up(self, withheld: int | None) -> Bottleneck:
        """Why nothing may start, and nothing be pulled, though there is a slot."""
        if withheld and self._may_pull(None):
            return Bottleneck.ORDER
        if not self.held:
            return Bottleneck.NOTHING
        return Bottleneck.KEYS if self.held > self._backing_off else Bottleneck.BACKOFF

    def _rearrange(self) -> None:
        """Let new limits hold: every lane goes to where it belongs now. Walks over all keys."""
        self._changed = False
        self._slots.count(self, self._now)
        if self._pace.rate != self._rate:
            self._pace.change(self._rate)
        ready, self._ready = self._ready, deque()
        for lane in ready:
            lane.queued = False
            self._place(lane)
        for lane in list(self._lanes.values()):
            if lane.startable and not lane.queued:
                self._place(lane)

    def _first(self) -> Start | Ask:
        """Start the job whose turn it is, or ask about it."""
        lane = self._ready[0]
        return Ask(lane.jobs[0]) if self.asks and not lane.first else Start(self._start())

    def _start(self) -> Any:
        lane, now = self._ready.popleft(), self._now
        lane.queued = False
        job = (lane.first or lane.jobs).popleft()
        lane.running += 1
        self.running += 1
        self.held -= 1
        lane.started = now
        wait = lane.spacing or self.delay
        if self.paces is not None:
            wait = max(wait, self.paces.spacing(lane.key))
        if wait:
            lane.free_at = now + wait
        if self._rate is not None:
            self._pace.start(now)
        if lane.jobs or lane.first or lane.spilled:
            self._place(lane)
        return job

    def _place(self, lane: KeyQueue) -> None:
        """Put a lane that stands nowhere where it belongs; forget it when it has nothing left to say."""
        if lane.first or (lane.jobs and not lane.gated):
            if lane.running >= self._per_key:
                return
            lane.queued = True
            if lane.free_at <= self._now:
                self._ready.append(lane)
            else:
                self._timers.set(lane.free_at, (lane, None))
        elif lane.gated or lane.spilled:
            if not (lane.gated or lane.doomed):
                self._empty.append(lane)
                lane.queued = True
        elif not lane.running and not lane.backing_off:
            if lane.free_at <= self._now:
                del self._lanes[lane.key]
            else:
                lane.queued = True
                self._timers.set(lane.free_at, (lane, None))

    def _wake(self, now: float) -> None:
        while self._timers.soonest <= now:
            lane, job = self._timers.take()
            if lane is None:
                self._slots.count(self, self._now)
                continue
            if job is None:
                lane.queued = False
            else:
                lane.backing_off -= 1
                self._backing_off -= 1
                self.held -= 1
                self._hold(job)
            if not lane.queued:
                self._place(lane)
