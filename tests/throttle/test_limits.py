"""Limits and pauses that change while the work goes on, from wherever: they hold as counted inside of the work."""

import asyncio
import itertools
import threading

import pytest
from tests.throttle.trial import Work, items_of, results_of

from penstock import Bottleneck, NotPaused, UsageError, Waiting, throttle


async def echo(item):
    return item


class Times(Work):
    """Work that knows when each call began."""

    def __init__(self, clock, *args, **options) -> None:
        super().__init__(*args, **options)
        self.begun = []
        self._clock = clock

    async def __call__(self, item):
        self.begun.append(self._clock())
        return await super().__call__(item)

    def between(self, begin: float, end: float) -> int:
        """Calls that began from *begin* until *end*."""
        return sum(begin <= time < end for time in self.begun)


def at(times: dict) -> None:
    """Have things happen at their times."""
    loop = asyncio.get_running_loop()
    for time, happening in times.items():
        loop.call_at(time, happening)


def sets(flow, **limits):
    def change() -> None:
        for name, value in limits.items():
            setattr(flow, name, value)

    return change


def test_a_higher_concurrency_holds_at_once(virtual):
    work = Work(10.0)

    async def raised() -> None:
        flow = throttle(work, range(100), concurrency=2)
        at({5.0: sets(flow, concurrency=7), 5.5: lambda: counts.append(work.running)})
        assert len(await results_of(flow)) == 100

    counts = []
    virtual.run(raised())
    assert counts == [7]
    assert work.most == 7


def test_a_lower_concurrency_holds_when_enough_have_finished(virtual):
    """Nobody is cancelled for it."""
    work, counts = Work(lambda item: 10.0 + item % 3), []

    async def lowered() -> None:
        flow = throttle(work, range(60), concurrency=10)
        at({5.0: sets(flow, concurrency=2)} | {time: lambda: counts.append(work.running) for time in range(13, 60)})
        assert len(await results_of(flow)) == 60

    virtual.run(lowered())
    assert max(counts) == 2
    assert work.dropped == 0


def test_per_key_changes_hold_for_keys_that_wait(virtual):
    work, counts = Work(10.0, key=lambda item: item % 2), []

    async def changed() -> None:
        flow = throttle(work, range(100), concurrency=20, key=lambda item: item % 2, per_key=1)
        at({5.0: sets(flow, per_key=4), 15.5: lambda: counts.append(work.running), 25.0: sets(flow, per_key=1)})
        at({time: lambda: counts.append(work.running) for time in (45.5, 55.5)})
        assert len(await results_of(flow)) == 100

    virtual.run(changed())
    assert counts == [8, 2, 2]
    assert work.most_of == {0: 4, 1: 4}


def test_the_rate_may_be_set_raised_lowered_and_taken_away(virtual):
    work = Times(virtual.clock, 0.5)

    async def changed() -> None:
        flow = throttle(work, range(2000), concurrency=400, rate=1.0)
        at({10.0: sets(flow, rate=10.0), 20.0: sets(flow, rate=0.5), 40.0: sets(flow, rate=None)})
        assert len(await results_of(flow)) == 2000

    virtual.run(changed())
    assert work.between(0.0, 10.0) in (10, 11)
    assert work.between(10.0, 20.0) in range(97, 102)
    assert work.between(20.0, 40.0) in (9, 10, 11)
    assert virtual.clock() < 45.0


def test_a_rate_may_be_set_where_there_was_none(virtual):
    work = Times(virtual.clock, 1.0)

    async def changed() -> None:
        flow = throttle(work, range(300), concurrency=20)
        at({5.5: sets(flow, rate=2.0)})
        assert len(await results_of(flow)) == 300

    virtual.run(changed())
    assert work.between(6.0, 56.0) in range(97, 103)


