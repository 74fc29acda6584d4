"""wreq, a Rust client behind asyncio: a fixed number of tasks take URLs from one iterator.

It stores nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import wreq

from benchmarks.clients.protocol import Task, main


async def work(client: wreq.Client, urls: Iterator[str], size: int) -> int:
    ok = 0
    for url in urls:
        async with client.get(url) as response:
            body = await response.bytes()
            ok += response.status.as_int() == 200 and len(body) == size
    return ok


async def work_all(task: Task) -> int:
    urls = task.lines()
    client = wreq.Client(no_proxy=True)
    return sum(await asyncio.gather(*(work(client, urls, task.size) for _ in range(task.concurrency))))


def fetch(task: Task) -> int:
    return asyncio.run(work_all(task))


if __name__ == "__main__":
    main(fetch)
