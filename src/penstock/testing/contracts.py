"""What every source, engine and sink must do, as functions that any implementation survives.

They raise AssertionError and say what is wrong. The fakes of this package pass them too, so that what is
tested with a fake holds with the real thing.
"""

from __future__ import annotations

import asyncio
import select
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from typing import Any, Final

from penstock.core.extents import Extent
from penstock.core.web.model import Attempt, Failed, Fetched, Job, Outcome, Reason, Row, Skipped
from penstock.seams import Engine, Signal, Sink, Source

__all__ = ["check_engine", "check_sink", "check_source"]

PATIENCE: Final = 5.0
"""Seconds of real time after which something that should have come is missed."""

READ_AHEAD: Final = 10_000
"""More items than this no source may take from its iterator before they are asked for."""


Run = Callable[[Coroutine[Any, Any, None]], None]
"""What runs a coroutine in an event loop until it is over."""


def check_source(make: Callable[[Iterator[Row], Callable[[], None]], Source[Any]], *, run: Run = asyncio.run) -> None:
    """A source gives every row once and in order, lazily, says when it is over, passes errors on, and closes.

    *make* takes the rows, and what to call when there is something after ``NOT_YET``. *run* runs ``aclose``.
    """
    for check in (_source_gives_each_row_once, _source_is_lazy, _source_passes_an_error_on_once):
        source = None

        def begin(rows: Iterator[Row]) -> _Pulled:
            nonlocal source
            woken = threading.Event()
            source = make(rows, woken.set)
            return _Pulled(source, woken)

        try:
            check(begin)
        finally:
            if source is not None:
                source.close()
                source.close()
    _source_closes_inside_of_a_loop(make, run)


def check_engine(
    make: Callable[[], Engine[Any, Any]],
    *,
    good: Callable[[int], Any],
    bad: Callable[[int], Any],
    endless: Callable[[int], Any],
    clock: Callable[[], float] = time.monotonic,
    wait: Callable[[int, float | None], None] | None = None,
) -> None:
    """An engine gives one attempt a job, never raises for a bad one, wakes when told, cancels, and settles.

    *good*, *bad* and *endless* make a job with the seq they are given: one that ends well, one that fails,
    and one that takes longer than anybody would wait. *wait* waits for a descriptor, for so many seconds
    of *clock* at most.
    """
    engine = make()
    run = _Run(engine, clock, wait or _select)
    try:
        assert not engine.collect(0), "an attempt came out before any job went in"
        _engine_gives_each_attempt_once(run, good, bad)
        _engine_is_driven_by_its_descriptor(run, good)
        _engine_wakes(run, endless)
        _engine_cancels(run, good, endless)
    finally:
        engine.close()
        engine.close()


def check_sink(make: Callable[[Mapping[str, int]], Sink], read: Callable[[Extent], Sequence[int]]) -> None:
    """What was committed is there after a crash and a reopen, once; what was not, is not.

    *make* opens the sink on the same place each time, where each file is good up to the length given;
    *read* gives the seqs of the rows within an extent, in order.
    """
    sink = make({})
    assert sink.flush() == [], "an extent of nothing"
    committed = _written(sink, range(8))
    assert sink.flush() == [], "what was flushed is flushed again"
    committed += _written(sink, range(8, 10))

    sink.write(_outcome(10))
    sink.close()
    sink.close()
    sink = make(_lengths(committed))
    _assert_held(committed, range(10), read)

    _written(sink, range(10, 14))
    sink.close()
    sink = make(_lengths(committed))
    committed += _written(sink, (13, 10))
    sink.close()
    _assert_held(committed, [*range(10), 10, 13], read)


# -- source


class _Pulled:
    """A source, and what to wait for when it has nothing yet."""

    def __init__(self, source: Source[Any], woken: threading.Event) -> None:
        self.source = source
        self._woken = woken

    def next(self) -> Any:
        while True:
            self._woken.clear()
            item = self.source.pull()
            if item is not Signal.NOT_YET:
                return item
            assert self._woken.wait(PATIENCE), "the source had nothing yet, and never woke anybody"


Begin = Callable[[Iterator[Row]], _Pulled]


