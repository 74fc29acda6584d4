"""``penstock.throttle`` with a key: a thousand keys in turn, two at once of each.

The limit never delays an item, so the difference is the cost of the keys.
"""

from __future__ import annotations

import asyncio
from typing import Final

import penstock
from benchmarks.throttles.protocol import CONCURRENCY, Task, main

KEYS: Final = tuple(f"tenant-{number}" for number in range(1000))
PER_KEY: Final = 2


def key(item: int) -> str:
    return KEYS[item % len(KEYS)]


async def work_all(task: Task) -> int:
    total = 0
    async for result in penstock.throttle(task.work(), task.items(), concurrency=CONCURRENCY, key=key, per_key=PER_KEY):
        total += result.unwrap()
    return total


def add_up(task: Task) -> int:
    return asyncio.run(work_all(task))


if __name__ == "__main__":
    main(add_up)
