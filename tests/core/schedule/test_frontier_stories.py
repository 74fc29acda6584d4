"""The frontier's rules for what may start, and when: one short story with exact times for each."""

from __future__ import annotations

import pytest
from tests.core.web.told import Item, a0, a1, a2, b0, b1, b2, c0, make, settle, starts

from penstock.core.schedule.answers import Bottleneck, Finished, Held, Pull, Start, Wait
from penstock.core.schedule.frontier import Frontier
from penstock.core.schedule.verdicts import Again, Redirected

# Limits


def test_a_polite_host_makes_only_its_own_jobs_wait():
    """The second job of one host waits for the delay; another host does not."""
    frontier = Frontier(window=10, concurrency=8, per_key=2, delay=2.0)
    for job in (a0, a1, b0):
        frontier.offer(job)
    frontier.close()

    assert frontier.next(0.0) == Start(a0)
    assert frontier.next(0.0) == Start(b0)
    assert frontier.next(0.0) == Wait(2.0)
    assert frontier.next(2.0) == Start(a1)


def test_no_more_run_at_once_than_there_are_slots():
    frontier = make(a0, b0, c0, concurrency=2)

    assert starts(frontier, 0.0) == [a0, b0]
    assert frontier.next(0.0) == Wait(None)
    assert frontier.bound is Bottleneck.CONCURRENCY
    settle(frontier, a0, 1.0)
    assert frontier.next(1.0) == Start(c0)
    assert frontier.next(1.0) == Wait(None)


def test_no_more_of_one_key_run_at_once_than_it_allows():
    frontier = make(a0, a1, a2, b0, per_key=2)

    assert starts(frontier, 0.0) == [a0, b0, a1]
    assert frontier.next(0.0) == Wait(None)
    assert frontier.bound is Bottleneck.KEYS
    settle(frontier, b0, 1.0)
    assert frontier.next(1.0) == Wait(None)
    settle(frontier, a1, 2.0)
    assert frontier.next(2.0) == Start(a2)


def test_the_delay_counts_from_start_to_start():
    """However long the first one takes, and also when it was over before the delay."""
    frontier = make(a0, a1, a2, delay=2.0)

    assert starts(frontier, 10.0) == [a0]
    settle(frontier, a0, 11.0)
    assert frontier.next(11.0) == Wait(12.0)
    assert frontier.next(11.999) == Wait(12.0)
    assert starts(frontier, 12.5) == [a1]
    assert frontier.next(12.5) == Wait(14.5)
    settle(frontier, a1, 20.0)
    assert starts(frontier, 20.0) == [a2]


def test_the_delay_holds_for_a_key_that_comes_back():
    """A key without jobs is remembered until its delay has passed."""
    frontier = make(a0, closed=False, delay=2.0)

    assert frontier.next(0.0) == Start(a0)
    settle(frontier, a0, 0.5)
    assert frontier.next(1.0) == Pull()
    assert frontier.offer(a1) == Held()
    frontier.close()
    assert frontier.next(1.0) == Wait(2.0)
    assert frontier.next(2.0) == Start(a1)


def test_both_the_delay_and_a_free_slot_are_needed():
    frontier = make(a0, a1, per_key=1, delay=2.0)

    assert frontier.next(0.0) == Start(a0)
    assert frontier.next(3.0) == Wait(None)
    settle(frontier, a0, 5.0)
    assert frontier.next(5.0) == Start(a1)


def test_the_pace_spreads_the_starts_of_all_keys():
    """A hundredth more than the interval: what may be made up for later is taken off the pace."""
    frontier = make(a0, b0, c0, rate=2.0)

    assert starts(frontier, 0.0) == [a0]
    assert frontier.bound is Bottleneck.RATE
    assert frontier.next(0.0) == Wait(0.505 - 0.01)
    assert frontier.next(0.4) == Wait(0.505 - 0.01)
    assert starts(frontier, 0.5) == [b0]
    assert frontier.next(0.5) == Wait(1.01 - 0.01)
    assert starts(frontier, 1.0) == [c0]


