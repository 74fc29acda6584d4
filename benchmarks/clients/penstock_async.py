"""``async for page in penstock.fetch(urls)`` with a list, politeness off, on asyncio.

It stores nothing.
"""

from __future__ import annotations

import asyncio

import penstock
from benchmarks.clients.protocol import Task, main


async def count(task: Task) -> int:
    ok = 0
    urls = list(task.lines())
    async for page in penstock.fetch(
        urls, concurrency=task.concurrency, per_host=task.concurrency, delay=0, robots=False
    ):
        ok += page.status == 200 and len(page.body) == task.size
    return ok


def fetch(task: Task) -> int:
    return asyncio.run(count(task))


if __name__ == "__main__":
    main(fetch)
