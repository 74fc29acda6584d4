"""Twisted's Cooperator with the coroutine of all other throttles."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from twisted.internet.defer import Deferred
from twisted.internet.task import Cooperator

from benchmarks.throttles.cooperator import add_up_with, later, watched
from benchmarks.throttles.protocol import Task, main, plain


async def pausing(item: int) -> int:
    return await later(item)


def deferreds(task: Task, take: Callable[[int], None]) -> Iterator[Deferred[None]]:
    work = {"plain": plain, "pausing": pausing, "watched": watched}[task.kind]

    # Cheaper than a callback on the Deferred.
    async def one(item: int) -> None:
        take(await work(item))

    for item in task.items():
        yield Deferred.fromCoroutine(one(item))


def add_up(task: Task) -> int:
    return add_up_with(Cooperator(), task, deferreds)


if __name__ == "__main__":
    main(add_up)