@pytest.mark.parametrize("rate", [0.5, 1.0, 3.0, 10.0, 120.0])
@pytest.mark.parametrize("tick", [0.0, 0.001, 0.05, 0.3])
def test_no_second_sees_more_than_the_pace_and_one(rate, tick):
    """Also where whoever asks comes late, by up to a *tick*, and a long pause is not made up for."""
    frontier = make(closed=False, rate=rate, concurrency=100_000, per_key=100_000)
    now, times = 0.0, []
    for number in range(int(4 * rate) + 8):
        if number == int(2 * rate):
            now += 3.0
        while not isinstance(answer := frontier.next(now), Start):
            if isinstance(answer, Pull):
                frontier.offer(Item("a", number))
            else:
                assert isinstance(answer, Wait)
                assert answer.until > now
                now = answer.until + tick
        times.append(now)
    for begin in times:
        assert sum(begin <= time <= begin + 1.0 for time in times) <= rate + 1


def test_a_thousand_starts_a_second_are_reached_by_a_clock_of_milliseconds():
    frontier = make(
        *(Item("a", number) for number in range(5000)), rate=1000.0, concurrency=9999, per_key=9999, window=9999
    )
    started = sum(len(starts(frontier, now / 1000)) for now in range(2000))
    assert 1950 <= started <= 2001


def test_nothing_is_pulled_while_the_pace_is_not_free():
    frontier = make(a0, closed=False, rate=1.0)

    assert frontier.next(0.0) == Start(a0)
    assert frontier.next(0.0) == Wait(1.0)
    assert frontier.next(1.0) == Pull()


def test_the_pace_holds_nothing_up_where_there_is_nothing_to_start():
    """It is not the pace that one waits for at the end."""
    frontier = make(a0, rate=1.0)

    assert frontier.next(0.0) == Start(a0)
    assert frontier.next(0.0) == Wait(None)
    assert frontier.bound is Bottleneck.NOTHING
    settle(frontier, a0, 0.1)
    assert frontier.next(0.1) == Finished()


# Laziness


def test_nothing_is_pulled_before_a_slot_is_free_that_nothing_held_may_take():
    frontier = make(closed=False, concurrency=2)

    assert frontier.next(0.0) == Pull()
    frontier.offer(a0)
    assert frontier.next(0.0) == Start(a0)
    assert frontier.next(0.0) == Pull()
    frontier.offer(b0)
    assert frontier.next(0.0) == Start(b0)
    assert frontier.next(0.0) == Wait(None)
    settle(frontier, b0, 1.0)
    assert frontier.next(1.0) == Pull()


def test_it_reads_on_to_find_a_key_that_is_not_busy():
    frontier = make(a0, closed=False, per_key=1)

    assert frontier.next(0.0) == Start(a0)
    for job in (a1, a2):
        assert frontier.next(0.0) == Pull()
        frontier.offer(job)
    assert frontier.next(0.0) == Pull()
    frontier.offer(b0)
    assert frontier.next(0.0) == Start(b0)
    assert frontier.held == 2


def test_it_reads_no_further_than_the_window():
    frontier = make(a0, a1, a2, closed=False, per_key=1, window=2)

    assert frontier.next(0.0) == Start(a0)
    assert frontier.next(0.0) == Wait(None)
    assert frontier.bound is Bottleneck.WINDOW
    settle(frontier, a0, 1.0)
    assert frontier.next(1.0) == Start(a1)
    assert frontier.next(1.0) == Pull()


def test_without_a_window_it_reads_only_what_the_concurrency_leaves():
    """What runs, what is held, and what the consumer has not taken: all of it counts."""
    frontier = make(a0, a1, closed=False, per_key=1, concurrency=4, window=None)

    assert frontier.next(0.0) == Start(a0)
    assert frontier.next(0.0) == Pull()
    assert (frontier.room(), frontier.room(undelivered=1)) == (2, 1)
    frontier.offer(a2)
    assert frontier.next(0.0, undelivered=1) == Wait(None)
    assert frontier.bound is Bottleneck.WINDOW
    assert frontier.next(0.0) == Pull()
    assert frontier.room() == 1
    frontier.concurrency = 3
    assert frontier.next(0.0) == Wait(None)


def test_a_rate_asks_for_one_item_at_a_time():
    frontier = make(closed=False, concurrency=4, window=None, rate=1.0)

    assert frontier.next(0.0) == Pull()
    assert frontier.room() == 1


def test_without_a_window_what_waits_to_be_tried_again_leaves_no_room():
    frontier = make(a0, closed=False, window=None, concurrency=1)

    assert frontier.next(0.0) == Start(a0)
    frontier.settle(a0, Again(a0, 5.0), 1.0)
    assert frontier.next(1.0) == Wait(5.0)
    assert frontier.bound is Bottleneck.BACKOFF


