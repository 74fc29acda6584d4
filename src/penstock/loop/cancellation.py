"""Waits for cancelled tasks to end, even if the waiting task is cancelled too.

Knows tasks. Does not know what they do.
"""

from __future__ import annotations

import asyncio
from typing import Any

__all__ = ["join_cancelled"]


async def join_cancelled(tasks: set[asyncio.Task[Any]]) -> None:
    """Wait until each of the cancelled *tasks* has ended, and remove it from the set.

    If the waiting task is cancelled meanwhile, *tasks* are cancelled once more, and its
    own cancellation is raised when they have ended. A task never waits for itself: it
    stays in the set. Exceptions of *tasks* are dropped.
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
            task.exception()  # asyncio logs an exception that is never retrieved
    tasks.difference_update([task for task in tasks if task.done()])
    if cancelled is not None:
        raise cancelled
