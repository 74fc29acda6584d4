"""The frontier's rules while somebody changes them: pauses, limits, order; and what it says of those who wait."""

import pytest
from tests.core.web import told
from tests.core.web.told import Item, a0, a1, a2, b0, b1, c0, make, settle, starts

from penstock.core.schedule.answers import Ahead, Bottleneck, Finished, Pull, Start, Wait, Waiting
from penstock.core.schedule.queues import KeyQueue
from penstock.core.schedule.verdicts import Again, Redirected

# Pauses


def test_while_it_is_paused_nothing_starts_and_nothing_is_pulled():
    frontier = make(a0, a1, closed=False)

    assert frontier.next(0.0) == Start(a0)
    frontier.pauses = 1
    assert frontier.next(0.0) == Wait(None)
    assert frontier.bound is Bottleneck.PAUSED
    settle(frontier, a0, 1.0)
    assert frontier.next(1.0) == Wait(None)
    frontier.pauses = 0
    assert frontier.next(2.0) == Start(a1)
    assert frontier.next(2.0) == Pull()


def test_no_timer_ends_a_pause():
    """Neither a delay nor a back-off that is over starts anything, so nobody need look by its time."""
    frontier = make(a0, a1, b0, delay=5.0)

    assert starts(frontier, 0.0) == [a0, b0]
    frontier.settle(b0, Again(b0, 7.0), 1.0)
    frontier.pauses = 2
    for now in (1.0, 5.0, 7.0, 100.0):
        assert frontier.next(now) == Wait(None)
    frontier.pauses = 1
    assert frontier.next(100.0) == Wait(None)
    frontier.pauses = 0
    assert starts(frontier, 100.0) == [a1, b0]


def test_a_pause_is_not_made_up_for():
    """After it the pace is what it was before."""
    frontier = make(*(Item("a", number) for number in range(9)), rate=1.0)

    assert starts(frontier, 0.0) == [Item("a", 0)]
    frontier.pauses = 1
    assert frontier.next(50.0) == Wait(None)
    frontier.pauses = 0
    assert starts(frontier, 50.0) == [Item("a", 1)]


def test_a_pause_keeps_nobody_from_the_end():
    frontier = make(a0)

    assert frontier.next(0.0) == Start(a0)
    frontier.pauses = 1
    settle(frontier, a0, 1.0)
    assert frontier.next(1.0) == Finished()


def test_what_is_drained_during_a_pause_is_gone():
    frontier = make(a0, b0, closed=False, concurrency=1)

    assert frontier.next(0.0) == Start(a0)
    frontier.pauses = 1
    assert frontier.drain() == [b0]
    settle(frontier, a0, 1.0)
    assert frontier.next(1.0) == Finished()


# Limits that change


def test_a_higher_limit_per_key_lets_those_start_that_waited():
    frontier = make(a0, a1, a2, b0, per_key=1)

    assert starts(frontier, 0.0) == [a0, b0]
    frontier.per_key = 2
    assert frontier.per_key == 2
    assert starts(frontier, 0.0) == [a1]
    frontier.per_key = 9
    assert starts(frontier, 0.0) == [a2]


def test_a_lower_limit_per_key_holds_when_enough_have_finished():
    frontier = make(a0, a1, a2, per_key=2)

    assert starts(frontier, 0.0) == [a0, a1]
    frontier.per_key = 1
    settle(frontier, a0, 1.0)
    assert frontier.next(1.0) == Wait(None)
    settle(frontier, a1, 2.0)
    assert frontier.next(2.0) == Start(a2)


def test_a_lower_limit_per_key_holds_for_a_key_whose_turn_it_was():
    frontier = make(a0, a1, b0, concurrency=3, per_key=3)

    assert frontier.next(0.0) == Start(a0)
    frontier.per_key = 1
    assert starts(frontier, 0.0) == [b0]
    settle(frontier, a0, 1.0)
    assert starts(frontier, 1.0) == [a1]


def test_a_higher_limit_per_key_keeps_the_delay():
    frontier = make(a0, a1, per_key=1, delay=5.0)

    assert starts(frontier, 0.0) == [a0]
    frontier.per_key = 2
    assert frontier.next(1.0) == Wait(5.0)
    assert frontier.next(5.0) == Start(a1)


def test_keys_keep_their_turns_when_the_limit_per_key_changes():
    frontier = make(a0, a1, b0, b1, c0, concurrency=1)

    assert frontier.next(0.0) == Start(a0)
    frontier.per_key = 7
    settle(frontier, a0, 1.0)
    assert frontier.next(1.0) == Start(b0)


