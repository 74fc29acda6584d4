"""When a host is left alone, when its jobs are given up, and what the judge and the frontier make of an outage."""

from __future__ import annotations

import pytest
from tests.core.web.told import Item, a0, a1, a2, b0, make, settle, starts

from penstock.core.schedule.answers import Ahead, Bottleneck, Deliver, Finished, Pull, Refill, Spill, Start, Wait
from penstock.core.schedule.slots import PROBES
from penstock.core.schedule.verdicts import Again, Done, Redirected
from penstock.core.web.breaker import (
    FEW,
    FIRST,
    GRACE,
    KNOWN,
    LONGEST,
    MANY,
    NEW,
    PROBE,
    Breakers,
    was_looked_up,
    was_reached,
)
from penstock.core.web.judge import Judge
from penstock.core.web.model import Attempt, Failed, Job, Reason, Skipped, Times

UNREACHED = {"dns_temporary", "timeout_dns", "connect_refused", "connect_unreachable", "timeout_connect"}


def job(key: str = "a", seq: int = 0, earlier: int = 0) -> Job:
    return Job(seq, key, f"http://{key}/{seq}", f"http://{key}/{seq}", earlier=earlier)


def refused(key: str = "a", seq: int = 0, earlier: int = 0) -> Attempt:
    return Attempt(job(key, seq, earlier), Reason.CONNECT_REFUSED, "refused")


def answered(key: str = "a") -> Attempt:
    return Attempt(job(key), status=200)


def test_a_host_was_there_if_it_said_anything_at_all():
    """A name that does not exist says nothing of a host, and neither does what was never sent."""
    for reason in Reason:
        expected = False if reason in UNREACHED else None if reason in ("dns_not_found", "blocked_address") else True
        assert was_reached(Attempt(job(), reason)) is expected, reason
    assert was_reached(answered()) is True


# One host


def test_a_host_is_left_alone_after_a_few_failures_in_a_row():
    breakers = Breakers()
    assert [breakers.bad("a", 0.0) for _ in range(FEW - 1)] == [(None, 0)] * (FEW - 1)
    assert breakers.bad("a", 1.0) == (1.0 + FIRST, 0)


def test_a_success_in_between_begins_the_count_again():
    breakers = Breakers()
    for _ in range(3):
        for _ in range(FEW - 1):
            assert breakers.bad("a", 0.0) == (None, 0)
        breakers.good("a")


def test_it_is_left_alone_for_longer_each_time_up_to_a_bound():
    breakers = Breakers()
    for _ in range(FEW - 1):
        breakers.bad("a", 0.0)
    now, waits = 0.0, []
    for _ in range(10):
        until, _ = breakers.bad("a", now)
        waits.append(until - now)
        now = until
    assert waits == [min(FIRST * 2**n, LONGEST) for n in range(10)]


def test_what_was_under_way_when_it_was_left_alone_makes_it_no_longer():
    breakers = Breakers()
    for _ in range(FEW - 1):
        breakers.bad("a", 0.0)
    assert {breakers.bad("a", 0.1 * n)[0] for n in range(50)} == {FIRST}


@pytest.mark.parametrize(("answered_before", "grace", "tries"), [(False, NEW, FEW + 1), (True, GRACE, FEW + 3)])
def test_its_jobs_are_given_up_after_a_grace_that_is_longer_if_it_answered_before(answered_before, grace, tries):
    """What answered may be restarted; of what never did there is no sign that it will."""
    breakers = Breakers()
    if answered_before:
        breakers.good("a")
    now, given_up = 0.0, 0
    while not given_up:
        until, given_up = breakers.bad("a", now)
        now = now if until is None or given_up else until
    assert grace <= now <= 2 * grace
    assert given_up == tries


def test_hosts_in_trouble_are_forgotten_when_there_are_too_many():
    breakers = Breakers()
    for number in range(KNOWN + 10):
        breakers.bad(number, 0.0)
    assert len(breakers._troubled) == KNOWN


def test_the_hosts_that_answered_last_keep_their_grace():
    """Those before them lose it, so that memory is bounded."""
    breakers = Breakers()
    for number in range(3 * KNOWN):
        breakers.good(number)
    assert len(breakers._answered) + len(breakers._answered_before) == 2 * KNOWN
    for number in (0, 2 * KNOWN):
        for _ in range(FEW):
            breakers.bad(number, 0.0)
    assert breakers.bad(0, NEW)[1]
    assert not breakers.bad(2 * KNOWN, NEW)[1]
    assert breakers.bad(2 * KNOWN, GRACE)[1]


# What the judge makes of it


