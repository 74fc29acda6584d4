"""A dead host, and a dead network, in virtual time: what becomes of the list."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from penstock.core.schedule.answers import Ahead, Bottleneck
from penstock.core.schedule.frontier import Frontier
from penstock.core.schedule.slots import PROBES
from penstock.core.schedule.tally import Tally
from penstock.core.web.breaker import FEW, MANY, PATIENCE, PROBE, STEP
from penstock.core.web.judge import Judge
from penstock.core.web.model import Job, Reason
from penstock.core.web.retry import Retry
from penstock.loop.blocking_shell import BlockingShell
from penstock.loop.delivery import Delivery
from penstock.loop.driver import Driver, Stages
from penstock.scratch.overflow import DiskOverflow
from penstock.source.pulled import Inline
from penstock.testing.clock import VirtualClock
from penstock.testing.engine import Answered, ScriptedEngine
from penstock.testing.outcomes import assert_each_once


def drive(
    keys: list[str], script, clock: VirtualClock | None = None, *, concurrency: int = 10, attempts: int = 3
) -> tuple[Driver, ScriptedEngine]:
    engine = ScriptedEngine(script, clock)
    frontier = Frontier(window=100, concurrency=concurrency, per_key=2, ahead=Ahead.OVERFLOW)
    jobs = (Job(seq, key, f"http://{key}/{seq}", f"http://{key}/{seq}") for seq, key in enumerate(keys))
    delivery = Delivery(Tally())
    driver = Driver(
        Stages(Inline(jobs), frontier, engine, Judge(Retry(attempts)), delivery),
        overflow=DiskOverflow(),
        clock=engine.clock,
        draw=lambda: 0.5,
    )
    return driver, engine


def finish(driver: Driver) -> list:
    shell = BlockingShell(driver)
    outcomes = []
    while shell.wait(None):
        outcomes += driver.outcomes
        driver.outcomes.clear()
    driver.close()
    return outcomes


def test_a_dead_host_costs_a_few_time_outs_and_not_one_for_each_of_its_inputs():
    keys = ["dead"] * 2_000 + ["good"] * 100

    def script(job: Job) -> Answered:
        return Answered(error=Reason.TIMEOUT_CONNECT, after=5.0) if job.key == "dead" else Answered()

    driver, engine = drive(keys, script)
    outcomes = finish(driver)
    assert_each_once(outcomes, len(keys))
    errors = Counter(outcome.error for outcome in outcomes)
    assert errors[None] == 100
    assert errors[Reason.HOST_DOWN] > 1_980
    assert sum(start.job.key == "dead" for start in engine.starts) < 20
    assert engine.clock() < 120.0


def test_a_host_that_answered_and_comes_back_in_time_loses_nothing():
    """As a server that is restarted."""
    clock = VirtualClock()

    def script(job: Job) -> Answered:
        if 1.0 < clock() < 20.0:
            return Answered(error=Reason.CONNECT_REFUSED, after=0.001)
        return Answered(after=0.1)

    driver, engine = drive(["host"] * 200, script, clock)
    outcomes = finish(driver)
    assert_each_once(outcomes, 200)
    errors = Counter(outcome.error for outcome in outcomes)
    assert errors[Reason.HOST_DOWN] == 0
    assert errors[Reason.CONNECT_REFUSED] <= FEW
    assert len(engine.starts) < 200 + 3 * FEW


@pytest.mark.parametrize("inputs", [1, 2, 3, 5, 10, 300])
def test_a_host_that_never_answers_does_not_keep_a_list_from_its_end(inputs):
    keys = ["dead"] * inputs + ["good"] * 50
    driver, engine = drive(
        keys, lambda job: Answered(error=Reason.CONNECT_REFUSED, after=0.001) if job.key == "dead" else Answered()
    )
    outcomes = finish(driver)
    assert_each_once(outcomes, len(keys))
    assert engine.clock() < 10.0


def test_nor_does_one_whose_inputs_come_while_it_is_left_alone():
    """Its last input comes long after it was found to be down, and would wait for minutes for the next try."""
    keys = ["dead"] * 20 + ["good"] * 3_000 + ["dead"] * 20

    def script(job: Job) -> Answered:
        return Answered(error=Reason.CONNECT_REFUSED, after=0.001) if job.key == "dead" else Answered(after=0.1)

    driver, engine = drive(keys, script)
    outcomes = finish(driver)
    assert_each_once(outcomes, len(keys))
    assert engine.clock() < 3_000 * 0.1 / 2 + 10.0


def test_a_dead_host_that_comes_back_is_found_out_by_a_later_input():
    clock = VirtualClock()
    keys = [f"good{number}" if number % 4 else "host" for number in range(2_400)]

    def script(job: Job) -> Answered:
        if job.key == "host" and clock() < 20.0:
            return Answered(error=Reason.CONNECT_REFUSED, after=0.001)
        return Answered(after=0.5)

    driver, engine = drive(keys, script, clock)
    outcomes = finish(driver)
    assert_each_once(outcomes, len(keys))
    found = [outcome.status for outcome in outcomes if outcome.url.startswith("http://host/")]
    assert found.count(200) > 300
    assert len([start for start in engine.starts if start.job.key == "host"]) < found.count(200) + 20


def test_a_dead_network_costs_nobody_an_attempt():
    """The resolver is silent from the 2nd to the 62nd second; 400 hosts, all of them alive."""
    clock = VirtualClock()
    keys = [f"h{number}" for number in range(4_000)]

    def script(_job: Job) -> Answered:
        if 2.0 <= clock() < 62.0:
            return Answered(error=Reason.DNS_TEMPORARY, after=0.1)
        return Answered(after=0.01)

    driver, engine = drive(keys, script, clock)
    outcomes = finish(driver)
    assert_each_once(outcomes, len(keys))
    assert {outcome.error for outcome in outcomes} == {None}
    burnt = sum(outcome.attempts - 1 for outcome in outcomes)
    assert burnt < MANY, "those that told us"
    assert len(engine.starts) < len(keys) + MANY + 10 + PROBES * (60 / STEP + 4)
    assert engine.clock() < 62.0 + 30.0 + 5.0


def test_while_nothing_can_be_reached_it_says_so():
    driver, engine = drive(
        [f"h{n}" for n in range(100)], lambda _job: Answered(error=Reason.CONNECT_UNREACHABLE, after=0.1)
    )
    while engine.clock() < PROBE:
        wake = driver.step()
        driver.collect(None if wake is None else max(0.0, wake - engine.clock()))
    driver.step()
    assert driver.statistics().bound is Bottleneck.CUT_OFF
    driver.abort()
    finish(driver)


def test_a_list_of_dead_hosts_alone_still_comes_to_an_end():
    keys = [f"h{number}" for number in range(50)]
    driver, engine = drive(keys, lambda _job: Answered(error=Reason.CONNECT_REFUSED, after=0.001))
    outcomes = finish(driver)
    assert_each_once(outcomes, 50)
    assert {outcome.error for outcome in outcomes} == {Reason.CONNECT_REFUSED}
    assert engine.clock() < PATIENCE + 10.0


def cost_of_dead_hosts(keys: list[str], good: Answered, dead: Answered, **limits) -> float:
    """The seconds that a list takes whose hosts named dead are dead, and no more than one attempt each."""
    driver, engine = drive(keys, lambda job: dead if job.key.startswith("dead") else good, **limits)
    outcomes = finish(driver)
    assert_each_once(outcomes, len(keys))
    for outcome in outcomes:
        assert (outcome.error is None) == ("dead" not in outcome.url)
    return engine.clock()


@pytest.mark.parametrize("took", [0.001, 5.0])
@pytest.mark.parametrize("good", [0.005, 0.5])
@pytest.mark.parametrize("concurrency", [5, 100])
def test_a_fifth_of_dead_hosts_costs_seconds(took, good, concurrency):
    """Hosts that refuse or never answer, among others that answer soon or late."""
    keys = [f"dead{number}" if number % 5 == 0 else f"good{number}" for number in range(600)]
    Random(7).shuffle(keys)
    seconds = cost_of_dead_hosts(
        keys,
        Answered(after=good),
        Answered(error=Reason.TIMEOUT_CONNECT if took > 1.0 else Reason.CONNECT_REFUSED, after=took),
        concurrency=concurrency,
        attempts=1,
    )
    least = (480 * good + 120 * took) / concurrency
    assert seconds < least + took + 6.0


@pytest.mark.parametrize("batch", [12, 30, 100, 1_000])
@pytest.mark.parametrize("answers", [1, 3, 20])
def test_dead_hosts_cost_their_patience_once_however_they_are_spread(batch, answers):
    """Batches of dead hosts with good ones in between, which used to cost two minutes each."""
    keys = [
        key
        for number in range(1 + 2_000 // batch)
        for key in [*(f"dead{number}-{n}" for n in range(batch)), *(f"good{number}-{n}" for n in range(answers))]
    ]
    refused = Answered(error=Reason.CONNECT_REFUSED, after=0.001)
    assert cost_of_dead_hosts(keys, Answered(after=0.01), refused, concurrency=5, attempts=1) < PATIENCE + 15.0


def test_a_list_that_begins_with_dead_hosts_soon_gets_to_those_that_are_not():
    keys = [f"dead{number}" for number in range(12)] + [f"good{number}" for number in range(500)]
    refused = Answered(error=Reason.CONNECT_REFUSED, after=0.001)
    assert cost_of_dead_hosts(keys, Answered(after=0.01), refused, concurrency=5, attempts=1) < 10.0


def test_an_outage_is_waited_for_after_many_dead_hosts_too():
    """A third of the hosts are dead all the time, and nothing can be reached from the 5th to the 65th second."""
    clock = VirtualClock()
    keys = [f"dead{number}" if number % 3 == 0 else f"good{number}" for number in range(6_000)]
    Random(7).shuffle(keys)

    def script(job: Job) -> Answered:
        if job.key.startswith("dead") or 5.0 <= clock() < 65.0:
            return Answered(error=Reason.CONNECT_UNREACHABLE, after=0.001)
        return Answered(after=0.05)

    driver, _ = drive(keys, script, clock)
    outcomes = finish(driver)
    assert_each_once(outcomes, len(keys))
    assert {outcome.error for outcome in outcomes if "good" in outcome.url} == {None}
    burnt = sum(outcome.attempts - 1 for outcome in outcomes if "good" in outcome.url)
    assert burnt < 2 * MANY, "those that told us"
