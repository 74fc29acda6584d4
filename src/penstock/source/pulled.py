"""Two ways to pull from an iterator: directly, or through a thread that reads ahead.

Knows that a source must never wait, and how far it may read ahead. Does not know where
the items come from. docs/decisions/look-ahead.md has the reasons.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Final

from penstock.core.schedule.verdicts import Duplicate
from penstock.seams import EXHAUSTED, Signal

__all__ = ["BATCH", "Inline", "ReadAhead"]

BATCH: Final = 64
"""Items that the thread holds at most. Small, since the driver may have to wait while
it reads a batch."""

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

    def request(self, room: int) -> None:
        """Make nothing ahead: ``pull`` makes the item that it returns."""

    async def aclose(self) -> None:
        """Close the iterator."""
        self.close()


class ReadAhead:
    """A source over an iterator that may wait: a thread takes its items.

    The thread takes as many items as ``request`` allowed last, or *ahead*, if that is
    more, and holds BATCH of them at most. A duplicate needs no room, since it is
    finished once it is known. The first ``request`` starts the thread. After a ``pull``
    that had nothing, the thread calls *wake* as soon as there is an item, an error or
    the end. *wake* must not call ``close``, and is not called once ``close`` has
    returned. ``pull`` and ``close`` belong to one thread.

    ``pull`` takes no lock while it has items: a deque appends and pops atomically.
    """

    def __init__(self, items: Iterator[Item], wake: Callable[[], None], ahead: int = 0) -> None:
        """The source takes over *items*; *ahead* is at most BATCH."""
        self._items = items
        self._wake = wake
        self._ahead = ahead
        # Three counts of items, duplicates aside, each set by one thread only: so no
        # item is counted twice while it passes from the thread to the driver.
        self._allowed = 0
        self._taken = 0
        self._pulled = 0
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
        try:
            item = self._held.popleft()
        except IndexError:
            return self._pull_from_nothing()
        if type(item) is not Duplicate:
            self._pulled += 1
        return item

    def request(self, room: int) -> None:
        """Let the thread take *room* items more than were pulled, or *ahead* if that is more.

        It can't be stopped inside of the iterator: the item that it waits for still
        comes.
        """
        self._allowed = self._pulled + max(room, self._ahead)
        if room <= 0 or self._closed:
            # A signal handler must not set an event: the thread that it interrupts may
            # be setting it.
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._read, name="penstock-source", daemon=True)
            self._thread.start()
        elif self._taken < self._allowed:
            self._room.set()

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
        """Run on the thread: take what may be taken, then wait for room, until the end."""
        held = self._held
        while self._fill(held):
            self._room.clear()
            if not (self._has_room(held) or self._closed):
                self._room.wait()
        # No pull follows that could raise what a generator raises when it is closed.
        with self._inside, contextlib.suppress(Exception):
            self._close_items()

    def _has_room(self, held: deque[Item]) -> bool:
        return self._taken < self._allowed and len(held) < BATCH

    def _fill(self, held: deque[Item]) -> bool:
        """Take items while there is room; return whether there may be more."""
        with self._inside:
            try:
                while self._has_room(held) and not self._closed:
                    item = next(self._items)
                    if type(item) is not Duplicate:
                        self._taken += 1
                    held.append(item)
                    if self._starved:
                        self._wake_up()
            except StopIteration:
                pass
            except BaseException as error:  # noqa: BLE001 - pull raises it
                self._error = error
            else:
                return not self._closed
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
