"""How many requests fit into what there is, and what becomes of that number where something gives out."""

from __future__ import annotations

import pytest
from tests.core.web.told import starts

from penstock.core.schedule.answers import Bottleneck, Start, Wait
from penstock.core.schedule.frontier import Frontier
from penstock.core.schedule.probe import ConcurrencyProbe
from penstock.core.schedule.shortage import PAUSE, RECOVERY, RESERVED, Allowance, Fit, Shortage, fit
from penstock.core.schedule.verdicts import Again, Done
from penstock.core.web.delays import AdaptiveDelays
from penstock.core.web.judge import Judge
from penstock.core.web.model import Attempt, Job, Reason


@pytest.mark.parametrize(
    ("descriptors", "fits"),
    [
        (None, Fit(100, 200)),
        (RESERVED + 1000, Fit(100, 200)),
        (RESERVED + 200, Fit(100, 200)),
        (RESERVED + 150, Fit(100, 150)),
        (RESERVED + 100, Fit(100, 100)),
        (RESERVED + 40, Fit(40, 40)),
        (RESERVED + 1, Fit(1, 1)),
        (RESERVED, Fit(1, 1)),
        (0, Fit(1, 1)),
    ],
)
def test_connections_that_are_merely_kept_are_given_up_before_requests(descriptors, fits):
    assert fit(100, 2, descriptors) == fits


def test_a_shortage_leaves_a_tenth_of_what_ran_to_others():
    allowance = Allowance()
    assert allowance.ceiling is None
    assert allowance.lower(100, 50, 0.0) == allowance.ceiling == 45


def test_there_is_always_one_request_that_may_run():
    assert Allowance().lower(100, 0, 0.0) == 1


def test_a_shortage_never_raises_anything():
    assert Allowance().lower(10, 50, 0.0) == 10


def recovered(allowance, now, wished=100):
    """The ceiling at *now*, if the user allows *wished*."""
    allowance.recover(wished, now)
    return allowance.ceiling


def test_what_was_lowered_comes_back_a_tenth_at_a_time():
    """And never beyond what was wished for."""
    allowance = Allowance()
    assert allowance.lower(100, 99, 0.0) == 90
    assert recovered(allowance, RECOVERY - 0.1) == 90
    assert recovered(allowance, RECOVERY) == 99
    assert recovered(allowance, RECOVERY) == 99
    assert recovered(allowance, 2 * RECOVERY) is None
    assert recovered(allowance, 3 * RECOVERY) is None


def test_another_shortage_begins_the_wait_anew_and_keeps_the_wish():
    allowance = Allowance()
    assert allowance.lower(100, 99, 0.0) == 90
    assert allowance.lower(100, 60, 9.0) == 54
    assert recovered(allowance, 12.0) == 54
    assert recovered(allowance, 19.0) == 59
    now, ceilings = 19.0, [59]
    while ceilings[-1] is not None:
        now += RECOVERY
        ceilings.append(recovered(allowance, now))
    assert ceilings == [59, 64, 70, 77, 84, 92, None]


def test_a_limit_that_the_user_lowers_meanwhile_lifts_a_ceiling_above_it():
    allowance = Allowance()
    assert allowance.lower(100, 50, 0.0) == 45
    assert recovered(allowance, RECOVERY, wished=20) is None
    assert allowance.lower(20, 10, 11.0) == 9
    now, ceilings = 11.0, [9]
    while ceilings[-1] is not None:
        now += RECOVERY
        ceilings.append(recovered(allowance, now, wished=20))
    assert ceilings == [*range(9, 20), None]


def test_a_limit_that_the_user_raises_meanwhile_waits_for_the_machine():
    """The three ceilings stand side by side: another wish of the user's brings no descriptors."""
    allowance = Allowance()
    assert allowance.lower(100, 50, 0.0) == 45
    assert recovered(allowance, 1.0, wished=200) == 45
    assert recovered(allowance, RECOVERY, wished=200) == 49


def test_the_lowest_of_the_three_ceilings_holds_and_none_changes_another():
    frontier = Frontier(window=10, concurrency=5, per_key=9)
    for seq in range(9):
        frontier.offer(Job(seq, "a", f"http://a/{seq}", f"http://a/{seq}"))
    frontier.close()
    probe = ConcurrencyProbe(allowed=4)
    frontier.adapt(AdaptiveDelays(), probe)
    frontier.limit_by(Shortage(ceiling=2))
    assert len(starts(frontier, 0.0)) == 2
    assert frontier.bound is Bottleneck.CONCURRENCY
    frontier.limit_by(Shortage())
    assert len(starts(frontier, 0.0)) == 2, "four run, as many as the probe allows"
    assert (frontier.concurrency, probe.allowed) == (5, 4)
    frontier.concurrency = 3
    assert starts(frontier, 0.0) == []
    assert probe.allowed == 4


def test_what_could_not_be_begun_is_no_attempt_and_no_fault_of_the_host():
    """Not even of a hundred hosts in a row: it is no outage either."""
    judge = Judge()
    for seq in range(100):
        job = Job(seq, f"h{seq}", f"http://h{seq}/", f"http://h{seq}/", earlier=1, spent=0.5)
        verdict = judge(Attempt(job, Reason.CONNECT_UNREACHABLE, "no", lacking="file descriptors"), 10.0, 0.5)
        assert type(verdict) is Again
        assert (verdict.until, verdict.park, verdict.suspend) == (10.0 + PAUSE, None, None)
        assert (verdict.job.earlier, verdict.job.spent) == (1, 0.5)
    assert not judge.outages.everything.active


def test_nothing_starts_while_memory_is_full():
    """With nothing running whoever counts the bytes must look again at once: nothing else would wake it."""
    frontier = Frontier(window=10, concurrency=2, per_key=2)
    jobs = [Job(seq, "a", f"http://a/{seq}", f"http://a/{seq}") for seq in range(3)]
    for job in jobs:
        frontier.offer(job)
    frontier.close()
    assert frontier.next(0.0) == Start(jobs[0])

    frontier.limit_by(Shortage(full=True))
    assert frontier.next(1.0) == Wait(None)
    assert frontier.bound is Bottleneck.MEMORY
    frontier.settle(jobs[0], Done(jobs[0]), 2.0)
    assert frontier.next(2.0, undelivered=1) == Wait(None)
    assert frontier.next(2.0) == Wait(2.0)

    frontier.limit_by(Shortage())
    assert frontier.next(3.0) == Start(jobs[1])


def test_a_pause_is_told_before_memory():
    frontier = Frontier(window=10, concurrency=2, per_key=2)
    frontier.offer(Job(0, "a", "http://a/", "http://a/"))
    frontier.limit_by(Shortage(full=True))
    frontier.pauses = 1
    assert frontier.next(0.0) == Wait(None)
    assert frontier.bound is Bottleneck.PAUSED
