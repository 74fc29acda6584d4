"""``for page in penstock.fetch(generator)``: read on a thread of its own, as it might block. It stores nothing."""

from __future__ import annotations

from benchmarks.clients.penstock_for import count
from benchmarks.clients.protocol import Task, main


def fetch(task: Task) -> int:
    return count(task.lines(), task)


if __name__ == "__main__":
    main(fetch)
