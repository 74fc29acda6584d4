"""The rules of every source, engine and sink, as functions that check them.

They raise AssertionError with the rule that is broken. The fakes of this package pass
them too, so that a test with a fake holds for the real implementation.
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

__all__ = ["check_engine", "check_sink", "check_source", "flush", "make_outcome"]

PATIENCE: Final = 5.0
"""Seconds of real time that a check waits for an event."""

READ_AHEAD: Final = 10_000
"""The most items that a source may take ahead from its iterator."""


Run = Callable[[Coroutine[Any, Any, None]], None]
"""A function that runs a coroutine in an event loop to its end."""


def check_source(make: Callable[[Iterator[Row], Callable[[], None]], Source[Any]], *, run: Run = asyncio.run) -> None:
    """Check that a source is lazy and ordered, ends, raises errors, and closes.

    *make* gets the rows, and the function to call if an item follows ``NOT_YET``. *run*
    runs ``aclose``.
    """
    for check in (_source_gives_each_row_once, _source_is_lazy, _source_raises_an_error_once):
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
    _source_closes_in_a_loop(make, run)


def check_engine(
    make: Callable[[], Engine[Any, Any]],
    *,
    good: Callable[[int], Any],
    bad: Callable[[int], Any],
    endless: Callable[[int], Any],
    clock: Callable[[], float] = time.monotonic,
    wait: Callable[[int, float | None], None] | None = None,
) -> None:
    """Check that an engine returns one attempt a job, good or bad, wakes, and cancels.

    *good*, *bad* and *endless* make a job with the given seq: one that succeeds, one
    that fails, and one that never ends. *wait* waits for a descriptor, at most the
    given seconds of *clock*.
    """
    engine = make()
    run = _Run(engine, clock, wait or _select)
    try:
        assert not engine.collect(0), "collect returned an attempt before any start"
        _engine_returns_each_attempt_once(run, good, bad)
        _engine_is_driven_by_its_descriptor(run, good)
        _engine_wakes(run, endless)
        _engine_cancels(run, good, endless)
    finally:
        engine.close()
        engine.close()


def flush(sink: Sink[Any]) -> list[Extent]:
    """Make everything that *sink* has taken durable, and return the extents."""
    sink.write(sink.cut())
    return sink.flush()


def check_sink(make: Callable[[Mapping[str, int]], Sink[Any]], read: Callable[[Extent], Sequence[int]]) -> None:
    """Check that a crash and a reopen keep each committed outcome once, and no other.

    *make* opens the sink on the same storage each time, with the committed length of
    each file. *read* returns the seqs of the rows in an extent, in order.
    """
    sink = make({})
    assert sink.flush() == [], "a flush without a block must return no extent"
    assert flush(sink) == [], "an empty block must make no extent"
    committed = _write(sink, range(8))
    assert sink.flush() == [], "a second flush returns the extents of the first"
    committed += _write(sink, range(8, 10))

    sink.take(make_outcome(10))
    sink.write(sink.cut())
    sink.take(make_outcome(11))
    sink.close()
    sink.close()
    sink = make(_lengths(committed))
    _assert_stored(committed, range(10), read)

    _write(sink, range(10, 14))
    sink.close()
    sink = make(_lengths(committed))
    committed += _write(sink, (13, 10))
    sink.close()
    _assert_stored(committed, [*range(10), 10, 13], read)


# -- source


class _Pulled:
    """A source, and the event that it sets when it has an item."""

    def __init__(self, source: Source[Any], woken: threading.Event) -> None:
        self.source = source
        self._woken = woken

    def next(self) -> Any:
        while True:
            self._woken.clear()
            item = self.source.pull()
            if item is not Signal.NOT_YET:
                return item
            self.source.request(1)
            assert self._woken.wait(PATIENCE), "the source returned NOT_YET and did not wake the caller"


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
    assert kinds == [Job, Skipped, Job, Skipped], f"good rows must become jobs and bad ones outcomes, not {kinds}"
    seqs = [item.seq for item in items if not isinstance(item, Signal)]
    assert seqs == [0, 1, 2, 5], f"the seqs must be 0, 1, 2, 5 in order, not {seqs}"
    for _ in range(2):
        assert pulled.next() is Signal.EXHAUSTED, "a source must stay exhausted after its last row"


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
    assert taken <= READ_AHEAD, f"the source took {taken} rows to yield 3"
    pulled.source.close()
    assert closed.wait(PATIENCE), "close must close the iterator"


def _source_raises_an_error_once(begin: Begin) -> None:
    def failing() -> Iterator[Row]:
        yield Row(0, 1, "http://a.test/")
        raise ConnectionError("the store went away")

    pulled = begin(failing())
    assert isinstance(pulled.next(), Job), "the rows before an error must come before it"
    assert _raises(pulled), "the source must raise the error of its iterator"
    assert not _raises(pulled), "the source raised the error of its iterator twice"
    assert pulled.next() is Signal.EXHAUSTED, "after an error a source must be exhausted"


def _source_closes_in_a_loop(make: Callable[[Iterator[Row], Callable[[], None]], Source[Any]], run: Run) -> None:
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
    assert closed.wait(PATIENCE), "aclose must close the iterator"
    assert source.pull() is Signal.EXHAUSTED, "a closed source must be exhausted"


def _raises(pulled: _Pulled) -> bool:
    try:
        pulled.next()
    except ConnectionError:
        return True
    return False


# -- engine


class _Run:
    """An engine and its clock."""

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
        """Return the next *count* attempts in the order of their ends."""
        attempts: list[Attempt] = []
        until = time.monotonic() + PATIENCE
        while len(attempts) < count and time.monotonic() < until:
            attempts += self.engine.collect(PATIENCE)
        assert len(attempts) == count, f"{count} jobs must have {count} attempts, not {len(attempts)}"
        return attempts


def _engine_returns_each_attempt_once(run: _Run, good: Callable[[int], Any], bad: Callable[[int], Any]) -> None:
    jobs = [good(0), bad(1), good(2)]
    run.start(*jobs)
    attempts = {attempt.job.seq: attempt for attempt in run.collect(3)}
    assert [attempts[seq].job for seq in range(3)] == jobs, "an attempt must have its job"
    errors = [attempts[seq].error for seq in range(3)]
    assert errors[0] is None is errors[2], f"good jobs failed with {errors[0]} and {errors[2]}"
    assert errors[1] is not None, "a bad job must have an error"
    assert not run.engine.collect(0), "collect returned an attempt twice"


def _engine_is_driven_by_its_descriptor(run: _Run, good: Callable[[int], Any]) -> None:
    """Wait for the descriptor and the deadline as an event loop does."""
    run.start(good(3))
    until = time.monotonic() + PATIENCE
    attempts: list[Attempt] = []
    while not attempts and time.monotonic() < until:
        due = run.engine.deadline()
        run.wait(run.engine.fileno(), None if due is None else max(0.0, due - run.clock()))
        attempts += run.engine.collect(0)
    assert [attempt.job.seq for attempt in attempts] == [3], "the descriptor or the deadline must announce the attempt"


def _engine_wakes(run: _Run, endless: Callable[[int], Any]) -> None:
    run.start(endless(4))
    run.engine.wake()
    assert not run.engine.collect(None), "a wake without an ended job must return no attempt"
    waker = threading.Thread(target=run.engine.wake)
    before = time.monotonic()
    waker.start()
    run.engine.collect(PATIENCE)
    waker.join()
    assert time.monotonic() - before < PATIENCE, "a wake from another thread must end the wait"


def _engine_cancels(run: _Run, good: Callable[[int], Any], endless: Callable[[int], Any]) -> None:
    run.start(endless(5), good(6))
    run.engine.cancel()
    assert not run.engine.inside(), "inside must be False for a caller that is no job"
    asyncio.run(_joins_cancelled(run.engine))
    run.start(good(7))
    assert [attempt.job.seq for attempt in run.collect(1)] == [7], "a cancelled job must have no attempt"


async def _joins_cancelled(engine: Engine[Any, Any]) -> None:
    _, waiting = await asyncio.wait([asyncio.ensure_future(engine.join_cancelled())], timeout=PATIENCE)
    assert not waiting, "join_cancelled must end after a cancel"


def _select(fd: int, seconds: float | None) -> None:
    select.select([fd], [], [], seconds)


# -- sink


def make_outcome(seq: int) -> Outcome:
    """Return an outcome by *seq*, with a body or text that is hard to store."""
    url = f"http://a.test/{seq}"
    kinds: Sequence[Outcome] = (
        Fetched(seq, url, status=200, body=b"a page", head=b"HTTP/1.1 200 OK\r\nX-Odd: \xff"),
        Fetched(seq, url, status=404, body=b"\x00\xff\xfe not UTF-8\n\r\n", data={"title": "\u2028"}),
        Fetched(seq, url, status=204),
        Failed(seq, url, error=Reason.TIMEOUT, detail="after 30 s\nand a line feed"),
        Skipped(seq, "\ud800", error=Reason.INVALID_URL, input={"id": seq}),
    )
    return kinds[seq % len(kinds)]


def _write(sink: Sink[Any], seqs: Sequence[int]) -> list[Extent]:
    """Write and flush outcomes with these *seqs*, in two blocks, and return the extents."""
    half = len(seqs) // 2
    for part in (seqs[:half], seqs[half:]):
        for seq in part:
            assert sink.take(make_outcome(seq)) >= 0, "take must return a number of bytes"
        sink.write(sink.cut())
    extents = sink.flush()
    stored = [seq for extent in extents for seq in extent.seqs]
    assert sorted(stored) == sorted(seqs), f"the extents of {list(seqs)} have {stored}"
    for extent in extents:
        assert extent.sink == sink.name, "an extent must name its sink"
        assert extent.rows == len(extent.seqs), "an extent must have a row for each seq"
        assert extent.start < extent.end, "an extent must have bytes"
        assert extent.checksum, "an extent must have a checksum"
    return extents


def _lengths(extents: Sequence[Extent]) -> dict[str, int]:
    lengths: dict[str, int] = {}
    for extent in extents:
        assert extent.start == lengths.get(extent.file, 0), f"a gap or an overlap before {extent}"
        lengths[extent.file] = extent.end
    return lengths


def _assert_stored(extents: Sequence[Extent], seqs: Sequence[int], read: Callable[[Extent], Sequence[int]]) -> None:
    _lengths(extents)
    held = sorted(seq for extent in extents for seq in read(extent))
    assert held == sorted(seqs), f"committed {sorted(seqs)}, and the files have {held}"
