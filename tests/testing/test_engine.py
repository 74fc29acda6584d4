"""The scripted engine: what it does with a job, and how time passes under it."""

from __future__ import annotations

import asyncio
import threading
from itertools import pairwise

import pytest

from penstock.core.schedule.frontier import Frontier
from penstock.core.schedule.tally import Tally
from penstock.core.web.judge import Judge
from penstock.core.web.model import Fetched, Job, Reason
from penstock.core.web.retry import Retry
from penstock.errors import Stalled
from penstock.loop.delivery import Delivery
from penstock.loop.driver import Driver, Stages
from penstock.loop.flow import Flow
from penstock.source.pulled import Inline
from penstock.testing.clock import VirtualClock, VirtualLoop
from penstock.testing.engine import Answered, ScriptedEngine


def job(seq, key="a.test"):
    return Job(seq, key, f"http://{key}/{seq}", f"http://{key}/{seq}")


@pytest.fixture
def engine():
    engine = ScriptedEngine(lambda job: Answered(after=float(job.seq)))
    yield engine
    engine.close()


def seqs(attempts):
    return [attempt.job.seq for attempt in attempts]


def test_time_goes_on_to_the_next_completion_and_no_further(engine):
    for seq in (3, 1, 2):
        engine.start(job(seq), engine.clock())
    assert [(seqs(engine.collect(None)), engine.clock()) for _ in range(3)] == [([1], 1.0), ([2], 2.0), ([3], 3.0)]


def test_time_goes_on_as_far_as_one_may_wait(engine):
    engine.start(job(3), engine.clock())
    assert engine.collect(0) == []
    assert engine.collect(2.0) == []
    assert (engine.clock(), engine.deadline()) == (2.0, 3.0)
    assert seqs(engine.collect(2.0)) == [3]
    assert (engine.clock(), engine.deadline()) == (3.0, None)


def test_an_attempt_says_what_the_script_says():
    script = {
        0: Answered(404, b"gone", headers=(("X-Why", "moved"),), after=2.0),
        1: Answered(error=Reason.RESET),
    }
    engine = ScriptedEngine(lambda job: script[job.seq])
    engine.start(job(0), 0.0)
    engine.start(job(1), 0.0)
    failed, answered = engine.collect(None)[0], engine.collect(None)[0]
    engine.close()
    assert (answered.status, answered.body, answered.times.total) == (404, b"gone", 2.0)
    assert answered.head == b"HTTP/1.1 404 Scripted\r\nX-Why: moved"
    assert (failed.error, failed.status) == (Reason.RESET, None)


def test_it_remembers_every_start_and_the_most_at_once(engine):
    for seq, key in enumerate("aab", start=1):
        engine.start(job(seq, key), float(seq))
    engine.collect(None)
    engine.start(job(9, "b"), 9.0)
    assert [(at, job.seq) for at, job in engine.starts] == [(1.0, 1), (2.0, 2), (3.0, 3), (9.0, 9)]
    assert (engine.most, engine.most_of) == (3, {"a": 2, "b": 2})
    assert engine.running == 3


def test_waiting_for_ever_for_nothing_is_an_error(engine):
    with pytest.raises(Stalled):
        engine.collect(None)


def test_a_wake_ends_one_wait(engine):
    engine.wake()
    assert engine.collect(None) == []
    with pytest.raises(Stalled):
        engine.collect(None)


def test_a_patient_engine_waits_for_another_thread():
    engine = ScriptedEngine(patience=5.0)
    waker = threading.Thread(target=engine.wake)
    waker.start()
    assert engine.collect(None) == []
    waker.join()
    engine.close()


def test_what_is_cancelled_does_not_come_out(engine):
    engine.start(job(1), 0.0)
    engine.cancel()
    assert engine.collect(10.0) == []
    assert engine.cancelled == [job(1)]


def a_polite_hour(clock):
    """The flow of 1,801 jobs of one host, two seconds apart, every fourth of which fails at first; its engine."""
    failing = {}

    def script(job):
        failing[job.seq] = failing.get(job.seq, 0) + 1
        return Answered(503) if job.seq % 4 == 0 and failing[job.seq] == 1 else Answered()

    engine = ScriptedEngine(script, clock)
    frontier = Frontier(window=100, concurrency=50, per_key=2, delay=2.0)
    source = Inline(job(seq) for seq in range(1801))
    delivery = Delivery(Tally())
    return Flow(
        frontier,
        lambda _loop: Driver(
            Stages(source, frontier, engine, Judge(Retry(2)), delivery), clock=clock, draw=lambda: 0.5
        ),
    ), engine


def assert_polite(engine, outcomes):
    assert {type(outcome) for outcome in outcomes} == {Fetched}
    assert len(engine.starts) == 1801 + 451
    times = [at for at, _ in engine.starts]
    assert min(later - earlier for earlier, later in pairwise(times)) >= 2.0
    assert times[-1] == pytest.approx(2.0 * (len(times) - 1))


def test_an_hour_of_pacing_takes_milliseconds(each_once):
    flow, engine = a_polite_hour(VirtualClock())
    assert_polite(engine, each_once(flow, 1801))
    assert engine.closed


def test_an_hour_of_pacing_on_asyncio_takes_milliseconds_too(each_once):
    clock = VirtualClock()
    flow, engine = a_polite_hour(clock)

    async def main():
        return [outcome async for outcome in flow]

    with asyncio.Runner(loop_factory=lambda: VirtualLoop(clock)) as runner:
        assert_polite(engine, each_once(runner.run(main()), 1801))
