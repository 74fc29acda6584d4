"""The cooperator on asyncio: whose turn it is, and what an awaitable does to a lane."""

from __future__ import annotations

import asyncio
import contextvars

import pytest
from tests.cooperation.programs import Boom, Turns, run, steps

from penstock import Cooperator, SchedulerStopped, coiterate, cooperate
from penstock.errors import UsageError
from penstock.testing.clock import VirtualClock

# Turns


def test_the_iterator_is_the_result():
    async def main():
        iterator = iter(range(3))
        assert await coiterate(iterator) is iterator
        other = iter([])
        task = cooperate(other)
        first, second = task.when_done(), task.when_done()
        assert first is not second
        assert await first is await second is other
        assert await task.when_done() is other

    run(main)


def test_nothing_is_stepped_before_the_caller_gives_way():
    async def main():
        log = []
        future = coiterate(steps(log, "a", 2))
        assert log == []
        await future
        assert log == ["a0", "a1"]

    run(main)


def test_iterators_take_turns_whatever_they_yield():
    async def main():
        log = []
        values = [None, 7, "text", [], object()]
        await asyncio.gather(*[coiterate(steps(log, "abcde"[i], 2, value)) for i, value in enumerate(values)])
        assert log == ["a0", "b0", "c0", "d0", "e0", "a1", "b1", "c1", "d1", "e1"]

    run(main)


def test_a_generator_that_is_yielded_is_a_value():
    """Whoever writes ``coiterate(process(x) for x in xs)`` may have a process that is a generator function."""

    async def main():
        inner = iter(range(3))
        generator = (x for x in inner)
        await coiterate(iter([generator]))
        assert next(inner) == 0

    run(main)


def test_a_slice_is_over_when_the_predicate_says_so():
    """An iterator that only computes lets the loop have its turn, and others theirs."""

    async def main():
        turns = Turns(steps=3)
        log = []
        a = turns.cooperator.cooperate(steps(log, "a", 100))
        b = turns.cooperator.cooperate(steps(log, "b", 100))
        turns.turn()
        assert log == ["a0", "b0", "a1"]
        turns.turn()
        assert log[3:] == ["b1", "a2", "b2"]
        assert turns.slices == 2
        a.stop()
        b.stop()
        assert turns.calls == []

    run(main)


def test_the_loop_has_its_turn_between_slices():
    async def main():
        cooperator = Cooperator(termination_predicate_factory=Turns(steps=5).slice)
        log = []
        task = cooperator.cooperate(steps(log, "a", 100))
        seen = []
        while not task.when_done().done() and len(log) < 100:
            await asyncio.sleep(0)
            seen.append(len(log))
        assert seen[:4] == [5, 10, 15, 20]
        await task.when_done()

    run(main)


def test_a_slice_takes_10_ms_by_default(monkeypatch):
    async def main():
        clock = VirtualClock()
        monkeypatch.setattr("penstock.cooperation.time_slices.time.monotonic", clock)

        def work():
            while True:
                clock.advance(0.004)
                yield

        task = cooperate(work())
        ends = []
        for _ in range(3):
            await asyncio.sleep(0)
            ends.append(round(clock(), 3))
        task.stop()
        assert ends == [0.012, 0.024, 0.036]

    run(main)


def test_a_step_that_adds_tasks_does_not_keep_others_from_their_turn():
    async def main():
        turns = Turns()
        log = []

        def busy(depth):
            log.append(f"busy{depth}")
            turns.cooperator.cooperate(busy(depth + 1))
            yield

        turns.cooperator.cooperate(busy(0))
        turns.cooperator.cooperate(steps(log, "a", 3))
        turns.turn(6)
        turns.cooperator.stop()
        assert log == ["busy0", "a0", "busy1", "a1", "busy2"]

    run(main)


