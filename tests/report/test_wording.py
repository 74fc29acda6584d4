"""Numbers as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.report import wording


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (0.01, "0.1 s"),
        (0.44, "0.4 s"),
        (5, "5 s"),
        (7.25, "7.2 s"),
        (9.96, "10 s"),
        (45.4, "45 s"),
        (59.7, "1 min"),
        (200, "3 min 20 s"),
        (3_600, "1 h"),
        (7_500, "2 h 5 min"),
        (86_400 * 4 + 3_600 * 3 + 59, "4 d 3 h"),
    ],
)
def test_durations_have_two_units_at_most(seconds, said):
    assert wording.duration(seconds) == said


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "0 bytes"),
        (814, "814 bytes"),
        (999, "999 bytes"),
        (1_000, "1.0 kB"),
        (9_949, "9.9 kB"),
        (999_999, "1.0 MB"),
        (214_000_000, "214 MB"),
        (10**18, "1000 PB"),
    ],
)
def test_sizes_are_powers_of_ten(number, said):
    assert wording.size(number) == said


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0/s"), (0.02, "0.02/s"), (3.44, "3.4/s"), (1_428.2, "1,428/s")],
)
def test_paces_keep_the_digits_that_matter(number, said):
    assert wording.pace(number) == said


@given(st.integers(0, 10**9), st.integers(1, 10**9))
def test_a_hundred_percent_is_said_of_the_whole_only(part, more):
    assert wording.share(part, part + more) != "100 %"
    assert wording.share(more, more) == "100 %"


def test_a_share_of_something_is_never_none():
    assert wording.share(1, 10_000) == "<1 %"
    assert wording.share(0, 10_000) == "0 %"
    assert wording.share(0, 0) == "0 %"


def test_counts_come_largest_first_and_ties_by_name():
    assert wording.counts({"b": 2, "c": 2_000, "a": 2, "none": 0}) == ["c: 2,000", "a: 2", "b: 2"]


def test_what_is_over_the_most_is_counted_together():
    assert wording.counts({"a": 5, "b": 4, "c": 3, "d": 2}, 3) == ["a: 5", "b: 4", "other: 5"]
    assert wording.counts({"a": 5, "b": 4, "c": 3}, 3) == ["a: 5", "b: 4", "c: 3"]


def test_one_is_singular():
    assert wording.plural(1, "input") == "1 input"
    assert wording.plural(2_000, "input") == "2,000 inputs"
    assert wording.plural(0, "input") == "0 inputs"
