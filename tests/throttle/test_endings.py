"""How a flow ends: stopped, aborted, closed by whomever, waited for; and nobody is left waiting."""

import asyncio
import itertools
import socket
import threading

import pytest
from tests.throttle.trial import AsyncWitness, Witness, Work, items_of, results_of

from penstock import UsageError, throttle


async def echo(item):
    return item


def test_stop_lets_what_runs_finish_and_takes_no_more(virtual, witness):
    work = Work(lambda item: 1.0 + item % 4)
    items = witness(itertools.count(), work)

    async def stopped() -> None:
        flow = throttle(work, items, concurrency=4)
        seen = []
        async for result in flow:
            seen.append(result.item)
            if len(seen) == 10:
                flow.stop()
        assert sorted(seen) == sorted(work.calls)
        assert work.dropped == 0
        assert not flow.complete

    virtual.run(stopped())
    assert items.closed


def test_stop_leaves_what_waits_to_be_tried_again_undone(virtual):
    def fails(item):
        raise ConnectionError(item)

    async def stopped() -> None:
        flow = throttle(Work(1.0, fails), range(3), concurrency=4, attempts=5)
        asyncio.get_running_loop().call_later(1.2, flow.stop)
        assert await results_of(flow) == []
        assert not flow.complete

    virtual.run(stopped())


def test_stop_after_the_last_began_is_complete(virtual):
    async def stopped() -> None:
        flow = throttle(Work(1.0), range(3), concurrency=4)
        asyncio.get_running_loop().call_later(0.5, flow.stop)
        assert len(await results_of(flow)) == 3
        assert flow.complete

    virtual.run(stopped())


def test_stop_gives_in_order_what_waits_for_an_item_that_will_not_come(virtual):
    def fails(item):
        if item == 0:
            raise ConnectionError(item)
        return item

    async def stopped() -> None:
        flow = throttle(Work(1.0, fails), range(4), concurrency=4, attempts=5, retry=lambda _: 100.0, ordered=True)
        asyncio.get_running_loop().call_later(5.0, flow.stop)
        assert await items_of(flow) == [1, 2, 3]
        assert not flow.complete

    virtual.run(stopped())


def test_abort_drops_what_runs_and_gives_what_had_completed(virtual):
    work = Work(lambda item: 1.0 if item < 2 else 100.0)

    async def aborted() -> None:
        flow = throttle(work, range(9), concurrency=4, ordered=True)
        asyncio.get_running_loop().call_later(5.0, flow.abort)
        assert await items_of(flow) == [0, 1]
        assert work.dropped == 4
        assert work.running == 0
        assert not flow.complete

    virtual.run(aborted())


@pytest.mark.parametrize("ends", ["stop", "abort"])
def test_what_is_stopped_before_it_begins_begins_nothing(virtual, ends, witness):
    items = witness(range(9))
    flow = throttle(Work(), items, concurrency=3)
    getattr(flow, ends)()
    assert virtual.run(results_of(flow)) == []
    assert items.taken == 0


# Closing


@pytest.mark.parametrize("kind", [Witness, AsyncWitness])
def test_another_task_closes_the_flow_while_its_consumer_waits(virtual, kind):
    """Both go on when all is over, and the consumer's loop just ends."""
    work = Work(100.0)
    items = kind(range(9), work, **({"seconds": 1.0} if kind is AsyncWitness else {}))

    async def closed() -> float:
        flow = throttle(work, items, concurrency=3)
        consumer = asyncio.create_task(results_of(flow))
        await asyncio.sleep(10.0)
        await flow.aclose()
        assert work.running == 0
        assert work.dropped == 3
        assert items.closed
        assert await consumer == []
        return virtual.clock()

    assert virtual.run(closed()) <= 11.0


def test_many_tasks_close_the_flow_at_once_and_its_consumer_leaves(virtual):
    closed = []

    async def items():
        try:
            for item in range(99):
                yield item
        finally:
            await asyncio.sleep(1.0)
            closed.append(virtual.clock())

    async def close() -> None:
        flow = throttle(Work(1.0), items(), concurrency=3)
        async with flow:
            async for _ in flow:
                closers = [asyncio.create_task(flow.aclose()) for _ in range(3)]
                await asyncio.sleep(0.5)
                break
        assert closed == [2.0]
        await asyncio.gather(*closers)

    virtual.run(close())