def test_limits_may_be_set_before_it_begins(virtual):
    work = Times(virtual.clock, 1.0, key=lambda item: item % 5)
    flow = throttle(work, range(50), concurrency=50, key=lambda item: item % 5)
    flow.concurrency, flow.per_key, flow.rate = 3, 1, 2.0
    assert (flow.concurrency, flow.per_key, flow.rate) == (3, 1, 2.0)
    virtual.run(results_of(flow))
    assert work.most <= 3
    assert max(work.most_of.values()) == 1
    assert work.between(0.0, 10.0) <= 21


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("concurrency", 0),
        ("concurrency", 1_000_001),
        ("concurrency", 2.5),
        ("concurrency", True),
        ("concurrency", None),
        ("per_key", 0),
        ("per_key", "2"),
        ("rate", 0),
        ("rate", -1.0),
        ("rate", float("nan")),
        ("rate", float("inf")),
        ("rate", "fast"),
    ],
)
def test_a_limit_that_is_none_is_refused_and_the_old_one_stays(name, value):
    flow = throttle(Work(), range(9), concurrency=3, rate=2.0)
    before = getattr(flow, name)
    with pytest.raises(UsageError, match=name):
        setattr(flow, name, value)
    assert getattr(flow, name) == before


# Pauses


def test_while_it_is_paused_nothing_starts_and_what_runs_goes_on(virtual, witness):
    work = Times(virtual.clock, 1.0)
    items = witness(range(40), work)

    async def paused() -> None:
        flow = throttle(work, items, concurrency=4)
        at({2.5: flow.pause, 100.0: flow.resume})
        assert sorted(await items_of(flow)) == list(range(40))

    virtual.run(paused())
    assert work.between(2.5, 100.0) == 0
    assert work.dropped == 0
    assert items.ahead <= 4
    assert virtual.clock() == pytest.approx(107.0)


def test_pauses_are_counted(virtual):
    work = Times(virtual.clock, 1.0)

    async def paused() -> None:
        flow = throttle(work, range(40), concurrency=4)
        at({2.5: flow.pause, 3.5: flow.pause, 10.0: flow.resume, 20.0: flow.resume})
        assert len(await results_of(flow)) == 40
        with pytest.raises(NotPaused, match="takes back one pause"):
            flow.resume()

    virtual.run(paused())
    assert work.between(2.5, 20.0) == 0
    assert work.between(20.0, 21.0) == 4


def test_a_flow_that_is_not_paused_cannot_be_resumed():
    flow = throttle(Work(), range(9), concurrency=3)
    with pytest.raises(NotPaused):
        flow.resume()
    flow.pause()
    flow.resume()
    with pytest.raises(NotPaused):
        flow.resume()


def test_it_may_be_paused_before_it_begins(virtual, witness):
    items = witness(range(9))

    async def paused() -> None:
        flow = throttle(Work(1.0), items, concurrency=3)
        flow.pause()
        at({10.0: lambda: taken.append(items.taken), 50.0: flow.resume})
        assert len(await results_of(flow)) == 9

    taken = []
    virtual.run(paused())
    assert taken == [0]
    assert virtual.clock() == 53.0


@pytest.mark.parametrize("ends", ["stop", "abort"])
def test_a_paused_flow_may_be_ended(virtual, ends):
    async def ended() -> None:
        flow = throttle(Work(1.0), range(40), concurrency=4)
        at({1.5: flow.pause, 10.0: getattr(flow, ends)})
        assert len(await results_of(flow)) == 8

    virtual.run(ended())
    assert virtual.clock() == 10.0


def test_a_pause_holds_retries_back_too(virtual):
    failed = set()

    def once(item):
        if item not in failed:
            failed.add(item)
            raise ConnectionError
        return item

    work = Times(virtual.clock, 1.0, once)

    async def paused() -> None:
        flow = throttle(work, range(3), concurrency=4, attempts=2)
        at({1.2: flow.pause, 30.0: flow.resume})
        assert len(await results_of(flow)) == 3

    virtual.run(paused())
    assert work.between(1.2, 30.0) == 0


def test_paused_at_its_end_it_ends(virtual):
    """There is nothing left that the pause could hold back."""

    async def paused() -> None:
        flow = throttle(Work(1.0), range(3), concurrency=4)
        at({0.5: flow.pause})
        assert len(await results_of(flow)) == 3

    virtual.run(paused())


# From other threads, in real time


def test_a_plain_loop_is_resumed_by_another_thread_though_nothing_runs():
    flow = throttle(lambda item: asyncio.sleep(0, item), range(9), concurrency=3)
    flow.pause()
    asked = threading.Event()

    def resume() -> None:
        asked.wait(10.0)
        flow.resume()

    other = threading.Thread(target=resume)
    other.start()
    asked.set()
    assert sorted(result.item for result in flow) == list(range(9))
    other.join()


