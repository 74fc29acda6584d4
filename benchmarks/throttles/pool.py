"""The minimum: CONCURRENCY tasks take items from one iterator."""

from __future__ import annotations

import asyncio

from benchmarks.throttles.protocol import CONCURRENCY, Task, main


async def work_all(task: Task) -> int:
    items, work = task.items(), task.work()

    async def lane() -> int:
        total = 0
        for item in items:
            total += await work(item)
        return total

    return sum(await asyncio.gather(*(lane() for _ in range(CONCURRENCY))))


def add_up(task: Task) -> int:
    return asyncio.run(work_all(task))


if __name__ == "__main__":
    main(add_up)
