"""The consumer is cancelled at every turn its loop takes, and once more while it cleans up: nothing is left."""

import asyncio

import pytest
from tests.throttle.trial import AsyncWitness, Virtual, Witness, Work, results_of

from penstock import throttle


class Careful(Work):
    """Work that takes a while to clean up."""

    async def __call__(self, item):
        try:
            return await super().__call__(item)
        finally:
            self.running += 1
            try:
                await asyncio.sleep(0.25)
            finally:
                self.running -= 1


def often_refused():
    """Every third item fails the first time."""
    refused = set()

    def comes_to(item):
        if item % 3 == 0 and item not in refused:
            refused.add(item)
            raise ConnectionError(item)
        return item

    return comes_to


def plain():
    work = Work(lambda item: 1.0 + item % 3)
    return work, Witness(range(7), work), {}


def careful():
    work = Careful(lambda item: 1.0 + item % 3)
    return work, Witness(range(7), work), {"ordered": True}


def asynchronous():
    work = Work(lambda item: 1.0 + item % 3)
    return work, AsyncWitness(range(7), work, seconds=0.5), {}


def trying_again():
    work = Careful(1.0, often_refused())
    return work, AsyncWitness(range(7), work, seconds=0.25), {"attempts": 2, "ordered": True, "timeout": 5.0}


def keyed():
    work = Work(1.0, often_refused())
    limits = {"key": lambda item: item % 2, "per_key": 1, "delay": 1.5, "attempts": 2, "rate": 10.0}
    return work, Witness(range(7), work), limits


def at_once():
    work = Work(0.0)
    return work, AsyncWitness(range(7), work), {}


SCENARIOS = [plain, careful, asynchronous, trying_again, keyed, at_once]


def play(virtual: Virtual, scenario, first: int | None, second: int | None = None) -> tuple[bool, int]:
    """Whether the consumer came to its end, and in how many turns of its loop; it is cancelled at those given."""
    work, items, limits = scenario()
    ends = []

    async def consume() -> None:
        flow = throttle(work, items, concurrency=3, **limits)
        async with flow:
            async for result in flow:
                assert result.error is None
                await asyncio.sleep(0.125)
        ends.append(asyncio.get_running_loop().turns)

    async def watched() -> tuple[bool, int]:
        loop = asyncio.get_running_loop()
        consumer = asyncio.create_task(consume())
        begun = loop.turns
        for turn in (first, second):
            if turn is not None:
                loop.at[begun + turn] = consumer.cancel
        await asyncio.wait([consumer])
        assert work.running == 0
        assert loop.readers() == 0
        assert items.closed or items.taken == 0
        assert consumer.cancelled() or consumer.exception() is None
        return not consumer.cancelled(), ends[0] - begun if ends else 0

    return virtual.run(watched())


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_cancelled_at_any_turn_it_leaves_nothing_behind(virtual, scenario):
    """What runs is over, the iterator closed, and the cancellation comes out."""
    ended, turns = play(virtual, scenario, None)
    assert ended
    assert turns > 15
    for turn in range(turns):
        ended, _ = play(virtual, scenario, turn)
        assert not ended, f"cancelled at turn {turn}, and the consumer never knew"


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_cancelled_once_more_while_it_cleans_up_it_leaves_nothing_behind(virtual, scenario):
    _, turns = play(virtual, scenario, None)
    for turn in range(0, turns, 2):
        for later in (1, 2, 3):
            ended, _ = play(virtual, scenario, turn, turn + later)
            assert not ended, f"cancelled at turns {turn} and {turn + later}, and the consumer never knew"


def test_a_cancelled_consumer_waits_for_what_it_cancelled(virtual):
    """The cancellation comes out when the last of it is over, not before."""
    work = Careful(100.0)

    async def cancelled() -> float:
        consumer = asyncio.create_task(results_of(throttle(work, range(9), concurrency=3)))
        await asyncio.sleep(1.0)
        assert work.running == 3
        consumer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await consumer
        assert work.running == 0
        assert work.dropped == 3
        return virtual.clock()

    assert virtual.run(cancelled()) == 1.25


def test_a_time_out_around_the_loop_is_a_time_out(virtual):
    """Nothing of asyncio's own bookkeeping of cancellations is lost on the way."""
    work = Careful(100.0)

    async def in_time() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2.0):
                await results_of(throttle(work, range(9), concurrency=3))
        assert asyncio.current_task().cancelling() == 0
        assert work.running == 0

    virtual.run(in_time())


def test_a_task_group_ends_its_consumer_with_its_neighbour(virtual):
    work = Work(100.0)

    async def fails() -> None:
        await asyncio.sleep(1.0)
        raise KeyError("neighbour")

    async def group() -> None:
        with pytest.raises(ExceptionGroup) as raised:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(fails())
                tasks.create_task(results_of(throttle(work, range(9), concurrency=3)))
        assert [type(error) for error in raised.value.exceptions] == [KeyError]
        assert work.running == 0

    virtual.run(group())
