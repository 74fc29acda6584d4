"""The backlog: jobs in the overflow, and the endings of abandoned jobs.

Knows how many jobs of a key may wait in memory, and which keys want theirs back. Does
not know the overflow itself, slots or times of its own.

Once half of the window is taken, each key keeps its share of jobs in memory, which
shrinks as keys come. Other jobs go to the overflow (``Spill``), and come back when the
key has none left (``Refill``): docs/decisions/overflow.md. The jobs of an abandoned key
come back too, but only to be given their endings (``Deliver``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from penstock.core.schedule.answers import Deliver, Refill
from penstock.core.schedule.queues import KeyQueue, KeyQueues, QueuePlace
from penstock.core.schedule.verdicts import EndingOf

__all__ = ["Backlog"]


class Backlog:
    """The jobs of all *queues* that wait outside of the *window*.

    ``spilled`` counts the jobs in the overflow. ``empty`` has the queues with jobs
    there alone, ``abandoned`` the queues whose jobs there need their endings, and
    ``endings`` the endings that wait for the consumer.
    """

    __slots__ = ("_queues", "abandoned", "empty", "endings", "spilled", "window")

    def __init__(self, queues: KeyQueues, window: int) -> None:
        """Start with no jobs."""
        self._queues = queues
        self.window = window
        self.spilled = 0
        self.empty: deque[KeyQueue] = deque()
        self.endings: deque[Any] = deque()
        self.abandoned: deque[KeyQueue] = deque()

    def spill(self, key: Any, now: float) -> bool:
        """Return whether a new job of *key* must go to the overflow, and count it if so."""
        queue = self._queues.get(key)
        if queue is None or (queue.abandoned is not None and queue.abandoned.until > now):
            return False
        if not queue.spilled and len(queue.jobs) < self._share():
            return False
        queue.spilled += 1
        self.spilled += 1
        return True

    def evict(self) -> list[Any]:
        """Take from every queue what it has beyond its share, newest jobs first, and return it for the overflow.

        It is worth a walk over all queues only if there are few of them.
        """
        if 2 * len(self._queues) > self.window:
            return []
        share = self._share()
        jobs: list[Any] = []
        for queue in self._queues.values():
            beyond = [queue.jobs.pop() for _ in range(len(queue.jobs) - share)]
            queue.spilled += len(beyond)
            jobs += reversed(beyond)
        self.spilled += len(jobs)
        return jobs

    def refill(self, queue: KeyQueue, jobs: Sequence[Any]) -> int:
        """Take back *jobs* of *queue* from the overflow; return how many of them may be tried."""
        assert 0 < len(jobs) <= queue.spilled, (
            f"{len(jobs)} of the {queue.spilled} jobs that {queue.key!r} has in the overflow"
        )
        queue.spilled -= len(jobs)
        self.spilled -= len(jobs)
        # The oldest were there when the key was abandoned; a retry that came back since
        # is not one of them.
        endings = queue.end_abandoned(jobs)
        self._end(queue, endings)
        queue.jobs.extend(jobs[len(endings) :])
        return len(jobs) - len(endings)

    def abandon(self, queue: KeyQueue, ending_of: EndingOf, until: float) -> int:
        """End what waits in *queue*, in memory and in the overflow; return how many of it were in memory."""
        if queue.place is QueuePlace.EMPTY:
            self.empty.remove(queue)
            queue.place = QueuePlace.ABANDONED
        endings = queue.abandon(ending_of, until)
        self._end(queue, endings)
        return len(endings)

    def next(self, room: int) -> Refill | Deliver | None:
        """Return the next chore, if any, which takes no slot; *room* is how many endings the consumer can take."""
        while self.abandoned:
            # A queue is in here twice if two verdicts abandoned it: the first turn may
            # have ended all its jobs.
            queue = self.abandoned.popleft()
            if queue.abandoned is not None and queue.abandoned.spilled:
                return Refill(queue.key, min(queue.abandoned.spilled, self._share()))
        if self.empty:
            queue = self.empty.popleft()
            queue.place = QueuePlace.REFILLING
            return Refill(queue.key, min(queue.spilled, self._share()))
        if self.endings and room > 0:
            return Deliver(tuple(self.endings.popleft() for _ in range(min(room, len(self.endings)))))
        return None

    def forget(self) -> None:
        """Forget the jobs in the overflow; the endings stay."""
        self.empty.clear()
        self.abandoned.clear()
        self.spilled = 0

    def _share(self) -> int:
        """Return the number of jobs that a key may have in memory once half of the window is taken."""
        return max(1, self.window // (2 * len(self._queues)))

    def _end(self, queue: KeyQueue, endings: list[Any]) -> None:
        self.endings.extend(endings)
        if queue.abandoned is not None and queue.abandoned.spilled:
            self.abandoned.append(queue)
