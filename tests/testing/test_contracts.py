"""Every source, engine and sink keeps its contract, fakes included; and each contract catches who does not."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest
from msgspec.structs import replace
from pyroaring import BitMap64

from penstock.core.extents import Extent
from penstock.core.web.model import Attempt, Job, Reason
from penstock.core.web.requests import Requests
from penstock.engine.curl import CurlEngine
from penstock.seams import Signal
from penstock.settings import HttpSettings
from penstock.sink.jsonl import JSONL
from penstock.sink.record import read_line
from penstock.source.awaited import Awaited
from penstock.source.pulled import BATCH, Inline, ReadAhead
from penstock.testing.clock import VirtualClock
from penstock.testing.contracts import check_engine, check_sink, check_source
from penstock.testing.engine import Answered, ScriptedEngine
from penstock.testing.sink import MemorySink
from penstock.testing.web import LocalWeb

# -- sources


def jobs(rows):
    for row in rows:
        yield Requests().prepare(row, 0.0)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda rows, wake: Inline(jobs(rows)), id="Inline"),
        pytest.param(lambda rows, wake: ReadAhead(jobs(rows), wake), id="ReadAhead on demand"),
        pytest.param(lambda rows, wake: ReadAhead(jobs(rows), wake, BATCH), id="ReadAhead"),
    ],
)
def test_a_source_keeps_its_contract(make):
    check_source(make)


class Driven(Awaited):
    """Lets its loop go on whenever it has nothing yet: nobody else does."""

    def __init__(self, rows, wake):
        self.loop = asyncio.new_event_loop()
        super().__init__(
            alternating(jobs(rows)), lambda item: item, loop=self.loop, wake=lambda: (wake(), self.loop.stop())
        )

    def pull(self):
        item = super().pull()
        if item is Signal.NOT_YET:
            self.loop.run_forever()
        return item

    def close(self):
        super().close()
        self.loop.close()


async def alternating(items):
    """What *items* gives, in a loop."""
    try:
        for item in items:
            await asyncio.sleep(0)
            yield item
    finally:
        items.close()


def test_the_awaited_source_keeps_its_contract():
    sources = []

    def make(rows, wake):
        sources.append(Driven(rows, wake))
        return sources[-1]

    def run(coroutine):
        sources[-1].loop.run_until_complete(coroutine)

    check_source(make, run=run)
    sources[-1].close()


class Greedy(Inline):
    """Takes everything at once."""

    def __init__(self, items):
        super().__init__(iter([item for item, _ in zip(items, range(20_000), strict=False)]))


class Forgetful(Inline):
    """Leaves the last row out."""

    def pull(self):
        item = super().pull()
        return Signal.EXHAUSTED if getattr(item, "seq", 0) == 5 else item


class Stubborn(Inline):
    """Raises the same error for ever."""

    def pull(self):
        self.failure = getattr(self, "failure", None)
        if self.failure:
            raise self.failure
        try:
            return super().pull()
        except ConnectionError as error:
            self.failure = error
            raise


class Silent(Inline):
    """Keeps errors to itself."""

    def pull(self):
        try:
            return super().pull()
        except ConnectionError:
            return Signal.EXHAUSTED


class Open(Inline):
    """Does not let go of its iterator."""

    def close(self):
        pass


class Ajar(Inline):
    """Does not let go of its iterator inside of a loop."""

    async def aclose(self):
        pass


class Idle(Inline):
    """Has nothing yet, and wakes nobody."""

    def pull(self):
        return Signal.NOT_YET


@pytest.mark.parametrize("broken", [Greedy, Forgetful, Stubborn, Silent, Open, Ajar, Idle])
def test_the_contract_catches_a_broken_source(broken, monkeypatch):
    monkeypatch.setattr("penstock.testing.contracts.PATIENCE", 0.01)
    with pytest.raises(AssertionError):
        check_source(lambda rows, wake: broken(jobs(rows)))


# -- engines


def scripted(kind=ScriptedEngine):
    clock = VirtualClock()
    ends = {"good": Answered(), "bad": Answered(error=Reason.RESET), "endless": Answered(after=3600.0)}
    asked = {name: lambda seq, name=name: Job(seq, name, name, name) for name in ends}
    return {
        "make": lambda: kind(lambda job: ends[job.key], clock),
        "clock": clock,
        "wait": lambda fd, seconds: clock.advance(seconds or 0.0),
        **asked,
    }


def test_the_scripted_engine_keeps_the_contract():
    check_engine(**scripted())


@pytest.fixture(scope="module")
def web():
    with LocalWeb() as web:
        yield web


def test_the_curl_engine_keeps_the_contract(web):
    def at(url):
        return lambda seq: Job(seq, "key", url, url)

    check_engine(
        lambda: CurlEngine(HttpSettings()),
        good=at(web.url(0, "/page")),
        bad=at(web.refusing()),
        endless=at(web.url(0, "/hang")),
    )


class Twice(ScriptedEngine):
    """Gives the first attempt a second time."""

    def collect(self, timeout):
        attempts = super().collect(timeout)
        again, self.again = getattr(self, "again", []), attempts[:1]
        return [*again, *attempts]


class Strange(ScriptedEngine):
    """Gives attempts at jobs that nobody asked for."""

    def collect(self, timeout):
        return [Attempt(Job(attempt.job.seq, "?", "", "")) for attempt in super().collect(timeout)]


class Lossy(ScriptedEngine):
    """Loses what failed."""

    def collect(self, timeout):
        return [attempt for attempt in super().collect(timeout) if attempt.error is None]


class Deaf(ScriptedEngine):
    """Does not wake."""

    def wake(self):
        pass


class Relentless(ScriptedEngine):
    """Does not cancel."""

    def cancel(self):
        pass


class Timeless(ScriptedEngine):
    """Names no deadline."""

    def deadline(self):
        return None


class Restless(ScriptedEngine):
    """Never says that what it dropped has ended."""

    async def join_cancelled(self):
        await asyncio.get_running_loop().create_future()


class Inward(ScriptedEngine):
    """Takes whoever asks for what runs."""

    def bound(self):
        return None

    def inside(self):
        return True


@pytest.mark.parametrize("broken", [Twice, Strange, Lossy, Deaf, Relentless, Timeless, Restless, Inward])
def test_the_contract_catches_a_broken_engine(broken, monkeypatch):
    monkeypatch.setattr("penstock.testing.contracts.PATIENCE", 0.05)
    with pytest.raises(AssertionError):
        check_engine(**scripted(broken))


# -- sinks


def in_memory(kind=MemorySink):
    disk = []
    return (
        lambda committed: kind(disk, committed),
        lambda extent: [outcome.seq for outcome in disk[extent.start : extent.end]],
    )


def test_the_memory_sink_keeps_the_contract():
    check_sink(*in_memory())


@pytest.mark.parametrize("file_bytes", [1 << 20, 600])
def test_the_jsonl_sink_keeps_the_contract(tmp_path, file_bytes):
    def read(extent):
        data = (tmp_path / extent.file).read_bytes()[extent.start : extent.end]
        return [read_line(line).seq for line in data.splitlines(keepends=True)]

    check_sink(partial(replace(JSONL, file_bytes=file_bytes).open, tmp_path), read)


class Untruncated(MemorySink):
    """Keeps what was never committed."""

    def __init__(self, disk, committed):
        super().__init__(disk, {"memory": len(disk)})


class Hasty(MemorySink):
    """Claims what it does not have."""

    def flush(self):
        extents = super().flush()
        return [Extent(e.sink, e.file, e.start, e.end, e.rows + 1, e.checksum, e.seqs) for e in extents]


class Repeating(MemorySink):
    """Flushes what it has flushed."""

    def flush(self):
        self.last = super().flush() or getattr(self, "last", [])
        return self.last


class Losing(MemorySink):
    """Loses an outcome on the way to the disk."""

    def flush(self):
        extents = super().flush()
        if extents:
            self.disk[-1] = self.disk[0]
        return extents


class Overclaiming(MemorySink):
    """Names a seq that it was never given."""

    def flush(self):
        return [
            Extent(e.sink, e.file, e.start, e.end, e.rows, e.checksum, BitMap64([*e.seqs, 99])) for e in super().flush()
        ]


@pytest.mark.parametrize("broken", [Untruncated, Hasty, Repeating, Losing, Overclaiming])
def test_the_contract_catches_a_broken_sink(broken):
    with pytest.raises(AssertionError):
        check_sink(*in_memory(broken))


def test_a_crash_of_the_memory_sink_loses_what_was_not_flushed():
    disk = []
    sink = MemorySink(disk)
    sink.take(Attempt)
    sink.write(sink.cut())
    sink.crash()
    assert (disk, sink.held) == ([], [])
