"""What a failure means to a cooperative task on asyncio, and that none is ever lost."""

from __future__ import annotations

import asyncio
import contextvars

import pytest
from tests.cooperation.programs import Boom, fail, run, run_what_is_ready, steps

from penstock import Cooperator, TaskFailed, TaskStopped, coiterate, cooperate
from penstock.cooperation.workers import KEPT
from penstock.errors import WorkCancelled
from penstock.testing.clock import VirtualClock, VirtualLoop


def test_a_failed_awaitable_does_not_end_its_lane():
    async def main():
        errors = [Boom(1), Boom(2)]
        log = []

        def lane():
            for error in errors:
                yield fail(error)
                log.append("on")

        task = cooperate(lane())
        with pytest.raises(ExceptionGroup) as caught:
            await task.when_done()
        assert log == ["on", "on"]
        assert list(caught.value.exceptions) == errors
        assert str(caught.value) == "2 awaitables failed; all are kept (2 sub-exceptions)"
        with pytest.raises(TaskFailed):
            task.pause()

    run(main)


def test_the_first_100_failures_are_kept_and_all_are_counted():
    async def main():
        with pytest.raises(ExceptionGroup) as caught:
            await coiterate(fail(Boom(number)) for number in range(250))
        assert caught.value.message == "250 awaitables failed; the first 100 are kept"
        assert [error.args[0] for error in caught.value.exceptions] == list(range(KEPT))

    run(main)


def test_a_failure_that_on_error_takes_is_handled():
    async def main():
        seen = []
        errors = [Boom(1), ValueError(2)]
        iterator = (fail(error) for error in errors)
        assert await coiterate(iterator, on_error=seen.append) is iterator
        assert await cooperate((fail(error) for error in errors), on_error=seen.append).when_done()
        assert seen == errors * 2

    run(main)


def test_what_on_error_raises_ends_the_task():
    async def main():
        log = []

        def refuse(error):
            raise KeyError("no") from error

        def lane():
            yield fail(Boom())
            log.append("on")

        with pytest.raises(KeyError, match="no") as caught:
            await coiterate(lane(), on_error=refuse)
        assert type(caught.value.__cause__) is Boom
        assert log == []

    run(main)


def test_on_error_may_raise_what_it_was_given():
    def refuse(error):
        raise error

    async def main():
        boom = Boom()
        with pytest.raises(Boom) as caught:
            await coiterate(iter([fail(boom)]), on_error=refuse)
        assert caught.value is boom

    run(main)


def test_a_stopiteration_from_on_error_is_a_runtimeerror_as_from_a_generator():
    def refuse(error):
        raise StopIteration

    async def main():
        with pytest.raises(RuntimeError, match="on_error raised StopIteration"):
            await coiterate(iter([fail(Boom())]), on_error=refuse)

    run(main)


def test_on_error_may_stop_its_task():
    async def main():
        task = cooperate(iter([fail(Boom()), None]), on_error=lambda _: task.stop())
        with pytest.raises(TaskStopped):
            await task.when_done()

    run(main)


def test_an_iterator_that_raises_ends_its_task_with_that_very_exception():
    async def main():
        boom = Boom()

        def lane():
            yield
            raise boom

        task = cooperate(lane())
        for _ in range(2):
            with pytest.raises(Boom) as caught:
                await task.when_done()
            assert caught.value is boom
        with pytest.raises(TaskFailed):
            task.stop()

    run(main)


def test_what_failed_before_the_iterator_raised_is_not_lost():
    async def main():
        first, last = Boom("first"), Boom("last")

        def lane():
            yield fail(first)
            raise last

        with pytest.raises(ExceptionGroup) as caught:
            await coiterate(lane())
        assert caught.value.message == "the iterator failed; before, 1 awaitable failed; all are kept"
        assert list(caught.value.exceptions) == [last, first]

    run(main)


@pytest.mark.parametrize("raised", [asyncio.CancelledError, GeneratorExit, Boom])
def test_whatever_an_iterator_raises_does_not_seem_to_cancel_who_waits(raised):
    async def main():
        def lane():
            yield
            raise raised

        future = coiterate(lane())
        await asyncio.wait([future])
        assert type(future.exception()) is (WorkCancelled if raised is asyncio.CancelledError else raised)

    run(main)