def test_a_descriptor_that_is_reused_when_another_task_closes_the_flow_is_left_alone(virtual):
    """The engine's descriptor is free once it is closed; whoever gets it next must keep its reader."""

    async def reuse() -> None:
        loop = asyncio.get_running_loop()
        flow = throttle(Work(100.0), range(9), concurrency=3)
        consumer = asyncio.create_task(results_of(flow))
        await asyncio.sleep(1.0)
        mine = flow._driver.engine.fileno()
        await flow.aclose()
        pairs = [socket.socketpair() for _ in range(4)]
        (ours,) = [pair for pair in pairs if mine in (pair[0].fileno(), pair[1].fileno())]
        left, right = ours if ours[0].fileno() == mine else reversed(ours)
        heard = loop.create_future()
        loop.add_reader(left, heard.set_result, True)
        await consumer
        right.send(b"hello")
        assert await heard
        loop.remove_reader(left)
        for one in itertools.chain(*pairs):
            one.close()

    virtual.run(reuse())


def test_close_inside_of_a_loop_drops_what_runs_though_it_cannot_wait(virtual):
    work = Work(lambda item: 1.0 + item)

    async def closed() -> None:
        flow = throttle(work, AsyncWitness(range(9), seconds=0.1), concurrency=3)
        seen = []
        async for result in flow:
            seen.append(result.item)
            flow.close()
        assert seen == [0]
        assert work.running == 0

    virtual.run(closed())


def test_closing_twice_is_closing_once_and_a_closed_flow_begins_nothing(virtual):
    async def closed() -> None:
        flow = throttle(Work(), range(9), concurrency=3)
        await flow.aclose()
        await flow.aclose()
        flow.close()
        with pytest.raises(UsageError, match="closed"):
            await results_of(flow)

    virtual.run(closed())


def test_leaving_the_block_closes(virtual):
    work = Work(10.0)

    async def left() -> None:
        async with throttle(work, itertools.count(), concurrency=3) as flow:
            waiting = asyncio.create_task(results_of(flow))
            await asyncio.sleep(1.0)
        assert work.running == 0
        assert work.dropped == 3
        assert await waiting == []

    virtual.run(left())


# Waiting for the end