def test_without_a_window_twice_the_concurrency_is_known_if_outcomes_come_in_order():
    frontier = make(a0, closed=False, window=None, concurrency=2)

    assert frontier.next(0.0, 0, withheld=0) == Start(a0)
    assert frontier.next(0.0, 0, withheld=2) == Pull()
    assert frontier.room(0, withheld=2) == 1
    assert frontier.next(0.0, 0, withheld=3) == Wait(None)
    assert frontier.bound is Bottleneck.ORDER


def test_what_waits_to_be_tried_again_counts_for_the_window():
    frontier = make(a0, closed=False, window=1)

    assert frontier.next(0.0) == Start(a0)
    frontier.settle(a0, Again(a0, 5.0), 1.0)
    assert frontier.next(1.0) == Wait(5.0)
    assert frontier.bound is Bottleneck.BACKOFF
    assert frontier.next(5.0) == Start(a0)
    assert frontier.next(5.0) == Pull()


def test_outcomes_nobody_has_taken_take_slots():
    frontier = make(a0, b0, closed=False, concurrency=2)

    assert frontier.next(0.0) == Start(a0)
    settle(frontier, a0, 1.0)
    assert frontier.next(1.0, undelivered=1) == Start(b0)
    assert frontier.next(1.0, undelivered=1) == Wait(None)
    assert frontier.bound is Bottleneck.CONSUMER
    assert frontier.next(1.0, undelivered=0) == Pull()


def test_the_end_is_the_end_whoever_still_has_outcomes_to_take():
    frontier = make(a0, concurrency=1)

    assert frontier.next(0.0) == Start(a0)
    settle(frontier, a0, 1.0)
    assert frontier.next(1.0, undelivered=1) == Finished()


# Trying again, and redirects


def test_a_job_that_waits_to_be_tried_again_holds_no_slot():
    frontier = make(a0, a1, b0, concurrency=1, per_key=1)

    assert frontier.next(0.0) == Start(a0)
    frontier.settle(a0, Again(a0, 9.0), 1.0)
    assert (frontier.running, frontier.held) == (0, 3)
    assert frontier.next(1.0) == Start(b0)
    settle(frontier, b0, 2.0)
    assert frontier.next(2.0) == Start(a1)
    settle(frontier, a1, 3.0)
    assert frontier.next(3.0) == Wait(9.0)
    assert frontier.next(9.0) == Start(a0)
    settle(frontier, a0, 10.0)
    assert frontier.next(10.0) == Finished()


def test_a_job_is_tried_again_no_sooner_than_its_key_allows():
    frontier = make(a0, delay=5.0)

    assert frontier.next(0.0) == Start(a0)
    frontier.settle(a0, Again(a0, 2.0), 1.0)
    assert frontier.next(2.0) == Wait(5.0)
    assert frontier.bound is Bottleneck.KEYS
    assert frontier.next(5.0) == Start(a0)


def test_jobs_are_tried_again_in_the_order_their_times_come():
    frontier = make(a0, b0, c0)

    assert starts(frontier, 0.0) == [a0, b0, c0]
    for job, until in ((a0, 3.0), (b0, 1.0), (c0, 2.0)):
        frontier.settle(job, Again(job, until), 0.5)
    assert frontier.next(0.5) == Wait(1.0)
    assert starts(frontier, 1.0) == [b0]
    assert starts(frontier, 5.0) == [c0, a0]


def test_a_redirect_is_a_job_for_the_host_it_leads_to():
    frontier = make(a0, b0, b1, per_key=1)

    assert starts(frontier, 0.0) == [a0, b0]
    frontier.settle(a0, Redirected(b2), 1.0)
    assert (frontier.running, frontier.held) == (1, 2)
    assert frontier.next(1.0) == Wait(None)
    settle(frontier, b0, 2.0)
    assert frontier.next(2.0) == Start(b1)
    settle(frontier, b1, 3.0)
    assert frontier.next(3.0) == Start(b2)
    settle(frontier, b2, 4.0)
    assert frontier.next(4.0) == Finished()


