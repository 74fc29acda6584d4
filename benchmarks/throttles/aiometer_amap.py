"""aiometer's ``amap``. It takes a sequence and no stream, so the list is made first."""

from __future__ import annotations

import asyncio

import aiometer

from benchmarks.throttles.protocol import CONCURRENCY, Task, main


async def work_all(task: Task) -> int:
    total = 0
    async with aiometer.amap(task.work(), list(task.items()), max_at_once=CONCURRENCY) as values:
        async for value in values:
            total += value
    return total


def add_up(task: Task) -> int:
    return asyncio.run(work_all(task))


if __name__ == "__main__":
    main(add_up)
