"""Penstock's engine alone: no frontier, no judge, no records. It stores nothing."""

from __future__ import annotations

import time
from itertools import islice

from benchmarks.clients.protocol import Task, main
from penstock.core.web.model import Job
from penstock.engine.curl import CurlEngine
from penstock.settings import HttpSettings

HEADERS = (("User-Agent", "penstock"),)


def fetch(task: Task) -> int:
    engine = CurlEngine(HttpSettings(concurrency=task.concurrency, resolver=task.resolver))
    urls = enumerate(task.lines())
    running = ok = 0
    while True:
        now = time.monotonic()
        for seq, url in islice(urls, task.concurrency - running):
            engine.start(Job(seq, "key", url, url, headers=HEADERS, ready=now), now)
            running += 1
        if not running:
            break
        for attempt in engine.collect(None):
            running -= 1
            ok += attempt.status == 200 and len(attempt.body) == task.size
    engine.close()
    return ok


if __name__ == "__main__":
    main(fetch)
