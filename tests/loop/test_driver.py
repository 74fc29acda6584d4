"""The loop in virtual time: it obeys the frontier, wastes nothing, and always ends."""

from collections.abc import Iterable, Iterator

import pytest

from penstock.core.schedule.answers import Bottleneck
from penstock.core.schedule.frontier import Frontier
from penstock.core.schedule.tally import Tally
from penstock.core.web.judge import Judge
from penstock.core.web.model import Failed, Fetched, Job, Outcome, Reason, Skipped
from penstock.core.web.retry import Retry
from penstock.errors import Stalled
from penstock.loop.blocking_shell import BlockingShell
from penstock.loop.delivery import Delivery
from penstock.loop.driver import Driver, Stages
from penstock.seams import Signal
from penstock.source.pulled import Inline
from penstock.testing.engine import Answered, ScriptedEngine


def job(seq: int, key: str = "h") -> Job:
    return Job(seq, key, f"http://{key}/{seq}", f"http://{key}/{seq}")


def drive(items: Iterable[Job | Outcome], script=None, **limits) -> tuple[Driver, ScriptedEngine]:
    engine = ScriptedEngine(script)
    settings = {"window": 100, "concurrency": 4, "per_key": 4} | limits
    frontier = Frontier(**settings)
    stages = Stages(Inline(iter(items)), frontier, engine, Judge(Retry(attempts=3)), Delivery(Tally()))
    driver = Driver(stages, clock=engine.clock, draw=lambda: 0.5)
    return driver, engine


def finish(driver: Driver) -> list[Outcome]:
    shell = BlockingShell(driver)
    outcomes = []
    while shell.wait(None):
        outcomes += driver.outcomes
        driver.outcomes.clear()
    driver.close()
    return outcomes


class Witness:
    """An iterator that remembers how much was taken from it."""

    def __init__(self, items: Iterable[Job]) -> None:
        self.taken = 0
        self._items = iter(items)

    def __iter__(self) -> Iterator[Job]:
        return self

    def __next__(self) -> Job:
        item = next(self._items)
        self.taken += 1
        return item


def test_every_job_comes_to_one_outcome():
    driver, engine = drive(job(seq) for seq in range(50))
    outcomes = finish(driver)
    assert sorted(outcome.seq for outcome in outcomes) == list(range(50))
    assert {type(outcome) for outcome in outcomes} == {Fetched}
    assert driver.complete
    assert engine.most == 4


def test_nothing_is_pulled_that_there_is_no_room_for():
    """With one key and its slots free, what is pulled and not finished is what runs."""
    witness = Witness(job(seq) for seq in range(1000))
    driver, _ = drive(witness)
    shell = BlockingShell(driver)
    delivered = 0
    while shell.wait(None):
        delivered += len(driver.outcomes)
        driver.outcomes.clear()
        assert witness.taken - delivered <= 4
    driver.close()
    assert delivered == 1000


def test_an_hour_of_pacing_takes_no_time():
    driver, engine = drive((job(seq) for seq in range(360)), delay=10.0)
    finish(driver)
    gaps = [after.at - before.at for before, after in zip(engine.starts, engine.starts[1:], strict=False)]
    assert len(gaps) == 359
    assert min(gaps) >= 10.0
    assert engine.clock() < 3600.1


def test_an_outcome_that_needs_no_job_goes_straight_through():
    bad = Skipped(1, "nonsense", Reason.INVALID_URL, "not a URL")
    driver, engine = drive([job(0), bad, job(2)])
    assert {outcome.seq: type(outcome) for outcome in finish(driver)} == {0: Fetched, 1: Skipped, 2: Fetched}
    assert len(engine.starts) == 2


def test_a_million_bad_lines_do_not_pile_up():
    """Outcomes wait for whoever takes them, and while they do nothing more is pulled."""
    driver, _ = drive(Skipped(seq, "x", Reason.INVALID_URL) for seq in range(100_000))
    shell = BlockingShell(driver)
    total = 0
    while shell.wait(None):
        assert len(driver.outcomes) <= 4
        total += len(driver.outcomes)
        driver.outcomes.clear()
    driver.close()
    assert total == 100_000


def test_outcomes_that_wait_take_the_place_of_work():
    """Nobody takes them, so no more than the concurrency is ever begun."""
    driver, engine = drive(job(seq) for seq in range(100))
    shell = BlockingShell(driver)
    shell.wait(None)
    while engine.running:
        driver.step()
        driver.collect(None)
    driver.step()
    assert len(engine.starts) == 4
    assert len(driver.outcomes) == 4
    assert driver.statistics().bound is Bottleneck.CONSUMER
    driver.close()


def test_a_transient_failure_is_tried_again_and_holds_no_slot_meanwhile():
    def script(job: Job) -> Answered:
        return Answered(error=Reason.RESET) if job.seq == 0 and job.earlier < 2 else Answered()

    driver, engine = drive((job(seq) for seq in range(20)), script, concurrency=1)
    outcomes = {outcome.seq: outcome for outcome in finish(driver)}
    assert isinstance(outcomes[0], Fetched)
    assert outcomes[0].attempts == 3
    started = [start.job.seq for start in engine.starts]
    assert started.count(0) == 3
    assert started.index(19) < len(started) - 1 - started[::-1].index(0)


def test_attempts_come_to_an_end():
    driver, engine = drive([job(0)], lambda _job: Answered(error=Reason.TIMEOUT_BODY))
    (outcome,) = finish(driver)
    assert isinstance(outcome, Failed)
    assert (outcome.error, outcome.attempts, len(engine.starts)) == (Reason.TIMEOUT_BODY, 3, 3)


