"""``throttle``: any async work at all, N at a time, wired together.

Knows which source and which engine such work has. Knows nothing of the web: no module
of ``core.web`` is loaded.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterable, Awaitable, Callable, Collection, Generator, Hashable, Iterable
from itertools import count
from typing import Any, Final, TypedDict, TypeVar, Unpack

from msgspec import Struct

from penstock.bounds import MOST_AT_ONCE, check_number, check_rate
from penstock.core.schedule.answers import Ahead
from penstock.core.schedule.calls import Call, CallJudge, CallTally, Result, Retry
from penstock.core.schedule.frontier import Frontier
from penstock.engine.tasks import TasksEngine
from penstock.errors import UsageError
from penstock.loop.delivery import Delivery
from penstock.loop.driver import Driver, Stages
from penstock.loop.flow import Flow, loop_runs
from penstock.remedies import name_nearest
from penstock.seams import Source
from penstock.source.awaited import Awaited
from penstock.source.pulled import Inline

__all__ = ["ThrottleOptions", "throttle"]

Item = TypeVar("Item")
Value = TypeVar("Value")

WINDOW: Final = 1_000
"""Items of a list, or another collection, read ahead to find one whose key is not busy;
minet has the same default. Of an iterator nothing is read that the concurrency does not
leave room for."""

LONGEST: Final = 86_400
"""Seconds that a delay or a time-out may be."""


class ThrottleOptions(TypedDict, total=False):
    """The keywords of ``throttle`` that have a default."""

    per_key: int | None
    """Calls at once for one key, 1 to 1,000,000; None for no limit but the
    concurrency."""

    delay: float
    """Seconds between two starts for one key. Default 0; 0 to 86,400."""

    rate: float | None
    """Starts a second, all keys together, above 0 to 1,000,000; None for no limit."""

    attempts: int
    """Calls for one item, at most. Default 1; 1 to 1,000."""

    retry: Retry | type[Exception] | tuple[type[Exception], ...]
    """Which exceptions to retry: a class or a tuple of them, or a function of the
    exception that returns True, False, or the seconds to wait. Default: all."""

    timeout: float | None
    """Seconds for one call, 0.001 to 86,400; None for no limit."""

    window: int | None
    """Items read ahead, at most, to find one whose key is not busy; 1 to 100,000,000.
    Default: 1,000 of a list or another collection, and of an iterator as many as the
    concurrency leaves."""


class _Chosen(Struct, frozen=True, forbid_unknown_fields=True):
    """The options with their defaults, and within their bounds."""

    concurrency: int
    per_key: int | None = None
    delay: float = 0.0
    rate: float | None = None
    attempts: int = 1
    retry: Any = None
    timeout: float | None = None
    window: int | None = None

    def __post_init__(self) -> None:
        whole = (("concurrency", MOST_AT_ONCE), ("per_key", MOST_AT_ONCE), ("attempts", 1_000), ("window", 10**8))
        for name, most in whole:
            value = getattr(self, name)
            if value is not None or name not in ("per_key", "window"):
                check_number(name, value, 1, most, whole=True)
        check_number("delay", self.delay, 0, LONGEST)
        check_rate(self.rate)
        if self.timeout is not None:
            check_number("timeout", self.timeout, 0.001, LONGEST)

    @classmethod
    def of(cls, concurrency: int, options: ThrottleOptions) -> _Chosen:
        unknown = sorted(options.keys() - set(cls.__struct_fields__))
        if unknown:
            known = sorted({*cls.__struct_fields__, "key", "ordered", "fail_fast"})
            raise UsageError(f"throttle has no argument {unknown[0]!r}; {name_nearest(unknown[0], known)}")
        return cls(concurrency, **options)

    def frontier(self, *, keyed: bool, on_demand: bool) -> Frontier:
        return Frontier(
            window=self.window if on_demand else self.window or WINDOW,
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
    **options: Unpack[ThrottleOptions],
) -> Flow[Result[Item, Value]]:
    """Await ``work(item)`` for each of *items*, *concurrency* at a time.

    There is one result for each item. They come as they complete, for ``async for``;
    without a running event loop, for a plain ``for`` as well. A failure is a value
    (``result.error``; ``result.unwrap()`` raises it) and affects no other item.

    * *items*: any iterable or async iterable, finite or not, asked for an item only
      when there is room for it. A plain one is asked inside the event loop, so it must
      not block; an async one may take its time.
    * *concurrency*: calls at once, 1 to 1,000,000.
    * *key*: a function of an item that returns whose limits it counts for. ``per_key``:
      calls at once for one key; ``delay``: seconds between two starts for one key, 0 to
      86,400 (without *key* all items have one). Keys take turns.
    * ``rate``: starts a second, all keys together, above 0 to 1,000,000.
    * ``attempts``: calls for one item, at most (1 to 1,000). ``retry``: which
      exceptions to retry: a class or a tuple of them, or a function of the exception
      that returns True, False, or the seconds to wait. By default every Exception is
      retried, after a wait that grows from 1 s to at most 60 s with full jitter. An
      item that waits for a retry holds no slot.
    * ``timeout``: seconds for one call, 0.001 to 86,400; after that it is cancelled,
      and the error is a TimeoutError.
    * *ordered*: results come in the order of the items. At most twice *concurrency*
      items are then between the next to come out and the newest.
    * *fail_fast*: the first error is raised from the loop, and all running work is
      cancelled.
    * ``window`` (1 to 100,000,000): the look-ahead, to find a key that is not busy.
      Items pulled and not finished never exceed *concurrency* + ``window``; by default
      not even *concurrency* (*ordered*: twice that), or for a list 1,000 more.

    If the consumer is cancelled or leaves, running work is cancelled and the iterator
    closed; inside ``async with`` that has happened when the block is left. Work that
    wants to end its own flow calls ``stop`` or ``abort``. An Exception of the iterator
    is raised from the loop after the results of all items before it. Raises UsageError
    if an argument is wrong, and from the loop if *work* returns something that can't be
    awaited.
    """
    _check(work, items, key, options)
    chosen = _Chosen.of(concurrency, options)
    frontier = chosen.frontier(keyed=key is not None, on_demand=not isinstance(items, Collection))
    judge = CallJudge(chosen.attempts, _make_rule(chosen.retry))

    def make(loop: asyncio.AbstractEventLoop | None) -> Driver[Result[Item, Value]]:
        if loop is None and loop_runs():
            raise UsageError("an event loop runs here already; write: async for result in flow")
        engine = TasksEngine(work, timeout=chosen.timeout, loop=loop)
        delivery: Delivery[Result[Item, Value]] = Delivery(CallTally(), ordered=ordered, fail_fast=fail_fast)
        stages = Stages(_make_source(items, key, engine), frontier, engine, judge, delivery)
        return Driver(stages)

    return Flow(frontier, make)


def _make_source(items: Any, key: Callable[[Any], Hashable] | None, engine: TasksEngine) -> Source[Call]:
    """Return the source of *items*; close *engine* if opening them raises."""
    make, seqs = Call if key is None else _make_with_key(key), count()
    try:
        if isinstance(items, AsyncIterable):
            return Awaited(items, lambda item: make(next(seqs), item), loop=engine.loop, wake=engine.wake)
        iterator = iter(items)
    except BaseException:
        engine.close()
        raise
    # A generator is closed in the end; the caller may still need other iterators, such
    # as files.
    owner = iterator if isinstance(iterator, Generator) else iter(())
    return Inline(map(make, seqs, iterator), owner)


def _make_with_key(key: Callable[[Any], Hashable]) -> Callable[[int, Any], Call | Result[Any, Any]]:
    """Return a function of seq and item that makes a call, or a failure."""

    def make(seq: int, item: Any) -> Call | Result[Any, Any]:
        try:
            which = key(item)
            hash(which)
        except Exception as error:  # noqa: BLE001 - it concerns this item alone, whose result has it
            return Result(seq, item, None, error, 0)
        return Call(seq, item, which)

    return make


def _check(work: Any, items: Any, key: Any, options: ThrottleOptions) -> None:
    if not callable(work):
        raise UsageError(f"work is {work!r}; it is an async function of one item")
    if not isinstance(items, Iterable | AsyncIterable):
        raise UsageError(f"items is {type(items).__name__}; it is an iterable or an async iterable")
    if isinstance(items, str | bytes):
        raise UsageError(f"items is a text, which would be split into its letters; for one item write [{items[:20]!r}]")
    for name, rule in (("key", key), ("retry", options.get("retry"))):
        if inspect.iscoroutinefunction(rule):
            raise UsageError(f"{name} is an async function; it is called in the event loop, and must return at once")
    if key is not None and not callable(key):
        raise UsageError(f"key is {key!r}; it is a function of one item")
    if key is None and options.get("per_key") is not None:
        raise UsageError("per_key needs keys; give key=function, which returns the key of an item")


def _make_rule(retry: Any) -> Retry:
    """Return the rule that *retry* stands for."""
    if retry is None:
        return _retry_all
    if isinstance(retry, type) and issubclass(retry, Exception):
        retry = (retry,)
    if isinstance(retry, tuple) and all(isinstance(kind, type) and issubclass(kind, Exception) for kind in retry):
        kinds = retry
        return lambda error: isinstance(error, kinds)
    if isinstance(retry, type | tuple) or not callable(retry):
        raise UsageError(f"retry is {retry!r}; it is an exception class, a tuple of them, or a function of one")
    rule: Retry = retry
    return rule


def _retry_all(_error: Exception) -> bool:
    return True
