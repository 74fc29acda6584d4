"""Waiting for asyncio tasks to be over, whatever happens to whoever waits.

Knows tasks. Does not know what they do.
"""

from __future__ import annotations

import asyncio
from typing import Any

__all__ = ["settle"]


async def settle(tasks: set[asyncio.Task[Any]]) -> None:
    """Wait until all of *tasks*, cancelled already, are over, and take them out of the set.

    Where whoever waits is cancelled meanwhile they are cancelled once more, and the cancellation is passed on when
    they are over. The task that waits is not waited for, and stays in the set. What they raised has been seen.
    """
    cancelled = None
    me = asyncio.current_task()
    while running := {task for task in tasks if not task.done() and task is not me}:
        try:
            await asyncio.wait(running)
        except asyncio.CancelledError as again:
            cancelled = again
            for task in running:
                task.cancel()
    for task in tasks:
        if task.done() and not task.cancelled():
            task.exception()
    tasks.difference_update([task for task in tasks if task.done()])
    if cancelled is not None:
        raise cancelled
