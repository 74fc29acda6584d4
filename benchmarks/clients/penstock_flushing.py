"""``penstock fetch URLS -o FOLDER --flush-every 2``: more commits than by default."""

from __future__ import annotations

from benchmarks.clients.penstock_command import check, run
from benchmarks.clients.protocol import Task, main


def fetch(task: Task) -> None:
    run(task, "--flush-every", "2")


if __name__ == "__main__":
    main(fetch, check)
