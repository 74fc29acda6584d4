"""A few live lines on a terminal: how far, how fast, what came, what bounds the speed.

Knows rich and the width of the terminal. Does not know signals, or what is printed after it is closed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from penstock.core.schedule.statistics import Statistics
from penstock.core.schedule.tally import Tally
from penstock.report import estimate, explain, wording
from penstock.report.summary import wrapped
from penstock.settings import Settings

__all__ = ["Bar"]

Segment = tuple[str, str]
"""A text and its style."""

SEPARATOR: Final[Segment] = ("  ", "")
NARROWEST_BAR: Final = 10

ECHO: Final = 2
"""Columns that stay free at the end, for the ^C that the terminal itself writes there: were the line full, that would
begin another, and the next drawing would be off by one."""


class Bar:
    """Draws itself anew with each update, and is gone when closed: the summary says more.

    Where the terminal cannot be written to (it was hung up), it falls silent; the work goes on.
    """

    every: float | None = 0.5

    def __init__(self, settings: Settings, console: Console) -> None:
        """Nothing is drawn before the first update."""
        self._settings = settings
        self._console = console
        self._live = Live(
            console=console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )
        self._shown = estimate.Speed(memory=3)
        self._steady = estimate.Speed(memory=20)
        self._notice: str | None = None
        self._gone = False

    def notice(self, text: str) -> None:
        """Show *text* from the next update on, in place of what bounds the speed. Safe in a signal handler."""
        self._notice = text

    def remark(self, text: str) -> None:
        """Write *text* above the lines that change."""
        try:
            for line in wrapped(text, self._console.width):
                self._console.print(Text(line))
        except OSError:
            self._gone = True

    def update(self, statistics: Statistics) -> None:
        """Draw where the work stands."""
        # What is to be tried again was done before; that it is not any more is no speed.
        now = estimate.done(statistics) - statistics.before + statistics.again
        self._shown.update(statistics.elapsed, now)
        self._steady.update(statistics.elapsed, now)
        if self._gone:
            return
        try:
            self._live.start()
            self._live.update(self._drawing(statistics), refresh=True)
        except OSError:
            self._gone = True

    def close(self) -> None:
        """Clear the lines and give the cursor back."""
        try:
            self._live.stop()
        except OSError:
            self._gone = True

    def _drawing(self, statistics: Statistics) -> Group:
        width = self._console.width
        return Group(
            self._progress(statistics, width),
            _fitted(_came(statistics), width),
            self._last_line(statistics, width - ECHO),
        )

    def _last_line(self, statistics: Statistics, width: int) -> Text:
        if self._notice:
            return Text("\n".join(wrapped(self._notice, width)), style="bold")
        why = explain.hint(statistics, self._settings) or explain.bound(statistics, self._settings)
        line = Text(why, style="dim", no_wrap=True)
        line.truncate(max(width, 1), overflow="ellipsis")
        return line

    def _progress(self, statistics: Statistics, width: int) -> Text | Table:
        total = None if self._notice else estimate.total(statistics)
        words = _fitted(self._how_far(statistics, total), width)
        room = width - words.cell_len - 2
        if total is None or room < NARROWEST_BAR:
            return words
        line = Table.grid(padding=(0, 2, 0, 0))
        line.add_column(width=room)
        line.add_column(no_wrap=True)
        line.add_row(ProgressBar(total=max(total, 1), completed=estimate.done(statistics), width=room), words)
        return line

    def _how_far(self, statistics: Statistics, total: int | None) -> list[Segment]:
        done = estimate.done(statistics)
        speed = (wording.pace(self._shown.rate), "cyan")
        if total is None:
            passed = (wording.duration(round(statistics.elapsed)), "dim")
            return [(f"{wording.count(done)} done", "bold"), speed, passed]
        about = "" if statistics.total is not None else "about "
        left = estimate.time_left(statistics, self._steady.rate, self._settings.delay)
        segments = [
            (f"{wording.count(done)} of {about}{wording.count(total)}", "bold"),
            (wording.share(done, total), ""),
            speed,
        ]
        return segments if left is None else [*segments, (f"{wording.duration(round(left))} left", "")]


def _came(statistics: Statistics) -> list[Segment]:
    """What is in flight and what came of the rest, most important first."""
    tally = statistics.tally
    return [
        (f"{wording.count(statistics.running)} in flight", "bold"),
        *((text, _style_of_status(text)) for text in wording.counts(tally.statuses)),
        *_errors(tally),
    ]


def _errors(tally: Tally) -> Iterable[Segment]:
    return ((text, "red") for text in wording.counts(tally.reasons))


def _style_of_status(text: str) -> str:
    return {"2": "green", "3": "cyan", "4": "yellow"}.get(text[:1], "red")


def _fitted(segments: Sequence[Segment], width: int) -> Text:
    """As many of *segments* as fit into *width*, whole ones only, in order; ``…`` says that some did not."""
    line = Text(no_wrap=True, overflow="ellipsis")
    for number, segment in enumerate(segments):
        last = number == len(segments) - 1
        needed = len(segment[0]) + len(SEPARATOR[0]) * bool(number) + (0 if last else 2)
        if number and line.cell_len + needed > width:
            line.append(" …", "dim")
            break
        if number:
            line.append(*SEPARATOR)
        line.append(*segment)
    return line
