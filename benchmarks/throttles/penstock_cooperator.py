"""``penstock.twisted.Cooperator`` with the same Deferreds as Twisted's own."""

from __future__ import annotations

from benchmarks.throttles.cooperator import add_up_with, deferreds
from benchmarks.throttles.protocol import Task, main
from penstock import twisted


def add_up(task: Task) -> int:
    return add_up_with(twisted.Cooperator(), task, deferreds)


if __name__ == "__main__":
    main(add_up)
