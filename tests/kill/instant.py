"""An engine whose jobs are done as soon as they are begun: what kills are tried on.

Knows how to be an engine. Does not know what is asked for, or what comes of it: ``answer`` does.
"""

from __future__ import annotations

import threading
from collections import deque

from penstock.core.schedule.shortage import NO_SHORTAGE
from penstock.core.web.model import Attempt, Job


class Instant:
    """It remembers what was asked for, each address as often as it was; ``answer`` says what comes of a job."""

    asked: list[str]

    def __init__(self, _settings=None, **_given):
        self._finished = deque()
        self._woken = threading.Event()

    def answer(self, job: Job) -> Attempt:
        return Attempt(job, status=200, head=b"HTTP/1.1 200 OK\r\n\r\n", body=job.target.encode())

    def start(self, job: Job, now: float) -> None:
        self.asked.append(job.target)
        self._finished.append(self.answer(job))

    def collect(self, timeout):
        if not self._finished and timeout != 0:
            self._woken.wait(timeout)
        self._woken.clear()
        attempts = list(self._finished)
        self._finished.clear()
        return attempts

    def wake(self):
        self._woken.set()

    def cancel(self):
        self._finished.clear()

    def shortage(self):
        return NO_SHORTAGE

    def bound(self):
        return None

    def inside(self):
        return False

    def close(self):
        pass