def test_two_full_hosts_that_lead_to_each_other_do_not_wait_for_ever():
    frontier = make(a0, b0, per_key=1, concurrency=2)

    assert starts(frontier, 0.0) == [a0, b0]
    frontier.settle(a0, Redirected(b1), 1.0)
    assert frontier.next(1.0) == Wait(None)
    frontier.settle(b0, Redirected(a1), 2.0)
    assert starts(frontier, 2.0) == [a1, b1]


def test_a_redirect_to_the_same_host_takes_the_place_it_leaves():
    frontier = make(a0, per_key=1, concurrency=1, window=1)

    assert frontier.next(0.0) == Start(a0)
    frontier.settle(a0, Redirected(a1), 1.0)
    assert frontier.next(1.0) == Start(a1)


def test_a_redirect_keeps_the_delay_of_the_host_it_leads_to():
    frontier = make(a0, b0, delay=2.0)

    assert starts(frontier, 0.0) == [a0, b0]
    frontier.settle(a0, Redirected(a1), 0.5)
    frontier.settle(b0, Redirected(c0), 0.5)
    assert frontier.next(0.5) == Start(c0)
    assert frontier.next(0.5) == Wait(2.0)
    assert frontier.next(2.0) == Start(a1)


def test_a_redirect_comes_in_even_where_the_window_is_full():
    """It has been read already; to leave it out would be to lose it."""
    frontier = make(a0, b0, closed=False, window=1, concurrency=1)

    assert frontier.next(0.0) == Start(a0)
    frontier.settle(a0, Redirected(c0), 1.0)
    assert frontier.held == 2
    assert frontier.next(1.0) == Start(b0)


# Fairness


def test_keys_take_turns():
    frontier = make(a0, a1, a2, b0, b1, c0, concurrency=99)
    assert starts(frontier, 0.0) == [a0, b0, c0, a1, b1, a2]


def test_ten_thousand_jobs_of_one_key_do_not_delay_another_keys_only_one():
    frontier = make(*(Item("a", number) for number in range(10_000)), b0, window=20_000, concurrency=2)

    assert starts(frontier, 0.0) == [a0, b0]


def test_a_key_with_free_slots_goes_to_the_back_of_the_queue_each_time():
    frontier = make(a0, a1, a2, b0, b1, concurrency=1)

    order = []
    for now in range(5):
        (job,) = starts(frontier, float(now))
        order.append(job)
        settle(frontier, job, float(now))
    assert order == [a0, b0, a1, b1, a2]


# Starts without a queue


def test_a_job_that_was_pulled_starts_at_once_if_its_key_is_free():
    frontier = make(closed=False, concurrency=3, per_key=1, delay=2.0)

    assert frontier.next(0.0) == Pull()
    assert frontier.room() == 3
    assert frontier.try_start(a0)
    assert not frontier.try_start(a1), "all slots of its key are taken"
    assert frontier.try_start(b0)
    assert (frontier.running, frontier.held, frontier.room()) == (2, 0, 1)
    settle(frontier, a0, 1.0)
    assert frontier.next(1.0) == Pull()
    assert not frontier.try_start(a1), "the delay of its key is not over"
    assert frontier.next(2.0) == Pull()
    assert frontier.try_start(a1)


@pytest.mark.parametrize("limits", [{"pauses": 1}, {"concurrency": 1}])
def test_a_limit_that_is_set_between_two_pulls_holds_for_the_second(limits):
    """The iterator that is pulled from may set it."""
    frontier = make(closed=False)

    assert frontier.next(0.0) == Pull()
    assert frontier.try_start(a0)
    for name, limit in limits.items():
        setattr(frontier, name, limit)
    assert not frontier.try_start(b0)
    frontier.offer(b0)
    assert frontier.next(0.0) == Wait(None)


def test_no_job_that_the_gate_is_asked_about_starts_at_once():
    frontier = make(closed=False)
    frontier.asks = True

    assert frontier.next(0.0) == Pull()
    assert not frontier.try_start(a0)


@pytest.mark.parametrize(
    ("limits", "known", "room"),
    [
        ({}, {}, 8),
        ({}, {"undelivered": 3}, 5),
        ({}, {"withheld": 14}, 2),
        ({"window": 2}, {}, 2),
        ({"rate": 5.0}, {}, 1),
    ],
)
def test_there_is_room_for_what_the_limits_would_let_start(limits, known, room):
    frontier = make(closed=False, **limits)

    assert frontier.next(0.0, **known) == Pull()
    assert frontier.room(**known) == room
