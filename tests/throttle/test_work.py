"""Whatever the work does, every item has its result, and the flow its end."""

import asyncio
import contextvars

import pytest
from tests.throttle.trial import Work, items_of, results_of

import penstock
from penstock import UsageError, WorkCancelled, throttle

FORMS = ["in a loop", "in none"]


@pytest.fixture(params=FORMS)
def results(request, virtual):
    """Takes all results of a flow, in a running loop or in a plain loop."""
    if request.param == "in none":
        return list
    return lambda flow: virtual.run(results_of(flow))


def test_every_item_has_one_result_with_its_value(virtual, results):
    async def double(item):
        await asyncio.sleep(item % 3)
        return 2 * item

    found = results(throttle(double, range(50), concurrency=7))
    assert sorted(result.item for result in found) == list(range(50))
    assert all(result.value == result.unwrap() == 2 * result.item for result in found)
    assert {result.attempts for result in found} == {1}
    assert sorted(result.seq for result in found) == list(range(50))


def test_results_come_as_they_complete(virtual, results):
    work = Work(lambda item: 10 - item)
    assert [result.item for result in results(throttle(work, range(5), concurrency=5))] == [4, 3, 2, 1, 0]


@pytest.mark.parametrize("item", [None, False, ValueError("an item"), (), "text", float("nan"), StopIteration()])
def test_an_item_may_be_anything(virtual, results, item):
    (result,) = results(throttle(Work(), [item], concurrency=2))
    assert result.item is item
    assert result.unwrap() is item
    assert result.error is None


@pytest.mark.parametrize("error", [ValueError("no"), StopIteration(), StopAsyncIteration(), TimeoutError()])
def test_a_failure_is_a_value(virtual, results, error):
    """Also of the kinds that mean something to loops: none of them ends one."""

    class Refuses:
        def __call__(self, item):
            if item == 3:
                raise error
            return asyncio.sleep(1.0, item)

    found = results(throttle(Refuses(), range(9), concurrency=3))
    assert sorted(result.item for result in found) == list(range(9))
    (failed,) = [result for result in found if result.error is not None]
    assert (failed.item, failed.error, failed.value) == (3, error, None)
    with pytest.raises(type(error)):
        failed.unwrap()


def test_a_failure_costs_its_neighbours_nothing(virtual, results):
    """Nine of ten fail, and those that run beside them run on."""

    def mostly_fails(item):
        if item % 10:
            raise ConnectionError(item)
        return item

    work = Work(lambda item: 1.0 if item % 10 else 7.0, mostly_fails)
    found = results(throttle(work, range(100), concurrency=10))
    assert len(found) == 100
    assert sum(result.error is None for result in found) == 10
    assert work.dropped == 0
    assert work.most == 10


def test_work_that_cannot_be_awaited_is_refused_with_a_remedy(virtual, results):
    def plain(item):
        return item

    with pytest.raises(UsageError, match=r"plain returned int, which can't be awaited.*asyncio\.to_thread\(function"):
        results(throttle(plain, range(9), concurrency=3))


def test_work_whose_inner_future_is_cancelled_comes_to_an_error(virtual, results):
    async def awaits_what_was_cancelled(item):
        task = asyncio.create_task(asyncio.sleep(5.0))
        await asyncio.sleep(1.0)
        task.cancel()
        await task

    found = results(throttle(awaits_what_was_cancelled, range(4), concurrency=2))
    assert [type(result.error) for result in found] == [WorkCancelled] * 4


def test_work_that_cancels_itself_comes_to_an_error(virtual, results):
    async def cancels_itself(item):
        asyncio.current_task().cancel()
        await asyncio.sleep(1.0)

    found = results(throttle(cancels_itself, range(4), concurrency=2))
    assert [type(result.error) for result in found] == [WorkCancelled] * 4


def test_work_that_swallows_a_time_out_has_its_value(virtual, results):
    async def stubborn(item):
        try:
            await asyncio.sleep(100.0)
        except asyncio.CancelledError:
            await asyncio.sleep(1.0)
        return item

    (result,) = results(throttle(stubborn, ["a"], concurrency=2, timeout=2.0))
    assert result.unwrap() == "a"
    assert virtual.clock() == 3.0


class Abort(BaseException):
    """No Exception."""


def test_what_is_no_exception_ends_the_flow(virtual, results):
    """What runs beside it is cancelled and over before it comes out."""

    def aborts(item):
        if item == 4:
            raise Abort
        return item

    work = Work(lambda item: 1.0 + item, aborts)
    with pytest.raises(Abort):
        results(throttle(work, range(9), concurrency=6))
    assert work.running == 0


