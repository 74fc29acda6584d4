"""aiohttp as its users write it: a fixed number of tasks take URLs from one iterator.

It stores nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import aiohttp

from benchmarks.clients.protocol import Task, main


async def work(session: aiohttp.ClientSession, urls: Iterator[str], size: int) -> int:
    ok = 0
    for url in urls:
        async with session.get(url) as response:
            body = await response.read()
            ok += response.status == 200 and len(body) == size
    return ok


async def work_all(task: Task) -> int:
    urls = task.lines()
    connector = aiohttp.TCPConnector(limit=task.concurrency)
    async with aiohttp.ClientSession(connector=connector) as session:
        return sum(await asyncio.gather(*(work(session, urls, task.size) for _ in range(task.concurrency))))


def fetch(task: Task) -> int:
    return asyncio.run(work_all(task))


if __name__ == "__main__":
    main(fetch)
