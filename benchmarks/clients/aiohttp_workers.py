"""aiohttp as its users write it: a fixed number of tasks take URLs from one iterator.

It stores nothing.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver

from benchmarks.clients.protocol import Task, main


class OneAddress(AbstractResolver):
    """Says that every name is the server's."""

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[Any]:
        found = {"hostname": host, "host": "127.0.0.1", "port": port}
        return [found | {"family": family, "proto": 0, "flags": socket.AI_NUMERICHOST}]

    async def close(self) -> None:
        pass


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
    if task.cacert is not None:
        context = ssl.create_default_context(cafile=task.cacert)
        connector = aiohttp.TCPConnector(limit=task.concurrency, ssl=context, resolver=OneAddress())
    async with aiohttp.ClientSession(connector=connector) as session:
        return sum(await asyncio.gather(*(work(session, urls, task.size) for _ in range(task.concurrency))))


def fetch(task: Task) -> int:
    return asyncio.run(work_all(task))


if __name__ == "__main__":
    main(fetch)