def test_the_last_straw_is_a_failure_and_the_rest_are_host_down():
    judge = Judge()
    judge(answered(), 0.0, 0.0)
    for number in range(FEW):
        verdict = judge(refused(seq=number), float(number), 0.0)
        assert isinstance(verdict, Again)
    assert verdict.park == FEW - 1 + FIRST
    verdict = judge(refused(seq=9), GRACE + 1.0, 0.0)
    assert isinstance(verdict.outcome, Failed)
    assert verdict.outcome.error is Reason.CONNECT_REFUSED
    down = verdict.ending_of(job(seq=10, earlier=1))
    assert isinstance(down, Skipped)
    assert (down.seq, down.error, down.attempts) == (10, Reason.HOST_DOWN, 1)
    assert "6 times in a row" in down.detail


def test_being_cut_off_costs_no_attempt():
    judge = Judge()
    for number in range(MANY - 1):
        judge(refused(f"h{number}"), 0.0, 0.0)
    verdict = judge(refused("last", earlier=2), 1.0, 0.0)
    assert isinstance(verdict, Again)
    assert verdict.job.earlier == 2, "it was the last it had"
    assert (verdict.until, verdict.suspend) == (1.0 + PROBE, 1.0 + PROBE)
    judge(answered("good"), 2.0, 0.0)
    assert isinstance(judge(refused("last", earlier=2), 3.0, 0.0), Done)


def unnamed(key: str, earlier: int = 0) -> Attempt:
    return Attempt(job(key, earlier=earlier), Reason.DNS_TEMPORARY, "SERVFAIL")


def asked_for(key: str, error: Reason | None = None) -> Attempt:
    return Attempt(job(key), error, status=None if error else 200, times=Times(dns=0.01))


def test_hosts_that_are_known_to_be_down_say_nothing_of_us():
    """The end of a list, where nothing is left but dead hosts that are tried now and then."""
    judge = Judge()
    for number in range(2 * MANY):
        for _ in range(FEW):
            judge(refused(f"dead-{number}"), 0.0, 0.5)
        judge(answered(), 0.0, 0.5)
    assert not judge.outages.everything.active
    for number in range(2 * MANY):
        judge(refused(f"dead-{number}"), 10.0, 0.5)
    assert not judge.outages.everything.active
    # Where it is us all the same, whoever else fails says so, and then each of them may be the one that is tried.
    for number in range(MANY):
        judge(refused(f"fine-{number}"), 20.0, 0.5)
    assert judge.outages.everything.active
    verdict = judge(refused("dead-1"), 20.0 + PROBE, 0.5)
    assert isinstance(verdict, Again)
    assert verdict.suspend is not None


def test_a_name_server_answered_if_it_said_anything_but_that_it_failed():
    assert was_looked_up(unnamed("a")) is was_looked_up(Attempt(job(), Reason.TIMEOUT_DNS)) is False
    assert was_looked_up(asked_for("a")) is was_looked_up(asked_for("a", Reason.DNS_NOT_FOUND)) is True
    assert was_looked_up(answered()) is was_looked_up(refused()) is None, "nobody was asked"


def test_a_resolver_that_fails_costs_no_attempt_though_hosts_that_are_known_are_reached():
    """Nothing is held back but hosts that would have to be looked up."""
    judge = Judge()
    for number in range(MANY - 1):
        judge(unnamed(f"h{number}"), 0.0, 0.0)
        judge(answered("known"), 0.0, 0.0)
    verdict = judge(unnamed("last", earlier=2), 1.0, 0.0)
    assert isinstance(verdict, Again)
    assert verdict.job.earlier == 2, "it was the last it had"
    assert (verdict.until, verdict.park, verdict.suspend) == (1.0 + PROBE, 1.0 + PROBE, None)
    assert isinstance(judge(unnamed("known", earlier=2), 1.0, 0.0), Again)
    judge(asked_for("good"), 2.0, 0.0)
    assert isinstance(judge(unnamed("last", earlier=2), 3.0, 0.0), Done)


# What the frontier makes of that


def dropped(item: Item) -> str:
    return f"{item.key}{item.number} down"


def test_jobs_that_are_given_up_come_to_an_end_without_a_slot():
    frontier = make(a0, a1, a2, b0, concurrency=2, per_key=1)
    assert starts(frontier, 0.0) == [a0, b0]
    frontier.settle(a0, Done(a0, park=60.0, ending_of=dropped), 1.0)
    assert frontier.next(1.0) == Deliver(("a1 down", "a2 down"))
    assert frontier.next(1.0) == Wait(None)
    assert frontier.held == 0
    settle(frontier, b0, 2.0)
    assert frontier.next(2.0) == Finished()


def test_they_come_only_as_fast_as_they_are_taken():
    frontier = make(*(Item("a", number) for number in range(10)), concurrency=4, per_key=1)
    assert frontier.next(0.0) == Start(a0)
    frontier.settle(a0, Done(a0, park=60.0, ending_of=dropped), 1.0)
    assert frontier.next(1.0, undelivered=4) == Wait(None)
    assert frontier.next(1.0, undelivered=1) == Deliver(("a1 down", "a2 down", "a3 down"))
    assert len(frontier.next(1.0).endings) == 4
    assert len(frontier.next(1.0).endings) == 2
    assert frontier.next(1.0) == Finished()