def _source_gives_each_row_once(begin: Begin) -> None:
    rows = [
        Row(0, 1, "http://a.test/"),
        Row(1, 2, "not a URL"),
        Row(2, 3, "http://b.test/", fields={"id": 7}),
        Row(5, 9, "", fault="the row is broken"),
    ]
    pulled = begin(iter(rows))
    items = [pulled.next() for _ in rows]
    kinds = [Skipped if isinstance(item, Skipped) else type(item) for item in items]
    assert kinds == [Job, Skipped, Job, Skipped], f"jobs for good rows and outcomes for bad ones, not {kinds}"
    seqs = [item.seq for item in items if not isinstance(item, Signal)]
    assert seqs == [0, 1, 2, 5], f"the seqs of the rows in order, not {seqs}"
    for _ in range(2):
        assert pulled.next() is Signal.EXHAUSTED, "the end of the rows is the end for good"


def _source_is_lazy(begin: Begin) -> None:
    taken = 0
    closed = threading.Event()

    def endless() -> Iterator[Row]:
        nonlocal taken
        try:
            while True:
                taken += 1
                yield Row(taken - 1, taken, "http://a.test/")
        finally:
            closed.set()

    pulled = begin(endless())
    for _ in range(3):
        pulled.next()
    assert taken <= READ_AHEAD, f"{taken} rows were taken to give 3"
    pulled.source.close()
    assert closed.wait(PATIENCE), "closing the source closes the iterator"


def _source_passes_an_error_on_once(begin: Begin) -> None:
    def failing() -> Iterator[Row]:
        yield Row(0, 1, "http://a.test/")
        raise ConnectionError("the store went away")

    pulled = begin(failing())
    assert isinstance(pulled.next(), Job), "what came before the error comes out before it"
    assert _raises(pulled), "the iterator's error is kept back"
    assert not _raises(pulled), "the iterator's error comes out twice"
    assert pulled.next() is Signal.EXHAUSTED, "after its error a source is exhausted"


def _source_closes_inside_of_a_loop(make: Callable[[Iterator[Row], Callable[[], None]], Source[Any]], run: Run) -> None:
    closed = threading.Event()

    def rows() -> Iterator[Row]:
        try:
            yield Row(0, 1, "http://a.test/")
            yield Row(1, 2, "http://a.test/")
        finally:
            closed.set()

    woken = threading.Event()
    source = make(rows(), woken.set)
    _Pulled(source, woken).next()
    for _ in range(2):
        run(source.aclose())
    assert closed.wait(PATIENCE), "closing the source inside of a loop closes the iterator"
    assert source.pull() is Signal.EXHAUSTED, "a source that is closed gives nothing any more"


def _raises(pulled: _Pulled) -> bool:
    try:
        pulled.next()
    except ConnectionError:
        return True
    return False


# -- engine


class _Run:
    """An engine and its time."""

    def __init__(
        self, engine: Engine[Any, Any], clock: Callable[[], float], wait: Callable[[int, float | None], None]
    ) -> None:
        self.engine = engine
        self.clock = clock
        self.wait = wait

    def start(self, *jobs: Any) -> None:
        for job in jobs:
            self.engine.start(job, self.clock())

    def collect(self, count: int) -> list[Attempt]:
        """*count* attempts, in the order they come."""
        attempts: list[Attempt] = []
        until = time.monotonic() + PATIENCE
        while len(attempts) < count and time.monotonic() < until:
            attempts += self.engine.collect(PATIENCE)
        assert len(attempts) == count, f"{count} jobs, {len(attempts)} attempts"
        return attempts


def _engine_gives_each_attempt_once(run: _Run, good: Callable[[int], Any], bad: Callable[[int], Any]) -> None:
    jobs = [good(0), bad(1), good(2)]
    run.start(*jobs)
    attempts = {attempt.job.seq: attempt for attempt in run.collect(3)}
    assert [attempts[seq].job for seq in range(3)] == jobs, "an attempt has the job that it was"
    errors = [attempts[seq].error for seq in range(3)]
    assert errors[0] is None is errors[2], f"good jobs came to {errors[0]} and {errors[2]}"
    assert errors[1] is not None, "a bad job came to no error"
    assert not run.engine.collect(0), "an attempt came out twice"


