"""``async for result in penstock.throttle(work, items)``."""

from __future__ import annotations

import asyncio

import penstock
from benchmarks.throttles.protocol import CONCURRENCY, Task, main


async def work_all(task: Task) -> int:
    total = 0
    async for result in penstock.throttle(task.work(), task.items(), concurrency=CONCURRENCY):
        total += result.unwrap()
    return total


def add_up(task: Task) -> int:
    return asyncio.run(work_all(task))


if __name__ == "__main__":
    main(add_up)
