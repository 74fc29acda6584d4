"""aiostream's ``map`` with a limit of tasks, results as they come."""

from __future__ import annotations

import asyncio

from aiostream import stream

from benchmarks.throttles.protocol import CONCURRENCY, Task, main


async def work_all(task: Task) -> int:
    total = 0
    values = stream.map(stream.iterate(task.items()), task.work(), ordered=False, task_limit=CONCURRENCY)
    async with values.stream() as streamer:
        async for value in streamer:
            total += value
    return total


def add_up(task: Task) -> int:
    return asyncio.run(work_all(task))


if __name__ == "__main__":
    main(add_up)
