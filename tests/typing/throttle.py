"""What the type checker must say of throttle. Checked by mypy, never run."""

from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import assert_type

import penstock
from penstock import Bottleneck, Flow, Result, Statistics, Tally, Waiting


class Page:
    """What the work makes of a name."""


async def work(name: str) -> Page:
    return Page()


def awaitable(number: int) -> Awaitable[bytes]:
    raise NotImplementedError


async def names() -> AsyncIterator[str]:
    yield "a name"


def a_plain_loop(items: list[str]) -> None:
    flow = penstock.throttle(work, items, concurrency=50)
    assert_type(flow, Flow[Result[str, Page]])
    assert_type(iter(flow), Iterator[Result[str, Page]])
    for result in flow:
        assert_type(result, Result[str, Page])
        assert_type(result.item, str)
        assert_type(result.value, Page | None)
        assert_type(result.error, Exception | None)
        assert_type(result.unwrap(), Page)
        assert_type(result.seq, int)
        assert_type(result.attempts, int)
    assert_type(flow.join(), Statistics)


async def a_loop_in_a_coroutine() -> None:
    async with penstock.throttle(work, names(), concurrency=50, ordered=True, fail_fast=True) as flow:
        assert_type(flow, Flow[Result[str, Page]])
        async for result in flow:
            assert_type(result, Result[str, Page])
    assert_type(await flow.done(), Statistics)
    assert_type((await flow.done()).tally, Tally)


def every_limit(numbers: Iterator[int]) -> None:
    flow = penstock.throttle(
        awaitable,
        numbers,
        concurrency=5,
        key=lambda number: number % 10,
        per_key=2,
        delay=0.5,
        rate=10,
        attempts=3,
        retry=(OSError, TimeoutError),
        timeout=30,
        window=100,
    )
    assert_type(flow, Flow[Result[int, bytes]])


def each_kind_of_rule(numbers: range) -> None:
    penstock.throttle(awaitable, numbers, concurrency=5, attempts=3, retry=OSError)
    penstock.throttle(awaitable, numbers, concurrency=5, attempts=3, retry=lambda error: isinstance(error, OSError))
    penstock.throttle(awaitable, numbers, concurrency=5, attempts=3, retry=lambda error: 2.5)


def wrong_arguments(numbers: range) -> None:
    penstock.throttle(awaitable, ["a"], concurrency=5)  # type: ignore[arg-type]
    penstock.throttle(len, ["a"], concurrency=5)  # type: ignore[arg-type]
    penstock.throttle(awaitable, numbers)  # type: ignore[call-arg]
    penstock.throttle(awaitable, numbers, concurrency=5, per_host=1)  # type: ignore[call-arg]
    penstock.throttle(awaitable, numbers, concurrency=5, retry="OSError")  # type: ignore[arg-type]


def live_limits(flow: Flow[Result[int, bytes]]) -> None:
    assert_type(flow.concurrency, int)
    assert_type(flow.per_key, int | None)
    assert_type(flow.rate, float | None)
    flow.concurrency = 5
    flow.per_key = 2
    flow.per_key = None
    flow.rate = None
    flow.rate = 2.5
    assert_type(flow.complete, bool)
    assert_type(flow.failure, BaseException | None)
    for waiting in flow.waiting():
        assert_type(waiting, Waiting)
        assert_type(waiting.jobs, int)
        assert_type(waiting.bound, Bottleneck)
        assert_type(waiting.until, float | None)
