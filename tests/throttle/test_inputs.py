"""Any iterable or async iterable, finite or not, is asked for an item only when there is room for it."""

import asyncio
import itertools

import pytest
from tests.throttle.trial import AsyncWitness, Witness, Work, items_of, results_of

from penstock import WorkCancelled, throttle


def test_nothing_is_taken_before_the_first_result_is_asked_for(virtual, witness):
    items = witness(range(9))
    flow = throttle(Work(), items, concurrency=3)

    async def begin() -> None:
        await asyncio.sleep(9.0)
        assert items.taken == 0
        await flow.aclose()

    virtual.run(begin())
    assert items.taken == 0


@pytest.mark.parametrize("concurrency", [1, 2, 7, 50])
@pytest.mark.parametrize("ordered", [False, True])
def test_without_a_key_nothing_is_taken_that_does_not_run(virtual, witness, concurrency, ordered):
    """Taken and not finished never exceeds the concurrency, however the times fall."""
    work = Work(lambda item: 0.1 + item * 7 % 5)
    items = witness(range(200), work)
    found = virtual.run(items_of(throttle(work, items, concurrency=concurrency, ordered=ordered)))
    assert sorted(found) == list(range(200))
    assert work.most == concurrency
    assert items.ahead == concurrency
    assert items.closed


@pytest.mark.parametrize("limits", [{"delay": 2.0}, {"rate": 0.5}])
def test_without_a_key_nothing_is_taken_while_time_has_to_pass(virtual, witness, limits):
    work = Work(3.0)
    items = witness(range(20), work)
    assert len(virtual.run(results_of(throttle(work, items, concurrency=5, **limits)))) == 20
    assert items.ahead <= 3
    assert virtual.clock() > 19 * 2.0


@pytest.mark.parametrize("window", [1, 3, 40])
def test_with_a_key_the_window_is_read_ahead_to_find_one_that_is_not_busy(virtual, witness, window):
    """A hundred items of one key stand before the first of another, which is found where the window allows."""
    work = Work(1.0, key=lambda item: item[0])
    items = witness([("a", number) for number in range(100)] + [("b", 0)], work)
    flow = throttle(work, items, concurrency=4, key=lambda item: item[0], per_key=2, window=window)
    assert len(virtual.run(results_of(flow))) == 101
    assert items.ahead <= 4 + window
    assert items.ahead >= 2 + window
    assert work.most_of == {"a": 2, "b": 1}


@pytest.mark.parametrize("concurrency", [1, 3, 8])
def test_with_a_key_and_no_window_nothing_is_taken_beyond_the_concurrency(virtual, witness, concurrency):
    """Also if all items are of one busy key, and if failed ones wait for their retry."""
    failed = set()

    def fails(item):
        if item % 3 == 0 and item not in failed:
            failed.add(item)
            raise ConnectionError(item)
        return item

    work = Work(0.2, fails)
    items = witness(range(60), work)
    limits = {"per_key": 2, "delay": 0.1, "attempts": 2, "retry": lambda error: 30.0}
    flow = throttle(work, items, concurrency=concurrency, key=lambda item: 0, **limits)
    assert sorted(virtual.run(items_of(flow))) == list(range(60))
    assert items.ahead == concurrency
    assert flow.statistics().tally.total == 60


def test_a_list_is_read_ahead_as_before(virtual):
    """It exists already: the item of another key behind a hundred is found."""
    work = Work(1.0, key=lambda item: item[0])
    items = [("a", number) for number in range(100)] + [("b", 0)]
    virtual.run(results_of(throttle(work, items, concurrency=4, key=lambda item: item[0], per_key=2)))
    assert work.calls.index(("b", 0)) == 2


def test_keys_take_turns(virtual, witness):
    """An item behind a thousand of another key does not wait for them."""
    work = Work(1.0, key=lambda item: item[0])
    items = witness([("a", number) for number in range(500)] + [("b", 0), ("c", 0)])
    flow = throttle(work, items, concurrency=3, key=lambda item: item[0], per_key=2, window=1_000)
    virtual.run(results_of(flow))
    assert work.calls.index(("b", 0)) <= 3
    assert work.calls.index(("c", 0)) <= 5


def test_a_slow_consumer_holds_the_input_up(virtual, witness):
    """Results nobody has taken keep their slots."""
    work = Work(0.1)
    items = witness(range(40), work)

    async def slowly() -> None:
        taken = 0
        async for _ in throttle(work, items, concurrency=4):
            taken += 1
            await asyncio.sleep(5.0)
            assert items.taken - taken <= 4

    virtual.run(slowly())
    assert items.taken == 40


@pytest.mark.parametrize("form", ["in a loop", "in none"])
@pytest.mark.parametrize("kind", [Witness, AsyncWitness])
def test_an_endless_input_is_taken_as_far_as_it_is_asked_for(virtual, kind, form):
    work = Work(1.0)
    items = kind(itertools.count(), work)

    async def some() -> list:
        async with throttle(work, items, concurrency=5) as flow:
            results = aiter(flow)
            return [(await anext(results)).item for _ in range(50)]

    if form == "in a loop":
        found = virtual.run(some())
    else:
        found = [result.item for _, result in zip(range(50), throttle(work, items, concurrency=5), strict=False)]
    assert len(found) == 50
    assert items.taken <= 60
    assert items.ahead <= 5
    assert items.closed
    assert work.running == 0