def test_done_does_the_work_where_nobody_iterates(virtual):
    work = Work(1.0, lambda item: 1 // item)

    async def done() -> None:
        flow = throttle(work, range(20), concurrency=5)
        statistics = await flow.done()
        assert statistics.tally.kinds == {"done": 19, "failed": 1}
        assert statistics.tally.reasons == {"ZeroDivisionError": 1}
        assert (statistics.running, statistics.held, statistics.undelivered, statistics.pulled) == (0, 0, 0, 20)
        assert flow.complete
        assert (await flow.done()).tally.total == 20

    virtual.run(done())


def test_done_waits_where_somebody_iterates(virtual):
    async def done() -> None:
        flow = throttle(Work(1.0), range(20), concurrency=5)
        consumer = asyncio.create_task(items_of(flow))
        await asyncio.sleep(0.5)
        assert (await flow.done()).tally.total == 20
        assert virtual.clock() == 4.0
        assert len(await consumer) == 20

    virtual.run(done())


@pytest.mark.parametrize("iterated", [False, True])
def test_done_raises_what_the_loop_raised(virtual, iterated):
    async def done() -> None:
        flow = throttle(Work(), Witness(range(3), failure=OSError("gone")), concurrency=2)
        consumer = asyncio.create_task(results_of(flow)) if iterated else None
        await asyncio.sleep(0)
        with pytest.raises(OSError, match="gone"):
            await flow.done()
        with pytest.raises(OSError, match="gone"):
            await flow.done()
        if consumer:
            with pytest.raises(OSError, match="gone"):
                await consumer

    virtual.run(done())


def test_done_raises_the_first_error_where_one_is_enough(virtual):
    flow = throttle(Work(1.0, lambda item: 1 // item), range(9), concurrency=3, fail_fast=True)
    with pytest.raises(ZeroDivisionError):
        virtual.run(flow.done())


def test_cancelling_done_does_the_flow_no_harm(virtual):
    async def cancelled() -> None:
        flow = throttle(Work(1.0), range(20), concurrency=5)
        consumer = asyncio.create_task(items_of(flow))
        waiters = [asyncio.create_task(flow.done()) for _ in range(3)]
        await asyncio.sleep(1.5)
        waiters[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiters[0]
        assert (await waiters[1]).tally.total == 20
        assert len(await consumer) == 20
        await waiters[2]

    virtual.run(cancelled())


def test_cancelling_done_that_does_the_work_cancels_the_work(virtual):
    work = Work(10.0)

    async def cancelled() -> None:
        flow = throttle(work, range(20), concurrency=5)
        waiter = asyncio.create_task(flow.done())
        await asyncio.sleep(1.5)
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
        assert work.running == 0
        assert not (await flow.done()).exhausted

    virtual.run(cancelled())


def test_done_of_a_flow_that_somebody_closes_returns(virtual):
    async def closed() -> None:
        flow = throttle(Work(10.0), range(20), concurrency=5)
        consumer = asyncio.create_task(results_of(flow))
        waiter = asyncio.create_task(flow.done())
        await asyncio.sleep(1.0)
        await flow.aclose()
        assert (await waiter).tally.total == 0
        assert await consumer == []

    virtual.run(closed())


def test_join_does_the_work_where_nobody_iterates(virtual):
    flow = throttle(Work(1.0), range(20), concurrency=5)
    assert flow.join().tally.total == 20
    assert flow.join().tally.total == 20
    assert flow.complete


def test_join_raises_what_the_loop_raised(virtual):
    flow = throttle(Work(), Witness(range(3), failure=OSError("gone")), concurrency=2)
    for _ in range(2):
        with pytest.raises(OSError, match="gone"):
            flow.join()


def test_join_inside_of_a_loop_is_refused_with_a_remedy(virtual):
    async def join() -> None:
        with pytest.raises(UsageError, match=r"await flow\.done\(\)"):
            throttle(Work(), range(3), concurrency=2).join()

    virtual.run(join())


def test_join_inside_of_its_own_loop_is_refused(virtual):
    """It would wait for itself; once the loop is over it may."""
    flow = throttle(Work(), range(3), concurrency=2)
    for _ in flow:
        with pytest.raises(UsageError, match="wait for itself"):
            flow.join()
    assert flow.join().tally.total == 3


def test_join_waits_for_the_thread_that_iterates():
    begun, go_on = threading.Event(), threading.Event()

    async def work(item):
        begun.set()
        await asyncio.to_thread(go_on.wait, 10.0)
        return item

    flow = throttle(work, range(3), concurrency=3)
    iterating = threading.Thread(target=lambda: list(flow))
    iterating.start()
    assert begun.wait(10.0)
    threading.Timer(0.0, go_on.set).start()
    assert flow.join().tally.total == 3
    iterating.join()


def test_done_waits_for_the_thread_that_iterates():
    begun, go_on = threading.Event(), threading.Event()

    async def work(item):
        begun.set()
        await asyncio.to_thread(go_on.wait, 10.0)
        return item

    flow = throttle(work, range(3), concurrency=3)
    iterating = threading.Thread(target=lambda: list(flow))
    iterating.start()
    assert begun.wait(10.0)

    async def done():
        asyncio.get_running_loop().call_soon(go_on.set)
        return await flow.done()

    assert asyncio.run(done()).tally.total == 3
    iterating.join()


def test_a_flow_is_iterated_once(virtual):
    async def twice() -> None:
        flow = throttle(Work(), range(9), concurrency=3)
        async with flow:
            async for _ in flow:
                with pytest.raises(UsageError, match="one flow is one loop"):
                    await results_of(flow)
                break

    virtual.run(twice())


def test_done_inside_of_its_own_loop_is_refused_since_it_would_wait_for_itself():
    async def main() -> None:
        async with throttle(echo, range(3), concurrency=1) as flow:
            async for _ in flow:
                with pytest.raises(UsageError, match="wait for itself"):
                    await flow.done()
                break

    asyncio.run(main())


def test_what_was_closed_before_it_began_says_so():
    flow = throttle(echo, range(3), concurrency=1)
    flow.close()
    with pytest.raises(UsageError, match="closed before it began"):
        flow.join()
