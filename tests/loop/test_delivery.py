"""What happens to an outcome on its way out: the last word, the count, the order, the first error."""

from typing import NamedTuple

import pytest

from penstock.core.schedule.calls import CallTally, Result
from penstock.core.schedule.tally import Tally
from penstock.core.web.model import Fetched
from penstock.loop.delivery import Delivery


def done(seq: int, error: Exception | None = None) -> Result:
    return Result(seq, f"item {seq}", None, error)


def seqs(delivery: Delivery) -> list[int]:
    """What is ready, taken."""
    found = [outcome.seq for outcome in delivery.ready]
    delivery.ready.clear()
    return found


def test_unordered_outcomes_are_ready_as_they_come():
    delivery = Delivery(CallTally())
    for seq in (3, 0, 2):
        delivery.put(done(seq))
    assert delivery.withheld is None
    assert seqs(delivery) == [3, 0, 2]


def test_ordered_outcomes_are_ready_when_it_is_their_turn():
    delivery = Delivery(CallTally(), ordered=True)
    told = []
    for seq in (2, 1, 4, 0, 3):
        delivery.put(done(seq))
        told.append((seqs(delivery), delivery.withheld))
    assert told == [([], 1), ([], 2), ([], 3), ([0, 1, 2], 1), ([3, 4], 0)]


def test_what_is_ready_keeps_its_order_where_nobody_takes_it():
    delivery = Delivery(CallTally(), ordered=True)
    for seq in (1, 0, 2):
        delivery.put(done(seq))
    assert seqs(delivery) == [0, 1, 2]


def test_released_outcomes_come_in_order_with_gaps():
    """Nothing that completed is lost when what it waits for never comes."""
    delivery = Delivery(CallTally(), ordered=True)
    for seq in (0, 5, 3, 4):
        delivery.put(done(seq))
    delivery.release()
    delivery.release()
    assert seqs(delivery) == [0, 3, 4, 5]
    assert delivery.withheld == 0


def test_unordered_there_is_nothing_to_release():
    delivery = Delivery(CallTally())
    delivery.put(done(1))
    delivery.release()
    assert seqs(delivery) == [1]


@pytest.mark.parametrize("ordered", [False, True])
def test_the_first_error_is_the_failure_and_no_outcome(ordered):
    first, second = KeyError("first"), KeyError("second")
    delivery = Delivery(CallTally(), ordered=ordered, fail_fast=True)
    assert delivery.failure is None
    for outcome in (done(0), done(1, first), done(2, second)):
        delivery.put(outcome)
    delivery.release()
    assert delivery.failure is first
    assert seqs(delivery) == [0]
    assert delivery.tally().kinds == {"done": 1, "failed": 2}


def test_without_fail_fast_an_error_is_an_outcome():
    delivery = Delivery(CallTally())
    delivery.put(done(0, KeyError()))
    assert delivery.failure is None
    assert seqs(delivery) == [0]


def test_each_outcome_is_counted_once_when_it_comes_and_a_tally_counts_no_further():
    delivery = Delivery(CallTally(), ordered=True)
    delivery.put(done(1))
    tally = delivery.tally()
    delivery.put(done(0))
    assert (tally.total, delivery.tally().total) == (1, 2)


class Named(NamedTuple):
    """Has the last word, and remembers whether it was closed."""

    closed: list

    def __call__(self, outcome):
        return Fetched(outcome.seq, "named", status=200)

    def close(self):
        self.closed.append(True)


def test_what_has_the_last_word_is_what_is_counted_and_delivered():
    closed = []
    delivery = Delivery(Tally(), finish=Named(closed))
    delivery.put(Fetched(0, "as it came", status=404))
    assert delivery.ready[0].url == "named"
    assert delivery.tally().statuses == {200: 1}
    delivery.close()
    assert closed == [True]


def test_closing_closes_nothing_where_nobody_has_the_last_word():
    Delivery(Tally()).close()
