"""Pulling from an async iterator: one item at a time, only when asked, and closed once whoever closes it."""

import asyncio
import contextvars

import pytest
from tests.throttle.trial import Virtual

from penstock.errors import WorkCancelled
from penstock.seams import Signal
from penstock.source.awaited import Awaited


class Pulled:
    """A source over *items* in the running loop, and whether it woke anybody."""

    def __init__(self, items, make=lambda item: item) -> None:
        self._woken = asyncio.Event()
        self.source = Awaited(items, make, loop=asyncio.get_running_loop(), wake=self._woken.set)

    async def next(self):
        while (item := self.source.pull()) is Signal.NOT_YET:
            await self._woken.wait()
            self._woken.clear()
        return item


class Numbers:
    """An async iterator that is no generator: ``__anext__`` is a plain function which ends by itself."""

    def __init__(self, count: int) -> None:
        self.left = count
        self.asked = self.closed = 0

    def __aiter__(self):
        return self

    def __anext__(self):
        self.asked += 1
        if not self.left:
            raise StopAsyncIteration
        self.left -= 1
        return asyncio.sleep(1.0, self.left)

    async def aclose(self) -> None:
        self.closed += 1
        await asyncio.sleep(1.0)


async def counted(count: int, closed: list | None = None, seconds: float = 1.0):
    try:
        for number in range(count):
            await asyncio.sleep(seconds)
            yield number
    finally:
        await asyncio.sleep(seconds)
        if closed is not None:
            closed.append(asyncio.get_running_loop().time())


@pytest.fixture
def run():
    virtual = Virtual()
    yield virtual.run
    assert virtual.complaints == []


def test_it_gives_each_item_once_and_the_end_for_good(run):
    async def pull() -> None:
        pulled = Pulled(counted(3), lambda item: item + 10)
        assert [await pulled.next() for _ in range(5)] == [10, 11, 12, Signal.EXHAUSTED, Signal.EXHAUSTED]

    run(pull())


def test_it_asks_only_when_pulled_and_for_one_item_at_a_time(run):
    async def pull() -> None:
        numbers = Numbers(9)
        pulled = Pulled(numbers)
        await asyncio.sleep(5.0)
        assert numbers.asked == 0
        for _ in range(3):
            assert pulled.source.pull() is Signal.NOT_YET
        await asyncio.sleep(5.0)
        assert numbers.asked == 1
        assert pulled.source.pull() == 8
        await asyncio.sleep(5.0)
        assert numbers.asked == 1
        await pulled.source.aclose()

    run(pull())


def test_an_iterator_may_end_without_being_awaited(run):
    """``async for`` takes a StopAsyncIteration from ``__anext__`` itself, and so do we."""

    async def pull() -> None:
        pulled = Pulled(Numbers(2))
        assert [await pulled.next() for _ in range(3)] == [1, 0, Signal.EXHAUSTED]

    run(pull())


def test_the_iterator_is_asked_for_only_by_the_first_pull(run):
    """So what ``__aiter__`` raises comes out where everything does that an iterator raises."""

    class Broken:
        def __aiter__(self):
            raise OSError("no such queue")

    async def pull() -> None:
        pulled = Pulled(Broken())
        with pytest.raises(OSError, match="no such queue"):
            await pulled.next()
        assert await pulled.next() is Signal.EXHAUSTED
        await pulled.source.aclose()

    run(pull())


@pytest.mark.parametrize("given", [0, 2])
def test_what_the_iterator_raises_comes_out_once(run, given):
    async def failing():
        async for item in counted(given):
            yield item
        raise ConnectionError("the queue went away")

    async def pull() -> None:
        pulled = Pulled(failing())
        assert [await pulled.next() for _ in range(given)] == list(range(given))
        with pytest.raises(ConnectionError, match="went away"):
            await pulled.next()
        assert await pulled.next() is Signal.EXHAUSTED

    run(pull())


