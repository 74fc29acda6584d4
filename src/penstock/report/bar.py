"""A few live lines on a terminal: progress, speed, outcomes and bottleneck.

Knows rich and the width of the terminal. Does not know signals, or the text printed
after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from penstock.core.results import Progress
from penstock.core.schedule.tally import Tally
from penstock.remedies import spell_for_shell
from penstock.report import estimate, explain, wording
from penstock.report.summary import wrap
from penstock.settings import Settings

__all__ = ["Bar"]

Segment = tuple[str, str]
"""A text and its style."""

SEPARATOR: Final[Segment] = ("  ", "")
NARROWEST_BAR: Final = 10

ECHO: Final = 2
"""Columns that stay free at the end, for the ^C that the terminal itself writes there:
in a full line it would begin another line, and the next drawing would be off by one."""


class Bar:
    """Draws itself with each update, and disappears when closed: the summary says more.

    If the terminal cannot be written to (it hung up), the bar draws no more; the work
    continues.
    """

    every: float | None = 0.5

    def __init__(self, settings: Settings, console: Console) -> None:
        """Draw nothing before the first update."""
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

    def say_now(self, text: str) -> None:
        """Show *text* from the next update on, instead of the bottleneck.

        Safe in a signal handler.
        """
        self._notice = text

    def remark(self, text: str) -> None:
        """Write *text* above the lines that change."""
        try:
            for line in wrap(text, self._console.width):
                self._console.print(Text(line))
        except OSError:
            self._gone = True

    def update(self, progress: Progress) -> None:
        """Draw *progress*."""
        # An input that is to be retried was done before; that it no longer is must not lower the speed.
        now = progress.done - progress.before + progress.again
        self._shown.update(progress.elapsed, now)
        self._steady.update(progress.elapsed, now)
        if self._gone:
            return
        try:
            self._live.start()
            self._live.update(self._drawing(progress), refresh=True)
        except OSError:
            self._gone = True

    def close(self) -> None:
        """Clear the lines and show the cursor again."""
        try:
            self._live.stop()
        except OSError:
            self._gone = True

    def _drawing(self, progress: Progress) -> Group:
        width = self._console.width
        return Group(
            self._progress(progress, width),
            _fit(_outcomes(progress), width),
            self._last_line(progress, width - ECHO),
        )

    def _last_line(self, progress: Progress, width: int) -> Text:
        if self._notice:
            return Text("\n".join(wrap(self._notice, width)), style="bold")
        why = explain.find_hint(progress, self._settings) or explain.explain_bound(progress, self._settings)
        line = Text(spell_for_shell([why]), style="dim", no_wrap=True)
        line.truncate(max(width, 1), overflow="ellipsis")
        return line

    def _progress(self, progress: Progress, width: int) -> Text | Table:
        total = None if self._notice else estimate.total(progress)
        words = _fit(self._how_far(progress, total), width)
        room = width - words.cell_len - 2
        if total is None or room < NARROWEST_BAR:
            return words
        line = Table.grid(padding=(0, 2, 0, 0))
        line.add_column(width=room)
        line.add_column(no_wrap=True)
        line.add_row(ProgressBar(total=max(total, 1), completed=progress.done, width=room), words)
        return line

    def _how_far(self, progress: Progress, total: int | None) -> list[Segment]:
        done = progress.done
        speed = (wording.pace(self._shown.rate), "cyan")
        if total is None:
            passed = (wording.duration(round(progress.elapsed)), "dim")
            return [(f"{wording.count(done)} done", "bold"), speed, passed]
        about = "" if progress.total is not None else "about "
        left = estimate.time_left(progress, self._steady.rate, self._settings.delay)
        segments = [
            (f"{wording.count(done)} of {about}{wording.count(total)}", "bold"),
            (wording.share(done, total), ""),
            speed,
        ]
        return segments if left is None else [*segments, (f"{wording.duration(round(left))} left", "")]


def _outcomes(progress: Progress) -> list[Segment]:
    """Return the numbers in flight, by status and by reason, most important first."""
    tally = progress.tally
    return [
        (f"{wording.count(progress.running)} in flight", "bold"),
        *((text, _style_of_status(text)) for text in wording.counts(tally.statuses)),
        *_errors(tally),
    ]


def _errors(tally: Tally) -> Iterable[Segment]:
    return ((text, "red") for text in wording.counts(tally.reasons))


def _style_of_status(text: str) -> str:
    return {"2": "green", "3": "cyan", "4": "yellow"}.get(text[:1], "red")


def _fit(segments: Sequence[Segment], width: int) -> Text:
    """Join as many of *segments* as fit into *width*, in order and whole.

    ``…`` says that some did not.
    """
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
