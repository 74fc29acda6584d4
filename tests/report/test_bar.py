"""The live lines, as a terminal would show them."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from penstock.core.schedule.answers import Bottleneck
from penstock.report.bar import Bar
from penstock.settings import Settings


class Terminal(io.StringIO):
    """Remembers what is drawn, and may hang up."""

    def __init__(self):
        super().__init__()
        self.is_gone = False

    def write(self, text):
        if self.is_gone:
            raise OSError(5, "Input/output error")
        return super().write(text)


@pytest.fixture
def terminal():
    return Terminal()


@pytest.fixture
def bar_of(terminal):
    def make(width=100, **how):
        console = Console(
            file=terminal,
            width=width,
            height=30,
            force_terminal=True,
            color_system=None,
            markup=False,
            _environ={"TERM": "xterm"},  # whatever the tests are run in
            **how,
        )
        return Bar(Settings(), console)

    return make


def drawn(terminal):
    """The last drawing, line by line, without what moves the cursor."""
    frame = terminal.getvalue().rpartition("\x1b[2K")[2].rpartition("\x1b[1A")[2]
    return [line.rstrip("\r") for line in frame.replace("\x1b[?25l", "").split("\n")]


@pytest.fixture
def midway(stands, tally_of):
    came = tally_of({200: 7_900, 404: 120, 503: 3}, {"connect_refused": 77})
    return stands(
        tally=came,
        pulled=12_150,
        running=98,
        held=3_952,
        read=(500, 1_000),
        bound=Bottleneck.CONCURRENCY,
        elapsed=10.0,
    )


def test_three_lines_say_how_far_what_came_and_what_bounds(bar_of, terminal, midway):
    bar_of().update(midway)
    progress, came, bound = drawn(terminal)
    assert progress.endswith("8,100 of about 24,300  33 %  810/s  20 s left")
    assert "━" in progress
    assert came == "98 in flight  200: 7,900  404: 120  503: 3  connect_refused: 77"
    assert bound == "bound by the requests at once over all hosts (--concurrency 100)"


@pytest.mark.parametrize("width", [20, 30, 40, 60, 80, 100, 300])
def test_no_line_is_wider_than_the_terminal_and_none_is_torn(bar_of, terminal, midway, width):
    """The last line leaves room for the ^C that a terminal writes there."""
    bar_of(width).update(midway)
    lines = drawn(terminal)
    assert len(lines) == 3
    assert all(len(line) <= width for line in lines)
    assert len(lines[-1]) <= width - 2
    for entry in lines[1].removesuffix(" …").split("  "):
        assert entry in ("98 in flight", "200: 7,900", "404: 120", "503: 3", "connect_refused: 77")


def test_without_a_total_there_is_no_bar(bar_of, terminal, stands):
    bar_of().update(stands(8_100, running=5))
    assert drawn(terminal)[0] == "8,100 done  810/s  10 s"


def test_what_is_to_be_tried_again_is_no_speed(bar_of, terminal, stands):
    """A retry of all of a thousand inputs: none of them is done any more, and that they were is not undone a second."""
    bar_of().update(stands(20, before=1_000, again=1_000, inputs=1_000, elapsed=10.0))
    assert "20 of 1,000  2 %  2.0/s" in drawn(terminal)[0]


def test_a_notice_stands_where_the_bound_was_and_is_wrapped(bar_of, terminal, midway):
    bar = bar_of(40)
    bar.say_now("Stopping: nothing new is started; once more to stop at once.")
    bar.update(midway)
    assert drawn(terminal) == [
        "8,100 done  810/s  10 s",
        "98 in flight  200: 7,900  404: 120 …",
        "Stopping: nothing new is started; once",
        "more to stop at once.",
    ]


def test_a_notice_is_only_remembered_until_the_next_update(bar_of, terminal):
    """Drawing inside a signal handler could meet a drawing that was interrupted."""
    bar_of().say_now("Stopping.")
    assert terminal.getvalue() == ""


def test_what_a_host_is_called_is_no_markup_and_no_escape(bar_of, terminal, stands):
    bar_of().update(stands(5, held=1_000, busiest=("[bold]a\x1b[31m.test", 900)))
    assert drawn(terminal)[2].startswith(r"[bold]a\x1b[31m.test holds 90 %")


def test_closing_clears_the_lines_and_gives_the_cursor_back(bar_of, terminal, midway):
    bar = bar_of()
    bar.update(midway)
    bar.close()
    bar.close()
    end = terminal.getvalue()
    assert end.endswith("\x1b[1A\x1b[2K" * 3)
    assert end.rindex("\x1b[?25h") > end.rindex("\x1b[?25l")


def test_a_terminal_that_hung_up_is_left_alone(bar_of, terminal, midway):
    bar = bar_of()
    bar.update(midway)
    terminal.is_gone = True
    bar.update(midway)
    bar.update(midway)
    bar.close()
