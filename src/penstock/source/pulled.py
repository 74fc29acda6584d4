"""The two ways to pull from an iterator: at once, or from a thread that reads a little ahead.

Knows that a source must never wait. Does not know what the items are or where they come from.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from typing import Any, Final

from penstock.seams import Signal

__all__ = ["BATCH", "Inline", "ReadAhead", "not_before"]

BATCH: Final = 64
"""Items read ahead at most. Small, since while the thread reads a batch the driver may have to wait for it."""

Item = Any
"""A job, or the ending of an input that needs none."""


class Inline:
    """A source over an iterator that never waits: a file on a disk, a list.

    *owner* is what to close in the end, where it is not *items* itself.
    """

    def __init__(self, items: Iterator[Item], owner: Iterator[Any] | None = None) -> None:
        """*items* belongs to the source from here on."""
        self._items = items
        self._owner = items if owner is None else owner

    def pull(self) -> Item | Signal:
        """The next item, or that there is none any more; what the iterator raises, once."""
        try:
            return next(self._items, Signal.EXHAUSTED)
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
    """A source over an iterator that may wait for somebody: a daemon thread reads up to *batch* items ahead.

    Nothing is read before the first ``pull``, nor more than *batch* items that nobody has pulled. *wake*
    is called, on the thread, when there is something to pull again after ``pull`` had nothing, be it only
    the end; never once ``close`` has returned. It must not call ``close``. ``pull`` and ``close`` belong
    to one thread.

    ``pull`` takes no lock while it has items: appending to a deque and popping from it are atomic.
    """

    def __init__(self, items: Iterator[Item], wake: Callable[[], None], batch: int = BATCH) -> None:
        """*items* belongs to the source from here on; *batch* is at least 1."""
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
        # Held by whoever is inside the iterator: only one may be, and close() must not wait for it.
        self._inside = threading.Lock()
        # Held while waking, so that nobody is woken once close() has returned.
        self._waking = threading.Lock()

    def pull(self) -> Item | Signal:
        """The next item, NOT_YET, or that there is none any more; what the iterator raised, once."""
        held = self._held
        try:
            item = held.popleft()
        except IndexError:
            return self._pull_from_nothing()
        if len(held) == self._low:
            self._room.set()
        return item

    def close(self) -> None:
        """End the thread and close the iterator, or leave that to the thread if it is inside; never waits."""
        with self._waking:
            self._closed = True
        # A new one: the thread may be about to append to the old.
        self._held = deque()
        self._room.set()
        if self._inside.acquire(blocking=False):
            try:
                self._close_items()
            finally:
                self._inside.release()

    async def aclose(self) -> None:
        """The same: there is nothing to wait for."""
        self.close()

    def _pull_from_nothing(self) -> Item | Signal:
        if self._closed:
            return Signal.EXHAUSTED
        if self._thread is None:
            self._thread = threading.Thread(target=self._read, name="penstock-source", daemon=True)
            self._thread.start()
        # Said before looking once more, so that an item that comes in between is seen or wakes us; and the
        # end is looked at before the items, since it is told after the last of them.
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
        """The thread: fill up, wait for room, until the end or ``close``."""
        held = self._held
        while self._fill(held):
            self._room.clear()
            if len(held) >= self._batch and not self._closed:
                self._room.wait()
        # Nobody is left to hear what a generator says when it is closed.
        with self._inside, contextlib.suppress(Exception):
            self._close_items()

    def _fill(self, held: deque[Item]) -> bool:
        """Read until *held* is full; whether there may be more to read."""
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
            except BaseException as error:  # noqa: BLE001 - whatever it is, pull raises it
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


def not_before(begins: float, items: Generator[Item, None, None]) -> Generator[Item, None, None]:
    """*items*, the first of them no sooner than the monotonic time *begins*: for a thread that may wait."""
    with contextlib.closing(items):
        for item in items:
            time.sleep(max(0.0, begins - time.monotonic()))
            yield item
            yield from items


def _close(items: Iterator[Item]) -> None:
    close = getattr(items, "close", None)
    if close is not None:
        close()
