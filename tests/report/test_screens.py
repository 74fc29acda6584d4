"""Which report fits the place it is shown in."""

from __future__ import annotations

import io
from datetime import datetime

import pytest

from penstock.core.schedule.answers import Bottleneck
from penstock.report.bar import Bar
from penstock.report.json import Json
from penstock.report.plain import Plain
from penstock.report.screens import Silent, choose, report_for, screen
from penstock.settings import Settings


class Stream(io.StringIO):
    def __init__(self, *, is_terminal=False):
        super().__init__()
        self.is_terminal = is_terminal

    def isatty(self):
        return self.is_terminal


@pytest.mark.parametrize(
    ("term", "is_terminal", "data_on_terminal", "chosen"),
    [
        ("xterm", True, False, "bar"),
        ("xterm", False, False, "plain"),
        ("dumb", True, False, "plain"),
        ("", True, False, "plain"),
        ("xterm", True, True, "none"),
        ("xterm", False, True, "none"),
    ],
)
def test_auto_takes_what_the_place_can_show(monkeypatch, term, is_terminal, data_on_terminal, chosen):
    monkeypatch.setenv("TERM", term)
    assert choose("auto", Stream(is_terminal=is_terminal), data_on_terminal=data_on_terminal) == chosen


@pytest.mark.parametrize("term", ["dumb", "unknown"])
def test_a_bar_that_cannot_be_drawn_becomes_lines_though_it_was_asked_for(monkeypatch, term):
    """Else there would be nothing to see."""
    monkeypatch.setenv("TERM", term)
    assert choose("bar", Stream(is_terminal=True), data_on_terminal=False) == "plain"
    assert choose("json", Stream(is_terminal=True), data_on_terminal=False) == "json"


@pytest.mark.parametrize("progress", ["bar", "plain", "json", "none"])
def test_what_is_asked_for_is_given_anywhere(monkeypatch, progress):
    monkeypatch.delenv("TERM", raising=False)
    assert choose(progress, Stream(), data_on_terminal=True) == progress


@pytest.mark.parametrize(("progress", "kind"), [("bar", Bar), ("plain", Plain), ("json", Json), ("none", Silent)])
def test_each_name_has_its_report(progress, kind):
    assert type(screen(progress, Settings(), Stream())) is kind


@pytest.mark.parametrize("progress", ["plain", "json", "none"])
def test_a_line_written_is_passed_on_whole_and_safe(progress):
    stream = Stream()
    screen(progress, Settings(), stream).say_now("\x1b[2J")
    assert stream.getvalue().endswith("\n")
    assert "\x1b" not in stream.getvalue()


def test_lines_name_options_to_a_person_and_keywords_to_a_program(stands):
    now = stands(5, bound=Bottleneck.RATE, held=1)
    stream, lines = Stream(), []
    screen("plain", Settings.of(rate=20), stream).update(now)
    report_for(lines.append, Settings.of(rate=20)).update(now)
    assert "bound by the starts a second over all hosts (--rate 20)" in stream.getvalue()
    assert "bound by the starts a second over all hosts (rate=20)" in lines[0]


def test_the_bar_names_options(monkeypatch, stands):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    stream = Stream(is_terminal=True)
    screen("bar", Settings(), stream).update(stands(5, bound=Bottleneck.CONCURRENCY, held=1))
    assert "(--concurrency 100)" in stream.getvalue()


def test_no_progress_is_no_progress(stands):
    stream = Stream()
    silent = screen("none", Settings(), stream)
    silent.update(stands(5))
    silent.close()
    assert silent.every is None
    assert stream.getvalue() == ""


def test_colours_come_only_where_they_are_wanted(monkeypatch, stands):
    """https://no-color.org: any value of NO_COLOR but an empty one means no."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")

    def drawing():
        stream = Stream(is_terminal=True)
        screen("bar", Settings(), stream).update(stands(5))
        return stream.getvalue()

    green, cyan = "\x1b[32m", "\x1b[36m"
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert green in drawing()
    assert cyan in drawing()
    monkeypatch.setenv("NO_COLOR", "1")
    assert green not in drawing()
    assert cyan not in drawing()


def test_a_line_of_a_log_begins_with_the_date_and_the_time():
    """As RFC 3339 has it, so that a machine reads it; what a program's own function is given has none."""
    stream = Stream()
    shown = screen("plain", Settings(), stream)
    shown.remark("A remark.")
    shown.say_now("A notice.")
    for line, text in zip(stream.getvalue().splitlines(), ("A remark.", "A notice."), strict=True):
        stamp, _, rest = line.partition(" ")
        assert datetime.fromisoformat(stamp).tzinfo is not None
        assert rest == text
