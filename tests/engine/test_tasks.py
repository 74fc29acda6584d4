"""The engine for any async work: what comes of each call, in a loop that runs and in one of its own."""

import asyncio
import gc
import select
import weakref

import pytest
from tests.throttle.trial import Virtual

from penstock.core.schedule.calls import Call
from penstock.engine.tasks import TasksEngine
from penstock.errors import UsageError, WorkCancelled
from penstock.testing.contracts import check_engine


def call(seq: int, item=None) -> Call:
    return Call(seq, item)


async def told(item):
    """Raises the item if it can be raised, waits for ever where it is endless, and else returns it."""
    if isinstance(item, BaseException):
        raise item
    if item == "endless":
        await asyncio.get_running_loop().create_future()
    await asyncio.sleep(0)
    return item


@pytest.fixture
def make():
    """Makes engines with a loop of their own, and closes them."""
    engines = []

    def engine(work=told, **options) -> TasksEngine:
        engines.append(TasksEngine(work, **options))
        return engines[-1]

    yield engine
    for engine in engines:
        engine.close()


def collected(engine: TasksEngine, *items) -> list:
    """What comes of calls with *items*, in order of the items."""
    for seq, item in enumerate(items):
        engine.start(call(seq, item), 0.0)
    found = []
    while len(found) < len(items):
        found += engine.collect(None)
    return sorted(found, key=lambda called: called.job.seq)


def outcome(engine: TasksEngine, item=None):
    (called,) = collected(engine, item)
    return called


def test_it_keeps_the_contract():
    check_engine(
        lambda: TasksEngine(told),
        good=lambda seq: call(seq, "good"),
        bad=lambda seq: call(seq, ValueError("bad")),
        endless=lambda seq: call(seq, "endless"),
    )


def test_a_call_comes_to_its_value_or_its_error(make):
    error = KeyError("no")
    values = collected(make(), None, 7, error, False)
    assert [(called.value, called.error) for called in values] == [
        (None, None),
        (7, None),
        (None, error),
        (False, None),
    ]


def test_work_that_raises_before_it_awaits_comes_to_an_error(make):
    def raises(item):
        raise LookupError(item)

    assert type(outcome(make(raises)).error) is LookupError


def test_work_may_return_any_awaitable(make):
    class Awaitable:
        def __await__(self):
            yield from asyncio.sleep(0).__await__()
            return "awaited"

    def future(_item):
        found = engine.loop.create_future()
        engine.loop.call_soon(found.set_result, "future")
        return found

    engine = make(lambda _item: Awaitable())
    assert outcome(engine).value == "awaited"
    engine = make(future)
    assert outcome(engine).value == "future"


async def generates(item):
    yield item


@pytest.mark.parametrize(
    ("work", "named"),
    [
        (lambda item: item, "int"),
        (lambda item: None, "NoneType"),
        (lambda item: (yield item), "generator"),
        (generates, "async_generator"),
    ],
)
def test_work_that_returns_what_cannot_be_awaited_is_a_mistake_with_a_remedy(make, work, named):
    engine = make(work)
    engine.start(call(0, 7), 0.0)
    with pytest.raises(UsageError, match=rf"returned {named}, which can't be awaited.*asyncio\.to_thread"):
        engine.collect(None)


def test_a_type_error_of_the_works_own_is_an_error_like_any_other(make):
    async def wrong(_item):
        return 1 + "1"

    assert type(outcome(make(wrong)).error) is TypeError
    assert type(outcome(make(lambda: None)).error) is TypeError


def test_a_call_that_takes_too_long_comes_to_a_time_out(monkeypatch, make):
    virtual = Virtual()
    monkeypatch.setattr(asyncio, "new_event_loop", virtual.loop)
    engine = make(timeout=2.0)
    found = collected(engine, "endless", 5)
    assert type(found[0].error) is TimeoutError
    assert found[1].value == 5
    assert virtual.clock() == 2.0


