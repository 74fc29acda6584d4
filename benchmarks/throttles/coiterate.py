"""``penstock.coiterate``: one generator of coroutines, CONCURRENCY coiterations."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

import penstock
from benchmarks.throttles.protocol import CONCURRENCY, Task, main


async def work_all(task: Task) -> int:
    work = task.work()
    total = 0

    # The Cooperator drops the results of awaitables, as in Twisted, so the coroutine
    # adds them up.
    async def take(item: int) -> None:
        nonlocal total
        value = await work(item)
        # Not in one statement with the await: other coroutines add to the total
        # meanwhile.
        total += value

    def taking() -> Iterator[Coroutine[Any, Any, None]]:
        for item in task.items():
            yield take(item)

    coroutines = taking()
    await asyncio.gather(*[penstock.coiterate(coroutines) for _ in range(CONCURRENCY)])
    return total


def add_up(task: Task) -> int:
    return asyncio.run(work_all(task))


if __name__ == "__main__":
    main(add_up)
