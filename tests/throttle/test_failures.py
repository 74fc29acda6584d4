"""The policy for failures: values, the first one that ends all, further attempts, time-outs."""

import asyncio
import itertools

import pytest
from tests.throttle.trial import Work, results_of

from penstock import throttle

FORMS = ["in a loop", "in none"]


@pytest.fixture(params=FORMS)
def results(request, virtual):
    if request.param == "in none":
        return list
    return lambda flow: virtual.run(results_of(flow))


def failing(times, error=ConnectionError):
    """Work that fails so many *times* for each item."""
    failed = dict.fromkeys(range(100), 0)

    def comes_to(item):
        failed[item] += 1
        if failed[item] <= times:
            raise error(item)
        return item

    return Work(1.0, comes_to)


# The first error is the end


@pytest.mark.parametrize("ordered", [False, True])
def test_with_fail_fast_the_first_error_is_raised_and_the_rest_cancelled(virtual, ordered, witness):
    def fails(item):
        if item == 5:
            raise KeyError("five")
        return item

    work = Work(lambda item: 1.0 if item in (2, 5) else 10.0, fails)
    items, seen = witness(itertools.count(), work), []

    async def consume() -> None:
        flow = throttle(work, items, concurrency=8, fail_fast=True, ordered=ordered)
        async for result in flow:
            seen.append(result.item)

    with pytest.raises(KeyError, match="five"):
        virtual.run(consume())
    assert seen == [2]
    assert (work.running, work.dropped) == (0, 6)
    assert items.closed
    assert virtual.clock() == 1.0