def test_what_was_cancelled_from_elsewhere_is_an_error_and_no_cancellation(make):
    async def cancelled(_item):
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    error = outcome(make(cancelled)).error
    assert type(error) is WorkCancelled
    assert isinstance(error.__cause__, asyncio.CancelledError)


class Abort(BaseException):
    """No Exception: meant to end everything, as SystemExit is."""


@pytest.mark.parametrize("kind", [Abort, KeyboardInterrupt, SystemExit])
def test_what_is_no_exception_comes_out_as_it_is(make, kind):
    """It is no failure of one item, and must not leave everybody waiting for that."""
    engine = make()
    engine.start(call(0, kind()), 0.0)
    with pytest.raises(kind):
        engine.collect(1.0)


def test_cancelled_work_is_over_when_cancel_returns(make):
    over = []

    async def careful(item):
        try:
            await told("endless")
        finally:
            await asyncio.sleep(0)
            over.append(item)

    engine = make(careful)
    engine.start(call(0, "a"), 0.0)
    engine.start(call(1, "b"), 0.0)
    engine.collect(0)
    engine.cancel()
    assert over == ["a", "b"]
    assert engine.collect(0) == []


def test_work_that_had_not_begun_is_never_called_once_it_is_cancelled(make):
    calls = []
    engine = make(calls.append)
    engine.start(call(0), 0.0)
    engine.cancel()
    assert calls == []


@pytest.mark.parametrize("value", ["late", ValueError("late")])
def test_nothing_comes_out_for_work_that_swallows_its_cancellation(value):
    """Its value is dropped; what it raises is told to the loop, since nobody else is left to hear it."""
    virtual = Virtual()

    async def stubborn(_item):
        try:
            await told("endless")
        except asyncio.CancelledError:
            await asyncio.sleep(5.0)
        return await told(value)

    async def cancel() -> None:
        engine = TasksEngine(stubborn, loop=asyncio.get_running_loop())
        engine.start(call(0), 0.0)
        await asyncio.sleep(1.0)
        engine.cancel()
        await engine.join_cancelled()
        assert virtual.clock() == 6.0
        assert engine.collect(0) == []
        engine.close()

    virtual.run(cancel())
    assert [said["exception"] for said in virtual.complaints] == ([value] if isinstance(value, Exception) else [])


def test_a_caller_cancelled_while_it_joins_is_cancelled_when_all_is_over():
    virtual = Virtual()
    over = []

    async def slow_to_go(_item):
        try:
            await told("endless")
        finally:
            try:
                await asyncio.sleep(50.0)
            finally:
                await asyncio.sleep(1.0)
                over.append(virtual.clock())

    async def cancel() -> None:
        engine = TasksEngine(slow_to_go, loop=asyncio.get_running_loop())
        engine.start(call(0), 0.0)
        await asyncio.sleep(1.0)
        engine.cancel()
        joining = asyncio.create_task(engine.join_cancelled())
        await asyncio.sleep(1.0)
        joining.cancel()
        with pytest.raises(asyncio.CancelledError):
            await joining
        assert over == [3.0]
        engine.close()

    virtual.run(cancel())


def test_work_that_joins_is_waited_for_by_the_next_caller_who_does():
    """It can't wait for itself, and must not be forgotten for that."""
    virtual = Virtual()
    over = []

    async def join_others(_item):
        try:
            engine.cancel()
            await engine.join_cancelled()
            await told("endless")
        finally:
            await asyncio.sleep(1.0)
            over.append(virtual.clock())

    async def cancel() -> None:
        nonlocal engine
        engine = TasksEngine(join_others, loop=asyncio.get_running_loop())
        engine.start(call(0), 0.0)
        await asyncio.sleep(0.5)
        await engine.join_cancelled()
        assert over == [1.0]
        engine.close()

    engine: TasksEngine
    virtual.run(cancel())


def test_a_wake_between_two_looks_leaves_no_alarm_that_rings_for_ever(make):
    """Another thread is about to ring; whoever collects looks before it does, and must look again after."""
    engine = make()

    class Late:
        def send(self, octets):
            engine.collect(0)
            return waker.send(octets)

        def close(self):
            waker.close()

    waker, engine._waker = engine._waker, Late()
    engine.wake()
    for _ in range(2):
        engine.collect(0)
    assert select.select([engine.fileno()], [], [], 0)[0] == []


