"""Flow: what the caller holds, in a plain loop and in a coroutine."""

import asyncio
import gc
import warnings

import pytest

from penstock.core.schedule.frontier import Frontier
from penstock.core.schedule.tally import Tally
from penstock.core.web.judge import Judge
from penstock.core.web.model import Job
from penstock.errors import UsageError
from penstock.loop.delivery import Delivery
from penstock.loop.driver import Driver, Stages
from penstock.loop.flow import Flow
from penstock.source.pulled import Inline
from penstock.testing.clock import VirtualClock, VirtualLoop
from penstock.testing.engine import ScriptedEngine


class Bench:
    """A flow over *count* jobs, and what there is to see of it from outside."""

    def __init__(
        self, count: int, concurrency: int = 4, failure: Exception | None = None, *, ordered: bool = False
    ) -> None:
        self.clock = VirtualClock()
        self.engine = ScriptedEngine(clock=self.clock)
        self.taken = 0
        self.closed = False
        self._failure = failure
        frontier = Frontier(window=100, concurrency=concurrency, per_key=concurrency)
        self.flow = Flow(
            frontier,
            lambda _loop: Driver(
                Stages(Inline(self._jobs(count)), frontier, self.engine, Judge(), Delivery(Tally(), ordered=ordered)),
                clock=self.clock,
            ),
        )

    def _jobs(self, count: int):
        try:
            for seq in range(count):
                self.taken += 1
                yield Job(seq, "h", f"http://h/{seq}", f"http://h/{seq}")
            if self._failure is not None:
                raise self._failure
        finally:
            self.closed = True

    def run(self, coroutine):
        with asyncio.Runner(loop_factory=lambda: VirtualLoop(self.clock)) as runner:
            return runner.run(coroutine)


@pytest.fixture
def make():
    """Makes benches, and closes the engines of those whose flow never began."""
    benches = []

    def bench(*args, **options) -> Bench:
        benches.append(Bench(*args, **options))
        return benches[-1]

    yield bench
    for bench in benches:
        bench.engine.close()


async def seqs_of(flow: Flow) -> list[int]:
    return [outcome.seq async for outcome in flow]


def test_a_plain_loop_gives_every_outcome(make):
    bench = make(100)
    assert sorted(outcome.seq for outcome in bench.flow) == list(range(100))
    assert bench.flow.complete
    assert bench.engine.closed


def test_a_loop_in_a_coroutine_gives_every_outcome(make):
    bench = make(100)
    assert sorted(bench.run(seqs_of(bench.flow))) == list(range(100))
    assert bench.flow.complete
    assert bench.engine.closed


def test_nothing_begins_before_the_first_outcome_is_asked_for(make):
    bench = make(100)
    assert bench.taken == 0
    assert repr(bench.flow) == "<Flow not begun concurrency=4 per_key=4 rate=None>"
    bench.flow.close()
    assert bench.taken == 0


def test_leaving_a_plain_loop_early_closes_everything(make):
    bench = make(100)
    for _ in bench.flow:
        break
    gc.collect()
    assert bench.closed
    assert bench.engine.closed
    assert bench.taken < 20


def test_leaving_a_coroutines_loop_early_closes_everything(make):
    bench = make(100)

    async def one() -> None:
        async with bench.flow as flow:
            async for _ in flow:
                break

    bench.run(one())
    assert bench.closed
    assert bench.engine.closed
    assert bench.taken < 20


def test_cancelling_the_consumer_closes_everything_and_leaves_no_task(make):
    bench = make(10**6)

    async def cancelled_midway() -> set:
        task = asyncio.create_task(seqs_of(bench.flow))
        while bench.taken < 50:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.get_running_loop().shutdown_asyncgens()
        return asyncio.all_tasks() - {asyncio.current_task()}

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert bench.run(cancelled_midway()) == set()
    assert bench.engine.closed
    assert bench.closed


def test_a_slow_consumer_is_what_bounds_the_work(make):
    """At most the concurrency is ever ahead of what the consumer has taken."""
    bench = make(60)

    async def slowly() -> int:
        taken = 0
        async for _ in bench.flow:
            taken += 1
            await asyncio.sleep(7.0)
            assert bench.taken - taken <= 4
        return taken

    assert bench.run(slowly()) == 60


def test_the_work_goes_on_while_a_coroutine_awaits_something_else(make):
    bench = make(60)

    async def distracted() -> int:
        outcomes = aiter(bench.flow)
        await anext(outcomes)
        before = len(bench.engine.starts)
        await asyncio.sleep(1.0)
        finished = bench.flow.statistics().undelivered
        await outcomes.aclose()
        assert before <= 4
        return finished

    assert bench.run(distracted()) >= 3


@pytest.mark.parametrize("inside", [False, True])
def test_what_the_input_raises_comes_after_every_outcome_of_what_it_gave(make, inside):
    bench = make(10, failure=OSError("the list is on a bad disk"))
    seen = []

    async def consume() -> None:
        async for outcome in bench.flow:
            seen.append(outcome.seq)

    with pytest.raises(OSError, match="bad disk"):
        if inside:
            bench.run(consume())
        else:
            for outcome in bench.flow:
                seen.append(outcome.seq)
    assert sorted(seen) == list(range(10))
    assert not bench.flow.complete


def test_a_flow_is_one_loop(make):
    bench = make(10)
    outcomes = iter(bench.flow)
    next(outcomes)
    with pytest.raises(UsageError, match="one flow is one loop"):
        next(iter(bench.flow))
    bench.flow.close()
    with pytest.raises(UsageError, match="closed"):
        next(iter(bench.flow))


def test_stop_before_the_loop_begins_nothing(make):
    bench = make(10)
    bench.flow.stop()
    assert list(bench.flow) == []
    assert bench.engine.starts == []


def test_stop_midway_gives_what_was_running(make):
    bench = make(100)
    seen = []
    for outcome in bench.flow:
        seen.append(outcome.seq)
        bench.flow.stop()
    assert sorted(seen) == sorted(start.job.seq for start in bench.engine.starts)
    assert len(seen) < 20
    assert not bench.flow.complete


def test_statistics_before_the_beginning_say_what_to_do(make):
    with pytest.raises(UsageError, match="ask for its first outcome"):
        make(1).flow.statistics()


def test_the_repr_says_how_it_goes(make):
    bench = make(100)
    outcomes = iter(bench.flow)
    next(outcomes)
    assert repr(bench.flow).startswith("<Flow open done=")
    outcomes.close()
    assert repr(bench.flow).startswith("<Flow closed")


def test_batches_come_by_their_time_though_nothing_has_finished(make):
    bench = make(3)
    empty = sum(not batch for batch in bench.flow.batches(every=0.001))
    assert empty >= 5