def test_in_a_plain_loop_it_is_the_same(virtual):
    work = Work(lambda item: 1.0 if item == 5 else 10.0, lambda item: 1 // (item - 5))
    with pytest.raises(ZeroDivisionError):
        list(throttle(work, itertools.count(), concurrency=8, fail_fast=True))
    assert (work.running, work.dropped) == (0, 7)
    assert virtual.clock() == 1.0


def test_with_fail_fast_an_error_that_is_tried_again_ends_nothing(virtual, results):
    found = results(throttle(failing(1), range(9), concurrency=3, fail_fast=True, attempts=2))
    assert len(found) == 9


def test_with_fail_fast_a_key_that_fails_is_an_error_too_and_at_once(virtual, results):
    """Though all that runs would run for ever, and nothing else stirs."""
    work = Work(1e6)
    flow = throttle(work, range(9), concurrency=4, key=lambda item: 1 // (2 - item), fail_fast=True)
    with pytest.raises(ZeroDivisionError):
        results(flow)
    assert virtual.clock() < 1.0
    assert set(work.calls) <= {0, 1}


# Keys


@pytest.mark.parametrize(("key", "error"), [(lambda item: 1 // item, ZeroDivisionError), (lambda _item: [], TypeError)])
def test_an_item_whose_key_cannot_be_told_has_an_error_and_no_attempt(virtual, results, key, error):
    work = Work(1.0)
    (result,) = results(throttle(work, [0], concurrency=4, key=key))
    assert type(result.error) is error
    assert (result.item, result.value, result.attempts) == (0, None, 0)
    assert work.calls == []


def test_a_million_keys_that_fail_do_not_pile_up(virtual, witness):
    items = witness(range(3_000))

    async def consume() -> None:
        taken = 0
        async for result in throttle(Work(), items, concurrency=4, key=lambda item: [], window=10):
            taken += 1
            assert type(result.error) is TypeError
            assert items.taken - taken <= 4

    virtual.run(consume())


def test_any_key_that_can_be_looked_up_will_do(virtual, results):
    keys = [None, 0, "a", ("a", 1), float("nan"), frozenset()]
    work = Work(1.0, key=keys.__getitem__)
    found = results(throttle(work, range(6), concurrency=6, key=keys.__getitem__, per_key=1))
    assert {result.error for result in found} == {None}


# Trying again


@pytest.mark.parametrize(
    ("retry", "attempts"),
    [
        (None, 3),
        (ConnectionError, 3),
        (OSError, 3),
        ((KeyError, OSError), 3),
        (KeyError, 1),
        ((), 1),
        (lambda error: isinstance(error, ConnectionError), 3),
        (lambda error: False, 1),
        (lambda error: None, 1),
        (lambda error: 0, 3),
        (lambda error: error.args[0] + 2.5, 3),
    ],
)
def test_the_rule_decides_which_errors_deserve_another_attempt(virtual, results, retry, attempts):
    limits = {} if retry is None else {"retry": retry}
    (result,) = results(throttle(failing(9), [0], concurrency=3, attempts=3, **limits))
    assert type(result.error) is ConnectionError
    assert result.attempts == attempts


def test_an_attempt_that_succeeds_is_the_last(virtual, results):
    (result,) = results(throttle(failing(2), [0], concurrency=3, attempts=9))
    assert (result.unwrap(), result.attempts) == (0, 3)


def test_without_attempts_nothing_is_tried_again_whatever_the_rule(virtual, results):
    (result,) = results(throttle(failing(1), [0], concurrency=3, retry=ConnectionError))
    assert (type(result.error), result.attempts) == (ConnectionError, 1)


def test_the_seconds_that_the_rule_answers_are_waited(virtual, results):
    (result,) = results(throttle(failing(3), [0], concurrency=3, attempts=9, retry=lambda error: 100.0))
    assert result.attempts == 4
    assert virtual.clock() == pytest.approx(4 * 1.0 + 3 * 100.0)


def test_without_seconds_the_wait_grows_with_full_jitter(virtual, results):
    """Half of 1, 2 and 4 s, as the draw here is always a half."""
    results(throttle(failing(3), [0], concurrency=3, attempts=9))
    assert virtual.clock() == pytest.approx(4 * 1.0 + 0.5 + 1.0 + 2.0)


def test_what_waits_to_be_tried_again_holds_no_slot(virtual, results):
    """All twenty wait at once, though two may run."""
    work = failing(1)
    found = results(throttle(work, range(20), concurrency=2, attempts=2, retry=lambda error: 1000.0))
    assert {result.attempts for result in found} == {2}
    assert work.most == 2
    assert virtual.clock() < 1000.0 + 2 * 11.0


def test_what_waits_to_be_tried_again_counts_for_the_window(virtual, witness):
    work = failing(1)
    items = witness(range(60), work)
    flow = throttle(work, items, concurrency=2, attempts=2, retry=lambda error: 1000.0, window=10)
    assert len(virtual.run(results_of(flow))) == 60
    assert items.ahead <= 2 + 10


def test_a_rule_that_fails_costs_its_own_item_only(virtual, results):
    def rule(error):
        return 1 // (error.args[0] - 4)

    found = results(throttle(failing(1), range(9), concurrency=3, attempts=2, retry=rule))
    errors = {result.item: result.error for result in found if result.error is not None}
    assert type(errors.pop(4)) is ZeroDivisionError
    assert all("seconds from 0" in str(error) for error in errors.values())


# Time-outs


def test_a_call_that_takes_too_long_is_cancelled_and_an_error(virtual, results):
    work = Work(lambda item: 10.0 if item == 3 else 1.0)
    found = results(throttle(work, range(9), concurrency=3, timeout=5.0))
    assert {result.item: type(result.error) for result in found if result.error} == {3: TimeoutError}
    assert work.dropped == 1
    assert virtual.clock() <= 6.0


def test_a_time_out_may_be_tried_again_and_each_attempt_has_its_own(virtual, results):
    flow = throttle(Work(10.0), [0], concurrency=3, timeout=2.0, attempts=3, retry=lambda error: 1.0)
    (result,) = results(flow)
    assert (type(result.error), result.attempts) == (TimeoutError, 3)
    assert virtual.clock() == pytest.approx(8.0)


def test_a_time_out_of_the_works_own_is_an_error_like_any_other(virtual, results):
    async def impatient(item):
        async with asyncio.timeout(1.0):
            await asyncio.sleep(5.0)

    (result,) = results(throttle(impatient, [0], concurrency=3, timeout=2.0))
    assert type(result.error) is TimeoutError
    assert virtual.clock() == pytest.approx(1.0)
