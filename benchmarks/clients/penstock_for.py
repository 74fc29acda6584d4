"""``for page in penstock.fetch(urls)`` with a list, politeness off.

It stores nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

import penstock
from benchmarks.clients.protocol import Task, main


def count(urls: Iterable[str], task: Task) -> int:
    ok = 0
    at_once = task.concurrency
    for page in penstock.fetch(
        urls,
        concurrency=at_once,
        per_host=at_once,
        delay=0,
        robots=False,
        resolver=task.resolver,
        cacert=task.cacert,
        connect_to=task.connect_to or (),
    ):
        ok += page.status == 200 and len(page.body) == task.size
    return ok


def fetch(task: Task) -> int:
    return count(list(task.lines()), task)


if __name__ == "__main__":
    main(fetch)
