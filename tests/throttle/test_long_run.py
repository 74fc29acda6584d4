"""Long runs in virtual time, with everything changing under way, keep their bounds as counted inside of the work;
and hold no more at their end than at their beginning."""

import asyncio
import gc
import itertools
import random
from collections import Counter

import pytest
from tests.throttle.trial import AsyncWitness, Witness, Work

from penstock import throttle

ITEMS = 20_000


class Bounded(Work):
    """Work that checks the limits of its flow whenever it is called: those of now, or of when others began."""

    def __init__(self, *args, **options) -> None:
        super().__init__(*args, **options)
        self.allowed = self.allowed_of = 10**9
        self.paused = False
        self.changes = 0
        self.broken = Counter()

    async def __call__(self, item):
        self.broken["paused"] += self.paused
        self.broken["concurrency"] += self.running >= self.allowed
        self.broken["per_key"] += self._running_of[self._key(item)] >= self.allowed_of
        return await super().__call__(item)


async def unrest(flow, work: Bounded, draw: random.Random, most: int) -> None:
    """Pauses, resumes and changes limits for ever."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(draw.expovariate(0.1))
        work.changes += 1
        match draw.randrange(3):
            case 0:
                flow.pause()
                work.paused = True
                await asyncio.sleep(draw.expovariate(0.1))
                work.paused = False
                flow.resume()
            case 1:
                work.allowed = flow.concurrency = draw.randint(1, most)
            case 2 if work.allowed_of < 10**9:
                work.allowed_of = flow.per_key = draw.randint(1, 5)
            case _:
                flow.rate = draw.choice([None, 50.0, 200.0])
        assert loop.time() < 1e6


@pytest.mark.parametrize(
    ("kind", "limits"),
    [
        (Witness, {}),
        (AsyncWitness, {"ordered": True}),
        (Witness, {"key": lambda item: item % 7, "per_key": 3, "window": 30}),
    ],
)
def test_twenty_thousand_items_under_unrest_keep_every_bound(virtual, kind, limits):
    """Some fail and are tried again; the consumer is at times slower than the work."""
    draw, failed = random.Random(7), set()

    def fails(item):
        if item % 11 == 0 and item not in failed:
            failed.add(item)
            raise ConnectionError(item)
        return item

    work = Bounded(lambda item: draw.choice([0.0, 0.01, 0.1, 1.0]), fails, key=limits.get("key", lambda item: None))
    items = kind(range(ITEMS), work)
    work.allowed_of = limits.get("per_key", work.allowed_of)
    seen = []

    async def consume() -> None:
        flow = throttle(work, items, concurrency=20, attempts=2, **limits)
        work.allowed = 20
        changing = asyncio.create_task(unrest(flow, work, random.Random(8), 40))
        async for result in flow:
            seen.append(result.unwrap())
            if result.item % 50 == 0:
                await asyncio.sleep(0.5)
        changing.cancel()
        assert flow.complete

    virtual.run(consume())
    assert sorted(seen) == list(range(ITEMS))
    if limits.get("ordered"):
        assert seen == sorted(seen)
    assert work.broken == {"paused": 0, "concurrency": 0, "per_key": 0}
    assert 20 < work.most <= 40
    assert work.changes > 30
    assert items.ahead <= 40 + limits.get("window", 40 if limits.get("ordered") else 0)


def test_a_consumer_slower_than_the_work_is_what_bounds_it(virtual, witness):
    items, ahead = witness(range(2_000)), 0

    async def slowly() -> None:
        nonlocal ahead
        taken = 0
        async for _ in throttle(Work(0.001), items, concurrency=8):
            taken += 1
            await asyncio.sleep(0.1)
            ahead = max(ahead, items.taken - taken)

    virtual.run(slowly())
    assert ahead in (7, 8)


def kept(objects: list[int], flow, steps: int):
    for count, _ in enumerate(flow, 1):
        if count % steps == 0:
            gc.collect()
            objects.append(len(gc.get_objects()))
        yield count


@pytest.mark.parametrize("limits", [{}, {"ordered": True, "key": lambda item: item, "per_key": 1}])
def test_a_hundred_thousand_items_leave_nothing_behind(limits):
    """As many objects live after 100,000 as after 20,000, in a loop of the flow's own."""

    async def work(item):
        return [item]

    objects = []
    for count in kept(objects, throttle(work, itertools.count(), concurrency=50, **limits), 20_000):
        if count == 100_000:
            break
    assert max(objects) - min(objects) < 200


def test_thousands_of_failures_retries_and_time_outs_leave_nothing_behind(virtual):
    """In a running loop: its timers and handles are let go of as well."""

    async def work(item):
        await asyncio.sleep(10.0 if item % 10 == 0 else 0.1)
        return 1 // (item % 3)

    objects = []

    async def consume() -> None:
        flow = throttle(work, itertools.count(), concurrency=50, attempts=2, timeout=5.0, retry=lambda error: 0.5)
        count = 0
        async with flow:
            async for _ in flow:
                count += 1
                if count % 2_000 == 0:
                    gc.collect()
                    objects.append(len(gc.get_objects()))
                if count == 10_000:
                    break

    virtual.run(consume())
    assert max(objects) - min(objects) < 2_000
