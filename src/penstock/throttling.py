"""``throttle``: any async work at all, N at a time, wired together.

The only place that knows which source and which engine such work has; what ``api`` is for fetching.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterable, Awaitable, Callable, Generator, Hashable, Iterable
from itertools import count
from typing import Any, Final, TypedDict, TypeVar, Unpack

from msgspec import Struct

from penstock.bounds import MOST_AT_ONCE, check_number, check_rate
from penstock.core.schedule.calls import Call, CallJudge, CallTally, Result, Retry
from penstock.core.schedule.frontier import Ahead, Frontier
from penstock.engine.tasks import TasksEngine
from penstock.errors import UsageError
from penstock.loop.delivery import Delivery
from penstock.loop.driver import Driver, Stages
from penstock.loop.flow import Flow, loop_runs
from penstock.seams import Source
from penstock.source.awaited import Awaited
from penstock.source.pulled import Inline

__all__ = ["Limits", "throttle"]

Item = TypeVar("Item")
Value = TypeVar("Value")

WINDOW: Final = 1_000
"""Items read ahead, at most, to find one whose key is not busy: what minet and others chose."""

LONGEST: Final = 86_400
"""Seconds that a delay or a time-out may be."""


class Limits(TypedDict, total=False):
    """The limits of ``throttle`` beside its concurrency; it says what each means."""

    per_key: int | None
    delay: float
    rate: float | None
    attempts: int
    retry: Retry | type[Exception] | tuple[type[Exception], ...]
    timeout: float | None
    window: int


class _Chosen(Struct, frozen=True, forbid_unknown_fields=True):
    """The limits with their defaults, and within their bounds."""

    concurrency: int
    per_key: int | None = None
    delay: float = 0.0
    rate: float | None = None
    attempts: int = 1
    retry: Any = None
    timeout: float | None = None
    window: int = WINDOW

    def __post_init__(self) -> None:
        whole = (("concurrency", MOST_AT_ONCE), ("per_key", MOST_AT_ONCE), ("attempts", 1_000), ("window", 10**8))
        for name, most in whole:
            value = getattr(self, name)
            if value is not None or name != "per_key":
                check_number(name, value, 1, most, whole=True)
        check_number("delay", self.delay, 0, LONGEST)
        check_rate(self.rate)
        if self.timeout is not None:
            check_number("timeout", self.timeout, 0.001, LONGEST)

    @classmethod
    def of(cls, concurrency: int, limits: Limits) -> _Chosen:
        unknown = sorted(limits.keys() - set(cls.__struct_fields__))
        if unknown:
            known = ", ".join(sorted({*cls.__struct_fields__, "key", "ordered", "fail_fast"}))
            raise UsageError(f"there is no limit {unknown[0]!r}; there are: {known}")
        return cls(concurrency, **limits)

    def frontier(self, *, keyed: bool) -> Frontier:
        return Frontier(
            window=self.window,
            concurrency=self.concurrency,
            per_key=self.per_key or MOST_AT_ONCE,
            delay=self.delay,
            rate=self.rate,
            ahead=Ahead.WINDOW if keyed else Ahead.NOWHERE,
        )


def throttle(
    work: Callable[[Item], Awaitable[Value]],
    items: Iterable[Item] | AsyncIterable[Item],
    *,
    concurrency: int,
    key: Callable[[Item], Hashable] | None = None,
    ordered: bool = False,
    fail_fast: bool = False,
    **limits: Unpack[Limits],
) -> Flow[Result[Item, Value]]:
    """Await ``work(item)`` for each of *items*, *concurrency* at a time, and give one result for each.

    The results come as they complete, for ``async for``; for a plain ``for`` as well where no event loop runs.
    A failure is a value (``result.error``; ``result.unwrap()`` raises it) and costs nobody else anything.

    * *items*: any iterable or async iterable, finite or not, asked for an item only when there is room for it.
      A plain one is asked inside of the event loop, so it must not block; an async one may take its time.
    * *concurrency*: calls at once, 1 to 1,000,000.
    * *key*: says whose limits an item counts for. ``per_key``: calls at once for one key; ``delay``: seconds
      between two starts for one key, 0 to 86,400 (without *key* all items have one). Keys take turns.
    * ``rate``: starts a second, all keys together, above 0 to 1,000,000.
    * ``attempts``: calls for one item, at most (1 to 1,000). ``retry``: which exceptions deserve another one:
      a class or a tuple of them, or a function of the exception that answers True, False, or the seconds to
      wait. All do by default, after a wait that grows from 1 s to 60 s at most with full jitter. An item that
      waits to be tried again holds no slot.
    * ``timeout``: seconds for one call, 0.001 to 86,400; after that it is cancelled, and the error is a
      TimeoutError.
    * *ordered*: results come in the order of the items. At most twice *concurrency* items are then between
      the one whose turn it is and the newest.
    * *fail_fast*: the first error is raised from the loop, and all that runs is cancelled.
    * ``window`` (1,000; 1 to 100,000,000): the look-ahead. Items pulled and not finished never exceed
      *concurrency* where there is no *key*, and *concurrency* + ``window`` where there is one; those that wait
      to be tried again count for the window too.

    UsageError where an argument is wrong, and from the loop where *work* returns something that can't be
    awaited. An Exception of the iterator comes out of the loop after the results of all it gave before. Where the
    consumer is cancelled or leaves, what runs is cancelled and the iterator closed, and inside of ``async with`` that
    is over when the block is left. Work that wants to end its own flow calls ``stop`` or ``abort``.
    """
    _check(work, items, key, limits)
    chosen = _Chosen.of(concurrency, limits)
    frontier = chosen.frontier(keyed=key is not None)
    judge = CallJudge(chosen.attempts, _rule(chosen.retry))

    def make(loop: asyncio.AbstractEventLoop | None) -> Driver[Result[Item, Value]]:
        if loop is None and loop_runs():
            raise UsageError("an event loop runs here already; write: async for result in flow")
        engine = TasksEngine(work, timeout=chosen.timeout, loop=loop)
        delivery: Delivery[Result[Item, Value]] = Delivery(CallTally(), ordered=ordered, fail_fast=fail_fast)
        try:
            source = _source(items, key, engine)
        except BaseException:  # the iterable's own, from its __iter__
            engine.close()
            raise
        return Driver(Stages(source, frontier, engine, judge, delivery))

    return Flow(frontier, make)


def _source(items: Any, key: Callable[[Any], Hashable] | None, engine: TasksEngine) -> Source[Call]:
    make, seqs = Call if key is None else _keyed(key), count()
    if isinstance(items, AsyncIterable):
        return Awaited(items, lambda item: make(next(seqs), item), loop=engine.loop, wake=engine.wake)
    iterator = iter(items)
    # A generator is closed in the end; other iterators, files for one, may still be wanted.
    owner = iterator if isinstance(iterator, Generator) else iter(())
    return Inline(map(make, seqs, iterator), owner)


def _keyed(key: Callable[[Any], Hashable]) -> Callable[[int, Any], Call | Result[Any, Any]]:
    """What makes a call of an item and its seq; of an item whose key can't be told, a failure."""

    def make(seq: int, item: Any) -> Call | Result[Any, Any]:
        try:
            which = key(item)
            hash(which)
        except Exception as error:  # noqa: BLE001 - the key of this item alone; its result says so
            return Result(seq, item, None, error, 0)
        return Call(seq, item, which)

    return make