def test_those_in_the_overflow_are_given_up_as_well():
    frontier = make(closed=False, window=4, per_key=1, ahead=Ahead.OVERFLOW)
    aside = [answer.jobs[0] for n in range(9) if isinstance(answer := frontier.offer(Item("a", n)), Spill)]
    frontier.close()
    assert frontier.next(0.0) == Start(a0)
    frontier.settle(a0, Done(a0, park=60.0, ending_of=dropped), 1.0)
    told = []
    while (answer := frontier.next(1.0)) != Finished():
        if isinstance(answer, Refill):
            frontier.refill("a", [aside.pop(0) for _ in range(min(answer.most, len(aside)))])
        else:
            told += answer.endings
    assert told == [f"a{n} down" for n in range(1, 9)]


def test_jobs_that_come_before_it_is_tried_again_are_given_up_too_and_later_ones_are_tried():
    """Otherwise the last jobs of a list would wait for minutes for a host that is known to be down."""
    frontier = make(a0, closed=False)
    assert frontier.next(0.0) == Start(a0)
    frontier.settle(a0, Done(a0, park=60.0, ending_of=dropped), 1.0)
    assert frontier.next(1.0) == Pull()
    frontier.offer(a1)
    assert frontier.next(1.0) == Deliver(("a1 down",))
    assert frontier.held == 0
    assert frontier.next(60.0) == Pull()
    frontier.offer(a2)
    frontier.close()
    assert frontier.next(60.0) == Start(a2)


def test_a_redirect_to_a_host_that_was_given_up_waits_for_nothing():
    frontier = make(a0, b0)
    assert starts(frontier, 0.0) == [a0, b0]
    frontier.settle(a0, Done(a0, park=60.0, ending_of=dropped), 1.0)
    frontier.settle(b0, Redirected(a1), 2.0)
    assert frontier.next(2.0) == Deliver(("a1 down",))
    assert frontier.next(2.0) == Finished()


def test_a_server_that_asks_for_rest_later_loses_nobody():
    """It was given up, was tried again, and says now when to come back: that is another matter."""
    frontier = make(a0, closed=False)
    assert frontier.next(0.0) == Start(a0)
    frontier.settle(a0, Done(a0, park=60.0, ending_of=dropped), 1.0)
    frontier.next(60.0)
    frontier.offer(a1)
    assert frontier.next(60.0) == Start(a1)
    frontier.settle(a1, Done(a1, park=90.0), 61.0)
    frontier.offer(a2)
    frontier.close()
    assert frontier.next(61.0) == Wait(90.0)
    assert frontier.next(90.0) == Start(a2)


def test_cut_off_nothing_starts_and_then_only_a_few_at_once():
    items = [Item(chr(ord("a") + number), 0) for number in range(10)]
    frontier = make(*items, concurrency=6)
    first, *others = starts(frontier, 0.0)
    frontier.settle(first, Again(first, 5.0, suspend=5.0), 0.0)
    assert frontier.next(0.0) == Wait(None)
    assert frontier.bound is Bottleneck.CUT_OFF
    for item in others:
        frontier.settle(item, Again(item, 5.0, suspend=5.0), 1.0)
    assert frontier.next(1.0) == Wait(5.0)
    probes = starts(frontier, 5.0)
    assert probes == items[6:], "those that were not tried yet"
    assert len(probes) == PROBES
    frontier.settle(probes[0], Again(probes[0], 15.0, suspend=15.0), 6.0)
    assert frontier.next(6.0) == Wait(None)
    for item in probes[1:]:
        frontier.settle(item, Again(item, 15.0, suspend=15.0), 6.0)
    assert frontier.next(6.0) == Wait(15.0)
    probes = starts(frontier, 15.0)
    assert len(probes) == PROBES
    settle(frontier, probes[0], 16.0)
    assert len(starts(frontier, 16.0)) == 3, "as many as may run at once"


def test_cut_off_it_reads_on_to_try_hosts_that_were_not_tried_yet():
    """Those that failed may be dead, and a list that begins with them would be held up by nothing but them."""
    dead = [Item(f"dead-{number}", 0) for number in range(PROBES)]
    new = [Item(f"new-{number}", 0) for number in range(PROBES)]
    frontier = make(*dead, concurrency=9, closed=False)
    for item in dead:
        assert frontier.next(0.0) == Start(item)
    for item in dead:
        frontier.settle(item, Again(item, 5.0, suspend=5.0), 1.0)
    for item in new:
        assert frontier.next(5.0) == Pull()
        frontier.offer(item)
    assert {frontier.next(5.0).job for _ in range(PROBES)} == set(new)
    assert frontier.next(5.0) == Wait(None)