@pytest.mark.parametrize("limit", ["concurrency", "per_key", "rate"])
def test_another_thread_raises_a_limit_and_the_loop_that_waits_hears_of_it(limit):
    """The first call ends only when a second one runs beside it, which the old limit forbids."""
    both, begun = threading.Event(), threading.Event()
    calls = itertools.count()

    async def work(item):
        if next(calls) == 0:
            begun.set()
            assert await asyncio.to_thread(both.wait, 10.0)
        both.set()

    low = {"concurrency": 2, "key": lambda item: 0, "per_key": 2} | {limit: 0.001 if limit == "rate" else 1}
    flow = throttle(work, range(2), **low)

    def change() -> None:
        begun.wait(10.0)
        setattr(flow, limit, 1000.0 if limit == "rate" else 2)
        if not both.wait(10.0):
            flow.abort()  # nobody heard: a failure is better than to wait for ever

    other = threading.Thread(target=change)
    other.start()
    assert [result.error for result in flow] == [None, None], "the new limit was not heard of"
    other.join()


# What there is to see


def test_statistics_are_of_their_moment(virtual):
    async def look() -> None:
        flow = throttle(Work(1.0), range(40), concurrency=4)
        with pytest.raises(UsageError, match="has not begun"):
            flow.statistics()
        taken = 0
        async for _ in flow:
            taken += 1
            if taken == 20:
                before = flow.statistics()
                told = repr(before)
        assert repr(before) == told
        assert before.tally.total == 20
        assert flow.statistics().tally.total == 40
        with pytest.raises(AttributeError):
            before.running = 0

    virtual.run(look())


def test_waiting_says_what_each_key_waits_for_and_until_when(virtual):
    def fails(item):
        if item == "c":
            raise ConnectionError
        return item

    async def look() -> None:
        work = Work(lambda item: 1.0 if item == "c" else 20.0, fails)
        flow = throttle(
            work,
            ["a", "a", "a", "b", "c"],
            concurrency=10,
            key=lambda item: item,
            per_key=1,
            attempts=2,
            retry=lambda error: 50.0,
        )
        assert flow.waiting() == []
        consumer = asyncio.create_task(results_of(flow))
        await asyncio.sleep(5.0)
        assert flow.waiting() == [
            Waiting("a", 2, 1, Bottleneck.PER_KEY, None),
            Waiting("c", 1, 0, Bottleneck.BACKOFF, 51.0),
        ]
        await consumer
        assert flow.waiting() == []

    virtual.run(look())


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"delay": 30.0}, Waiting(None, 1, 1, Bottleneck.DELAY, 30.0)),
        ({"delay": 30.0, "key": str}, None),
    ],
)
def test_waiting_names_the_delay(virtual, limits, expected):
    async def look() -> None:
        flow = throttle(Work(20.0), ["a", "a"], concurrency=10, **limits)
        consumer = asyncio.create_task(results_of(flow))
        await asyncio.sleep(5.0)
        assert flow.waiting() == [expected or Waiting("a", 1, 1, Bottleneck.DELAY, 30.0)]
        await consumer

    virtual.run(look())


def test_the_repr_tells_counts_and_limits(virtual):
    async def look() -> None:
        flow = throttle(Work(1.0), range(9), concurrency=4, rate=100.0)
        assert repr(flow).startswith("<Flow not begun concurrency=4 ")
        consumer = asyncio.create_task(results_of(flow))
        await asyncio.sleep(0.5)
        flow.pause()
        told = repr(flow)
        assert told.startswith("<Flow open done=0 running=4 held=0 undelivered=0 bound=")
        assert told.endswith("rate=100.0 pauses=1>")
        flow.resume()
        await consumer
        assert repr(flow).startswith("<Flow closed done=9 running=0")

    virtual.run(look())


def test_without_keys_there_is_no_limit_for_one():
    flow = throttle(echo, range(3), concurrency=1)
    assert flow.per_key is None
    with pytest.raises(UsageError, match="key=function"):
        flow.per_key = 2


def test_the_limit_for_a_key_may_be_lifted():
    flow = throttle(echo, range(3), concurrency=1, key=str, per_key=2)
    assert flow.per_key == 2
    flow.per_key = None
    assert flow.per_key is None
    assert sorted(result.value for result in flow) == [0, 1, 2]
