"""Two ways to pull from an iterator: directly, or through a thread that reads ahead.

Knows that a source must never wait. Does not know what the items are, or where they
come from.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Final

from penstock.seams import EXHAUSTED, Signal

__all__ = ["BATCH", "Inline", "ReadAhead"]

BATCH: Final = 64
"""Items read ahead at most. Small, since the driver may have to wait while the thread
reads a batch."""

Item = Any
"""A job, or the ending of an input that needs no job."""


class Inline:
    """A source over an iterator that never waits, such as a file's or a list's.

    ``close`` closes *owner*, by default *items*.
    """

    def __init__(self, items: Iterator[Item], owner: Iterator[Any] | None = None) -> None:
        """The source takes over *items*; the caller does not use it any more."""
        self._items = items
        self._owner = items if owner is None else owner

    def pull(self) -> Item | Signal:
        """Return the next item, or EXHAUSTED. Raises what the iterator raises, once."""
        try:
            return next(self._items, EXHAUSTED)
        except BaseException:
            self._items = iter(())
            raise

    def close(self) -> None:
        """Close the iterator."""
        owner, self._items, self._owner = self._owner, iter(()), iter(())
        _close(owner)

    async def aclose(self) -> None:
        """Close the iterator."""
        self.close()


class ReadAhead:
    """A source over an iterator that may wait: a thread reads *batch* items ahead.

    The first ``pull`` starts the thread, which stops reading while it holds *batch*
    items. After a ``pull`` that had nothing, the thread calls *wake* as soon as there
    is an item, an error or the end. *wake* must not call ``close``, and is not called
    once ``close`` has returned. ``pull`` and ``close`` belong to one thread.

    ``pull`` takes no lock while it has items: a deque appends and pops atomically.
    """

    def __init__(self, items: Iterator[Item], wake: Callable[[], None], batch: int = BATCH) -> None:
        """The source takes over *items*; *batch* is at least 1."""
        self._items = items
        self._wake = wake
        self._batch = batch
        self._low = batch // 2
        self._held: deque[Item] = deque()
        self._error: BaseException | None = None
        self._ended = False
        self._closed = False
        self._starved = False
        self._thread: threading.Thread | None = None
        self._room = threading.Event()
        # Held by the thread that is inside the iterator: one at a time, and close()
        # must not wait for it.
        self._inside = threading.Lock()
        # Held while waking, so that wake() is not called once close() has returned.
        self._waking = threading.Lock()

    def pull(self) -> Item | Signal:
        """Return the next item, NOT_YET or EXHAUSTED.

        Raises what the iterator raised, once.
        """
        held = self._held
        try:
            item = held.popleft()
        except IndexError:
            return self._pull_from_nothing()
        if len(held) == self._low:
            self._room.set()
        return item

    def close(self) -> None:
        """End the thread and close the iterator; the thread closes it if it is inside.

        Never waits.
        """
        with self._waking:
            self._closed = True
        # A new deque: the thread may be about to append to the old one.
        self._held = deque()
        self._room.set()
        if self._inside.acquire(blocking=False):
            try:
                self._close_items()
            finally:
                self._inside.release()

    async def aclose(self) -> None:
        """Close; there is nothing to wait for."""
        self.close()

    def _pull_from_nothing(self) -> Item | Signal:
        if self._closed:
            return Signal.EXHAUSTED
        if self._thread is None:
            self._thread = threading.Thread(target=self._read, name="penstock-source", daemon=True)
            self._thread.start()
        # Set before the second check, so that an item that comes in between is seen or
        # wakes the driver. The end is read before the items, since the thread sets it
        # after the last.
        self._starved = True
        ended = self._ended
        if self._held:
            self._starved = False
            return self.pull()
        if not ended:
            return Signal.NOT_YET
        error, self._error = self._error, None
        if error is not None:
            raise error
        return Signal.EXHAUSTED

    def _read(self) -> None:
        """Run on the thread: read until full, then wait for room, until the end."""
        held = self._held
        while self._fill(held):
            self._room.clear()
            if len(held) >= self._batch and not self._closed:
                self._room.wait()
        # No pull follows that could raise what a generator raises when it is closed.
        with self._inside, contextlib.suppress(Exception):
            self._close_items()

    def _fill(self, held: deque[Item]) -> bool:
        """Read until *held* is full; return whether there may be more to read."""
        with self._inside:
            if self._closed:
                return False
            try:
                for item in self._items:
                    held.append(item)
                    if self._starved:
                        self._wake_up()
                    if len(held) >= self._batch or self._closed:
                        return True
            except BaseException as error:  # noqa: BLE001 - pull raises it
                self._error = error
        self._ended = True
        self._wake_up()
        return False

    def _wake_up(self) -> None:
        with self._waking:
            if self._starved and not self._closed:
                self._starved = False
                self._wake()

    def _close_items(self) -> None:
        items, self._items = self._items, iter(())
        _close(items)


def _close(items: Iterator[Item]) -> None:
    close = getattr(items, "close", None)
    if close is not None:
        close()
