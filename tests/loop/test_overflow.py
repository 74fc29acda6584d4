"""A list that begins with one slow host, and a window far too small for it, in virtual time."""

from __future__ import annotations

import pytest

from penstock.core.schedule.answers import Ahead
from penstock.core.schedule.frontier import Frontier
from penstock.core.schedule.tally import Tally
from penstock.core.web.judge import Judge
from penstock.core.web.model import Job
from penstock.errors import OutputError
from penstock.loop.blocking_shell import BlockingShell
from penstock.loop.delivery import Delivery
from penstock.loop.driver import Driver, Stages
from penstock.scratch.overflow import DiskOverflow
from penstock.source.pulled import Inline
from penstock.testing.engine import Answered, ScriptedEngine

SLOW, OTHERS, WINDOW = 2_000, 400, 100


def job(seq: int, key: str) -> Job:
    return Job(seq, key, f"http://{key}/{seq}", f"http://{key}/{seq}")


def drive(slow: int, overflow) -> tuple[Driver, ScriptedEngine]:
    engine = ScriptedEngine(lambda job: Answered(after=1.0 if job.key == "slow" else 0.01))
    keys = ["slow"] * slow + [f"h{number % 20}" for number in range(OTHERS)]
    frontier = Frontier(window=WINDOW, concurrency=10, per_key=2, ahead=Ahead.OVERFLOW)
    jobs = (job(seq, key) for seq, key in enumerate(keys))
    stages = Stages(Inline(jobs), frontier, engine, Judge(), Delivery(Tally()))
    return Driver(stages, overflow=overflow, clock=engine.clock), engine


def finish(driver: Driver, engine: ScriptedEngine) -> list[tuple[float, str]]:
    """When each outcome came, and of whom."""
    shell = BlockingShell(driver)
    came = []
    while shell.wait(None):
        came += [(engine.clock(), outcome.url.split("/")[2]) for outcome in driver.outcomes]
        driver.outcomes.clear()
        assert driver._frontier.held <= WINDOW + 21
    driver.close()
    return came


def test_the_others_finish_as_soon_as_if_the_slow_host_was_not_there():
    alone = max(time for time, _ in finish(*drive(0, None)))
    came = finish(*drive(SLOW, DiskOverflow()))
    assert len(came) == SLOW + OTHERS
    others = max(time for time, host in came if host != "slow")
    assert others <= 1.3 * alone, "2 of 10 slots are the slow host's"
    assert max(time for time, _ in came) == pytest.approx(SLOW / 2, rel=0.01), "which is not slowed down either"


def test_what_is_put_aside_counts_as_held():
    driver, _ = drive(SLOW, DiskOverflow())
    driver.step()
    now = driver.statistics()
    assert now.held == now.pulled - now.running > 900
    assert now.busiest == ("slow", now.pulled)
    driver.close()


def test_a_stop_leaves_what_is_put_aside_undone():
    driver, engine = drive(SLOW, DiskOverflow())
    driver.step()
    driver.stop()
    assert len(finish(driver, engine)) == 2
    assert not driver.complete


def test_a_disk_that_takes_nothing_ends_the_run_with_its_error(tmp_path):
    driver, _ = drive(SLOW, DiskOverflow(tmp_path / "missing"))
    with pytest.raises(OutputError, match="missing"):
        driver.step()
    driver.close()