def test_a_scheduler_that_does_not_wait_enters_no_generator_twice():
    async def main():
        log = []
        cooperator = Cooperator(scheduler=lambda call: (call(), Turns())[1], termination_predicate_factory=endless)

        def work():
            log.append("in")
            cooperator.cooperate(shared)
            log.append("out")
            yield

        shared = work()
        await cooperator.coiterate(shared)
        assert log == ["in", "out"]
        cooperator.stop()

    run(main)


def endless():
    return lambda: False


def test_what_the_predicate_raises_reaches_the_loop_and_whoever_waits():
    def broken():
        raise Boom

    async def main():
        cooperator = Cooperator(termination_predicate_factory=broken)
        with pytest.raises(SchedulerStopped):
            await cooperator.coiterate(iter([None]))
        assert not cooperator.running

    run(main, said=[Boom])


def test_steps_and_coroutines_run_in_the_context_of_the_caller():
    """A request's own variables must not be another request's."""
    variable = contextvars.ContextVar("variable")

    async def main():
        seen = []

        async def work():
            seen.append(variable.get())

        def lane():
            seen.append(variable.get())
            yield work()
            seen.append(variable.get())

        async def caller(name):
            variable.set(name)
            await coiterate(lane())

        await asyncio.gather(caller("a"), caller("b"))
        assert sorted(seen) == ["a"] * 3 + ["b"] * 3

    run(main)


# Awaitables


def test_a_lane_is_not_stepped_before_its_awaitable_is_done():
    async def main():
        loop = asyncio.get_running_loop()
        log = []

        def lane(delay):
            for _ in range(2):
                yield asyncio.sleep(delay)
                log.append((delay, loop.time()))

        await asyncio.gather(coiterate(lane(3)), coiterate(lane(2)))
        assert log == [(2, 2.0), (3, 3.0), (2, 4.0), (3, 6.0)]

    run(main)


def test_lanes_over_one_generator_are_a_throttle():
    """N lanes, one generator: N at a time, each item once, and no coroutine before its time."""

    async def main():
        loop = asyncio.get_running_loop()
        running = most = made = 0
        done = []

        async def work(item):
            nonlocal running, most
            running += 1
            most = max(most, running)
            assert made <= len(done) + 5
            await asyncio.sleep(item % 7)
            running -= 1
            done.append(item)

        def items():
            nonlocal made
            for item in range(100):
                made += 1
                yield work(item)

        shared = items()
        results = await asyncio.gather(*[coiterate(shared) for _ in range(5)])
        assert results == [shared] * 5
        assert (most, sorted(done)) == (5, list(range(100)))
        assert loop.time() < 100 * 7 / 5

    run(main)


class Awaitable:
    """Neither a coroutine nor a future."""

    def __init__(self, coroutine_function):
        self.make = coroutine_function

    def __await__(self):
        return self.make().__await__()


@pytest.mark.parametrize("kind", ["coroutine", "future", "task", "awaitable", "done future"])
def test_every_kind_of_awaitable_is_waited_for(kind):
    async def main():
        loop = asyncio.get_running_loop()
        log = []

        async def work():
            await asyncio.sleep(1)
            log.append("worked")

        def make():
            if kind == "coroutine":
                return work()
            if kind == "task":
                return asyncio.create_task(work())
            if kind == "awaitable":
                return Awaitable(work)
            future = loop.create_future()
            if kind == "done future":
                log.append("worked")
                future.set_result(None)
            else:
                loop.call_later(1, lambda: (log.append("worked"), future.set_result(None)))
            return future

        def lane():
            yield make()
            log.append("stepped")

        await coiterate(lane())
        assert log == ["worked", "stepped"]

    run(main)


def test_a_future_of_another_loop_is_a_failure_and_not_a_hang():
    async def main():
        other = asyncio.new_event_loop()
        try:
            with pytest.raises(ExceptionGroup) as caught:
                await coiterate(iter([other.create_future(), None]))
            assert [type(error) for error in caught.value.exceptions] == [UsageError]
        finally:
            other.close()

    run(main)
