"""The frontier alone: the cost of one job, with 10^5 hosts known.

At each ``Pull`` the driver offers a job for every host. Jobs and attempts are made
beforehand, as they are the work of other stages. Time is virtual, and passes just fast
enough for the delay of all hosts.

    python -m benchmarks.parts.frontier DELAY

prints the microseconds a job, with DELAY seconds between two starts on one host.
"""

from __future__ import annotations

import gc
import sys
import time
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Final

from penstock.core.schedule.answers import Pull, Start, Wait
from penstock.core.schedule.frontier import Frontier
from penstock.core.web.judge import Judge
from penstock.core.web.model import Attempt, Job

HOSTS: Final = 100_000
ROUNDS: Final = 4
CONCURRENCY: Final = 50


def main(delay: float) -> float:
    attempts = [Attempt(Job(seq, f"host-{seq % HOSTS}:80", "", ""), status=200) for seq in range(HOSTS * ROUNDS)]
    frontier = Frontier(window=2 * HOSTS, concurrency=CONCURRENCY, per_key=2, delay=delay)
    # A real run does not hold all these attempts, so the garbage collector need not
    # scan them.
    gc.freeze()
    began = time.perf_counter()
    settled = drive(frontier, Judge(), attempts, delay / HOSTS)
    took = time.perf_counter() - began
    assert settled == len(attempts)
    return took / settled * 1e6


def drive(frontier: Frontier, judge: Judge, attempts: list[Attempt], step: float) -> int:
    """Obey *frontier*, end a job if no other may start, and return the outcomes.

    *step* is the seconds that pass with each.
    """
    jobs: Iterator[Job] = (attempt.job for attempt in attempts)
    running: deque[int] = deque()
    now, settled = 0.0, 0
    while True:
        answer = frontier.next(now)
        if isinstance(answer, Start):
            running.append(answer.job.seq)
        elif isinstance(answer, Pull):
            batch = list(islice(jobs, HOSTS))
            for job in batch:
                frontier.offer(job)
            if not batch:
                frontier.close()
        elif not isinstance(answer, Wait):
            return settled
        elif running:
            attempt = attempts[running.popleft()]
            frontier.settle(attempt.job, judge(attempt, now, 0.5), now)
            settled += 1
            now += step
        else:
            assert answer.until is not None
            now = answer.until


if __name__ == "__main__":
    print(main(float(sys.argv[1])))
