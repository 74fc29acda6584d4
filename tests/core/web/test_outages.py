"""When it is not the hosts that are down but us, and what a mistake about that may cost."""

from __future__ import annotations

import pytest

from penstock.core.web.breaker import MANY, PATIENCE, PROBE, STEP, SURER, OutageBudget, OutageDetector, OutageDetectors


def detector(hosts: int, now: float = 0.0) -> OutageDetector:
    found = OutageDetector(OutageBudget())
    for number in range(hosts):
        found.bad(number, now)
    return found


def test_many_hosts_in_a_row_that_cannot_be_reached_are_our_own_fault():
    assert detector(MANY - 1).bad("another", 3.0) == 3.0 + PROBE
    assert not detector(MANY - 1).active


def test_one_host_however_often_is_its_own():
    found = detector(0)
    assert {found.bad("a", float(n)) for n in range(1000)} == {None}


def test_whoever_can_be_reached_ends_it():
    found = detector(MANY)
    assert found.active
    found.good("good", 0.5)
    assert not found.active
    assert found.bad("a", 1.0) is None


def test_it_is_tried_again_after_longer_and_longer_waits():
    found = detector(MANY)
    now, waits = PROBE, []
    for _ in range(4):
        until = found.bad("a", now)
        waits.append(until - now)
        now = until
    assert waits == [min(PROBE * 2 ** (n + 1), STEP) for n in range(4)]


def test_a_host_that_failed_while_others_answered_never_counts_again_until_it_is_reached():
    found = detector(MANY - 1)
    found.good("good", 0.0)
    for number in range(MANY - 1):
        assert found.bad(number, 1.0) is None
    for number in range(MANY - 1):
        assert found.bad(f"new-{number}", 1.0) is None
    found.good(0, 1.0)
    assert found.bad("another", 2.0) is None
    for number in range(MANY - 1):
        assert not found.active
        found.bad(f"newer-{number}", 2.0)
    assert found.active


def test_a_host_is_not_counted_if_another_answered_while_it_was_tried():
    """What times out says so long after the pages of others have come."""
    found = detector(0)
    found.good("good", 1.0)
    for number in range(10 * MANY):
        assert found.bad(number, 5.0, took=4.5) is None
    for number in range(MANY - 1):
        assert found.bad(f"later-{number}", 6.0, took=4.5) is None
    assert found.bad("last", 6.0, took=4.5) == 6.0 + PROBE


def waits_out(found: OutageDetector, now: float, name: str = "probe") -> float:
    """The time at which *found* takes it for the hosts' own fault, if none of many can be reached from *now* on."""
    number = 0
    while not found.active:
        found.bad(f"{name}-{number}", now)
        number += 1
        assert number < 10_000, "there is no patience left"
    while (until := found.bad(f"{name}-{number}", now)) is not None:
        now = until
        number += 1
    return now


def test_an_outage_of_a_minute_is_waited_for_and_more_than_the_patience_is_not():
    now = waits_out(detector(0), 0.0)
    assert 60.0 + STEP < now == PATIENCE


@pytest.mark.parametrize("between", [0.0, 0.5, 7.0, 50.0])
def test_all_mistakes_of_a_run_together_cost_no_more_than_its_patience(between):
    """However the dead hosts are spread: an answer in between does not make patience grow again."""
    found, now, cost = detector(0), 0.0, 0.0
    for batch in range(200):
        until = None
        for number in range(1_000):
            began = now
            while until is not None and until > now and now - began < between:
                now = until
            until = found.bad(f"dead-{batch}-{number}", now)
            cost, now = (cost + until - now, until) if until is not None else (cost, now)
        found.good("good", now)
    assert cost <= PATIENCE
    with pytest.raises(AssertionError, match="no patience"):
        waits_out(found, now)


def test_each_mistake_that_cost_something_makes_the_next_one_take_more_hosts():
    found = detector(MANY)
    found.good("good", PROBE)
    for number in range(SURER * MANY - 1):
        assert found.bad(f"new-{number}", 10.0) is None
    assert found.bad("last", 10.0) is not None
    # One that answers in flight ended at once was cheap.
    found.good("good", 10.1)
    for number in range(SURER * MANY - 1):
        assert found.bad(f"newer-{number}", 20.0) is None
    assert found.bad("another", 20.0) is not None


def test_an_outage_is_no_mistake_and_costs_no_patience():
    """The hosts that it held back answer afterwards; so there may be any number of them, of a minute each."""
    found, now = detector(0), 0.0
    for outage in range(100):
        held = []
        for number in range(MANY + 14):
            until = found.bad(f"h{outage}-{number}", now)
            if until is not None:
                held.append(f"h{outage}-{number}")
                now = until
        assert found.active
        for key in held:
            found.good(key, now)
    assert now > 100 * 60.0
    assert waits_out(found, now) == now + PATIENCE


def test_the_resolvers_and_the_networks_mistakes_share_one_patience():
    detectors = OutageDetectors()
    now = waits_out(detectors.everything, 0.0)
    with pytest.raises(AssertionError, match="no patience"):
        waits_out(detectors.names, now)
