"""What the frontier does with more jobs than may wait in memory."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.web.told import Item, a0, make, settle, starts

from penstock.core.schedule.answers import Ahead, Bottleneck, Deliver, Finished, Held, Pull, Refill, Spill, Start, Wait
from penstock.core.schedule.verdicts import Again, Done, Redirected


def jobs(key: str, count: int, first: int = 0) -> list[Item]:
    return [Item(key, first + number) for number in range(count)]


def offer(frontier, *offered) -> list[Item]:
    """Those of *offered* that were spilled."""
    spilled = []
    for job in offered:
        answer = frontier.offer(job)
        if answer != Held():
            spilled += answer.jobs
    return spilled


def test_nothing_is_spilled_before_half_of_the_window_is_taken():
    frontier = make(closed=False, window=10, per_key=1, ahead=Ahead.OVERFLOW)
    assert offer(frontier, *jobs("a", 5)) == []
    assert frontier.offer(Item("a", 5)) == Spill((Item("a", 5),))
    assert (frontier.held, frontier.spilled) == (5, 1)


def test_a_key_that_has_spilled_goes_on_to_so_that_its_jobs_keep_their_order():
    frontier = make(*jobs("a", 5), closed=False, window=10, per_key=1, ahead=Ahead.OVERFLOW)
    assert offer(frontier, Item("a", 5)) == [Item("a", 5)]
    assert starts(frontier, 0.0) == [a0]
    assert offer(frontier, *jobs("b", 1), Item("a", 6)) == [Item("a", 6)]


def test_a_key_comes_back_for_its_jobs_when_it_has_none_left():
    frontier = make(*jobs("a", 2), closed=False, window=4, per_key=1, ahead=Ahead.OVERFLOW)
    assert offer(frontier, *jobs("a", 3, 2)) == jobs("a", 3, 2)
    frontier.close()
    assert frontier.next(0.0) == Start(a0)
    settle(frontier, a0, 1.0)
    assert frontier.next(1.0) == Start(Item("a", 1))
    assert frontier.next(1.0) == Refill("a", 2)
    frontier.refill("a", jobs("a", 2, 2))
    assert frontier.next(1.0) == Wait(None)
    settle(frontier, Item("a", 1), 2.0)
    for number in (2, 3):
        assert frontier.next(2.0) == Start(Item("a", number))
        if number == 3:
            assert frontier.next(2.0) == Refill("a", 1)
            frontier.refill("a", jobs("a", 1, 4))
        settle(frontier, Item("a", number), 2.0)
    assert frontier.next(2.0) == Start(Item("a", 4))
    settle(frontier, Item("a", 4), 2.0)
    assert frontier.next(2.0) == Finished()


def test_a_million_lines_of_one_slow_host_stall_nobody():
    """They are read past, and the first of another host starts."""
    frontier = make(closed=False, window=100, concurrency=3, per_key=2, ahead=Ahead.OVERFLOW)
    source = iter([*jobs("slow", 1000), *jobs("b", 1)])
    started = []
    while (answer := frontier.next(0.0)) != Wait(None):
        if isinstance(answer, Pull):
            offer(frontier, next(source))
        else:
            started.append(answer.job)
    assert started == [*jobs("slow", 2), Item("b", 0)]
    assert frontier.held <= 100


def test_a_full_window_is_cut_down_to_everybodys_share():
    """Those who came first had the room; now there are more. The newest of each go."""
    frontier = make(closed=False, window=40, per_key=1, ahead=Ahead.OVERFLOW)
    for key in "abcd":
        assert offer(frontier, Item(key, 0)) == []
        assert starts(frontier, 0.0) == [Item(key, 0)]
        offer(frontier, *jobs(key, 30, 1))
    assert frontier.held == 20 + 10 + 6 + 5
    assert frontier.next(0.0) == Spill((*jobs("a", 15, 6), *jobs("b", 5, 6), *jobs("c", 1, 6)))
    assert frontier.held == 4 * 5
    assert frontier.next(0.0) == Pull()


def test_reading_stops_where_as_many_keys_wait_as_half_the_window():
    frontier = make(closed=False, window=10, per_key=1, concurrency=99, delay=5.0, ahead=Ahead.OVERFLOW)
    for turn in range(2):
        for number in range(10):
            assert offer(frontier, Item(f"k{number}", turn)) == []
        starts(frontier, 0.0)
    assert frontier.next(0.0) == Wait(None)
    assert frontier.bound is Bottleneck.KEYS


def test_what_is_in_the_overflow_counts_for_the_largest_key_and_waits_with_it():
    frontier = make(*jobs("a", 5), closed=False, window=10, per_key=1, ahead=Ahead.OVERFLOW)
    offer(frontier, *jobs("a", 7, 5))
    assert frontier.next(0.0) == Start(a0)
    assert frontier.largest() == ("a", 12)
    (waiting,) = frontier.waiting()
    assert (waiting.jobs, waiting.running, waiting.bound) == (11, 1, Bottleneck.PER_KEY)


def test_a_redirect_or_a_retry_is_never_spilled_since_nobody_would_write_it():
    frontier = make(*jobs("a", 5), *jobs("b", 1), closed=False, window=10, per_key=1, ahead=Ahead.OVERFLOW)
    assert [frontier.next(0.0).job for _ in "ab"] == [a0, Item("b", 0)]
    offer(frontier, *jobs("a", 3, 5))
    spilled = frontier.spilled
    frontier.settle(Item("b", 0), Redirected(Item("a", 100)), 1.0)
    frontier.settle(a0, Again(a0, 9.0), 1.0)
    assert frontier.spilled == spilled


def test_a_drain_forgets_what_is_in_the_overflow():
    frontier = make(*jobs("a", 5), closed=False, window=10, per_key=1, ahead=Ahead.OVERFLOW)
    offer(frontier, *jobs("a", 3, 5))
    assert frontier.next(0.0) == Start(a0)
    assert frontier.drain() == jobs("a", 4, 1)
    assert frontier.spilled == 0
    settle(frontier, a0, 1.0)
    assert frontier.next(1.0) == Finished()


def test_a_refill_of_more_than_there_is_is_a_bug():
    frontier = make(*jobs("a", 5), closed=False, window=10, per_key=1, ahead=Ahead.OVERFLOW)
    offer(frontier, Item("a", 5))
    with pytest.raises(AssertionError, match="of the 1 jobs"):
        frontier.refill("a", jobs("a", 2, 5))


class Driven:
    """A frontier over *keys* with an overflow that is a dictionary; a *slow* key's jobs take ten times as long.

    The end of a job in *last* gives up all others of its key, as when its host is down.
    """

    def __init__(self, keys: list[str], slow: str, last: set[int], **limits) -> None:
        self.jobs = [Item(key, number) for number, key in enumerate(keys)]
        self.frontier = make(closed=False, concurrency=4, ahead=Ahead.OVERFLOW, **limits)
        self.ended: list[Item] = []
        self._source = iter(self.jobs)
        self._slow, self._last = slow, last
        self._aside = defaultdict(list)
        self._running: list[tuple[float, Item]] = []
        self._now = 0.0

    def turn(self) -> bool:
        """Do what it says; whether there is more to do."""
        answer = self.frontier.next(self._now)
        if isinstance(answer, Pull):
            job = next(self._source, None)
            answer = self.frontier.close() if job is None else self.frontier.offer(job)
        if isinstance(answer, Start):
            self._running.append((self._now + (10.0 if answer.job.key == self._slow else 1.0), answer.job))
        elif isinstance(answer, Spill):
            for job in answer.jobs:
                self._aside[job.key].append(job)
        elif isinstance(answer, Refill):
            aside = self._aside[answer.key]
            back, self._aside[answer.key] = aside[: answer.most], aside[answer.most :]
            self.frontier.refill(answer.key, back)
        elif isinstance(answer, Deliver):
            self.ended += answer.endings
        elif isinstance(answer, Wait):
            self._wait(answer.until)
        return not isinstance(answer, Finished)

    def _wait(self, until: float | None) -> None:
        end, job = min(self._running, default=(float("inf"), None))
        self._now = end if until is None else min(end, until)
        if job is not None and self._now == end:
            self._running.remove((end, job))
            self.ended.append(job)
            down = job.number in self._last
            verdict = Done(job, park=end + 3.0, ending_of=lambda job: job) if down else Done(job)
            self.frontier.settle(job, verdict, end)


@given(
    keys=st.lists(st.sampled_from("aaaaaabbc") | st.text("abcdefgh", min_size=1, max_size=2), max_size=200),
    slow=st.sampled_from("abc"),
    last=st.sets(st.integers(0, 200), max_size=8),
    window=st.integers(2, 12),
    per_key=st.integers(1, 3),
    delay=st.sampled_from([0.0, 0.5]),
)
def test_every_job_comes_to_one_end_within_the_bounds(keys, slow, last, **limits):
    driven = Driven(keys, slow, last, **limits)
    frontier = driven.frontier
    for _ in range(20 * len(keys) + 20):
        if not driven.turn():
            break
        assert frontier.held <= limits["window"] + len(set(keys))
    assert sorted(driven.ended) == sorted(driven.jobs)
    assert (frontier.held, frontier.spilled, frontier.running) == (0, 0, 0)


def test_in_order_what_is_put_aside_counts_for_how_far_it_may_read():
    frontier = make(closed=False, window=4, concurrency=2, per_key=1, ahead=Ahead.OVERFLOW)
    read = 0
    while isinstance(answer := frontier.next(0.0, withheld=0), Pull | Start | Spill):
        if isinstance(answer, Pull):
            frontier.offer(Item("a", read))
            read += 1
    assert read == 2 * 2
