"""httpx as its users write it: a fixed number of tasks take URLs from one iterator.

It stores nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import httpx

from benchmarks.clients.protocol import Task, main


async def work(client: httpx.AsyncClient, urls: Iterator[str], size: int) -> int:
    ok = 0
    for url in urls:
        response = await client.get(url)
        ok += response.status_code == 200 and len(response.content) == size
    return ok


async def work_all(task: Task) -> int:
    urls = task.lines()
    limits = httpx.Limits(max_connections=task.concurrency, max_keepalive_connections=task.concurrency)
    async with httpx.AsyncClient(limits=limits, timeout=30, trust_env=False) as client:
        return sum(await asyncio.gather(*(work(client, urls, task.size) for _ in range(task.concurrency))))


def fetch(task: Task) -> int:
    return asyncio.run(work_all(task))


if __name__ == "__main__":
    main(fetch)
