"""``for result in penstock.throttle(work, items)``, as in a script."""

from __future__ import annotations

import penstock
from benchmarks.throttles.protocol import CONCURRENCY, Task, main


def add_up(task: Task) -> int:
    total = 0
    for result in penstock.throttle(task.work(), task.items(), concurrency=CONCURRENCY):
        total += result.unwrap()
    return total


if __name__ == "__main__":
    main(add_up)
