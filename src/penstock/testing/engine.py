"""An engine that runs jobs by a script in virtual time, and lists their starts.

Knows when each job starts and ends. Does not know sockets or real time.
"""

from __future__ import annotations

import heapq
import select
import socket
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from msgspec import Struct

from penstock.core.schedule.shortage import NO_SHORTAGE, Shortage
from penstock.core.web.model import Attempt, Job, Reason, Times
from penstock.errors import Stalled
from penstock.testing.clock import VirtualClock

__all__ = ["Answered", "ScriptedEngine", "Started"]


class Answered(Struct, frozen=True):
    """The scripted end of a job *after* some seconds: a response, or an *error*."""

    status: int | None = 200
    body: bytes = b""
    error: Reason | None = None
    after: float = 0.01
    headers: tuple[tuple[str, str], ...] = ()

    def attempt(self, job: Job, now: float) -> Attempt:
        """Return the attempt at *job* that starts at *now* and ends like this."""
        if self.error is not None:
            times = Times(now - job.ready, total=self.after)
            return Attempt(job, self.error, "scripted", started=now, times=times)
        fields = "".join(f"\r\n{name}: {value}" for name, value in self.headers)
        return Attempt(
            job,
            status=self.status,
            head=f"HTTP/1.1 {self.status} Scripted{fields}".encode("latin-1"),
            body=self.body,
            started=now,
            times=Times(now - job.ready, first_byte=self.after, total=self.after),
            ip="127.0.0.1",
            http="1.1",
        )


class Started(NamedTuple):
    """The start of *job* at the virtual time *at*."""

    at: float
    job: Job


Script = Callable[[Any], Answered]


class ScriptedEngine:
    """An ``Engine`` whose *script* gives the end of each job, else 200 after 10 ms.

    Only ``collect`` advances *clock*: to the next completion, or as far as it may wait.
    ``collect(None)`` without a running job raises Stalled, since no event would wake
    it. If the test rightly waits for another thread, give it *patience*: seconds of
    real time.

    For the asyncio shell run it on a ``VirtualLoop`` with the same clock: on a real
    loop the clock would not advance, and no job would end.

    ``starts`` has every start in order, ``most`` the highest number of jobs that ran at
    once, and ``most_of`` the same for each key.
    """

    def __init__(
        self,
        script: Script | None = None,
        clock: VirtualClock | None = None,
        *,
        patience: float = 0.0,
    ) -> None:
        self.clock = clock or VirtualClock()
        self.starts: list[Started] = []
        self.most = 0
        self.most_of: Counter[str] = Counter()
        self.cancelled: list[Job] = []
        self.closed = False
        self._script = script or (lambda _job: Answered())
        self._patience = patience
        # (when, number, attempt): the number keeps jobs that end together in the order
        # of their starts.
        self._running: list[tuple[float, int, Attempt]] = []
        self._running_of: Counter[str] = Counter()
        self._alarm, self._waker = socket.socketpair()
        self._alarm.settimeout(0)
        self._waker.settimeout(0)
        self._woken = False

    @property
    def running(self) -> int:
        """The number of running jobs."""
        return len(self._running)

    def start(self, job: Job, now: float) -> None:
        """Start *job*; the script is called for its end at once."""
        assert not self.closed, "start after close"
        answered = self._script(job)
        heapq.heappush(self._running, (now + answered.after, len(self.starts), answered.attempt(job, now)))
        self.starts.append(Started(now, job))
        self._running_of[job.key] += 1
        self.most = max(self.most, len(self._running))
        self.most_of[job.key] = max(self.most_of[job.key], self._running_of[job.key])

    def collect(self, timeout: float | None) -> list[Attempt]:
        """Advance the clock to an end, by *timeout* at most; return the ended jobs."""
        if self._woken:
            self._quieten()
        elif self._running:
            end = self._running[0][0]
            self.clock.advance_to(end if timeout is None else min(end, self.clock() + timeout))
        elif timeout is not None:
            self.clock.advance(timeout)
        else:
            self._wait_for_wake()
        finished = []
        while self._running and self._running[0][0] <= self.clock():
            attempt = heapq.heappop(self._running)[2]
            self._running_of[attempt.job.key] -= 1
            finished.append(attempt)
        return finished

    def fileno(self) -> int:
        """Return a descriptor that is readable after ``wake``."""
        return self._alarm.fileno()

    def deadline(self) -> float | None:
        """Return the virtual time of the next completion, or None if no job runs."""
        return self._running[0][0] if self._running else None

    def bound(self) -> None:
        """Return None: it has no limit of its own."""

    def shortage(self) -> Shortage:
        """None: nothing of the machine's is counted here."""
        return NO_SHORTAGE

    def wake(self) -> None:
        """End the present wait, or the next one."""
        with suppress(OSError):
            self._waker.send(b"\0")
        self._woken = True

    def cancel(self) -> None:
        """Abandon the running jobs; ``cancelled`` has them."""
        self.cancelled += [attempt.job for _, _, attempt in sorted(self._running)]
        self._running.clear()
        self._running_of.clear()

    def inside(self) -> bool:
        """Return False: its jobs run no code of the caller."""
        return False

    async def join_cancelled(self) -> None:
        """Return at once: a cancelled job has ended."""

    def close(self) -> None:
        """Abandon the running jobs and close the descriptors. May be called twice."""
        if not self.closed:
            self.closed = True
            self.cancel()
            self._alarm.close()
            self._waker.close()

    def _wait_for_wake(self) -> None:
        if not select.select([self._alarm], [], [], self._patience)[0]:
            raise Stalled("collect(None) without a running job waits forever")
        self._quieten()

    def _quieten(self) -> None:
        self._woken = False
        with suppress(BlockingIOError):
            while self._alarm.recv(4096):
                pass
