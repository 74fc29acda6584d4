"""Pulling from an async iterator: one item is awaited at a time, and only when it is asked for.

Knows that a source must never wait. Does not know what the items are or where they come from.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextvars import copy_context
from typing import Any

from penstock.errors import WorkCancelled
from penstock.loop.cancellation import settle
from penstock.seams import Signal

__all__ = ["Awaited"]


class Awaited:
    """A source over *items*, each of which becomes what *make* makes of it.

    The iterator is asked, in a task of *loop*'s, when somebody pulls, and *wake* is called when it has
    answered. It is closed in the end, if it can be, as a generator can; then *done* is called. All its tasks share
    one context, as they would in a plain loop: it may set a variable before an item and set it back afterwards.
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
        """Nothing is asked for before the first ``pull``."""
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
        """What was made of the next item, NOT_YET, or EXHAUSTED; what the iterator raised, once."""
        if self._ended:
            return Signal.EXHAUSTED
        if self._asking is None:
            self._asking = self._loop.create_task(self._ask(), context=self._context)
            self._asking.add_done_callback(self._answered)
        if not self._asking.done():
            return Signal.NOT_YET
        asked, self._asking = self._asking, None
        try:
            item = asked.result()
            if item is not Signal.EXHAUSTED:
                return self._make(item)
        except asyncio.CancelledError as error:
            self._ended = True
            raise WorkCancelled("the input's iterator was cancelled, though not by whoever takes from it") from error
        except BaseException:
            self._ended = True
            raise
        self._ended = True
        return Signal.EXHAUSTED

    def close(self) -> None:
        """``aclose``, done where the loop does not run, and else only begun."""
        if self._loop.is_running():
            self._begin_to_close()
        elif not self._loop.is_closed():
            self._loop.run_until_complete(self.aclose())

    async def aclose(self) -> None:
        """Cancel what is asked for, and close the iterator; whoever comes while another does waits for the same.

        Raises what either raises but for the cancellation, once. Called by the iterator itself it only cancels what
        is asked for: the next who closes waits.
        """
        if self._asking is not None and self._asking is asyncio.current_task():
            self._ended = True
            self._asking.cancel()
            return
        await settle({self._begin_to_close()})
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
                    await settle({asking})
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
        except Exception as failure:  # noqa: BLE001 - it belongs to whoever waits for the end
            self._failure = failure

    async def _ask(self) -> Any:
        if self._iterator is None:
            self._iterator = aiter(self._items)
        # Not anext() with a default: that one crashes CPython 3.11 where __anext__ is no async function.
        try:
            return await anext(self._iterator)
        except StopAsyncIteration:
            return Signal.EXHAUSTED

    def _answered(self, _asked: asyncio.Task[Any]) -> None:
        if not self._ended:
            self._wake()
