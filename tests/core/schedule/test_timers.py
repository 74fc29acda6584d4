"""Entries come out in the order of their times, however they went in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from penstock.core.schedule.timers import NEVER, PERIODS, Timers

TIMES = st.one_of(
    st.floats(-1.0, 20.0), st.sampled_from([0.0, 1.0, 1.0 + 0.5 / PERIODS, 2.0]), st.floats(1e6, 1e9), st.none()
)
"""When to insert an entry; None takes one."""


@given(st.lists(TIMES, max_size=60))
def test_the_soonest_entry_comes_first_and_of_equal_times_the_oldest(steps):
    timers: Timers[int] = Timers()
    model: list[tuple[float, int]] = []
    for number, time in enumerate(steps):
        if time is not None:
            timers.set(time, number)
            model.append((time, number))
        elif model:
            model.sort()
            assert timers.take() == model.pop(0)[1]
        assert timers.soonest == min(model, default=(NEVER, 0))[0]
        assert sorted(timers.entries()) == sorted(model)
    assert [timers.take() for _ in range(len(model))] == [number for _, number in sorted(model)]
    assert timers.soonest == NEVER


def test_cleared_timers_begin_anew():
    timers: Timers[str] = Timers()
    for time in (3.0, 1.0, 2.0):
        timers.set(time, "before")
    timers.clear()
    assert (timers.soonest, timers.entries()) == (NEVER, [])
    timers.set(0.5, "after")
    assert timers.take() == "after"
    assert timers.soonest == NEVER
