"""Stopping and cancelling cooperative tasks on asyncio: nothing is left behind, and nothing closed early."""

from __future__ import annotations

import asyncio
import gc
import sys
import weakref
from collections.abc import Coroutine

import pytest
from tests.cooperation.programs import Boom, Turns, endless, fail, run, run_what_is_ready

from penstock import Cooperator, TaskStopped, coiterate, cooperate


def test_a_stopped_task_cancels_the_coroutine_it_waits_for():
    async def main():
        log = []
        task = cooperate(iter([endless(log), None]))
        done = task.when_done()
        await run_what_is_ready()
        task.stop()
        with pytest.raises(TaskStopped):
            await done
        await run_what_is_ready()
        assert log == ["cancelled"]

    run(main)


def test_nobody_hears_of_a_stop_who_did_not_ask():
    async def main():
        task = cooperate(iter([None]))
        task.when_done()
        task.stop()
        task.when_done()

    run(main)


def test_a_stop_has_what_had_failed_until_then():
    async def main():
        task = cooperate(iter([fail(Boom()), asyncio.sleep(100)]))
        await asyncio.sleep(1)
        task.stop()
        with pytest.raises(TaskStopped) as caught:
            await task.when_done()
        assert [type(error) for error in caught.value.__cause__.exceptions] == [Boom]

    run(main)


@pytest.mark.parametrize("turns", range(4))
def test_a_coroutine_is_closed_or_cancelled_whenever_its_task_is_stopped(turns):
    """Before its first step, as it begins, in the middle: no warning, no task left."""

    async def main():
        task = cooperate(iter([endless([]), None]))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.stop()

    if turns == 0:  # never taken from the iterator, so it is the caller's to close
        with pytest.warns(RuntimeWarning, match="never awaited"):
            run(main)
    else:
        run(main)


def test_a_coroutine_that_a_task_yields_in_the_step_that_stops_it_is_closed():
    async def main():
        log = []

        def lane():
            task.stop()
            yield endless(log)

        task = cooperate(lane())
        await run_what_is_ready()
        assert log == []
        with pytest.raises(TaskStopped):
            await task.when_done()

    run(main)


@pytest.mark.parametrize("after", ["value", "end", "future", "awaitable"])
def test_a_task_that_stops_itself_stays_stopped_whatever_its_step_brings(after):
    async def main():
        future = asyncio.get_running_loop().create_future()

        def lane():
            task.stop()
            if after == "value":
                yield 1
            elif after == "future":
                yield future
            elif after == "awaitable":
                yield asyncio.gather(asyncio.sleep(0))
            yield from ()

        task = cooperate(lane())
        await run_what_is_ready()
        with pytest.raises(TaskStopped):
            await task.when_done()
        assert not future.cancelled()
        assert not future._callbacks

    run(main)


def test_what_an_iterator_raises_after_it_stopped_its_task_goes_to_the_loop():
    async def main():
        def lane():
            task.stop()
            raise Boom
            yield

        task = cooperate(lane())
        await run_what_is_ready()
        with pytest.raises(TaskStopped):
            await task.when_done()

    run(main, said=[Boom])


@pytest.mark.parametrize("moment", ["before", "after"])
def test_what_a_cancelled_coroutine_raises_goes_to_the_loop(moment):
    """Before the stop it had failed already, and the news was under way."""

    async def stubborn():
        try:
            await asyncio.sleep(0 if moment == "before" else 10)
        finally:
            raise Boom

    async def main():
        turns = Turns()
        task = turns.cooperator.cooperate(iter([stubborn()]))
        turns.turn()
        own = task._worker.own
        for _ in range(2 if moment == "before" else 1):
            await asyncio.sleep(0)
        assert own.done() is (moment == "before")
        assert task._worker.own is own
        del own
        task.stop()
        await run_what_is_ready()

    run(main, said=[Boom])


def test_a_cancelled_coroutine_may_take_its_time():
    async def main():
        log = []

        async def slow():
            try:
                await asyncio.sleep(10)
            finally:
                await asyncio.sleep(1)
                log.append("tidied")

        task = cooperate(iter([slow()]))
        await run_what_is_ready()
        task.stop()
        gc.collect()
        await asyncio.sleep(2)
        assert log == ["tidied"]

    run(main)


@pytest.mark.parametrize("kind", ["future", "task", "failed"])
def test_a_stop_leaves_what_the_caller_made_alone(kind):
    async def main():
        loop = asyncio.get_running_loop()
        future = loop.create_future() if kind != "task" else asyncio.create_task(asyncio.sleep(5, "slept"))
        task = cooperate(iter([future]))
        await run_what_is_ready()
        if kind == "failed":
            future.set_exception(Boom())
        task.stop()
        await run_what_is_ready()
        if kind == "task":
            assert await future == "slept"
        else:
            assert not future.cancelled()

    # A failure that the caller's future has is the caller's to hear of.
    run(main, said=[Boom] if kind == "failed" else [])