def _engine_is_driven_by_its_descriptor(run: _Run, good: Callable[[int], Any]) -> None:
    """An event loop waits for the descriptor and the deadline, and collects without waiting."""
    run.start(good(3))
    until = time.monotonic() + PATIENCE
    attempts: list[Attempt] = []
    while not attempts and time.monotonic() < until:
        due = run.engine.deadline()
        run.wait(run.engine.fileno(), None if due is None else max(0.0, due - run.clock()))
        attempts += run.engine.collect(0)
    assert [attempt.job.seq for attempt in attempts] == [3], "the descriptor and the deadline bring the attempt out"


def _engine_wakes(run: _Run, endless: Callable[[int], Any]) -> None:
    run.start(endless(4))
    run.engine.wake()
    assert not run.engine.collect(None), "woken with nothing finished"
    waker = threading.Thread(target=run.engine.wake)
    before = time.monotonic()
    waker.start()
    run.engine.collect(PATIENCE)
    waker.join()
    assert time.monotonic() - before < PATIENCE, "a wake from another thread did not end the wait"


def _engine_cancels(run: _Run, good: Callable[[int], Any], endless: Callable[[int], Any]) -> None:
    run.start(endless(5), good(6))
    run.engine.cancel()
    assert not run.engine.inside(), "who asks is nothing that runs"
    asyncio.run(_settles(run.engine))
    run.start(good(7))
    assert [attempt.job.seq for attempt in run.collect(1)] == [7], "nothing comes out for what was cancelled"


async def _settles(engine: Engine[Any, Any]) -> None:
    _, waiting = await asyncio.wait([asyncio.ensure_future(engine.settle())], timeout=PATIENCE)
    assert not waiting, "what was cancelled is over, or soon will be"


def _select(fd: int, seconds: float | None) -> None:
    select.select([fd], [], [], seconds)


# -- sink


def _outcome(seq: int) -> Outcome:
    """Outcomes of every kind, with bodies and text that are hard to store."""
    url = f"http://a.test/{seq}"
    kinds: Sequence[Outcome] = (
        Fetched(seq, url, status=200, body=b"a page", head=b"HTTP/1.1 200 OK\r\nX-Odd: \xff"),
        Fetched(seq, url, status=404, body=b"\x00\xff\xfe not UTF-8\n\r\n", data={"title": "\u2028"}),
        Fetched(seq, url, status=204),
        Failed(seq, url, error=Reason.TIMEOUT, detail="after 30 s\nand a line feed"),
        Skipped(seq, "\ud800", error=Reason.INVALID_URL, input={"id": seq}),
    )
    return kinds[seq % len(kinds)]


def _written(sink: Sink, seqs: Sequence[int]) -> list[Extent]:
    """Write and flush outcomes with these *seqs*: the extents that prove it."""
    for seq in seqs:
        assert sink.write(_outcome(seq)) >= 0, "a number of bytes"
    extents = sink.flush()
    stored = [seq for extent in extents for seq in extent.seqs]
    assert sorted(stored) == sorted(seqs), f"wrote {list(seqs)}, and the extents say {stored}"
    for extent in extents:
        assert extent.sink == sink.name, "an extent names its sink"
        assert extent.rows == len(extent.seqs), "a row for each seq"
        assert extent.start < extent.end, "an extent has bytes"
        assert extent.checksum, "an extent has a checksum"
    return extents


def _lengths(extents: Sequence[Extent]) -> dict[str, int]:
    lengths: dict[str, int] = {}
    for extent in extents:
        assert extent.start == lengths.get(extent.file, 0), f"a gap or an overlap before {extent}"
        lengths[extent.file] = extent.end
    return lengths


def _assert_held(extents: Sequence[Extent], seqs: Sequence[int], read: Callable[[Extent], Sequence[int]]) -> None:
    _lengths(extents)
    held = sorted(seq for extent in extents for seq in read(extent))
    assert held == sorted(seqs), f"committed {sorted(seqs)}, and the files have {held}"
