"""How many requests fit into what there is, and what becomes of that number where something gives out."""

from __future__ import annotations

import pytest

from penstock.core.schedule.answers import Bottleneck, Start, Wait
from penstock.core.schedule.frontier import Frontier
from penstock.core.schedule.shortage import PAUSE, RECOVERY, RESERVED, Allowance, Fit, fitting
from penstock.core.web.judge import Again, Judge
from penstock.core.web.model import Attempt, Job, Reason


@pytest.mark.parametrize(
    ("descriptors", "fit"),
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
def test_connections_that_are_merely_kept_are_given_up_before_requests(descriptors, fit):
    assert fitting(100, 2, descriptors) == fit


def test_a_shortage_leaves_a_tenth_of_what_ran_to_others():
    allowance = Allowance()
    assert allowance.short(100, 50, 0.0) == 45
    assert allowance.lowered


def test_there_is_always_one_request_that_may_run():
    assert Allowance().short(100, 0, 0.0) == 1


def test_a_shortage_never_raises_anything():
    assert Allowance().short(10, 50, 0.0) == 10


def test_what_was_lowered_comes_back_a_tenth_at_a_time():
    """And never beyond what was wished for."""
    allowance = Allowance()
    most = allowance.short(100, 99, 0.0)
    assert most == 90
    assert allowance.look(most, RECOVERY - 0.1) == 90
    assert allowance.look(most, RECOVERY) == 99
    assert allowance.look(99, RECOVERY) == 99
    assert allowance.look(99, 2 * RECOVERY) == 100
    assert not allowance.lowered
    assert allowance.look(100, 3 * RECOVERY) == 100


def test_another_shortage_begins_the_wait_anew_and_keeps_the_wish():
    allowance = Allowance()
    assert allowance.short(100, 99, 0.0) == 90
    assert allowance.short(90, 60, 9.0) == 54
    assert allowance.look(54, 12.0) == 54
    assert allowance.look(54, 19.0) == 59
    now, most = 19.0, 59
    while allowance.lowered:
        now += RECOVERY
        most = allowance.look(most, now)
    assert most == 100


def test_what_somebody_sets_meanwhile_is_their_word():
    """A live limit belongs to whoever holds the flow."""
    allowance = Allowance()
    assert allowance.short(100, 50, 0.0) == 45
    assert allowance.look(20, RECOVERY) == 20
    assert not allowance.lowered
    assert allowance.short(20, 10, 11.0) == 9
    now, most = 11.0, 9
    while allowance.lowered:
        now += RECOVERY
        most = allowance.look(most, now)
    assert most == 20


def test_what_could_not_be_begun_is_no_attempt_and_no_fault_of_the_host():
    """Not even of a hundred hosts in a row: it is no storm either."""
    judge = Judge()
    for seq in range(100):
        job = Job(seq, f"h{seq}", f"http://h{seq}/", f"http://h{seq}/", earlier=1, spent=0.5)
        verdict = judge(Attempt(job, Reason.CONNECT_UNREACHABLE, "no", lacking="file descriptors"), 10.0, 0.5)
        assert type(verdict) is Again
        assert (verdict.until, verdict.park, verdict.hold) == (10.0 + PAUSE, None, None)
        assert (verdict.job.earlier, verdict.job.spent) == (1, 0.5)
    assert not judge.storms.everything.raging


def test_nothing_starts_while_memory_is_full():
    """With nothing running whoever counts the bytes must look again at once: nothing else would wake it."""
    frontier = Frontier(window=10, concurrency=2, per_key=2)
    jobs = [Job(seq, "a", f"http://a/{seq}", f"http://a/{seq}") for seq in range(3)]
    for job in jobs:
        frontier.offer(job)
    frontier.close()
    assert frontier.next(0.0) == Start(jobs[0])

    frontier.full = True
    assert frontier.next(1.0) == Wait(None)
    assert frontier.bound is Bottleneck.MEMORY
    frontier.judge(Attempt(jobs[0]), 2.0, 0.0)
    assert frontier.next(2.0, undelivered=1) == Wait(None)
    assert frontier.next(2.0) == Wait(2.0)

    frontier.full = False
    assert frontier.next(3.0) == Start(jobs[1])


def test_a_pause_is_told_before_memory():
    frontier = Frontier(window=10, concurrency=2, per_key=2)
    frontier.offer(Job(0, "a", "http://a/", "http://a/"))
    frontier.full = True
    frontier.pauses = 1
    assert frontier.next(0.0) == Wait(None)
    assert frontier.bound is Bottleneck.PAUSED