def test_cut_off_a_source_that_has_nothing_keeps_no_probe_waiting():
    frontier = make(a0, concurrency=2, closed=False)
    assert frontier.next(0.0) == Start(a0)
    frontier.settle(a0, Again(a0, 5.0, suspend=5.0), 1.0)
    assert frontier.next(5.0) == Pull()
    frontier.starve()
    assert frontier.wakes_at() == 5.0
    assert frontier.next(5.0) == Start(a0)


@pytest.mark.parametrize("pauses", [0, 1])
def test_a_pause_is_a_pause_also_when_cut_off(pauses):
    frontier = make(a0, b0)
    assert frontier.next(0.0) == Start(a0)
    frontier.settle(a0, Again(a0, 5.0, suspend=5.0), 1.0)
    frontier.pauses = pauses
    assert frontier.next(5.0) == (Wait(None) if pauses else Start(b0))
    frontier.pauses = 0
    assert frontier.next(6.0) == Start(b0 if pauses else a0)


# What comes in between


def given_up_with_one_aside(**limits):
    """Two jobs of a key here, the third in the overflow; the first is to be tried again when the key is given up."""
    frontier = make(a0, a1, closed=False, window=4, ahead=Ahead.OVERFLOW, **limits)
    assert starts(frontier, 0.0) == [a0, a1]
    frontier.offer(Item("a", 5))
    frontier.offer(Item("a", 6))
    assert frontier.offer(a2) == Spill((a2,))
    frontier.settle(a0, Again(a0, 2.0), 1.0)
    return frontier


@pytest.mark.parametrize("park", [1.5, 100.0])
def test_a_retry_that_comes_due_meanwhile_takes_nobodys_place(park):
    """It was not waiting when the key was given up: it is tried if the key's time has come, and given up if not."""
    frontier = given_up_with_one_aside()
    frontier.close()
    frontier.settle(a1, Done(a1, park=park, ending_of=dropped), 1.0)
    told, now, tried = [], 2.5, []
    while (answer := frontier.next(now)) != Finished():
        if isinstance(answer, Refill):
            frontier.refill("a", [a2])
        elif isinstance(answer, Deliver):
            told += answer.endings
        elif isinstance(answer, Start):
            tried.append(answer.job)
            settle(frontier, answer.job, now)
        else:
            assert answer.until is not None, "somebody waits for a time"
            now = answer.until
    assert sorted(told) == ["a0 down", "a2 down", "a5 down", "a6 down"][park < 2.0 :]
    assert tried == ([a0] if park < 2.0 else [])


def test_a_key_that_is_given_up_may_go_on_at_once():
    """Without a park: what comes later is tried, and a queue without jobs is no place to stand."""
    frontier = make(a0, a1, a2, closed=False, per_key=9, concurrency=2)
    assert starts(frontier, 0.0) == [a0, a1]
    frontier.settle(a0, Done(a0, ending_of=dropped), 1.0)
    assert frontier.next(1.0) == Deliver(("a2 down",))
    assert frontier.next(1.0) == Pull()
    frontier.offer(Item("a", 7))
    assert frontier.next(1.0) == Start(Item("a", 7))


def test_what_is_decided_is_told_also_after_a_drain():
    """It has its outcome, so to call it dropped would lose it, and to forget it would call the rest complete."""
    frontier = make(a0, a1, a2, concurrency=2, per_key=1)
    assert frontier.next(0.0) == Start(a0)
    frontier.settle(a0, Done(a0, park=9.0, ending_of=dropped), 1.0)
    assert frontier.drain() == []
    assert frontier.next(1.0) == Deliver(("a1 down", "a2 down"))
    assert frontier.next(1.0) == Finished()


def test_a_consumer_who_is_late_makes_nobody_turn_in_circles_while_it_is_us():
    """No wait ends in the past."""
    frontier = make(a0, b0, concurrency=2)
    assert frontier.next(0.0) == Start(a0)
    frontier.settle(a0, Again(a0, 5.0, suspend=5.0), 1.0)
    assert frontier.next(1.0, undelivered=2) == Wait(5.0)
    assert frontier.next(6.0, undelivered=2) == Wait(None)


def test_a_pause_taken_back_by_another_thread_in_between_is_still_a_pause():
    """What is answered fits what was looked at, and the next answer is another."""
    frontier = make(a0)
    frontier.pauses = 1
    assert frontier.next(0.0) == Wait(None)
    frontier._pauses = 0  # as a thread that has come to the first half of it
    assert frontier.next(0.0) == Wait(None)
    assert frontier.bound is Bottleneck.PAUSED
    frontier.pauses = 0
    assert frontier.next(0.0) == Start(a0)