def test_what_makes_items_of_them_may_raise_too(run):
    async def pull() -> None:
        closed = []
        pulled = Pulled(counted(3, closed), lambda item: 1 // item)
        with pytest.raises(ZeroDivisionError):
            await pulled.next()
        assert await pulled.next() is Signal.EXHAUSTED
        await pulled.source.aclose()
        assert closed

    run(pull())


def test_an_iterator_that_was_cancelled_by_others_is_an_error(run):
    """Raised as itself it would look as if the consumer had been cancelled."""

    async def cancelled():
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        yield await future

    async def pull() -> None:
        with pytest.raises(WorkCancelled) as raised:
            await Pulled(cancelled()).next()
        assert isinstance(raised.value.__cause__, asyncio.CancelledError)

    run(pull())


def test_the_iterator_has_one_context_from_beginning_to_end(run):
    """As it has in a plain loop: what it sets before an item it finds after it, and can set back."""
    variable = contextvars.ContextVar("variable", default="none")

    async def spans():
        token = variable.set("a span")
        try:
            for _ in range(2):
                yield variable.get()
        finally:
            variable.reset(token)

    async def pull() -> None:
        pulled = Pulled(spans())
        assert [await pulled.next() for _ in range(2)] == ["a span", "a span"]
        await pulled.source.aclose()
        assert variable.get() == "none"

    run(pull())


def test_closing_cancels_what_is_asked_for_and_waits_for_it(run):
    async def pull() -> None:
        closed = []
        pulled = Pulled(counted(9, closed))
        pulled.source.pull()
        await asyncio.sleep(0.5)
        await pulled.source.aclose()
        await pulled.source.aclose()
        assert closed == [1.5]
        assert pulled.source.pull() is Signal.EXHAUSTED

    run(pull())


def test_closing_what_was_never_asked_for_asks_for_nothing(run):
    async def pull() -> None:
        numbers = Numbers(3)
        await Pulled(numbers).source.aclose()
        assert (numbers.asked, numbers.closed) == (0, 0)

    run(pull())


def test_two_who_close_at_once_both_wait_and_it_is_closed_once(run):
    """Another task closes the flow while its consumer leaves the loop."""

    async def pull() -> None:
        numbers = Numbers(3)
        pulled = Pulled(numbers)
        await pulled.next()
        begun = asyncio.get_running_loop().time()
        await asyncio.gather(pulled.source.aclose(), pulled.source.aclose())
        assert asyncio.get_running_loop().time() - begun == 1.0
        assert numbers.closed == 1

    run(pull())


def test_closed_without_waiting_it_closes_by_itself_and_once(run):
    async def pull() -> None:
        closed = []
        pulled = Pulled(counted(9, closed))
        await pulled.next()
        pulled.source.close()
        pulled.source.close()
        await pulled.source.aclose()
        assert closed == [2.0]

    run(pull())


@pytest.mark.parametrize("cancelled_before", [False, True])
def test_what_the_iterator_raises_when_it_is_closed_comes_out_once(run, cancelled_before):
    async def bad_end():
        try:
            yield 1
            await asyncio.sleep(100.0)
        finally:
            raise BrokenPipeError("the end of it")

    async def pull() -> None:
        pulled = Pulled(bad_end())
        await pulled.next()
        if cancelled_before:
            pulled.source.pull()
            await asyncio.sleep(1.0)
        with pytest.raises(BrokenPipeError, match="the end of it"):
            await pulled.source.aclose()
        await pulled.source.aclose()

    run(pull())


def test_whoever_closes_and_is_cancelled_passes_it_on_when_the_iterator_is_over(run):
    async def pull() -> None:
        ended = []

        async def slow_end():
            try:
                yield 1
            finally:
                try:
                    await asyncio.sleep(100.0)
                finally:
                    await asyncio.sleep(1.0)
                    ended.append(asyncio.get_running_loop().time())

        pulled = Pulled(slow_end())
        await pulled.next()
        closer = asyncio.create_task(pulled.source.aclose())
        await asyncio.sleep(5.0)
        closer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closer
        assert ended == [6.0]

    run(pull())


def test_in_a_loop_that_does_not_run_it_is_closed_when_close_returns():
    virtual = Virtual()
    loop, closed = virtual.loop(), []
    source = Awaited(counted(9, closed), lambda item: item, loop=loop, wake=loop.stop)
    assert source.pull() is Signal.NOT_YET
    loop.run_forever()
    assert source.pull() == 0
    source.close()
    source.close()
    assert closed == [2.0]
    loop.close()
    source.close()


def test_an_iterator_that_closes_its_own_source_is_cancelled_and_closed_by_the_next_who_does(run):
    async def pull() -> None:
        closed = []

        async def closes():
            try:
                await pulled.source.aclose()
                await asyncio.sleep(100.0)
                yield 1
            finally:
                await asyncio.sleep(1.0)
                closed.append(asyncio.get_running_loop().time())

        pulled = Pulled(closes())
        assert pulled.source.pull() is Signal.NOT_YET
        await asyncio.sleep(0.5)
        assert pulled.source.pull() is Signal.EXHAUSTED
        await pulled.source.aclose()
        assert closed == [1.0]

    run(pull())