def test_a_higher_rate_brings_the_next_start_nearer():
    """It is as far from the last start as the new rate wants it."""
    frontier = make(a0, b0, c0, rate=0.1)

    assert starts(frontier, 0.0) == [a0]
    assert frontier.next(0.0) == Wait(pytest.approx(10.1 - 0.01))
    frontier.rate = 1.0
    assert frontier.rate == 1.0
    assert frontier.next(0.5) == Wait(pytest.approx(1.01 - 0.01))
    assert starts(frontier, 1.01) == [b0]


def test_a_lower_rate_puts_the_next_start_off():
    frontier = make(a0, b0, rate=1.0)

    assert starts(frontier, 0.0) == [a0]
    frontier.rate = 0.1
    assert frontier.next(5.0) == Wait(pytest.approx(10.1 - 0.01))
    assert starts(frontier, 10.1) == [b0]


def test_a_rate_may_be_taken_away_and_set_again():
    frontier = make(*(Item("a", number) for number in range(6)), rate=1.0)

    assert len(starts(frontier, 0.0)) == 1
    frontier.rate = None
    assert len(starts(frontier, 0.1)) == 5
    frontier.rate = 1.0
    assert frontier.next(0.1) == Wait(None)


def test_a_rate_that_is_set_late_counts_from_then_on():
    frontier = make(a0, a1, b0, b1, concurrency=2)

    assert starts(frontier, 0.0) == [a0, b0]
    frontier.rate = 1.0
    settle(frontier, a0, 9.0)
    settle(frontier, b0, 9.0)
    assert starts(frontier, 9.0) == [a1]
    assert frontier.next(9.0) == Wait(pytest.approx(10.0))
    assert starts(frontier, 10.0) == [b1]


# One key for all


def test_with_one_key_nothing_is_read_ahead():
    """Reading on could find no other key, and so no job that may start."""
    frontier = make(closed=False, ahead=Ahead.NOWHERE, delay=2.0)

    assert frontier.next(0.0) == Pull()
    frontier.offer(a0)
    assert frontier.next(0.0) == Start(a0)
    assert frontier.next(0.0) == Pull()
    frontier.offer(a1)
    assert frontier.next(0.0) == Wait(2.0)
    assert frontier.bound is Bottleneck.KEYS
    assert starts(frontier, 2.0) == [a1]
    assert frontier.next(2.0) == Pull()


def test_with_one_key_what_waits_to_be_tried_again_keeps_no_slot_empty():
    frontier = make(closed=False, ahead=Ahead.NOWHERE, concurrency=1, window=2)

    for job in (a0, a1):
        assert frontier.next(0.0) == Pull()
        frontier.offer(job)
        assert frontier.next(0.0) == Start(job)
        frontier.settle(job, Again(job, 9.0), 0.0)
    assert frontier.next(0.0) == Wait(9.0)
    assert frontier.bound is Bottleneck.BACKOFF
    assert frontier.next(9.0) == Start(a0)
    assert frontier.next(9.0) == Wait(None)
    settle(frontier, a0, 10.0)
    assert frontier.next(10.0) == Start(a1)


# Outcomes in the order of their inputs


def test_nothing_is_pulled_while_twice_the_concurrency_is_known_and_not_out():
    frontier = make(a0, closed=False, concurrency=2, per_key=2)

    assert frontier.next(0.0, 0, 0) == Start(a0)
    assert frontier.next(0.0, 0, 2) == Pull()
    assert frontier.next(0.0, 0, 3) == Wait(None)
    assert frontier.bound is Bottleneck.ORDER
    assert frontier.next(0.0, 0, 0) == Pull()


def test_withheld_outcomes_take_no_slot_from_the_one_they_wait_for():
    """A retry of the first input finds a slot though everything else is withheld."""
    frontier = make(a0, closed=False, concurrency=2)

    assert frontier.next(0.0, 0, 0) == Start(a0)
    frontier.settle(a0, Again(a0, 5.0), 1.0)
    assert frontier.next(1.0, 0, 3) == Wait(5.0)
    assert frontier.bound is Bottleneck.ORDER
    assert frontier.next(5.0, 0, 3) == Start(a0)


def test_it_is_not_the_order_that_binds_where_a_key_has_to_wait():
    """One key for all, and its delay: nothing more could be pulled even if nothing were withheld."""
    frontier = make(a0, a1, closed=False, ahead=Ahead.NOWHERE, concurrency=5, delay=2.0)

    assert frontier.next(0.0, 0, 0) == Start(a0)
    assert frontier.next(0.0, 0, 1) == Wait(2.0)
    assert frontier.bound is Bottleneck.KEYS


def test_at_the_end_of_the_source_it_is_not_the_order_that_binds():
    frontier = make(a0, concurrency=2)

    assert frontier.next(0.0, 0, 0) == Start(a0)
    assert frontier.next(0.0, 0, 3) == Wait(None)
    assert frontier.bound is Bottleneck.NOTHING


