"""A dead host, and a dead network, in virtual time: what becomes of the list."""

from __future__ import annotations

from collections import Counter

from penstock.core.breaker import FEW, FIRST, MANY
from penstock.core.frontier import Ahead, Bound, Frontier
from penstock.core.judge import Judge
from penstock.core.model import Job, Slug
from penstock.core.tally import Tally
from penstock.delivery import Delivery
from penstock.driver import Beside, BlockingShell, Driver
from penstock.scratch.overflow import Overflow
from penstock.source.pulled import Inline
from penstock.testing.clock import VirtualClock
from penstock.testing.engine import Answered, ScriptedEngine
from penstock.testing.outcomes import assert_each_once


def drive(keys: list[str], script, clock: VirtualClock | None = None) -> tuple[Driver, ScriptedEngine]:
    engine = ScriptedEngine(script, clock)
    frontier = Frontier(window=100, concurrency=10, per_key=2, policy=Judge(), ahead=Ahead.OVERFLOW)
    jobs = (Job(seq, key, f"http://{key}/{seq}", f"http://{key}/{seq}") for seq, key in enumerate(keys))
    delivery = Delivery(Tally())
    driver = Driver(
        Inline(jobs),
        frontier,
        engine,
        delivery,
        beside=Beside(overflow=Overflow()),
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
        return Answered(error=Slug.TIMEOUT_CONNECT, after=5.0) if job.key == "dead" else Answered()

    driver, engine = drive(keys, script)
    outcomes = finish(driver)
    assert_each_once(outcomes, len(keys))
    errors = Counter(outcome.error for outcome in outcomes)
    assert errors[None] == 100
    assert errors[Slug.HOST_DOWN] > 1_980
    assert sum(start.job.key == "dead" for start in engine.starts) < 20
    assert engine.clock() < 120.0


def test_a_host_that_comes_back_in_time_loses_nothing():
    """As a server that is restarted."""
    clock = VirtualClock()

    def script(job: Job) -> Answered:
        return Answered() if clock() > 20.0 else Answered(error=Slug.CONNECT_REFUSED, after=0.001)

    driver, engine = drive(["host"] * 200, script, clock)
    outcomes = finish(driver)
    assert_each_once(outcomes, 200)
    errors = Counter(outcome.error for outcome in outcomes)
    assert errors[Slug.HOST_DOWN] == 0
    assert errors[Slug.CONNECT_REFUSED] <= FEW
    assert len(engine.starts) < 200 + 3 * FEW


def test_a_dead_network_costs_nobody_an_attempt():
    """The resolver is silent from the 2nd to the 62nd second; 400 hosts, all of them alive."""
    clock = VirtualClock()
    keys = [f"h{number}" for number in range(4_000)]

    def script(_job: Job) -> Answered:
        if 2.0 <= clock() < 62.0:
            return Answered(error=Slug.DNS_TEMPORARY, after=0.1)
        return Answered(after=0.01)

    driver, engine = drive(keys, script, clock)
    outcomes = finish(driver)
    assert_each_once(outcomes, len(keys))
    assert {outcome.error for outcome in outcomes} == {None}
    burnt = sum(outcome.attempts - 1 for outcome in outcomes)
    assert burnt < MANY, "those that told us"
    assert len(engine.starts) < len(keys) + 3 * MANY
    assert engine.clock() < 62.0 + 30.0 + 5.0


def test_while_nothing_can_be_reached_it_says_so():
    driver, engine = drive(
        [f"h{n}" for n in range(100)], lambda _job: Answered(error=Slug.CONNECT_UNREACHABLE, after=0.1)
    )
    while engine.clock() < FIRST:
        wake = driver.step()
        driver.collect(None if wake is None else max(0.0, wake - engine.clock()))
    driver.step()
    assert driver.statistics().bound is Bound.CUT_OFF
    driver.abort()
    finish(driver)


def test_a_list_of_dead_hosts_alone_still_comes_to_an_end():
    keys = [f"h{number}" for number in range(50)]
    driver, engine = drive(keys, lambda _job: Answered(error=Slug.CONNECT_REFUSED, after=0.001))
    outcomes = finish(driver)
    assert_each_once(outcomes, 50)
    assert {outcome.error for outcome in outcomes} == {Slug.CONNECT_REFUSED}
    assert engine.clock() < 300.0
