"""What fetch and throttle share, against a real web: order, async inputs, pauses and limits as the server counts."""

import asyncio
import itertools

import pytest

import penstock
from penstock.errors import UsageError
from penstock.testing.web import LocalWeb

FAST = {"robots": False, "delay": 0, "per_host": 50}


@pytest.fixture
def web():
    with LocalWeb(hosts=3) as local:
        yield local


async def eventually(web: LocalWeb, requests: int) -> None:
    assert await asyncio.to_thread(web.wait_for, requests)


@pytest.mark.parametrize("inside", [False, True])
def test_ordered_outcomes_come_in_the_order_of_the_urls(web, each_once, inside):
    """Also of those that are no URLs, that fail, and that are redirected."""
    paths = ["/slow/0.05/a", "/page/1", "/redirect/2/page/3", "/status/404", "/slow/0.02/b"]
    urls = [web.url(seq % 3, path) for seq, path in enumerate(paths * 6)]
    urls[7] = "no URL"
    urls[11] = web.refusing()
    flow = penstock.fetch(urls, ordered=True, concurrency=5, attempts=1, **FAST)

    async def consume() -> list:
        return [outcome async for outcome in flow]

    outcomes = each_once(asyncio.run(consume()) if inside else flow, 30)
    assert [outcome.seq for outcome in outcomes] == list(range(30))


def test_ordered_no_more_than_twice_the_concurrency_is_asked_for_behind_one_that_is_slow(web):
    """The first never answers; the server sees nine others, and then no more."""
    urls = (web.url(0, "/hang" if seq == 0 else f"/{seq}") for seq in itertools.count())

    async def wait() -> None:
        async with penstock.fetch(urls, ordered=True, concurrency=5, **FAST) as flow:
            first = asyncio.create_task(anext(aiter(flow)))
            await eventually(web, 10)
            while flow.statistics().undelivered < 9:
                await asyncio.sleep(0.001)
            now = flow.statistics()
            assert (now.bound, now.running) == (penstock.Bottleneck.ORDER, 1)
            flow.abort()
            assert (await first).seq == 1

    asyncio.run(wait())
    assert web.traffic().requests == 10


def test_urls_may_come_from_an_async_iterable(web, each_once):
    """Dicts and what is no URL too, each asked for when there is room."""
    taken, closed = 0, []

    async def urls():
        nonlocal taken
        try:
            for seq in range(40):
                await asyncio.sleep(0)
                taken += 1
                yield {"url": web.url(seq % 3, f"/{seq}"), "id": seq} if seq % 2 else "no URL"
        finally:
            closed.append(True)

    async def consume() -> list:
        found = []
        async for outcome in penstock.fetch(urls(), concurrency=4, **FAST):
            found.append(outcome)
            assert taken - len(found) <= 4 + 4
        return found

    outcomes = each_once(asyncio.run(consume()), 40)
    assert {outcome.input["id"] for outcome in outcomes if outcome.seq % 2} == set(range(1, 40, 2))
    assert {outcome.outcome for outcome in outcomes if not outcome.seq % 2} == {"skipped"}
    assert closed


def test_leaving_early_closes_the_async_iterable(web):
    closed = []

    async def urls():
        try:
            for seq in itertools.count():
                yield web.url(0, f"/{seq}")
        finally:
            await asyncio.sleep(0)
            closed.append(True)

    async def leave() -> None:
        async with penstock.fetch(urls(), concurrency=4, **FAST) as flow:
            async for _ in flow:
                break
        assert closed

    asyncio.run(leave())


def test_what_an_async_iterable_raises_comes_after_what_it_gave(web):
    async def urls():
        for seq in range(6):
            yield web.url(0, f"/{seq}")
        raise OSError("the queue went away")

    async def consume() -> int:
        count = 0
        with pytest.raises(OSError, match="went away"):
            async for _ in penstock.fetch(urls(), concurrency=4, **FAST):
                count += 1
        return count

    assert asyncio.run(consume()) == 6


def test_a_plain_loop_over_an_async_iterable_is_refused_with_a_remedy():
    async def urls():
        yield "http://a.test/"

    with pytest.raises(UsageError, match=r"async for page in penstock\.fetch"):
        list(penstock.fetch(urls()))


def test_while_it_is_paused_the_server_sees_nothing(web):
    async def paused() -> None:
        flow = penstock.fetch((web.url(0, f"/{seq}") for seq in range(60)), concurrency=4, **FAST)
        seen = []
        async for outcome in flow:
            seen.append(outcome.seq)
            if len(seen) == 20:
                flow.pause()
                asyncio.create_task(resume(flow))  # noqa: RUF006 - it resumes what this loop waits for
        assert len(seen) == 60

    async def resume(flow) -> None:
        while flow.statistics().running:
            await asyncio.sleep(0)
        before = web.traffic().requests
        for _ in range(50):
            await asyncio.sleep(0)
        assert flow.statistics().bound is penstock.Bottleneck.PAUSED
        assert web.traffic().requests == before <= 28
        flow.resume()

    asyncio.run(paused())
    assert web.traffic().requests == 60


def test_limits_that_change_hold_as_the_server_counts_them(web):
    """One at a time, then more of one host, then more of all."""
    most = []

    async def changed() -> None:
        urls = (web.url(seq % 3, f"/slow/0.01/{seq}") for seq in range(90))
        flow = penstock.fetch(urls, concurrency=1, per_host=1, delay=0)
        count = 0
        async for _ in flow:
            count += 1
            if count in (10, 30):
                most.append(web.traffic().most)
            if count == 10:
                flow.concurrency = 3
            if count == 30:
                flow.concurrency, flow.per_key = 6, 2
        assert flow.per_key == 2

    asyncio.run(changed())
    seen = web.traffic()
    assert most[0] == 1
    assert most[1] <= 3 < seen.most <= 6
    assert max(host.most for host in seen.hosts.values()) <= 2


def test_a_fetch_is_waited_for_like_any_flow(web):
    flow = penstock.fetch([web.url(0, f"/{seq}") for seq in range(9)], **FAST)
    assert flow.join().tally.statuses == {200: 9}

    async def done() -> penstock.Statistics:
        return await penstock.fetch([web.url(0, f"/{seq}") for seq in range(9)], **FAST).done()

    assert asyncio.run(done()).tally.statuses == {200: 9}
