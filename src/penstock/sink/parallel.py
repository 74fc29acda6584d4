"""Calls a function for each of many items, on a few threads at once: for flushes, each of which only waits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

__all__ = ["THREADS", "run_each"]

Item = TypeVar("Item")

THREADS: Final = 8


def run_each(work: Callable[[Item], object], items: Sequence[Item]) -> None:
    """Call *work* with each of *items*, in any order, and return when all calls have; few items need no threads.

    After an exception no further call begins, and the exception comes out here.
    """
    if len(items) < 2 * THREADS:
        for item in items:
            work(item)
        return
    rest = iter(items)
    errors: list[BaseException] = []

    def run() -> None:
        try:
            while not errors and (item := next(rest, None)) is not None:
                work(item)
        except BaseException as error:  # noqa: BLE001 - it is raised by the caller's thread
            errors.append(error)

    # Daemons: a process may end while its disk hangs (docs/decisions/flushing.md).
    threads = [threading.Thread(target=run, name=f"penstock-flush-{number}", daemon=True) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
