"""The time of a list in an unfavourable order, with the default limits for each host.

    python -m benchmarks.parts.waiting KIND [HOSTS]

prints the seconds for PAGES pages from each of HOSTS hosts (1,000), where KIND is

    shuffled    in no order
    sorted      the same, host after host
    alone       the hosts in turn
    behind      the same after ten times as many lines of a host that takes seconds for
                an answer: the time until all other pages have arrived

The web is a fake whose answers take LATENCY seconds of real time.
"""

from __future__ import annotations

import heapq
import random
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from unittest.mock import patch

import penstock
from penstock.core.web.model import Attempt, Job

HOSTS = 1_000
PAGES = 20
TIMES = 10
LATENCY, SLOW = 0.1, 5.0

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\n"


class Distant:
    """An ``Engine`` whose answers take LATENCY or SLOW seconds."""

    def __init__(self) -> None:
        self.running: list[tuple[float, int, Attempt]] = []
        self.woken = threading.Event()

    def start(self, job: Job, now: float) -> None:
        attempt = Attempt(job, status=200, head=HEAD, body=b"page", started=now, ip="127.0.0.1", http="1.1")
        due = now + (SLOW if "slow" in job.target else LATENCY)
        heapq.heappush(self.running, (due, job.seq, attempt))

    def collect(self, timeout: float | None) -> Sequence[Attempt]:
        due = self.deadline()
        waits = [each for each in (timeout, None if due is None else due - time.monotonic()) if each is not None]
        self.woken.wait(max(0.0, min(waits)) if waits else None)
        self.woken.clear()
        now, ended = time.monotonic(), []
        while self.running and self.running[0][0] <= now:
            ended.append(heapq.heappop(self.running)[2])
        return ended

    def fileno(self) -> int:
        raise AssertionError("no descriptor to wait for")

    def deadline(self) -> float | None:
        return self.running[0][0] if self.running else None

    def wake(self) -> None:
        self.woken.set()

    def inside(self) -> bool:
        return False

    def cancel(self) -> None:
        self.running.clear()

    def close(self) -> None:
        self.running.clear()


def main(kind: str, hosts: int) -> float:
    urls = list(lines(kind, hosts))
    left = hosts * PAGES
    began = time.perf_counter()
    with patch("penstock.fetching.wiring.CurlEngine", return_value=Distant()):
        flow = penstock.fetch(urls)
        for page in flow:
            left -= "slow" not in page.url
            if not left:
                break
        took = time.perf_counter() - began
        flow.close()
    assert not left
    return took


def lines(kind: str, hosts: int) -> Iterator[str]:
    by_host = [f"http://host-{host}.example/{page}" for host in range(hosts) for page in range(PAGES)]
    if kind == "sorted":
        yield from by_host
    elif kind == "shuffled":
        yield from random.Random(1).sample(by_host, len(by_host))
    else:
        if kind == "behind":
            yield from (f"http://slow.example/{page}" for page in range(TIMES * len(by_host)))
        yield from (f"http://host-{host}.example/{page}" for page in range(PAGES) for host in range(hosts))


if __name__ == "__main__":
    print(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else HOSTS))
