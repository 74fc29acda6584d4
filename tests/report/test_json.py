"""Lines for programs that watch."""

from __future__ import annotations

import json

from penstock.core.schedule.answers import Bottleneck
from penstock.report.json import Json, summary_line
from penstock.settings import Settings


def test_a_line_is_one_object_with_everything_in_it(stands):
    lines = []
    report = Json(Settings(), lines.append)
    report.update(
        stands(
            100,
            pulled=200,
            running=9,
            held=91,
            read=(500, 1_000),
            bound=Bottleneck.KEYS,
            busiest=("a.test", 80),
            alone=7,
            parked=(("a.test", 12.34),),
        ),
    )
    assert json.loads(lines[0]) == {
        "event": "progress",
        "elapsed": 10.0,
        "done": 100,
        "before": 0,
        "total": 400,
        "total_is_exact": False,
        "per_second": 10.0,
        "left": 30.0,
        "running": 9,
        "held": 91,
        "undelivered": 0,
        "pulled": 200,
        "read": {"bytes": 500, "of": 1_000},
        "bound": "keys",
        "busiest": {"host": "a.test", "jobs": 80},
        "alone": 7,
        "parked": [{"host": "a.test", "left": 12.3}],
        "session": {
            "outcomes": {"fetched": 100, "skipped": 0, "failed": 0},
            "statuses": {"200": 100},
            "errors": {},
            "bytes": 0,
            "attempts": 0,
            "redirects": 0,
            "duplicates": 0,
        },
    }


def test_what_is_unknown_is_null(stands):
    lines = []
    Json(Settings(), lines.append).update(stands(100))
    said = json.loads(lines[0])
    assert [said[name] for name in ("total", "left", "read", "busiest")] == [None] * 4


def test_a_line_stays_one_line_and_ascii_whatever_is_in_it(stands):
    lines = []
    report = Json(Settings(), lines.append)
    report.update(stands(100, busiest=("\x1b[2J\n\x9b\u202e", 80)))
    report.say_now("one\ntwo")
    report.close()
    assert all(line.isascii() and line.isprintable() for line in lines)
    assert json.loads(lines[1]) == {"event": "notice", "text": "one\ntwo"}


def test_the_summary_is_an_object_too(ended, tally_of):
    said = json.loads(summary_line(ended(tally_of({200: 5}), session=tally_of({200: 2})), 0))
    assert said["event"] == "summary"
    assert said["complete"] is True
    assert said["exit_code"] == 0
    assert said["run"]["outcomes"]["fetched"] == 5
    assert said["session"]["outcomes"]["fetched"] == 2


def test_the_summary_says_what_stopped_it_what_is_left_and_what_may_work_later(ended, tally_of):
    ending = ended(
        tally_of({200: 5, 404: 1, 503: 2}, {"timeout": 3}), complete=False, ended_by="sigterm", inputs_left=7
    )
    said = json.loads(summary_line(ending, 143))
    assert (said["ended_by"], said["inputs_left"]) == ("sigterm", 7)
    assert said["later"] == {"503": 2, "timeout": 3}
