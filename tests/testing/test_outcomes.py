"""The check that every input has exactly one outcome, and that it can fail."""

from __future__ import annotations

import pytest

from penstock.core.web.model import Fetched, Skipped
from penstock.testing.outcomes import assert_each_once


def test_one_outcome_for_each_input_in_any_order_is_right():
    assert_each_once([Skipped(2, ""), Fetched(0, ""), Fetched(1, "")], 3)
    assert_each_once([{"seq": 1}, {"seq": 0}], 2)
    assert_each_once([], 0)


@pytest.mark.parametrize(
    ("seqs", "said"),
    [
        ([0, 2], "1 without an outcome: 1"),
        ([0, 1, 1, 1, 2], r"1 with several: 1 \(3 times\)"),
        ([0, 1, 2, 3, -1], "2 that are no inputs: -1, 3"),
        ([0, 0, 7], r"2 without an outcome: 1, 2; 1 with several: 0 \(2 times\); 1 that are no inputs: 7"),
    ],
)
def test_what_is_wrong_is_named(seqs, said):
    with pytest.raises(AssertionError, match=f"of 3 inputs, seqs {said}$"):
        assert_each_once([Fetched(seq, "") for seq in seqs], 3)


def test_long_lists_are_cut():
    with pytest.raises(AssertionError, match="1000 without an outcome: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …"):
        assert_each_once([], 1000)
