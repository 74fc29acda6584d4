"""Twisted's Cooperator: one generator of Deferreds, CONCURRENCY coiterations.

The Deferreds are the cheapest kind: fired before they are yielded, or, for work that
pauses, in the next turn of the reactor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList, succeed
from twisted.internet.task import Cooperator, react

from benchmarks.throttles.protocol import CONCURRENCY, WAIT, WATCH, Task, main

__all__ = ["add_up_with", "deferreds", "later", "watched"]

Take = Callable[[int], None]
"""A callback for the result of each Deferred, which the Cooperator drops."""


def add_up_with(cooperator: Any, task: Task, deferreds: Callable[[Task, Take], Iterator[Deferred[None]]]) -> int:
    """Return the sum of all values, with CONCURRENCY coiterations of one generator."""
    total = 0

    def take(value: int) -> None:
        nonlocal total
        total += value

    def run(_reactor: Any) -> Deferred[Any]:
        shared = deferreds(task, take)
        return DeferredList([cooperator.coiterate(shared) for _ in range(CONCURRENCY)], fireOnOneErrback=True)

    try:
        react(run)
    except SystemExit as end:
        # ``react`` returns by leaving the process, with 0 if all went well.
        if end.code:
            raise
    return total


def deferreds(task: Task, take: Take) -> Iterator[Deferred[None]]:
    work = KINDS[task.kind]
    for item in task.items():
        yield work(item).addCallback(take)


def later(item: int, delay: float = 0) -> Deferred[int]:
    # ``deferLater`` costs more, for a canceller that is not needed here.
    deferred: Deferred[int] = Deferred()
    reactor.callLater(delay, deferred.callback, item)
    return deferred


def watched(item: int) -> Deferred[int]:
    WATCH.begin()
    return later(item, WAIT).addCallback(unwatched)


def unwatched(item: int) -> int:
    WATCH.end()
    return item


KINDS: Final[Mapping[str, Callable[[int], Deferred[int]]]] = {"plain": succeed, "pausing": later, "watched": watched}


def add_up(task: Task) -> int:
    return add_up_with(Cooperator(), task, deferreds)


if __name__ == "__main__":
    main(add_up)
