"""Pausing, resuming and ending cooperative tasks on asyncio, and the cooperator they have together."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest
from tests.cooperation.programs import Boom, Turns, endless, fail, run, run_what_is_ready, steps

import penstock
from penstock import Cooperator, NotPaused, SchedulerStopped, TaskDone, TaskFailed, TaskStopped, coiterate, cooperate
from penstock.cooperation.cooperator import _defaults
from penstock.errors import CooperationError, PenstockError, TaskFinished, UsageError

# Pauses


def test_a_paused_task_is_not_stepped_before_it_is_resumed_as_often():
    async def main():
        turns = Turns()
        log = []
        task = turns.cooperator.cooperate(steps(log, "a", 9))
        turns.turn()
        task.pause()
        task.pause()
        assert turns.calls == []
        task.resume()
        assert turns.calls == []
        task.resume()
        turns.turn()
        assert log == ["a0", "a1"]
        with pytest.raises(NotPaused):
            task.resume()
        turns.cooperator.stop()

    run(main)


def test_a_paused_task_lets_others_go_on():
    async def main():
        log = []
        task = cooperate(steps(log, "a", 9))
        task.pause()
        await coiterate(steps(log, "b", 3))
        assert log == ["b0", "b1", "b2"]
        task.resume()
        await task.when_done()

    run(main)


def test_a_task_may_pause_in_its_own_step():
    async def main():
        log = []

        def lane():
            yield
            task.pause()
            log.append("paused")
            yield
            log.append("resumed")

        task = cooperate(lane())
        await run_what_is_ready()
        assert log == ["paused"]
        task.resume()
        await task.when_done()
        assert log == ["paused", "resumed"]

    run(main)


def test_a_task_that_pauses_and_yields_an_awaitable_needs_both():
    async def main():
        log = []

        def lane():
            task.pause()
            yield asyncio.sleep(1)
            log.append("on")

        task = cooperate(lane())
        await asyncio.sleep(2)
        assert log == []
        task.resume()
        await task.when_done()
        assert log == ["on"]

    run(main)


def test_a_pause_while_an_awaitable_runs_holds_beyond_its_end():
    async def main():
        log = []

        def lane():
            yield asyncio.sleep(1)
            log.append("on")

        task = cooperate(lane())
        await asyncio.sleep(0.5)
        task.pause()
        await asyncio.sleep(1)
        assert log == []
        task.resume()
        await task.when_done()
        assert log == ["on"]

    run(main)


def test_a_resume_before_the_awaitable_is_done_steps_nothing_early():
    async def main():
        log = []

        def lane():
            yield asyncio.sleep(1)
            log.append(asyncio.get_running_loop().time())

        task = cooperate(lane())
        await asyncio.sleep(0.25)
        task.pause()
        await asyncio.sleep(0.25)
        task.resume()
        with pytest.raises(NotPaused):
            task.resume()
        await task.when_done()
        assert log == [1.0]

    run(main)


# Ends


async def ended(how):
    """A task that has ended as *how* says."""
    cooperator = Cooperator()
    if how is TaskDone:
        task = cooperator.cooperate(iter([]))
        await task.when_done()
    elif how is TaskFailed:
        task = cooperator.cooperate(iter([fail(Boom())]))
        with pytest.raises(ExceptionGroup):
            await task.when_done()
    else:
        task = cooperator.cooperate(iter([None]))
        (task.stop if how is TaskStopped else cooperator.stop)()
        with pytest.raises(how):
            await task.when_done()
    return task


@pytest.mark.parametrize("how", [TaskDone, TaskFailed, TaskStopped, SchedulerStopped])
def test_an_ended_task_can_be_neither_paused_nor_stopped(how):
    async def main():
        task = await ended(how)
        for call in (task.pause, task.stop):
            with pytest.raises(how):
                call()
        with pytest.raises(NotPaused):
            task.resume()

    run(main)


def test_a_pause_can_be_taken_back_after_the_end():
    async def main():
        task = cooperate(iter([None]))
        task.pause()
        task.stop()
        task.resume()
        with pytest.raises(NotPaused):
            task.resume()

    run(main)


def test_the_errors_have_their_places_in_the_tree():
    for kind in (TaskDone, TaskFailed, TaskStopped):
        assert issubclass(kind, TaskFinished)
    for kind in (TaskFinished, SchedulerStopped, NotPaused):
        assert issubclass(kind, CooperationError)
    assert issubclass(CooperationError, PenstockError)


# The cooperator


def test_stop_tells_every_task():
    async def main():
        cooperator = Cooperator()
        log = []
        tasks = [cooperator.cooperate(endless(log) for _ in range(3)) for _ in range(9)]
        tasks.append(cooperator.cooperate(steps(log, "a", 1)))
        tasks[9].pause()
        future = cooperator.coiterate(iter([asyncio.sleep(100)]))
        await run_what_is_ready()
        tasks[3].pause()
        cooperator.stop()
        assert not cooperator.running
        for task in tasks:
            with pytest.raises(SchedulerStopped):
                await task.when_done()
        with pytest.raises(SchedulerStopped):
            await future
        await run_what_is_ready()
        assert log == ["cancelled"] * 9

    run(main)


def test_who_comes_after_the_stop_is_told_and_a_start_takes_new_tasks():
    async def main():
        cooperator = Cooperator()
        cooperator.stop()
        with pytest.raises(SchedulerStopped):
            await cooperator.coiterate(iter([None]))
        task = cooperator.cooperate(iter([None]))
        with pytest.raises(SchedulerStopped):
            task.pause()
        cooperator.start()
        assert cooperator.running
        await cooperator.coiterate(iter([None]))

    run(main)


def test_nothing_is_stepped_before_the_start():
    async def main():
        turns = Turns(started=False)
        log = []
        turns.cooperator.cooperate(steps(log, "a", 2))
        assert (turns.calls, turns.cooperator.running) == ([], False)
        turns.cooperator.start()
        assert turns.cooperator.running
        turns.turn()
        assert log == ["a0"]
        turns.cooperator.stop()
        assert turns.calls == []

    run(main)


def test_a_step_may_stop_its_cooperator():
    async def main():
        cooperator = Cooperator()

        def lane():
            cooperator.stop()
            yield

        futures = [cooperator.coiterate(lane()) for _ in range(3)]
        for future in futures:
            with pytest.raises(SchedulerStopped):
                await future

    run(main)


def test_each_loop_has_its_own_default():
    loops = []

    async def main():
        await coiterate(iter([None]))
        loops.append(weakref.ref(asyncio.get_running_loop()))
        assert asyncio.get_running_loop() in _defaults

    run(main)
    run(main)
    gc.collect()
    assert [loop() for loop in loops] == [None, None]


def test_a_default_whose_loop_ended_too_early_does_not_stay():
    async def early():
        cooperate(iter([asyncio.get_running_loop().create_future()]))
        await run_what_is_ready()

    async def main():
        await coiterate(iter([None]))
        assert not [loop for loop in _defaults if loop.is_closed()]

    run(early)
    run(main)


def test_a_cooperator_may_serve_one_loop_after_the_other_but_not_two():
    cooperator = Cooperator()

    async def whole():
        await cooperator.coiterate(iter([None]))

    async def early():
        cooperator.cooperate(iter([asyncio.get_running_loop().create_future()]))
        await run_what_is_ready()

    async def late():
        with pytest.raises(UsageError, match="another event loop"):
            cooperator.cooperate(iter([None]))

    run(whole)
    run(whole)
    run(early)
    run(late)


@pytest.mark.parametrize("call", [cooperate, coiterate])
def test_it_takes_an_iterator(call):
    async def main():
        with pytest.raises(UsageError, match=r"not list: pass iter\(\.\.\.\)"):
            call([None])

    run(main)


def test_it_is_for_a_running_loop():
    with pytest.raises(RuntimeError, match="no running event loop"):
        cooperate(iter([None]))


def test_they_say_what_they_are():
    async def main():
        cooperator = Cooperator(started=False)
        task = cooperator.cooperate(iter([None]))
        task.pause()
        assert repr(cooperator) == "<Cooperator not running tasks=1>"
        assert repr(task) == "<CooperativeTask <Worker running pauses=1>>"
        cooperator.stop()

    run(main)


def test_the_package_names_them():
    assert penstock.Cooperator is Cooperator
    assert penstock.coiterate is coiterate