@pytest.mark.parametrize("how", ["future", "task", "inside"])
def test_a_cancelled_awaitable_is_a_failure_of_its_own_kind(how):
    async def inside():
        await asyncio.sleep(0)
        raise asyncio.CancelledError("inside")

    async def main():
        log = []

        def lane():
            if how == "inside":
                yield inside()
            else:
                future = asyncio.get_running_loop().create_future()
                if how == "task":
                    future = asyncio.create_task(asyncio.sleep(10))
                future.cancel()
                yield future
            log.append("on")

        with pytest.raises(ExceptionGroup) as caught:
            await coiterate(lane())
        (error,) = caught.value.exceptions
        assert type(error) is WorkCancelled
        assert type(error.__cause__) is asyncio.CancelledError
        assert log == ["on"]

        seen = []
        await coiterate(lane(), on_error=seen.append)
        assert [type(error) for error in seen] == [WorkCancelled]

    run(main)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("where", ["iterator", "awaitable", "on_error"])
def test_an_interrupt_ends_the_task_and_goes_on_to_the_loop(kind, where):
    """And the cooperator is not left in the middle of its slice: the loop may run again."""
    loop = VirtualLoop(VirtualClock())
    asked = []

    async def interrupted():
        raise kind

    def lane():
        yield
        if where == "iterator":
            raise kind
        yield interrupted() if where == "awaitable" else fail(Boom())

    def on_error(error):
        asked.append(error)
        raise kind

    cooperator = Cooperator(started=False)
    log = []

    async def begin():
        return cooperator.cooperate(lane(), on_error=on_error), cooperator.coiterate(steps(log, "a", 5))

    async def main():
        cooperator.start()
        await run_what_is_ready()

    try:
        task, other = loop.run_until_complete(begin())
        with pytest.raises(kind):
            loop.run_until_complete(main())
        loop.run_until_complete(other)
        assert len(log) == 5
        assert len(asked) == (where == "on_error")

        async def end():
            return task.when_done().exception()

        assert type(loop.run_until_complete(end())) is kind
        loop.run_until_complete(run_what_is_ready())
    finally:
        loop.close()


def test_a_failure_that_nobody_asked_about_is_logged():
    async def main():
        cooperate(iter([fail(Boom())]))
        await run_what_is_ready()

    run(main, said=[ExceptionGroup])


def test_a_failure_is_logged_if_whoever_asked_has_gone():
    async def main():
        def lane():
            yield asyncio.sleep(1)
            raise Boom

        task = cooperate(lane())
        task.when_done().cancel()
        del task
        await asyncio.sleep(2)

    run(main, said=[Boom])


def test_a_failure_that_somebody_asked_about_late_is_not_logged():
    async def main():
        task = cooperate(iter([fail(Boom())]))
        await run_what_is_ready()
        with pytest.raises(ExceptionGroup):
            await task.when_done()

    run(main)


def test_questions_that_were_taken_back_are_not_kept():
    async def main():
        task = cooperate(iter([asyncio.sleep(10)]))
        for _ in range(100):
            task.when_done().cancel()
        await asyncio.sleep(0)
        assert not task._worker.watchers
        await task.when_done()

    run(main)


def test_an_interrupt_has_what_had_failed_before_it():
    loop = VirtualLoop(VirtualClock())

    def lane():
        yield fail(Boom())
        raise KeyboardInterrupt

    async def main():
        ends.append(coiterate(lane()))
        await run_what_is_ready()

    ends = []
    try:
        with pytest.raises(KeyboardInterrupt) as caught:
            loop.run_until_complete(main())
        assert [type(error) for error in caught.value.__cause__.exceptions] == [Boom]
        assert ends[0].exception() is caught.value
        loop.run_until_complete(run_what_is_ready())
    finally:
        loop.close()


def test_a_traceback_begins_in_the_iterator():
    """The frames of ours say nothing, and would keep the error and its task alive together."""

    async def main():
        def lane():
            yield
            raise Boom

        future = coiterate(lane())
        await asyncio.wait([future])
        assert future.exception().__traceback__.tb_frame.f_code.co_name == "lane"

    run(main)


def test_on_error_runs_in_the_context_of_the_caller():
    variable = contextvars.ContextVar("variable")

    async def main():
        seen = []

        async def caller(name):
            variable.set(name)
            failing = (fail(Boom()) for _ in range(2))
            await coiterate(failing, on_error=lambda _: seen.append(variable.get()))

        await asyncio.gather(caller("a"), caller("b"))
        assert sorted(seen) == ["a", "a", "b", "b"]

    run(main)
