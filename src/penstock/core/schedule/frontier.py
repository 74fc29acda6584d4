"""Which job may start, and when: the heart of Penstock, and pure.

Knows keys (hosts), slots, delays, the rate and the window. Does not know bytes,
sockets, URLs, what an attempt means, or what time it is.

The driver calls ``next(now)`` until the answer is ``Wait``, and passes the verdict on
every attempt to ``settle``. The answer is ``Pull`` only if a slot is free and none of
the jobs held may start. So the frontier reads ahead only as far as it takes to find a
key that is not busy. ``room`` says how many items may be pulled then.

The jobs of a key wait in its queue. A queue is in at most one place (``QueuePlace``): in the
ready line, where keys take turns, or in the timers until its delay has passed. A queue
whose slots are all taken is in none; the verdict on one of its jobs brings it back. So
nothing here walks over queues that wait.

Decisions: docs/decisions/pull-last.md, docs/decisions/look-ahead.md,
docs/decisions/robots-gate.md, docs/decisions/schedule-without-web.md.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from penstock.core.schedule.answers import (
    FINISHED,
    HELD,
    PULL,
    Ahead,
    Answer,
    Ask,
    Bottleneck,
    Held,
    Keyed,
    Spill,
    Start,
    Wait,
)
from penstock.core.schedule.holdings import Holdings
from penstock.core.schedule.learned import KeyDelays
from penstock.core.schedule.probe import ConcurrencyProbe
from penstock.core.schedule.queues import (
    BUSY,
    DELAYED,
    EMPTY,
    FORGOTTEN,
    LONG_AGO,
    READY,
    KeyQueue,
    find_place,
)
from penstock.core.schedule.shortage import Shortage
from penstock.core.schedule.slots import Slots
from penstock.core.schedule.spill import Backlog
from penstock.core.schedule.timers import NEVER
from penstock.core.schedule.verdicts import Again, Done, Redirected, Satisfied, Verdict

__all__ = ["Frontier"]

IN_ORDER: Final = 2
"""If outcomes come out in input order: the most inputs that are pulled and not yet out,
as a multiple of the concurrency. It bounds the outcomes that wait for a slow job. With
less than 2, a slow job would soon leave all slots but its own empty:
docs/decisions/ordered.md."""


class Frontier(Holdings):
    """Holds at most *window* jobs that have not started, and says which may start.

    *concurrency* jobs run at once, *per_key* of them for one key; starts for one key
    are *delay* seconds apart; at most *rate* start in a second.

    A job that comes back (a retry, a redirect) was read already, so it is held even if
    the window is full. Nothing is read meanwhile: *held* and *running* together never
    exceed *window* + *concurrency* - 1. Without a window they, the endings here and the
    outcomes not delivered never exceed *concurrency*, or IN_ORDER times that if
    outcomes come out in order.

    *ahead* says how far the frontier reads on while no job may start. With
    ``Ahead.WINDOW`` it stops if the window is full. With ``Ahead.OVERFLOW`` it then
    moves jobs to the disk (``Backlog``), and stops only if the jobs are of more than
    *window* / 2 keys. With ``Ahead.NOWHERE`` it reads a job only if no other waits for
    a slot.

    While *asks* is set, the frontier answers ``Ask`` before it starts a job, and expects
    ``allow``, ``deny`` or ``defer``. After ``drain`` it is *drained*: no job comes back.

    *concurrency*, *per_key*, *delay*, *rate* and *pauses* may be set at any time and
    from any thread, and hold from the next answer on; a key's new delay from its next
    start on. While *pauses* is above 0 nothing starts.
    """

    def __init__(
        self,
        *,
        window: int | None,
        concurrency: int,
        per_key: int,
        delay: float = 0.0,
        rate: float | None = None,
        ahead: Ahead = Ahead.WINDOW,
    ) -> None:
        """All bounds given are at least 1; *delay* is at least 0; *rate* is above 0, or None for no limit."""
        self.window = window
        super().__init__(concurrency=concurrency, per_key=per_key, delay=delay, rate=rate)
        self._slots = Slots(concurrency)
        self._reads_ahead = ahead is not Ahead.NOWHERE
        self._spills = ahead is Ahead.OVERFLOW
        self._backlog = Backlog(self._queues, window or concurrency)
        self._ready: deque[KeyQueue] = deque()

    @property
    def keyed(self) -> bool:
        """Whether jobs may have different keys."""
        return self._reads_ahead

    @property
    def spilled(self) -> int:
        """The number of jobs in the overflow."""
        return self._backlog.spilled

    # The next thing to do

    def next(self, now: float, undelivered: int = 0, withheld: int | None = None) -> Answer:
        """Return what to do at *now*; the class of the answer says what the driver must do.

        *undelivered* is how many outcomes wait for the consumer. Each takes a slot, so
        that a slow consumer slows the work down.

        *withheld* is how many outcomes wait for that of an earlier input, or None if
        outcomes come out in any order. They take no slots, since the earlier input may
        need one. Instead, nothing is pulled while they and the known jobs are IN_ORDER
        times the concurrency.
        """
        self._now = now
        if self._changed:
            self._rearrange()
        if self._timers.soonest <= now:
            self._wake(now)
        backlog = self._backlog
        if backlog.empty or backlog.endings or backlog.abandoned:
            chore = backlog.next(self._concurrency - undelivered)
            if chore is not None:
                return chore
        until = None
        if self.running + undelivered >= self._slots.number:
            bound, until = self._slots.why_none(self, self.running, undelivered, now)
        elif self._ready or self._may_pull(undelivered, withheld):
            if self._rate is None or (until := self._limiter.free_at()) <= now:
                scouting = self._slots.scouts and self._may_pull(undelivered, withheld)
                return self._first() if self._ready and not scouting else PULL
            bound = Bottleneck.RATE
        elif self._spills and not self.closed and self.held >= backlog.window and (jobs := backlog.evict()):
            self.held -= len(jobs)
            return Spill(tuple(jobs))
        else:
            bound = self._why_held(undelivered, withheld)
            until = self.wakes_at() if self.held or backlog.spilled else None
        if self.closed and not (self.held or self.running or backlog.spilled or backlog.endings):
            return FINISHED
        self.bound = bound
        return Wait(until)

    def room(self, undelivered: int = 0, withheld: int | None = None) -> int:
        """Return how many items may be pulled at once after a ``Pull``, for which the parameters were the same.

        It is enough to ask again after the first that ``try_start`` does not start.
        """
        free = self._slots.number - self.running - undelivered if self._rate is None else 1
        return min(free, self._left(undelivered, withheld))

    def offer(self, job: Keyed) -> Held | Spill:
        """Take *job*; it may start when the limits of its key allow. Return ``Spill`` if its key has its share here."""
        if self._spills and 2 * self.held >= self._backlog.window and self._backlog.spill(job.key, self._now):
            return Spill((job,))
        held = self._hold(job)
        if self._slots.scouts:
            self._slots.scouts -= 1
            self._ready.rotate()
        return held

    def try_start(self, job: Keyed) -> bool:
        """Start *job*, which was pulled within the ``room``, if its key is free; if this returns False, ``offer`` it.

        A slot and the rate are free then, and no job held may start. So the job need not
        wait in a queue first.
        """
        queue = self._queues[job.key]
        if queue.place is not BUSY or queue.gated or queue.abandoned is not None or self.asks or self._slots.scouts:
            return False
        if queue.running >= self._per_key or queue.free_at > self._now or self._changed:
            return False
        self._count_start(queue)
        return True

    def refill(self, key: Any, jobs: Sequence[Keyed]) -> None:
        """Take back *jobs* of *key* from the overflow, as ``Refill`` asked for."""
        queue = self._queues[key]
        self.held += self._backlog.refill(queue, jobs)
        if not queue.place.listed:
            self._place(queue)

    # Answers to ``Ask``

    def allow(self, spacing: float = 0.0) -> Any:
        """Start the job of the last ``Ask`` and return it, or None if *spacing* has not passed since the last start.

        Starts on its key are *spacing* seconds apart at least; after None the frontier
        asks again.
        """
        queue = self._ready[0]
        queue.spacing = spacing and max(spacing, self.delay)
        if spacing and queue.started + spacing > self._now:
            queue.free_at = queue.started + spacing
            self._unlist_ready(queue)
            self._place(queue)
            return None
        return self._start()

    def deny(self, spacing: float = 0.0) -> None:
        """Forget the job of the last ``Ask``: it is not tried; *spacing* as in ``allow``."""
        queue = self._ready[0]
        queue.jobs.popleft()
        self.held -= 1
        if not queue.jobs:
            queue.free_at = max(queue.free_at, queue.started + spacing)
            self._unlist_ready(queue)
            self._place(queue)

    def defer(self, prerequisite: Keyed) -> None:
        """Start *prerequisite* first: the job of the last ``Ask`` is behind it, and all others of its key wait."""
        queue = self._ready[0]
        queue.jobs.popleft()
        queue.put_first(prerequisite)
        queue.gated = True

    # Verdicts

    def settle(self, job: Keyed, verdict: Verdict, now: float) -> None:
        """Free the slot of *job* and take back what *verdict* says is still to be done.

        ``Again`` and ``Redirected`` bring a job back, ``Satisfied`` the one behind a
        prerequisite. After ``drain`` such a job is dropped, without an outcome.
        """
        self._now = now
        slots = self._slots
        if slots.probe is not None and slots.probe.count_end(self.running, now):
            slots.count(self, now)
        self.running -= 1
        queue = self._queues[job.key]
        queue.running -= 1
        plain = type(verdict) is Done and verdict.park is None and verdict.ending_of is None
        if not plain or job.behind is not None or slots.probing:
            self._heed(job, queue, verdict)
        if not queue.place.listed and (queue.jobs or queue.first or queue.spilled or not queue.running):
            self._place(queue)

    def _heed(self, job: Keyed, queue: KeyQueue, verdict: Verdict) -> None:
        """Do what *verdict* on *job*, which ran in *queue*, asks for besides its slot."""
        if job.behind is not None:
            self._settle_prerequisite(job, queue, verdict)
        if not self.drained and (type(verdict) is not Done or verdict.ending_of is not None):
            self._take_back(queue, verdict)
        if type(verdict) is not Redirected and verdict.park is not None:
            self._park(queue, verdict.park)
        until = verdict.suspend if type(verdict) is Again else None
        if until is not None or self._slots.probing:
            self._slots.probe_from(until)
            self.suspend(LONG_AGO if until is None else until)

    def _take_back(self, queue: KeyQueue, verdict: Verdict) -> None:
        if type(verdict) is Redirected:
            self._hold(verdict.job)
        elif type(verdict) is Again:
            self.held += 1
            self._backing_off += 1
            queue.backing_off += 1
            self._timers.set(verdict.until, (queue, verdict.job))
        elif type(verdict) is Done and verdict.ending_of is not None:
            self._unlist_ready(queue)
            until = LONG_AGO if verdict.park is None else verdict.park
            self.held -= self._backlog.abandon(queue, verdict.ending_of, until)

    def _settle_prerequisite(self, job: Keyed, queue: KeyQueue, verdict: Verdict) -> None:
        """Open the queue that waited for *job*, which ran in *queue*, unless the prerequisite itself continues."""
        if isinstance(verdict, Again | Redirected) and verdict.job.behind is not None:
            return
        home = self._queues[job.behind.key]
        home.gated = False
        if type(verdict) is Satisfied and not self.drained:
            home.jobs.appendleft(job.behind)
            self.held += 1
        if home is not queue and not home.place.listed:
            self._place(home)

    # Limits of others: earlier sessions, the machine, servers

    def suspend(self, until: float, last: float = LONG_AGO) -> None:
        """Start nothing before *until*; another session may have asked unknown keys until *last*.

        See docs/decisions/delay-after-a-restart.md.
        """
        self._queues.last = max(self._queues.last, last)
        if self._slots.suspend(until):
            self._timers.set(until, (None, None))
        self._slots.count(self, self._now)

    def limit_by(self, shortage: Shortage) -> None:
        """Start no more than the machine can bear; the user's limits stay as they are."""
        self._slots.shortage = shortage
        self._slots.count(self, self._now)

    def adapt(self, delays: KeyDelays, probe: ConcurrencyProbe) -> None:
        """Space the starts on each key as *delays* say, and run no more at once than *probe* allows."""
        self._delays = delays
        self._slots.probe = probe
        self._changed = True

    def park(self, key: Any, until: float) -> None:
        """Start nothing of *key* before *until*; a key that has to wait for longer already is not changed."""
        queue = self._queues[key]
        self._park(queue, until)
        if not queue.place.listed:
            self._place(queue)

    def _park(self, queue: KeyQueue, until: float) -> None:
        if until > max(queue.free_at, self._now):
            queue.free_at = queue.parked = until
            self._unlist_ready(queue)

    # The end

    def close(self) -> None:
        """Note that the source has no more: nothing will be offered, and ``next`` will not ask."""
        self.closed = True

    def drain(self) -> list[Any]:
        """Close, and return every job here that has not started; running jobs may finish.

        The jobs in the overflow are forgotten; ``spilled`` tells before whether there
        are any.
        """
        self.closed = self.drained = True
        jobs = self._queues.drop(self._now)
        jobs += [job for _, (_, job) in self._timers.entries() if job is not None]
        self._ready.clear()
        self._timers.clear()
        self._backlog.forget()
        self.held = self._backing_off = 0
        return jobs

    # The driver's wait

    def wakes_at(self) -> float | None:
        """Return the time of the next timer: the end of a delay or a backoff; None if there is none."""
        probe = self._slots.probing and self._ready and self._slots.number > self.running
        soonest = self._now if probe else self._timers.soonest
        return None if soonest == NEVER else soonest

    def starve(self) -> None:
        """Note that the source had nothing when it was asked."""
        self.bound = Bottleneck.SOURCE
        self._slots.scouts = 0

    # How queues move

    def _hold(self, job: Keyed) -> Held:
        queue = self._queues[job.key]
        if job.behind is not None:
            queue.put_first(job)
        elif queue.abandoned is not None and queue.abandoned.until > self._now:
            self._backlog.endings.append(queue.abandoned.ending_of(job))
            return HELD
        else:
            queue.jobs.append(job)
        self.held += 1
        if not queue.place.listed and queue.running < self._per_key:
            self._place(queue)
        return HELD

    def _may_pull(self, undelivered: int, withheld: int | None) -> bool:
        """Return whether to read on; asked only if no job held may start."""
        if self.closed or (not self._reads_ahead and self.held > self._backing_off):
            return False
        return self._left(undelivered, withheld) > 0

    def _left(self, undelivered: int, withheld: int | None) -> int:
        """Return how many items more the window and the order allow."""
        known = self.running + self.held + self._backlog.spilled
        most = self._concurrency if withheld is None else IN_ORDER * self._concurrency - withheld
        if self.window is None:
            return most - known - len(self._backlog.endings) - undelivered
        left = self.window - self.held
        return left if withheld is None else min(left, most - known)

    def _why_held(self, undelivered: int, withheld: int | None) -> Bottleneck:
        """Return why nothing may start, and nothing be pulled, though there is a slot."""
        if withheld and self._may_pull(undelivered, None):
            return Bottleneck.ORDER
        if not self.held:
            return Bottleneck.NOTHING
        if self.held == self._backing_off:
            return Bottleneck.BACKOFF
        reads_on = self._reads_ahead and not (self.closed or self._spills) and withheld is None
        return Bottleneck.WINDOW if reads_on else Bottleneck.KEYS

    def _rearrange(self) -> None:
        """Apply new limits: move every queue to where it belongs now. Walks over all keys."""
        self._changed = False
        self._slots.count(self, self._now)
        if self._limiter.rate != self._rate:
            self._limiter.change(self._rate)
        ready, self._ready = self._ready, deque()
        for queue in ready:
            self._place(queue)
        for queue in list(self._queues.values()):
            if queue.startable and not queue.place.listed:
                self._place(queue)

    def _first(self) -> Start | Ask:
        """Start the job whose turn it is, or ask about it."""
        queue = self._ready[0]
        return Ask(queue.jobs[0]) if self.asks and not queue.first else Start(self._start())

    def _start(self) -> Any:
        queue = self._ready.popleft()
        queue.place = BUSY
        job = (queue.first or queue.jobs).popleft()
        self.held -= 1
        self._count_start(queue)
        if queue.jobs or queue.first or queue.spilled:
            self._place(queue)
        return job

    def _count_start(self, queue: KeyQueue) -> None:
        """Count a start on the key of *queue*."""
        queue.started = now = self._now
        queue.running += 1
        self.running += 1
        wait = queue.spacing or self.delay
        if self._delays is not None:
            wait = max(wait, self._delays.spacing(queue.key))
        if wait:
            queue.free_at = now + wait
        if self._rate is not None:
            self._limiter.start(now)

    def _place(self, queue: KeyQueue) -> None:
        """Put *queue*, which is listed nowhere, where it belongs; forget it if it has nothing left to say."""
        place = queue.place = find_place(queue, self._per_key, self._now)
        if place is READY:
            self._ready.append(queue)
        elif place is DELAYED:
            self._timers.set(queue.free_at, (queue, None))
        elif place is EMPTY:
            self._backlog.empty.append(queue)
        elif place is FORGOTTEN:
            del self._queues[queue.key]

    def _unlist_ready(self, queue: KeyQueue) -> None:
        """Take *queue* out of the ready line if it is there; in the timers it may stay."""
        if queue.place is READY:
            self._ready.remove(queue)
            queue.place = BUSY

    def _wake(self, now: float) -> None:
        while self._timers.soonest <= now:
            queue, job = self._timers.take()
            if queue is None:
                self._slots.count(self, self._now)
                continue
            if job is None:
                self._place(queue)
                continue
            queue.backing_off -= 1
            self._backing_off -= 1
            self.held -= 1
            self._hold(job)
            if not queue.place.listed:
                self._place(queue)