def test_the_work_sees_the_variables_of_the_consumer(virtual, results):
    variable = contextvars.ContextVar("variable")
    variable.set("the consumer's")

    async def looks(item):
        await asyncio.sleep(1.0)
        seen = variable.get()
        variable.set(item)
        return seen

    found = results(throttle(looks, range(6), concurrency=2))
    assert {result.value for result in found} == {"the consumer's"}
    assert variable.get() == "the consumer's"


def test_work_may_run_throttles_of_its_own(virtual, results):
    async def inner(item):
        return [part.value async for part in throttle(Work(), [item, item + 1], concurrency=2, ordered=True)]

    found = results(throttle(inner, range(3), concurrency=2, ordered=True))
    assert [result.value for result in found] == [[0, 1], [1, 2], [2, 3]]


def test_the_results_of_one_are_the_items_of_another(virtual, results):
    """A flow is an async iterable; both are lazy and bounded together."""
    first, second = Work(1.0), Work(3.0)
    inner = throttle(first, range(20), concurrency=4)
    found = results(throttle(lambda result: second(result.unwrap()), inner, concurrency=2, ordered=True))
    assert sorted(result.value for result in found) == list(range(20))
    assert (first.most, second.most) == (4, 2)


# Work that turns to its own flow


@pytest.mark.parametrize("form", FORMS)
def test_work_may_stop_its_flow(virtual, form):
    async def stops(item):
        await asyncio.sleep(1.0)
        if item == 5:
            flow.stop()
        return item

    flow = throttle(stops, range(100), concurrency=3)
    found = virtual.run(items_of(flow)) if form == "in a loop" else [result.item for result in flow]
    assert 5 in found
    assert 6 <= len(found) <= 8
    assert not flow.complete


@pytest.mark.parametrize("form", FORMS)
def test_work_may_pause_its_flow_and_work_may_resume_it(virtual, form):
    """What runs goes on, so that one of the others can take the pause back."""
    calls = []

    async def pauses(item):
        calls.append(item)
        if item == 2:
            flow.pause()
        await asyncio.sleep(1.0 + item % 3)
        if item == 1:
            assert len(calls) == 3
            flow.resume()
        return item

    flow = throttle(pauses, range(9), concurrency=3)
    found = virtual.run(items_of(flow)) if form == "in a loop" else [result.item for result in flow]
    assert sorted(found) == list(range(9))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("careful", [False, True])
def test_work_may_close_its_flow(virtual, form, careful):
    """It is cancelled with the others, at its next await; the consumer goes on when all of them are over."""
    over = []

    async def closes(item):
        try:
            await asyncio.sleep(1.0)
            if item == 2:
                await flow.aclose()
            await asyncio.sleep(10.0)
        finally:
            if careful:
                await asyncio.sleep(1.0)
            over.append(item)

    flow = throttle(closes, range(100), concurrency=4)
    found = virtual.run(items_of(flow)) if form == "in a loop" else [result.item for result in flow]
    assert found == []
    assert sorted(over) == [0, 1, 2, 3]
    assert repr(flow).startswith("<Flow closed")


@pytest.mark.parametrize("form", FORMS)
def test_two_calls_that_close_their_flow_do_not_wait_for_each_other(virtual, form):
    async def closes(item):
        try:
            await asyncio.sleep(1.0)
        finally:
            await flow.aclose()
            await asyncio.sleep(50.0)

    flow = throttle(closes, range(100), concurrency=4)
    assert (virtual.run(items_of(flow)) if form == "in a loop" else list(flow)) == []


def test_work_that_raises_while_it_is_cancelled_is_heard_of(virtual):
    """By the loop's handler of exceptions: there is no result left to say it in."""

    async def bad_end(item):
        try:
            await asyncio.sleep(100.0)
        finally:
            raise BrokenPipeError(item)

    async def leave() -> None:
        flow = throttle(bad_end, range(9), concurrency=2)
        async with asyncio.timeout(1.0):
            await results_of(flow)

    with pytest.raises(TimeoutError):
        virtual.run(leave())
    said = [(context["message"], context["exception"].args) for context in virtual.complaints]
    assert sorted(said) == [("the work failed while it was being cancelled", (item,)) for item in (0, 1)]
    virtual.complaints.clear()


def test_public_names_are_the_ones_that_results_have():
    result = penstock.Result(0, "item", 1)
    assert (result.seq, result.item, result.value, result.error, result.attempts) == (0, "item", 1, None, 1)