@pytest.mark.parametrize("count", [0, 1, 5, 40])
@pytest.mark.parametrize("form", ["in a loop", "in none"])
@pytest.mark.parametrize("ordered", [False, True])
def test_what_the_input_raises_comes_after_all_that_it_gave(virtual, witness, count, form, ordered):
    """At its first item, midway, or at its end."""
    failure = OSError("the queue went away")
    items = witness(range(count), failure=failure)
    flow, seen = throttle(Work(lambda item: 5.0 - item % 5), items, concurrency=4, ordered=ordered), []

    async def consume() -> None:
        async for result in flow:
            seen.append(result.item)

    with pytest.raises(OSError, match="went away") as raised:
        if form == "in a loop":
            virtual.run(consume())
        else:
            for result in flow:
                seen.append(result.item)
    assert raised.value is failure
    assert sorted(seen) == list(range(count))
    assert flow.failure is failure
    assert not flow.complete
    assert items.closed


class NoIterator:
    def __iter__(self):
        raise OSError("no such list")


class NoAsyncIterator:
    def __aiter__(self):
        raise OSError("no such list")


class WrongIterator:
    def __aiter__(self):
        return self

    def __anext__(self):
        return 7


@pytest.mark.parametrize("form", ["in a loop", "in none"])
@pytest.mark.parametrize(
    ("items", "kind"), [(NoIterator(), OSError), (NoAsyncIterator(), OSError), (WrongIterator(), TypeError)]
)
def test_an_input_that_does_not_even_begin_raises_from_the_loop(virtual, items, kind, form):
    flow = throttle(Work(), items, concurrency=4)
    with pytest.raises(kind):
        virtual.run(results_of(flow)) if form == "in a loop" else list(flow)
    assert repr(flow).startswith("<Flow closed")


def bad_end():
    try:
        yield from range(100)
    finally:
        raise BrokenPipeError("the end of it")


async def bad_end_of_async():
    try:
        for item in range(100):
            yield item
    finally:
        raise BrokenPipeError("the end of it")


@pytest.mark.parametrize("items", [bad_end, bad_end_of_async])
def test_what_the_input_raises_when_it_is_closed_comes_out_of_aclose(virtual, items):
    async def leave() -> None:
        flow = throttle(Work(), items(), concurrency=4)
        async for _ in flow:
            with pytest.raises(BrokenPipeError, match="the end of it"):
                await flow.aclose()
            break
        await flow.aclose()

    virtual.run(leave())


@pytest.mark.parametrize("items", [bad_end, bad_end_of_async])
def test_what_the_input_raises_when_it_is_closed_comes_out_of_close(virtual, items):
    flow = throttle(Work(), items(), concurrency=4)
    for _ in flow:
        with pytest.raises(BrokenPipeError, match="the end of it"):
            flow.close()
        break
    flow.close()


def contexts(error):
    while (error := error.__context__) is not None:
        yield error


@pytest.mark.parametrize("items", [bad_end, bad_end_of_async])
def test_a_cancelled_consumer_is_told_what_the_input_raised_when_it_was_closed(virtual, items):
    """As with any clean-up that fails; the cancellation is its context."""

    async def cancelled() -> None:
        consumer = asyncio.create_task(results_of(throttle(Work(), items(), concurrency=4)))
        await asyncio.sleep(2.5)
        consumer.cancel()
        with pytest.raises(BrokenPipeError) as raised:
            await consumer
        assert asyncio.CancelledError in map(type, contexts(raised.value))

    virtual.run(cancelled())


def test_an_async_input_may_take_its_time_while_work_goes_on(virtual):
    work = Work(10.0)
    items = AsyncWitness(range(5), work, seconds=2.0)
    assert virtual.run(items_of(throttle(work, items, concurrency=5))) == list(range(5))
    assert work.most == 5
    assert virtual.clock() == 20.0


def test_an_async_input_that_was_cancelled_by_others_is_an_error(virtual):
    async def cancelled():
        yield 1
        asyncio.current_task().cancel()
        await asyncio.sleep(1.0)

    with pytest.raises(WorkCancelled, match="iterator was cancelled"):
        virtual.run(results_of(throttle(Work(), cancelled(), concurrency=2)))


def test_an_async_input_may_close_its_flow(virtual):
    """It is cancelled, and closed by whoever takes the results."""
    closed = []

    async def items():
        try:
            yield from_here
            await flow.aclose()
            await asyncio.sleep(100.0)
        finally:
            await asyncio.sleep(1.0)
            closed.append(virtual.clock())

    from_here = "an item"
    flow = throttle(Work(50.0), items(), concurrency=2)
    assert virtual.run(results_of(flow)) == []
    assert closed == [1.0]