def test_a_wake_that_ends_after_the_alarm_was_heard_keeps_no_later_one_from_ringing(monkeypatch):
    """What another thread says of its alarm is never taken for that of work which has finished."""
    virtual = Virtual()

    async def drive() -> None:
        engine = TasksEngine(told, loop=asyncio.get_running_loop())

        class Early:
            def send(self, octets):
                sent = waker.send(octets)
                engine.collect(0)
                return sent

            def close(self):
                waker.close()

        waker, engine._waker = engine._waker, Early()
        engine.wake()
        engine._waker = waker
        engine.start(call(0, "done"), 0.0)
        for _ in range(3):
            await asyncio.sleep(0)
        assert select.select([engine.fileno()], [], [], 0)[0]
        assert [called.value for called in engine.collect(0)] == ["done"]
        engine.close()

    virtual.run(drive())


def test_a_thousand_wakes_are_one(make):
    engine = make()
    for _ in range(100_000):
        engine.wake()
    assert engine.collect(None) == []
    engine.collect(0)
    assert select.select([engine.fileno()], [], [], 0)[0] == []


def test_wake_after_close_does_nothing(make):
    engine = make()
    engine.close()
    engine.wake()


def test_a_loop_that_begins_its_tasks_at_once_loses_nothing():
    """As Python 3.12's eager tasks do: work is over before ``create_task`` has returned."""
    virtual = Virtual()

    async def at_once(item):
        return item

    class Over(asyncio.Future):
        def set_name(self, name):
            """From 3.13 on the loop names what it made."""

    def eager(loop, coroutine, **options):
        try:
            coroutine.send(None)
        except StopIteration as stop:
            done = Over(loop=loop)
            done.set_result(stop.value)
            return done
        raise AssertionError("only work that never waits is tried here")

    async def drive() -> None:
        loop = asyncio.get_running_loop()
        engine = TasksEngine(at_once, loop=loop)
        loop.set_task_factory(eager)
        engine.start(call(0, "a"), 0.0)
        engine.start(call(1, "b"), 0.0)
        loop.set_task_factory(None)
        assert [called.value for called in engine.collect(0)] == ["a", "b"]
        engine.cancel()
        await engine.join_cancelled()
        engine.close()

    virtual.run(drive())


def test_what_has_finished_is_let_go_of(make):
    class Page:
        pass

    engine, gc_was = make(lambda page: told(weakref.ref(page))), gc.isenabled()
    gc.disable()
    try:
        refer = outcome(engine, Page()).value
        assert refer() is None
    finally:
        if gc_was:
            gc.enable()


def test_an_alarm_that_rings_while_what_was_cancelled_ends_does_not_cut_that_short(make):
    over = []

    async def careful(item):
        try:
            await told("endless")
        finally:
            engine.wake()
            for _ in range(3):
                await asyncio.sleep(0)
            over.append(item)

    engine = make(careful)
    engine.start(call(0, "a"), 0.0)
    engine.collect(0)
    engine.wake()
    engine.cancel()
    assert over == ["a"]
    engine.wake()
    assert engine.loop.run_until_complete(told("as a source does that is closed next")).startswith("as a")
    assert engine.collect(None) == []


def test_what_is_cancelled_from_elsewhere_before_it_began_comes_to_an_end():
    """As by a shutdown that cancels every task there is: nothing of ours has run that could tell."""

    async def never(item):
        raise AssertionError("it has begun")

    async def drive() -> None:
        engine = TasksEngine(never, loop=asyncio.get_running_loop())
        engine.start(call(0, "a"), 0.0)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        for _ in range(3):
            await asyncio.sleep(0)
        (called,) = engine.collect(0)
        assert isinstance(called.error, WorkCancelled)
        engine.close()

    Virtual().run(drive())