def test_a_redirect_takes_its_turn_at_the_host_it_leads_to():
    """b is full when a redirects there; the hop waits for it and nothing deadlocks."""

    def script(job: Job) -> Answered:
        if job.key == "a":
            return Answered(302, headers=(("Location", "http://b/next"),))
        return Answered(after=1.0)

    driver, engine = drive([job(0, "b"), job(1, "a")], script, per_key=1, concurrency=2)
    outcomes = {outcome.seq: outcome for outcome in finish(driver)}
    assert outcomes[1].final_url == "http://b/next"
    assert [hop.status for hop in outcomes[1].redirects] == [302]
    assert [start.at for start in engine.starts if start.job.key == "b"] == [0.0, 1.0]


def test_what_the_iterator_raises_comes_after_what_it_gave():
    def items() -> Iterator[Job]:
        yield job(0)
        yield job(1)
        raise OSError("the list is on a bad disk")

    driver, _ = drive(items())
    assert sorted(outcome.seq for outcome in finish(driver)) == [0, 1]
    assert not driver.complete
    with pytest.raises(OSError, match="bad disk"):
        driver.raise_failure()


def test_stop_lets_what_runs_finish_and_takes_no_more():
    witness = Witness(job(seq) for seq in range(1000))
    driver, engine = drive(witness)
    shell = BlockingShell(driver)
    shell.wait(None)
    driver.stop()
    outcomes = []
    while shell.wait(None):
        outcomes += driver.outcomes
        driver.outcomes.clear()
    driver.close()
    assert {outcome.seq for outcome in outcomes} == {start.job.seq for start in engine.starts}
    assert witness.taken < 20
    assert not driver.complete


def test_a_retry_that_stop_forbids_leaves_its_input_unsettled():
    driver, _ = drive([job(0)], lambda _job: Answered(error=Reason.RESET))
    driver.step()
    driver.stop()
    assert finish(driver) == []
    assert not driver.complete


def test_stop_after_the_last_job_began_is_still_complete():
    """Nothing was dropped, so nothing is missing."""
    driver, _ = drive([job(0)])
    driver.step()
    driver.stop()
    assert [outcome.seq for outcome in finish(driver)] == [0]
    assert driver.complete


def test_abort_drops_what_runs():
    driver, engine = drive(job(seq) for seq in range(10))
    driver.step()
    driver.abort()
    assert finish(driver) == []
    assert len(engine.cancelled) == 4
    assert not driver.complete


def test_a_starved_source_lets_waiting_hosts_go_on():
    """The source has nothing yet; the delay of a job that is held still ends in time."""

    class Trickle:
        def __init__(self) -> None:
            self.rooms: list[int] = []
            self.items = [job(0), job(1), Signal.NOT_YET, Signal.NOT_YET, Signal.EXHAUSTED]

        def pull(self) -> Job | Signal:
            return self.items.pop(0)

        def request(self, room: int) -> None:
            self.rooms.append(room)

        def close(self) -> None:
            pass

    engine, source = ScriptedEngine(), Trickle()
    frontier = Frontier(window=10, concurrency=4, per_key=1, delay=5.0)
    driver = Driver(Stages(source, frontier, engine, Judge(), Delivery(Tally())), clock=engine.clock)
    assert sorted(outcome.seq for outcome in finish(driver)) == [0, 1]
    assert [start.at for start in engine.starts] == [0.0, 5.0]
    assert source.rooms == [3, 4, 0]


def test_everybody_waits_and_nobody_wakes_is_an_error():
    """A frontier that forgot its job would otherwise hang for ever."""
    driver, _ = drive([job(0)])
    driver._frontier.held = 1
    driver._frontier.close()
    with pytest.raises(Stalled):
        driver.step()
    driver.close()


def test_statistics_say_where_the_work_stands():
    driver, _ = drive((job(seq, "slow") for seq in range(10)), per_key=2)
    driver.step()
    now = driver.statistics()
    assert (now.running, now.held, now.pulled, now.exhausted) == (2, 8, 10, True)
    assert now.busiest == ("slow", 10)
    assert now.bound is Bottleneck.KEYS
    finish(driver)
    assert driver.statistics().tally.total == 10


def test_a_wait_ends_by_its_time_even_where_nothing_happens():
    """A store that must commit every five seconds is called while one slow request runs."""
    driver, engine = drive([job(0)], lambda _job: Answered(after=100.0))
    shell = BlockingShell(driver)
    assert shell.wait(5.0)
    assert engine.clock() == 5.0
    assert not driver.outcomes
    finish(driver)


def test_what_came_while_the_consumer_was_busy_is_heard_before_anything_more_is_started():
    """A host that asked to be left alone meanwhile is, though its delay is over as well."""

    def script(which: Job) -> Answered:
        if which.key == "quick":
            return Answered(after=0.1)
        return Answered(status=429, headers=(("Retry-After", "100"),), after=1.0)

    driver, engine = drive([job(0, "quick"), job(1, "busy"), job(2, "busy")], script, delay=2.0, per_key=2)
    shell = BlockingShell(driver)
    assert shell.wait(None)
    driver.outcomes.clear()
    engine.clock.advance(5.0)
    shell.wait(5.0)
    assert [(at, started.key) for at, started in engine.starts] == [(0.0, "quick"), (0.0, "busy")]
    driver.close()