def _check(work: Any, items: Any, key: Any, limits: Limits) -> None:
    if not callable(work):
        raise UsageError(f"work is {work!r}; it is an async function of one item")
    if not isinstance(items, Iterable | AsyncIterable):
        raise UsageError(f"items is {type(items).__name__}; it is an iterable or an async iterable")
    if isinstance(items, str | bytes):
        raise UsageError(f"items is a text, which would be taken letter by letter; for one item write [{items[:20]!r}]")
    for name, rule in (("key", key), ("retry", limits.get("retry"))):
        if inspect.iscoroutinefunction(rule):
            raise UsageError(f"{name} is an async function; it is asked in between, and must answer at once")
    if key is not None and not callable(key):
        raise UsageError(f"key is {key!r}; it is a function of one item")
    if key is None and limits.get("per_key") is not None:
        raise UsageError("per_key is for items with a key; say which they have: key=function")


def _rule(retry: Any) -> Retry:
    """The rule that *retry* stands for."""
    if retry is None:
        return _always
    if isinstance(retry, type) and issubclass(retry, Exception):
        retry = (retry,)
    if isinstance(retry, tuple) and all(isinstance(kind, type) and issubclass(kind, Exception) for kind in retry):
        kinds = retry
        return lambda error: isinstance(error, kinds)
    if isinstance(retry, type | tuple) or not callable(retry):
        raise UsageError(f"retry is {retry!r}; it is an exception class, a tuple of them, or a function of one")
    rule: Retry = retry
    return rule


def _always(_error: Exception) -> bool:
    return True
