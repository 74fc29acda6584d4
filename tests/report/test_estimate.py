"""Rates, totals and time left are arithmetic."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.report import estimate
from penstock.report.estimate import Speed


def test_a_steady_pace_is_told_exactly_from_the_first_update_on():
    speed = Speed(memory=5)
    for second in range(1, 4):
        speed.update(float(second), 100 * second)
        assert speed.rate == pytest.approx(100)


def test_the_past_fades_away():
    """After three times the memory at a new pace, 5 % of the old one is left."""
    speed = Speed(memory=5)
    for second in range(1, 61):
        speed.update(float(second), 100 * second)
    for second in range(61, 76):
        speed.update(float(second), 6_000)
    assert speed.rate == pytest.approx(5, abs=0.1)


@given(st.lists(st.tuples(st.floats(0.01, 10), st.integers(0, 1_000)), min_size=1), st.floats(0.5, 60))
def test_the_rate_lies_between_the_slowest_and_the_fastest(steps, memory):
    speed, at, count, rates = Speed(memory), 0.0, 0, []
    for passed, more in steps:
        at, count = at + passed, count + more
        speed.update(at, count)
        rates.append(more / passed)
    assert min(rates) * 0.999 <= speed.rate <= max(rates) * 1.001


def test_an_update_without_time_passed_changes_nothing():
    speed = Speed(memory=5)
    assert speed.rate == 0
    speed.update(0.0, 10)
    assert speed.rate == 0


def test_once_all_is_read_the_total_is_counted(stands):
    assert estimate.total(stands(10, pulled=90, before=10, exhausted=True)) == 100


def test_before_that_it_is_guessed_from_the_share_that_is_read(stands):
    assert estimate.total(stands(10, pulled=90, before=10, read=(250, 1_000))) == 400


@pytest.mark.parametrize("read", [None, (0, 1_000), (0, 0), (1, 10_000)])
def test_where_nothing_says_it_there_is_no_total(stands, read):
    assert estimate.total(stands(10, pulled=100, read=read)) is None


def test_a_file_that_is_one_block_says_nothing_before_its_end(stands):
    """All of its bytes are read at once, while most of its lines have yet to come."""
    assert estimate.total(stands(10, pulled=100, read=(1_000, 1_000))) is None


def test_a_resume_that_only_passes_over_what_is_settled_has_no_total(stands):
    assert estimate.total(stands(0, pulled=0, before=1_000, read=(10, 1_000))) is None


def test_time_left_is_what_is_outstanding_at_the_rate(stands):
    now = stands(100, pulled=1_000, exhausted=True)
    assert estimate.outstanding(now) == 900
    assert estimate.time_left(now, 10.0) == 90.0


def test_a_host_with_much_to_do_takes_its_time(stands):
    """500 jobs, 0.5 s apart: 250 s, however fast the others go."""
    now = stands(100, pulled=1_000, exhausted=True, busiest=("a.test", 500))
    assert estimate.time_left(now, 100.0, delay=0.5) == 250.0


@pytest.mark.parametrize(("done", "rate"), [(1_000, 10.0), (995, 10.0), (0, 0.0)])
def test_where_nothing_says_it_no_time_is_named(stands, done, rate):
    """Nothing left, less than a second left, no pace at all."""
    assert estimate.time_left(stands(done, pulled=1_000, exhausted=True), rate) is None


def test_without_a_total_there_is_no_time_left(stands):
    assert estimate.outstanding(stands(10)) is None
    assert estimate.time_left(stands(10), 5.0) is None


def test_an_input_that_shares_the_outcome_of_another_is_done(stands, tally_of):
    """Ten inputs were read, four of them duplicates: with six outcomes nothing is outstanding."""
    at_the_end = stands(6, pulled=10, exhausted=True, tally=tally_of({200: 6}, duplicates=4))
    assert at_the_end.done == estimate.total(at_the_end) == 10
    assert estimate.outstanding(at_the_end) == 0


def test_a_host_that_is_left_alone_takes_that_time_and_its_own(stands):
    """The rate of the others says nothing of it."""
    now = stands(90, pulled=100, exhausted=True, busiest=("a.test", 10), alone=1, parked=(("a.test", 60.0),))
    assert estimate.time_left(now, rate=10.0, delay=2.0) == 80.0


def test_a_host_that_was_slowed_down_takes_longer_than_its_delay(stands):
    now = stands(90, pulled=100, exhausted=True, busiest=("a.test", 10), spacing=4.0)
    assert estimate.time_left(now, rate=10.0, delay=2.0) == 40.0
