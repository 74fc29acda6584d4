"""How the frontier forgets, comes to its end, takes changes, and speaks of itself: a short story for each."""

from __future__ import annotations

from tests.core.web.told import Item, a0, a1, a2, b0, b1, b2, c0, make, settle, starts

from penstock.core.schedule.answers import Bottleneck, Finished, Pull, Start, Wait
from penstock.core.schedule.verdicts import Again, Redirected

# Forgetting


def test_a_key_without_jobs_is_forgotten():
    frontier = make(a0, closed=False)

    assert frontier.next(0.0) == Start(a0)
    settle(frontier, a0, 1.0)
    assert not frontier._queues


def test_a_key_is_forgotten_once_its_delay_has_passed():
    frontier = make(a0, closed=False, delay=2.0)

    assert frontier.next(0.0) == Start(a0)
    settle(frontier, a0, 1.0)
    assert frontier._queues
    assert frontier.wakes_at() == 2.0
    assert frontier.next(2.0) == Pull()
    assert not frontier._queues
    assert frontier.wakes_at() is None


def test_a_million_keys_leave_nothing_behind():
    """Scaled down a hundred times; what matters is that the keys known do not add up."""
    frontier = make(closed=False, delay=0.1, concurrency=50)
    most = 0
    for number in range(10_000):
        now = number * 0.001
        assert frontier.next(now) == Pull()
        job = Item(f"host {number}", 0)
        frontier.offer(job)
        assert frontier.next(now) == Start(job)
        settle(frontier, job, now)
        most = max(most, len(frontier._queues))
    assert most <= 102


# The end


def test_nothing_to_do_is_finished_at_once():
    assert make().next(0.0) == Finished()


def test_it_is_not_finished_while_something_runs_or_waits():
    frontier = make(a0)

    assert frontier.next(0.0) == Start(a0)
    assert frontier.next(0.0) == Wait(None)
    frontier.settle(a0, Again(a0, 5.0), 1.0)
    assert frontier.next(1.0) == Wait(5.0)
    assert frontier.next(5.0) == Start(a0)
    settle(frontier, a0, 6.0)
    assert frontier.next(6.0) == Finished()
    assert frontier.next(7.0) == Finished()


def test_at_the_end_it_waits_for_the_engine_and_not_for_idle_keys():
    """Nothing can start when a delay ends: to wake for it would be for nothing."""
    frontier = make(a0, b0, delay=2.0)

    assert starts(frontier, 0.0) == [a0, b0]
    settle(frontier, a0, 1.0)
    assert frontier.next(1.0) == Wait(None)
    assert frontier.bound is Bottleneck.NOTHING


def test_drain_gives_back_what_never_started_and_lets_the_rest_finish():
    frontier = make(a0, a1, b0, b1, c0, closed=False, per_key=1, concurrency=3, delay=1.0)

    assert starts(frontier, 0.0) == [a0, b0, c0]
    frontier.settle(c0, Again(c0, 9.0), 0.5)
    assert sorted(frontier.drain()) == [a1, b1, c0]
    assert (frontier.held, frontier.running) == (0, 2)
    assert frontier.next(0.5) == Wait(None)
    settle(frontier, a0, 1.0)
    assert frontier.next(1.0) == Wait(None)
    settle(frontier, b0, 2.0)
    assert frontier.next(2.0) == Finished()
    assert not frontier._queues


def test_what_would_go_on_after_a_drain_is_dropped():
    """It stays unsettled, for a resume."""
    frontier = make(a0, b0, closed=False)

    assert starts(frontier, 0.0) == [a0, b0]
    assert frontier.drain() == []
    frontier.settle(a0, Again(a0, 9.0), 1.0)
    frontier.settle(b0, Redirected(c0), 1.0)
    assert frontier.next(1.0) == Finished()
    assert (frontier.held, frontier.running, frontier._queues) == (0, 0, {})


def test_draining_twice_gives_nothing_the_second_time():
    frontier = make(a0, closed=False)

    assert frontier.drain() == [a0]
    assert frontier.drain() == []
    assert frontier.next(0.0) == Finished()


# Live changes, and what it says of itself


def test_more_slots_are_used_at_once():
    frontier = make(a0, b0, c0, concurrency=1)

    assert starts(frontier, 0.0) == [a0]
    frontier.concurrency = 3
    assert starts(frontier, 0.0) == [b0, c0]


def test_fewer_slots_hold_as_soon_as_enough_has_finished():
    frontier = make(a0, b0, c0, concurrency=2)

    assert starts(frontier, 0.0) == [a0, b0]
    frontier.concurrency = 1
    settle(frontier, a0, 1.0)
    assert frontier.next(1.0, undelivered=1) == Wait(None)
    assert frontier.bound is Bottleneck.CONCURRENCY
    settle(frontier, b0, 2.0)
    assert starts(frontier, 2.0) == [c0]


def test_another_delay_holds_from_the_next_start_on():
    frontier = make(a0, a1, a2, delay=2.0)

    assert starts(frontier, 0.0) == [a0]
    frontier.delay = 0.5
    assert frontier.next(0.0) == Wait(2.0)
    assert starts(frontier, 2.0) == [a1]
    assert frontier.next(2.0) == Wait(2.5)


def test_a_source_that_has_nothing_is_what_bounds_the_speed():
    frontier = make(closed=False)

    assert frontier.bound is Bottleneck.NOTHING
    assert frontier.next(0.0) == Pull()
    frontier.starve()
    assert frontier.bound is Bottleneck.SOURCE
    assert frontier.next(0.0) == Pull()


def test_the_largest_key_counts_what_waits_what_runs_and_what_backs_off():
    frontier = make(a0, a1, a2, b0, b1, b2, c0, per_key=1)

    assert starts(frontier, 0.0) == [a0, b0, c0]
    settle(frontier, b0, 1.0)
    frontier.settle(a0, Again(a0, 9.0), 1.0)
    assert frontier.largest() == ("a", 3)


def test_where_there_are_no_jobs_no_key_is_largest():
    frontier = make(a0, delay=2.0)
    assert frontier.next(0.0) == Start(a0)
    settle(frontier, a0, 1.0)
    assert frontier.largest() is None


def test_it_shows_itself_in_a_debugger():
    frontier = make(a0, b0, concurrency=1)
    starts(frontier, 0.0)
    assert repr(frontier) == "<Frontier closed running=1 held=1 keys=2 concurrency>"