def test_a_shared_iterator_is_not_closed_when_a_lane_ends():
    async def main():
        log = []

        def items():
            try:
                for number in range(6):
                    log.append(number)
                    yield asyncio.sleep(1)
            finally:
                log.append("closed")

        shared = items()
        stopped = cooperate(shared)
        other, cancelled = coiterate(shared), coiterate(shared)
        await asyncio.sleep(0.5)
        stopped.stop()
        cancelled.cancel()
        await other
        assert log == [0, 1, 2, 3, 4, 5, "closed"]

    run(main)


def test_a_cancelled_coroutine_is_held_until_it_has_ended():
    """The loop holds tasks weakly: one that waits for what it alone knows would be collected."""

    async def main():
        log = []
        known = []

        async def slow():
            try:
                await asyncio.sleep(10)
            finally:
                future = asyncio.get_running_loop().create_future()
                known.append(weakref.ref(future))
                await future
                log.append("tidied")

        cooperator = Cooperator()
        task = cooperator.cooperate(iter([slow()]))
        await run_what_is_ready()
        task.stop()
        del task
        await run_what_is_ready()
        gc.collect()
        known[0]().set_result(None)
        await run_what_is_ready()
        assert log == ["tidied"]
        assert not cooperator._leaving

    run(main)


def test_a_stopped_task_is_not_held_by_what_it_waited_for():
    async def main():
        future = asyncio.get_running_loop().create_future()
        task = cooperate(iter([future]))
        await run_what_is_ready()
        assert future._callbacks
        task.stop()
        assert not future._callbacks

    run(main)


class Foreign(Coroutine):
    """A coroutine of another make, as compiled ones are."""

    def __init__(self):
        self.log = []

    def send(self, value):
        self.log.append("sent")
        raise StopIteration

    def throw(self, *error):
        raise NotImplementedError

    def close(self):
        self.log.append("closed")

    def __await__(self):
        raise NotImplementedError


def test_a_coroutine_of_another_make_is_one_all_the_same():
    async def main():
        foreign = Foreign()
        await coiterate(iter([foreign]))
        assert foreign.log == ["sent"]

        def lane():
            task.stop()
            yield foreign

        task = cooperate(lane())
        await run_what_is_ready()
        assert foreign.log == ["sent", "closed"]

    run(main)


def test_a_coroutine_may_stop_its_own_task():
    async def main():
        async def work():
            task.stop()
            await asyncio.sleep(100)
            raise AssertionError("it was cancelled")

        task = cooperate(iter([work(), None]))
        await run_what_is_ready()
        with pytest.raises(TaskStopped):
            await task.when_done()

    run(main)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks are new in Python 3.12")
def test_eager_tasks_keep_every_rule():
    async def quick(log):
        log.append("ran")

    async def main():
        log = []

        async def stop():
            task.stop()
            await asyncio.sleep(100)

        await coiterate(quick(log) for _ in range(3))
        assert log == ["ran"] * 3
        task = cooperate(iter([stop(), None]))
        await run_what_is_ready()
        with pytest.raises(TaskStopped):
            await task.when_done()

    run(main, factory=asyncio.eager_task_factory)


# Cancelling


def test_cancelling_a_coiteration_stops_it_at_once():
    async def main():
        log = []
        turns = Turns()
        future = turns.cooperator.coiterate(iter([endless(log), None]))
        turns.turn()
        await run_what_is_ready()
        assert future.cancel()
        assert not future.cancel()
        await run_what_is_ready()
        assert log == ["cancelled"]
        assert turns.calls == []
        assert future.cancelled()

    run(main)


@pytest.mark.parametrize("turns", range(12))
def test_the_whole_throttle_can_be_cancelled_at_any_moment(turns):
    """Whoever waits for fifty lanes is cancelled: each coroutine that began ends, and no other begins."""

    async def main():
        began = ended = 0

        async def work():
            nonlocal began, ended
            began += 1
            try:
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            finally:
                ended += 1

        async def whole():
            shared = (work() for _ in range(1000))
            await asyncio.gather(*[coiterate(shared) for _ in range(5)])

        waiting = asyncio.create_task(whole())
        for _ in range(turns):
            await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await run_what_is_ready()
        assert began == ended
        before = began
        await run_what_is_ready()
        assert began == before < 50

    run(main)


def test_a_timeout_stops_a_coiteration():
    async def main():
        log = []
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await coiterate(endless(log) for _ in range(3))
        await run_what_is_ready()
        assert log == ["cancelled"]

    run(main)


def test_the_end_of_the_loop_ends_the_lanes_too():
    """asyncio.run cancels every task at its end; a lane that went on would begin another one behind its back."""
    log = []

    async def slow():
        try:
            await endless(log)
        finally:
            for _ in range(5):
                await asyncio.sleep(0)

    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        loop.set_exception_handler(lambda _loop, context: log.append(context))

        async def short():
            cooperate(endless(log) for _ in range(3))
            cooperate(slow() for _ in range(3))
            await run_what_is_ready()

        runner.run(short())
    assert not asyncio.all_tasks(loop)
    del loop
    gc.collect()
    assert log == ["cancelled", "cancelled"]
