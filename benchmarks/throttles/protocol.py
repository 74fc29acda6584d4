"""What every throttle is told, and what it answers; nothing about how it works or how it is measured.

    python -m benchmarks.throttles.NAME ITEMS KIND

runs a coroutine for each of the ITEMS numbers from 1 on, ``CONCURRENCY`` at once, and prints one line of
JSON, ``{"total": n, "most": m}``: the sum of what the coroutines returned, each its number, so that one
lost or run twice shows; and how many ran at once. KIND is ``plain`` for a coroutine that returns at once,
``pausing`` for one that lets the loop go round first, ``watched`` for one that waits a while and is counted
in ``most``. Whoever runs it measures time, processor and memory from outside.
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
"""Seconds that a watched coroutine takes: long enough for any throttle to start all it may."""

Work = Callable[[int], Coroutine[Any, Any, int]]


class Watch:
    """How many are *running*, and the *most* that ever were."""

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
    """What to run: the coroutine of that *kind* for *count* items."""

    count: int
    kind: str

    def items(self) -> Iterator[int]:
        """The items, made as they are asked for: a generator, as nobody knows what comes from one."""
        yield from range(1, self.count + 1)

    def work(self) -> Work:
        """The coroutine function, looked up once and not for each item."""
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
    """Be the throttle that *add_up* is. It returns the sum of all values."""
    count, kind = sys.argv[1:]
    total = add_up(Task(int(count), kind))
    print(json.dumps({"total": total, "most": WATCH.most}))
