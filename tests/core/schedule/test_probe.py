"""The concurrency probe in virtual time, against servers of a fixed capacity."""

from __future__ import annotations

import heapq

from hypothesis import example, given
from hypothesis import strategies as st

from penstock.core.schedule.probe import AT_FIRST, CONTENT, ConcurrencyProbe


def allowed_over_time(capacity: float, latency: float, seconds: float, limit: int = 10_000) -> list[tuple[float, int]]:
    """What a probe allows over time, served by something that does *capacity* requests a second and no more."""
    probe = ConcurrencyProbe()
    now, running, free_at = 0.0, 0, 0.0
    ends: list[float] = []
    seen = [(0.0, probe.allowed)]
    while now < seconds:
        while running < min(probe.allowed, limit):
            free_at = max(free_at, now) + 1 / capacity
            heapq.heappush(ends, max(now + latency, free_at))
            running += 1
        now = heapq.heappop(ends)
        if probe.count_end(running, now):
            seen.append((now, probe.allowed))
        running -= 1
    return seen


def test_more_at_once_as_long_as_more_comes_back():
    """1,000 a second with answers after half a second need 500 at once."""
    seen = allowed_over_time(capacity=1_000, latency=0.5, seconds=120)
    settled = [allowed for time, allowed in seen if time > 20]
    assert min(settled) >= 500
    assert max(settled) <= 500 * 1.5 * 1.5


def test_what_is_enough_already_is_tried_seldom_and_taken_back():
    seen = allowed_over_time(capacity=50, latency=0.1, seconds=200)
    assert {allowed for _, allowed in seen} == {AT_FIRST, AT_FIRST * 3 // 2}
    assert len(seen) <= 2 * (200 / CONTENT) + 2


@given(st.floats(20, 3_000), st.floats(0.01, 2.0), st.integers(1, 2_000))
@example(capacity=120.0, latency=1.2421875, limit=225)
def test_it_never_settles_far_above_what_is_needed_nor_below(capacity, latency, limit):
    seen = allowed_over_time(capacity, latency, seconds=30 + 30 * latency, limit=limit)
    needed = min(capacity * latency, limit)
    last = seen[-1][1]
    assert last >= min(needed, limit) * 0.6 or last >= limit
    # What it allows beyond the user's limit never runs, and so is never tried.
    assert min(last, limit) <= max(AT_FIRST, needed) * 1.5 * 1.5


def test_below_what_is_allowed_nothing_is_learned():
    probe = ConcurrencyProbe()
    assert not any(probe.count_end(50, 0.1 * number) for number in range(1_000))
    assert probe.allowed == AT_FIRST
