"""A TaskGroup and a semaphore, the usual way: every task exists at once."""

from __future__ import annotations

import asyncio

from benchmarks.throttles.protocol import CONCURRENCY, Task, main


async def work_all(task: Task) -> int:
    work, room = task.work(), asyncio.Semaphore(CONCURRENCY)
    total = 0

    async def one(item: int) -> None:
        nonlocal total
        async with room:
            value = await work(item)
            # Not in one statement with the await: other coroutines add to the total
            # meanwhile.
            total += value

    async with asyncio.TaskGroup() as group:
        for item in task.items():
            group.create_task(one(item))
    return total


def add_up(task: Task) -> int:
    return asyncio.run(work_all(task))


if __name__ == "__main__":
    main(add_up)
