"""The arguments of every throttle, and its answer.

    python -m benchmarks.throttles.NAME ITEMS KIND

runs a coroutine for each of the ITEMS numbers from 1 on, ``CONCURRENCY`` at once, and
prints one line of JSON, ``{"total": n, "most": m}``: the sum of the results, each its
own number, so that one that is lost or runs twice shows; and how many ran at once. KIND
is ``plain`` for a coroutine that returns at once, ``pausing`` for one that waits for a
turn of the loop, ``watched`` for one that sleeps and is counted in ``most``. The
benchmark measures time, processor and memory from outside.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any, Final, NamedTuple

from benchmarks.throttles import CONCURRENCY

__all__ = ["CONCURRENCY", "WAIT", "WATCH", "Task", "main", "plain"]

WAIT: Final = 0.01
"""Seconds that a watched coroutine takes: enough to start as many as allowed."""

Work = Callable[[int], Coroutine[Any, Any, int]]


class Watch:
    """Counts the coroutines that are *running*, and the *most* that ran at once."""

    def __init__(self) -> None:
        self.running = 0
        self.most = 0

    def begin(self) -> None:
        self.running += 1
        self.most = max(self.most, self.running)

    def end(self) -> None:
        self.running -= 1


WATCH: Final = Watch()


class Task(NamedTuple):
    """The coroutine of *kind*, for *count* items."""

    count: int
    kind: str

    def items(self) -> Iterator[int]:
        """Yield the items: a generator, so that no throttle can know their number."""
        yield from range(1, self.count + 1)

    def work(self) -> Work:
        """Return the coroutine function."""
        return KINDS[self.kind]


async def plain(item: int) -> int:
    return item


async def pausing(item: int) -> int:
    await asyncio.sleep(0)
    return item


async def watched(item: int) -> int:
    WATCH.begin()
    await asyncio.sleep(WAIT)
    WATCH.end()
    return item


KINDS: Final[Mapping[str, Work]] = {"plain": plain, "pausing": pausing, "watched": watched}


def main(add_up: Callable[[Task], int]) -> None:
    """Run *add_up*, which returns the sum of all values."""
    count, kind = sys.argv[1:]
    total = add_up(Task(int(count), kind))
    print(json.dumps({"total": total, "most": WATCH.most}))
