"""``for page in penstock.fetch(generator)``. It stores nothing.

The generator is read in its own thread, since it may block.
"""

from __future__ import annotations

from benchmarks.clients.penstock_for import count
from benchmarks.clients.protocol import Task, main


def fetch(task: Task) -> int:
    return count(task.lines(), task)


if __name__ == "__main__":
    main(fetch)
