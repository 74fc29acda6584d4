"""What a list comes to: exact counts, and a bound that no run can undercut."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.schedule.answers import Pull, Start, Wait
from penstock.core.schedule.frontier import Frontier
from penstock.core.schedule.limits import RateLimiter, least_time
from penstock.core.web.model import Job, Reason, Skipped
from penstock.core.web.plan import Cause, Load, LowerBound, PlanLimits, RejectedInputs, Survey, compute_lower_bound


class Hosts:
    """Counts in memory."""

    def __init__(self):
        self.counts = Counter()

    def add(self, name):
        self.counts[name] += 1

    def names(self):
        return len(self.counts)

    def largest(self, most):
        return sorted(self.counts.items(), key=lambda entry: (-entry[1], entry[0]))[:most]


def limits(delay=0.1, rate=None):
    return PlanLimits(100, 2, delay, rate)


def surveyed(items, *, unique=False, most=10, **given):
    """The plan for hosts, or pairs of a host and a path, or None for a line that is no URL."""
    survey, seen = Survey(Hosts(), unique=unique), set()
    for seq, item in enumerate(items):
        if item is None:
            survey.refuse(Skipped(seq, "", Reason.INVALID_URL, f"line {seq + 1}: no"), seq + 1)
        else:
            survey.request(item[0], again=item in seen)
            seen.add(item)
    return survey.plan(limits(**given), most)


def test_the_host_with_most_to_do_sets_the_time():
    """Four starts a tenth of a second apart take three tenths from the first to the last, whoever else is there."""
    plan = surveyed([*(("a", path) for path in range(4)), ("b", 0), ("b", 1), ("c", 0)])
    assert plan.bound == LowerBound(pytest.approx(0.3), Cause.DELAY, "a")
    assert plan.rest == LowerBound(pytest.approx(0.1), Cause.DELAY, "b")
    assert (plan.inputs, plan.requests, plan.hosts) == (7, 7, 3)
    assert plan.loads == (Load("a", 4, pytest.approx(0.3)), Load("b", 2, pytest.approx(0.1)), Load("c", 1, 0.0))


def test_a_rate_sets_the_time_where_it_asks_for_more():
    """A hundred starts, ten a second: ten seconds less one interval, whichever host they are for."""
    plan = surveyed([(f"host{number}", 0) for number in range(100)], rate=10)
    assert plan.bound.cause is Cause.RATE
    assert plan.bound.host is None
    assert plan.bound.seconds == pytest.approx(9.99, abs=0.01)


def test_the_longer_of_both_is_the_bound():
    assert compute_lower_bound(100, ("a", 50), limits(delay=1.0, rate=10)) == LowerBound(49.0, Cause.DELAY, "a")
    assert compute_lower_bound(1000, ("a", 50), limits(delay=1.0, rate=10)).cause is Cause.RATE


@pytest.mark.parametrize("items", [[], [("a", 0)], [None]])
def test_one_request_or_none_is_bound_by_nothing(items):
    assert surveyed(items, rate=1).bound == LowerBound(0.0, Cause.NOTHING)


def test_without_a_delay_and_a_rate_nothing_bounds_the_time():
    assert surveyed([("a", path) for path in range(1000)], delay=0).bound == LowerBound(0.0, Cause.NOTHING)


def test_duplicates_are_requested_again_unless_each_is_to_be_unique():
    items = [("a", 1), ("a", 1), ("b", 1), ("a", 1)]
    twice, once = surveyed(items), surveyed(items, unique=True)
    assert (twice.inputs, twice.requests, twice.duplicates) == (4, 4, 2)
    assert (once.inputs, once.requests, once.duplicates) == (4, 2, 2)
    assert once.bound.cause is Cause.NOTHING
    assert once.loads == (Load("a", 1, 0.0), Load("b", 1, 0.0))


def test_the_first_lines_that_are_no_requests_are_named_and_all_are_counted():
    plan = surveyed([None] * 8 + [("a", 0)])
    assert plan.refusals == (
        RejectedInputs(Reason.INVALID_URL, 8, ((0, 1), (1, 2), (2, 3), (3, 4), (4, 5)), "line 1: no"),
    )
    assert (plan.inputs, plan.refused, plan.requests) == (9, 8, 1)


def test_no_more_hosts_are_named_than_asked_for_and_the_bound_is_the_same():
    items = [("a", path) for path in range(5)] + [("b", path) for path in range(3)]
    plan = surveyed(items, most=0)
    assert plan.loads == ()
    assert plan.hosts == 2
    assert (plan.bound, plan.rest) == (surveyed(items).bound, surveyed(items).rest)


items = st.lists(st.none() | st.tuples(st.sampled_from("abcdef"), st.integers(0, 3)), max_size=40)


@given(items, st.booleans(), st.integers(1, 8))
def test_the_counts_are_those_of_a_counter(found, unique, most):
    plan = surveyed(found, unique=unique, most=most)
    urls = [item for item in found if item is not None]
    hosts = Counter(host for host, _ in (set(urls) if unique else urls))
    assert plan.inputs == len(found)
    assert plan.refused == found.count(None)
    assert plan.duplicates == len(urls) - len(set(urls))
    assert plan.requests == hosts.total()
    assert plan.hosts == len(hosts)
    assert [load.requests for load in plan.loads] == sorted(hosts.values(), reverse=True)[:most]
    assert all(hosts[load.host] == load.requests for load in plan.loads)
    assert plan.inputs == plan.refused + plan.requests + (plan.duplicates if unique else 0)


@given(
    st.lists(st.sampled_from("aab"), max_size=12),
    st.sampled_from([0.0, 0.25, 1.0]),
    st.sampled_from([None, 0.5, 3, 200]),
)
def test_no_frontier_starts_all_in_less_than_the_bound(keys, delay, rate):
    """The requests themselves take no time at all here, and every host has room for all of its own."""
    frontier = Frontier(window=100, concurrency=100, per_key=100, delay=delay, rate=rate)
    jobs, now, starts = iter(Job(seq, key, "", "") for seq, key in enumerate(keys)), 0.0, []
    while len(starts) < len(keys):
        answer = frontier.next(now)
        if isinstance(answer, Start):
            starts.append(now)
        elif isinstance(answer, Pull):
            job = next(jobs, None)
            frontier.close() if job is None else frontier.offer(job)
        else:
            assert isinstance(answer, Wait)
            now = answer.until
    bound = surveyed([(key, 0) for key in keys], delay=delay, rate=rate).bound
    assert bound.seconds <= (starts[-1] - starts[0] if starts else 0.0) + 1e-9


@pytest.mark.parametrize("rate", [0.5, 1, 3.7, 100, 5000])
@pytest.mark.parametrize("starts", [1, 2, 50])
def test_the_least_time_is_what_a_pace_comes_to(starts, rate):
    pace, now = RateLimiter(rate), 100.0
    for _ in range(starts):
        now = max(now, pace.free_at())
        pace.start(now)
    assert least_time(starts, rate) <= now - 100.0 + 1e-9
    assert now - 100.0 <= least_time(starts, rate) + 0.0101


def test_no_rate_takes_no_time():
    assert least_time(10**6, None) == 0.0
