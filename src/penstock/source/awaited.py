"""Pull from an async iterator: one item is awaited at a time, and only after a pull.

Knows that a source must never wait. Does not know what the items are or where they come
from.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextvars import copy_context
from typing import Any

from penstock.errors import WorkCancelled
from penstock.loop.cancellation import join_cancelled
from penstock.seams import Signal

__all__ = ["Awaited"]


class Awaited:
    """A source over the async iterable *items*, each passed through *make*.

    ``pull`` starts a task of *loop* that awaits the next item, unless one runs; *wake*
    is called when it is done. Closing the source closes the iterator, if it has
    ``aclose`` as a generator has, and then calls *done*. All tasks share one context,
    as in a plain loop: a generator may set a variable before an item and reset it after
    it.
    """

    def __init__(
        self,
        items: AsyncIterable[Any],
        make: Callable[[Any], Any],
        *,
        loop: asyncio.AbstractEventLoop,
        wake: Callable[[], None],
        done: Callable[[], None] | None = None,
    ) -> None:
        """Await nothing before the first ``pull``."""
        self._items = items
        self._make = make
        self._loop = loop
        self._wake = wake
        self._done = done
        self._context = copy_context()
        self._iterator: AsyncIterator[Any] | None = None
        self._asking: asyncio.Task[Any] | None = None
        self._ended = False
        self._closing: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None

    def pull(self) -> Any:
        """Return what *make* made of the next item, or NOT_YET, or EXHAUSTED.

        Raises what the iterator raised, once.
        """
        if self._ended:
            return Signal.EXHAUSTED
        if self._asking is None:
            self._asking = self._loop.create_task(self._ask(), context=self._context)
            self._asking.add_done_callback(self._notify)
        if not self._asking.done():
            return Signal.NOT_YET
        asked, self._asking = self._asking, None
        try:
            item = asked.result()
            if item is not Signal.EXHAUSTED:
                return self._make(item)
        except asyncio.CancelledError as error:
            self._ended = True
            raise WorkCancelled("the input's iterator was cancelled, but not by the code that takes from it") from error
        except BaseException:
            self._ended = True
            raise
        self._ended = True
        return Signal.EXHAUSTED

    def request(self, room: int) -> None:
        """Make nothing ahead: one item is awaited at a time, after the ``pull`` that wants it."""

    def close(self) -> None:
        """Close the iterator; if the loop is running, only begin to."""
        if self._loop.is_running():
            self._begin_to_close()
        elif not self._loop.is_closed():
            self._loop.run_until_complete(self.aclose())

    async def aclose(self) -> None:
        """Cancel the awaited item and close the iterator; all callers wait for it.

        A call from the iterator itself only cancels: the next call waits. Raises what
        the iterator raises, less the cancellation, once.
        """
        if self._asking is not None and self._asking is asyncio.current_task():
            self._ended = True
            self._asking.cancel()
            return
        await join_cancelled({self._begin_to_close()})
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _begin_to_close(self) -> asyncio.Task[None]:
        self._ended = True
        if self._closing is None:
            self._closing = self._loop.create_task(self._close(), context=self._context)
        return self._closing

    async def _close(self) -> None:
        asking, self._asking = self._asking, None
        try:
            try:
                if asking is not None:
                    if not asking.cancelling():
                        asking.cancel()
                    await join_cancelled({asking})
                    if not asking.cancelled():
                        asking.result()
            finally:
                try:
                    close = getattr(self._iterator, "aclose", None)
                    if close is not None:
                        await close()
                finally:
                    if self._done is not None:
                        self._done()
        except Exception as failure:  # noqa: BLE001 - aclose() raises it
            self._failure = failure

    async def _ask(self) -> Any:
        if self._iterator is None:
            self._iterator = aiter(self._items)
        # Not anext() with a default: that crashes CPython 3.11 if __anext__ is no async
        # function.
        try:
            return await anext(self._iterator)
        except StopAsyncIteration:
            return Signal.EXHAUSTED

    def _notify(self, _asked: asyncio.Task[Any]) -> None:
        if not self._ended:
            self._wake()
