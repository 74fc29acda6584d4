"""A plan, word for word."""

from __future__ import annotations

import json

import pytest

from penstock.core.web.model import Reason, Skipped
from penstock.core.web.plan import PlanLimits, Survey
from penstock.report.plan import plan_json, plan_lines
from penstock.scratch.seen import NameCounts

LIMITS = PlanLimits(100, 2, 0.2, None)


@pytest.fixture
def planned():
    """Makes the plan of so many requests for each host, so many duplicates among them, and refused lines."""

    def make(hosts, *, refused=(), duplicates=0, unique=False, limits=LIMITS, most=10):
        with NameCounts() as counts:
            survey = Survey(counts, unique=unique)
            for seq, (line, reason, said) in enumerate(refused):
                survey.refuse(Skipped(seq, "", reason, f"line {line}: {said}"), line)
            for host, number in hosts.items():
                for _ in range(number):
                    survey.request(host, again=False)
            for _ in range(duplicates):
                survey.request(next(iter(hosts)), again=True)
            return survey.plan(limits, most)

    return make


def test_a_list_with_one_host_that_is_most_of_it(planned):
    plan = planned(
        {"x.example": 3_800, "y.example": 200, **{f"h{number:04}.example": 1 for number in range(6_000)}},
        refused=[(3, Reason.INVALID_URL, "not a URL"), (9, Reason.BLOCKED_SCHEME, "scheme ftp:")],
        most=2,
    )
    assert plan_lines(plan) == [
        "Nothing was sent. 10,002 inputs, counted exactly:",
        "  10,000  requests, to 6,002 hosts",
        "       2  that cannot be requested:",
        "  invalid_url: 1, line 3: not a URL",
        "  blocked_scheme: 1, line 9: scheme ftp:",
        "",
        "The biggest hosts, their share, and how long each needs at least:",
        "  x.example     3,800  38 %  12 min 40 s",
        "  y.example       200   2 %  40 s",
        "  6,000 others  6,000  60 %",
        "",
        "It takes at least 12 min 40 s. x.example sets that: 3,800 starts, 0.2 s apart",
        "(--delay 0.2).",
        "It takes longer if a request takes over 7.6 s on average (--concurrency 100), or",
        "over 0.4 s at x.example (--per-host 2); and for robots.txt, redirects and",
        "retries.",
        "",
        "Hint: without x.example it could be 40 s; if it is yours, fetch it with a lower",
        "--delay.",
    ]


def test_a_rate_that_sets_the_time(planned):
    lines = plan_lines(planned({"a.example": 5_000, "b.example": 5_000}, limits=PlanLimits(50, 2, 0, 10)))
    assert lines[2:] == [
        "",
        "The biggest hosts, their share, and how long each needs at least:",
        "  a.example  5,000  50 %  8 min 25 s",
        "  b.example  5,000  50 %  8 min 25 s",
        "",
        "It takes at least 16 min 50 s. --rate 10 sets that: 10,000 starts, at most 10 a",
        "second over all hosts.",
        "It takes longer if a request takes over 5.05 s on average (--concurrency 50);",
        "and for robots.txt, redirects and retries.",
    ]


def test_where_nothing_bounds_the_time_no_time_is_told(planned):
    assert plan_lines(planned({"a.example": 3, "b.example": 1}, limits=PlanLimits(100, 2, 0, None))) == [
        "Nothing was sent. 4 inputs, counted exactly:",
        "  4  requests, to 2 hosts",
        "",
        "The biggest hosts, their share:",
        "  a.example  3  75 %",
        "  b.example  1  25 %",
        "",
        "No lower bound follows from these settings: how long it takes is up to the",
        "servers.",
    ]


def test_an_empty_list(planned):
    assert plan_lines(planned({})) == [
        "Nothing was sent. 0 inputs, counted exactly:",
        "  0  requests",
        "",
        "How long it takes is up to the server.",
    ]


def test_duplicates_are_told_with_what_can_be_done_about_them(planned):
    assert "  2  of them for the same as an earlier one; --unique skips these" in plan_lines(
        planned({"a": 3}, duplicates=2)
    )
    assert plan_lines(planned({"a": 3}, duplicates=2, unique=True))[:3] == [
        "Nothing was sent. 5 inputs, counted exactly:",
        "  3  requests, to 1 host",
        "  2  that ask for the same as an earlier one, skipped (--unique)",
    ]


def test_many_lines_refused_for_one_reason_take_two_lines(planned):
    refused = [(number, Reason.INVALID_URL, f"said {number}") for number in range(11, 31)]
    lines = plan_lines(planned({}, refused=refused), several=True)
    assert lines[3:5] == [
        "  invalid_url: 20, lines 11, 12, 13, 14, 15 ..., the first: said 11",
        "  (Each input counts its lines from 1.)",
    ]


def test_nothing_from_the_list_acts_on_a_terminal(planned):
    evil = "\x1b[2J\u202e\x9b"
    plan = planned({f"{evil}.example": 200, "b": 1}, refused=[(1, Reason.INVALID_URL, f"{evil}{'x' * 10_000}")])
    for line in plan_lines(plan):
        assert line.isprintable()
        assert len(line) < 200
    said = plan_json(plan)
    assert said.isascii()
    assert said.isprintable()


def test_a_plan_is_one_object_with_everything_in_it(planned):
    plan = planned({"a": 3, "b": 1}, refused=[(7, Reason.INVALID_URL, "no")], duplicates=1, most=1)
    assert json.loads(plan_json(plan)) == {
        "v": 1,
        "inputs": 6,
        "requests": 5,
        "duplicates": 1,
        "unique": False,
        "refused": [
            {"error": "invalid_url", "count": 1, "first": [{"seq": 0, "line": 7}], "detail": "line 7: no"},
        ],
        "hosts": 2,
        "biggest": [{"host": "a", "requests": 4, "share": 0.8, "seconds": 0.6}],
        "settings": {"concurrency": 100, "per_host": 2, "delay": 0.2, "rate": None},
        "bound": {"seconds": 0.6, "by": "delay", "host": "a", "seconds_without_biggest": 0.0},
    }
