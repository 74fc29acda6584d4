"""When enough is done, and when it goes too slowly: arithmetic, with exact times."""

from __future__ import annotations

import pytest

from penstock.core.results import Progress
from penstock.core.schedule.answers import Bottleneck
from penstock.core.schedule.tally import Tally
from penstock.core.web.finish import EarlyEnd


def stands(elapsed=0.0, done=0, *, pulled=100, exhausted=True, **more):
    tally = Tally()
    tally.kinds["fetched"] = done
    return Progress(elapsed, 0, 0, 0, pulled, exhausted, Bottleneck.NOTHING, None, tally, **more)


@pytest.mark.parametrize(("share", "enough"), [(0.9, 90), (0.999, 100), (1, 100), (0.07, 7), (0.01, 1)])
def test_a_share_is_reached_by_the_input_that_makes_it_whole(share, enough):
    finish = EarlyEnd(share, None)
    assert finish.check(stands(done=enough - 1)) is None
    assert finish.check(stands(done=enough)) == "stop_at"


def test_a_share_is_of_all_inputs_so_they_must_all_have_been_read():
    finish = EarlyEnd(0.5, None)
    assert finish.check(stands(done=99, exhausted=False)) is None
    assert finish.check(stands(done=0, exhausted=False, before=50, inputs=100)) == "stop_at"


def test_what_is_to_be_tried_again_is_not_done():
    assert EarlyEnd(0.9, None).check(stands(done=5, before=100, again=20, inputs=100)) is None
    assert EarlyEnd(0.9, None).check(stands(done=10, before=100, again=20, inputs=100)) == "stop_at"


def test_the_first_minute_is_no_measure_of_speed():
    finish = EarlyEnd(None, 1.0)
    assert [finish.check(stands(at, 0)) for at in (1.0, 30.0, 59.9, 60.0)] == [None, None, None, "min_speed"]


def test_a_speed_is_that_of_the_last_minute():
    """One a second for a minute, then one in ten: at 93 s there were 30 in the last minute, at 94 s there were 29."""
    finish = EarlyEnd(None, 0.5)
    counts = {second: min(second, 60) + max(0, second - 60) // 10 for second in range(1, 95)}
    said = [finish.check(stands(float(second), count)) for second, count in counts.items()]
    assert said == [None] * 93 + ["min_speed"]


def test_no_more_is_remembered_than_a_minute():
    finish = EarlyEnd(None, 0.5)
    for second in range(1, 1_000):
        finish.check(stands(float(second), second))
    assert len(finish._marks) <= 61


def test_without_bounds_there_is_no_end():
    assert EarlyEnd(None, None).check(stands(1_000.0, 100)) is None
