"""A line every few seconds."""

from __future__ import annotations

import pytest

from penstock.core.schedule.answers import Bottleneck
from penstock.report.plain import Plain
from penstock.settings import Settings


@pytest.fixture
def lines():
    return []


@pytest.fixture
def plain(lines):
    return Plain(Settings(), lines.append)


def test_a_line_says_how_far_how_fast_what_came_and_what_bounds(plain, lines, stands, tally_of):
    came = tally_of({200: 90}, {"timeout": 10})
    now = stands(tally=came, pulled=200, running=100, read=(500, 1_000), bound=Bottleneck.CONCURRENCY, elapsed=10.0)
    plain.update(now)
    (line,) = lines
    assert line == (
        "10 s: 100 done of about 400 (25 %), 10/s, 30 s left, 100 in flight, 200: 90, timeout: 10; "
        "bound by the requests at once over all hosts (concurrency=100)"
    )
    assert line.typed.endswith("; bound by the requests at once over all hosts (--concurrency 100)")


def test_without_a_total_no_end_is_named(plain, lines, stands):
    plain.update(stands(100, running=5))
    assert lines[0].startswith("10 s: 100 done, 10/s, 5 in flight, 200: 100; ")


def test_what_was_done_before_is_no_speed_of_ours(plain, lines, stands):
    plain.update(stands(100, before=1_000_000, exhausted=True, pulled=200))
    assert lines[0].startswith("10 s: 1,000,100 done of 1,000,200 (99 %), 10/s, 10 s left, ")


def test_the_first_second_is_not_worth_a_line(plain, lines, stands):
    plain.update(stands(1, elapsed=0.5))
    assert lines == []


def test_a_notice_is_told_at_once(plain, lines):
    plain.say_now("Stopping.")
    plain.close()
    assert lines == ["Stopping."]


def test_lines_come_less_often_the_longer_it_takes(plain, stands):
    """Every 5 s in the first minute, every 10 s until 5 minutes, every 30 s until half an hour, then every minute."""
    found = []
    for elapsed in (0.0, 59.9, 60.0, 299.0, 300.0, 1_799.0, 1_800.0, 86_400.0):
        plain.update(stands(1, elapsed=elapsed))
        found.append(plain.every)
    assert found == [5.0, 5.0, 10.0, 10.0, 30.0, 30.0, 60.0, 60.0]