# Who waits for what


def test_those_who_wait_are_told_by_key_most_jobs_first():
    frontier = make(a0, a1, a2, b0, b1, per_key=1, concurrency=9)

    assert starts(frontier, 0.0) == [a0, b0]
    assert frontier.next(0.0) == Wait(None)
    assert frontier.waiting() == [
        Waiting("a", 2, 1, Bottleneck.PER_KEY, None),
        Waiting("b", 1, 1, Bottleneck.PER_KEY, None),
    ]


def test_nobody_waits_where_nothing_is_held():
    frontier = make(a0)
    assert frontier.next(0.0) == Start(a0)
    assert frontier.waiting() == []


def test_those_who_wait_are_told_until_when():
    frontier = make(a0, a1, b0, delay=5.0, concurrency=9)

    assert starts(frontier, 1.0) == [a0, b0]
    frontier.settle(b0, Again(b0, 9.0), 2.0)
    assert frontier.next(2.0) == Wait(6.0)
    assert frontier.waiting() == [
        Waiting("a", 1, 1, Bottleneck.DELAY, 6.0),
        Waiting("b", 1, 0, Bottleneck.BACKOFF, 9.0),
    ]


def test_a_key_has_two_entries_where_some_of_its_jobs_wait_to_be_tried_again():
    """The time is that of the next of them."""
    frontier = make(a0, a1, a2, Item("a", 3), per_key=3)

    assert starts(frontier, 0.0) == [a0, a1, a2]
    frontier.settle(a0, Again(a0, 9.0), 1.0)
    frontier.settle(a1, Again(a1, 7.0), 1.0)
    frontier.per_key = 1
    assert frontier.next(1.0) == Wait(7.0)
    assert frontier.waiting() == [
        Waiting("a", 2, 1, Bottleneck.BACKOFF, 7.0),
        Waiting("a", 1, 1, Bottleneck.PER_KEY, None),
    ]


@pytest.mark.parametrize(
    ("limits", "undelivered", "reason"),
    [
        ({"concurrency": 1}, 0, Waiting("b", 1, 0, Bottleneck.CONCURRENCY, None)),
        ({"concurrency": 2}, 1, Waiting("b", 1, 0, Bottleneck.CONSUMER, None)),
        ({"rate": 1.0}, 0, Waiting("b", 1, 0, Bottleneck.RATE, 1.0)),
    ],
)
def test_those_who_wait_for_what_all_wait_for_say_so(limits, undelivered, reason):
    frontier = make(a0, b0, **limits)

    assert frontier.next(0.0) == Start(a0)
    assert isinstance(frontier.next(0.0, undelivered), Wait)
    assert frontier.waiting() == [reason]


def test_during_a_pause_that_is_what_they_wait_for():
    frontier = make(a0)
    frontier.pauses = 1
    assert frontier.next(0.0) == Wait(None)
    assert frontier.waiting() == [Waiting("a", 1, 0, Bottleneck.PAUSED, None)]


def test_those_who_start_next_wait_for_nothing():
    frontier = make(a0, b0)
    assert frontier.waiting() == [
        Waiting("a", 1, 0, Bottleneck.NOTHING, None),
        Waiting("b", 1, 0, Bottleneck.NOTHING, None),
    ]


def test_a_redirect_waits_where_it_leads_to():
    frontier = make(a0, b0, per_key=1)

    assert starts(frontier, 0.0) == [a0, b0]
    frontier.settle(a0, Redirected(b1), 1.0)
    assert frontier.next(1.0) == Wait(None)
    assert frontier.waiting() == [Waiting("b", 1, 1, Bottleneck.PER_KEY, None)]


def test_another_thread_may_ask_for_the_busiest_key_while_keys_come(monkeypatch):
    """It walks over all keys, and the frontier goes on meanwhile."""
    frontier = make(a0, b0, closed=False)
    load, keys = KeyQueue.load.fget, iter("xyz")

    def slowly(queue):
        key = next(keys, None)
        if key:
            frontier.offer(Item(key, 0))
        return load(queue)

    monkeypatch.setattr(KeyQueue, "load", property(slowly))
    assert frontier.largest() == ("a", 1)
    assert told.make().largest() is None


def test_nothing_starts_before_the_rest_is_over():
    """As when somebody else may have asked the same hosts a moment ago."""
    frontier = make(a0, b0, delay=1.0)
    frontier.suspend(5.0)
    frontier.suspend(3.0)
    assert frontier.next(0.0) == Wait(5.0)
    assert frontier.bound is Bottleneck.DELAY
    assert starts(frontier, 5.0) == [a0, b0]
