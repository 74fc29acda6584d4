"""Results in the order of the items, with a bounded number of them held back, whatever the first one does."""

import asyncio
import itertools
import random

import pytest
from tests.throttle.trial import Work, results_of

from penstock import Bottleneck, throttle


class Turns:
    """Work that measures how far the newest item is from the one whose turn it is."""

    def __init__(self, seconds, comes_to=lambda item: item) -> None:
        self.most = 0
        self.work = Work(seconds, comes_to)
        self.flow = None

    async def __call__(self, item):
        return await self.work(item)

    def items(self, count):
        for item in range(count) if count else itertools.count():
            self.most = max(self.most, item + 1 - self.flow._driver._delivery._turn)
            yield item


def ordered(virtual, turns: Turns, count: int, **limits):
    turns.flow = throttle(turns, turns.items(count), ordered=True, **limits)
    results = virtual.run(results_of(turns.flow))
    assert [result.seq for result in results] == list(range(count))
    assert [result.item for result in results] == list(range(count))
    assert turns.most <= 2 * limits["concurrency"]
    assert turns.flow.complete
    return results


@pytest.mark.parametrize("concurrency", [1, 2, 5, 30])
def test_whatever_the_times_the_results_come_in_order(virtual, concurrency):
    draw = random.Random(concurrency)
    turns = Turns(lambda _item: draw.choice([0.0, 0.1, 1.0, 9.0]))
    ordered(virtual, turns, 200, concurrency=concurrency)
    assert turns.work.most == concurrency


def test_one_slow_item_holds_back_no_more_than_twice_the_concurrency(virtual):
    """The slots go on working meanwhile, and then wait."""
    turns = Turns(lambda item: 1000.0 if item == 0 else 1.0)
    ordered(virtual, turns, 100, concurrency=5)
    assert turns.most == 10
    assert virtual.clock() < 1000.0 + 100


def test_while_one_item_holds_the_others_back_that_is_what_binds(virtual):
    async def held_back() -> None:
        work = Work(lambda item: 1000.0 if item == 0 else 1.0)
        flow = throttle(work, itertools.count(), concurrency=5, ordered=True)
        async with flow:
            taking = asyncio.create_task(anext(aiter(flow)))
            await asyncio.sleep(100.0)
            now = flow.statistics()
            assert (now.bound, now.running, now.undelivered) == (Bottleneck.ORDER, 1, 9)
            assert (await taking).item == 0

    virtual.run(held_back())


def test_the_first_may_be_a_retry_that_waits(virtual):
    """It holds no slot meanwhile, and gets one when its time has come though others want them too."""
    refused = set()

    def refuses_every_fifth_once(item):
        if item % 5 == 0 and item not in refused:
            refused.add(item)
            raise ConnectionError(item)
        return item

    turns = Turns(1.0, refuses_every_fifth_once)
    results = ordered(virtual, turns, 60, concurrency=3, attempts=2, retry=lambda _error: 50.0)
    assert [result.attempts for result in results] == [2 if item % 5 == 0 else 1 for item in range(60)]


@pytest.mark.parametrize("window", [1, 2, 100])
def test_the_first_may_be_of_a_key_at_its_limit(virtual, window):
    """Half the items are of one slow key, which does one at a time."""
    turns = Turns(lambda item: 10.0 if item % 2 == 0 else 0.1)
    key = {"key": lambda item: "slow" if item % 2 == 0 else item % 7}
    ordered(virtual, turns, 60, concurrency=4, per_key=1, window=window, **key)


@pytest.mark.parametrize("limits", [{"delay": 3.0}, {"rate": 0.7}])
def test_the_first_may_have_to_wait_for_its_time(virtual, limits):
    turns = Turns(lambda item: 10.0 - item % 10)
    ordered(virtual, turns, 40, concurrency=4, **limits)


def test_failures_have_their_places_too(virtual):
    turns = Turns(lambda item: 5.0 - item % 5, lambda item: 1 // (item % 3))
    results = ordered(virtual, turns, 40, concurrency=4)
    assert [result.error is None for result in results] == [item % 3 != 0 for item in range(40)]


def test_items_without_a_key_have_their_places_too(virtual):
    turns = Turns(lambda item: 5.0 - item % 5)
    results = ordered(virtual, turns, 40, concurrency=4, key=lambda item: 1 // (item % 4))
    assert [result.attempts for result in results] == [1 if item % 4 else 0 for item in range(40)]


def test_a_lower_concurrency_holds_for_the_order_as_well(virtual):
    turns = Turns(lambda item: 500.0 if item == 20 else 1.0)

    async def lowered() -> list:
        turns.flow = throttle(turns, turns.items(200), concurrency=10, ordered=True)
        asyncio.get_running_loop().call_later(1.5, setattr, turns.flow, "concurrency", 2)
        return await results_of(turns.flow)

    assert len(virtual.run(lowered())) == 200
    assert turns.most <= 20


def test_in_a_plain_loop_it_is_the_same(virtual):
    draw = random.Random(1)
    flow = throttle(Work(lambda _item: draw.random()), range(100), concurrency=9, ordered=True)
    assert [result.item for result in flow] == list(range(100))
