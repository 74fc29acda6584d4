"""What throttles are tried with: virtual time, inputs that know what was taken, work that counts itself."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from typing import Any

from penstock.testing.clock import VirtualClock, VirtualLoop


class Watched(VirtualLoop):
    """A virtual loop that counts its turns, calls *at* what is to happen before one, and keeps complaints."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock)
        self.turns = 0
        self.at: dict[int, Callable[[], object]] = {}
        self.complaints: list[dict[str, Any]] = []
        self.set_exception_handler(lambda _loop, context: self.complaints.append(context))

    def _run_once(self) -> None:
        happening = self.at.pop(self.turns, None)
        if happening is not None:
            happening()
        self.turns += 1
        super()._run_once()

    def readers(self) -> int:
        """Descriptors that are watched, beside the loop's own."""
        return len(self._selector.get_map()) - 1


class Virtual:
    """Virtual time for throttles, in a loop or in none."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.complaints: list[dict[str, Any]] = []

    def loop(self) -> Watched:
        loop = Watched(self.clock)
        loop.complaints = self.complaints
        return loop

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """What *coroutine* comes to; fails where it leaves a task or a watched descriptor behind."""

        async def alone() -> Any:
            loop = asyncio.get_running_loop()
            try:
                return await coroutine
            finally:
                for _ in range(3):  # turns for Python, which closes the iterator of a loop that was left
                    await asyncio.sleep(0)
                assert asyncio.all_tasks() == {asyncio.current_task()}
                assert loop.readers() == 0

        with asyncio.Runner(loop_factory=self.loop) as runner:
            return runner.run(alone())


class Work:
    """Work that takes *seconds* (a number, or a function of the item), and counts itself.

    *comes_to* may raise, or give another value than the item.
    """

    def __init__(
        self,
        seconds: float | Callable[[Any], float] = 1.0,
        comes_to: Callable[[Any], Any] = lambda item: item,
        key: Callable[[Any], Any] = lambda _item: None,
    ) -> None:
        self.calls: list[Any] = []
        self.running = self.most = self.finished = self.dropped = 0
        self.most_of: Counter[Any] = Counter()
        self._running_of: Counter[Any] = Counter()
        self._seconds = seconds if callable(seconds) else lambda _item: seconds
        self._comes_to = comes_to
        self._key = key

    async def __call__(self, item: Any) -> Any:
        self.calls.append(item)
        key = self._key(item)
        self.running += 1
        self._running_of[key] += 1
        self.most = max(self.most, self.running)
        self.most_of[key] = max(self.most_of[key], self._running_of[key])
        try:
            await asyncio.sleep(self._seconds(item))
            value = self._comes_to(item)
        except asyncio.CancelledError:
            self.dropped += 1
            raise
        finally:
            self.running -= 1
            self._running_of[key] -= 1
        self.finished += 1
        return value


class Witness:
    """An iterable that knows what was taken, how far ahead of *work* at most, and whether it was closed."""

    def __init__(self, items: Iterable[Any], work: Work | None = None, failure: BaseException | None = None) -> None:
        self.taken = self.ahead = 0
        self.closed = False
        self._items = items
        self._work = work
        self._failure = failure

    def __iter__(self) -> Iterator[Any]:
        try:
            for item in self._items:
                self._take()
                yield item
            if self._failure is not None:
                raise self._failure
        finally:
            self.closed = True

    def _take(self) -> None:
        self.taken += 1
        if self._work is not None:
            self.ahead = max(self.ahead, self.taken - self._work.finished)


class AsyncWitness(Witness):
    """The same, asynchronous: each item takes *seconds* to come, and the end takes as long."""

    def __init__(self, *args: Any, seconds: float = 0.0, **options: Any) -> None:
        super().__init__(*args, **options)
        self._seconds = seconds

    __iter__ = None

    async def __aiter__(self) -> AsyncIterator[Any]:
        try:
            for item in self._items:
                await asyncio.sleep(self._seconds)
                self._take()
                yield item
            if self._failure is not None:
                raise self._failure
        finally:
            try:
                await asyncio.sleep(self._seconds)
            finally:
                self.closed = True


async def results_of(flow: Any) -> list[Any]:
    return [result async for result in flow]


async def items_of(flow: Any) -> list[Any]:
    return [result.item async for result in flow]
