"""A line of text every few seconds, for logs and for whatever is no terminal.

Knows the counts and how to word them. Does not know where its lines go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from penstock.core.schedule.statistics import Statistics
from penstock.report import estimate, explain, wording
from penstock.settings import Settings

__all__ = ["Plain"]

MOST: Final = 4
"""Statuses, and reasons, that are named in one line; the rest is counted together."""

SOON: Final = 1.0
"""Seconds before which there is nothing to tell."""

INTERVALS: Final = ((60, 5.0), (300, 10.0), (1_800, 30.0))
"""Until so many seconds have passed, the seconds between two lines."""

LONGEST: Final = 60.0
"""Seconds between two lines after that: a run of a day has 1,500 lines, not 17,000."""


class Plain:
    """Writes where the work stands, a line each time, and less often the longer it takes."""

    def __init__(self, settings: Settings, write: Callable[[str], None]) -> None:
        """*write* takes one line, without its end, and does not raise."""
        self._settings = settings
        self._write = write
        self._shown = estimate.Speed(memory=5)
        self._steady = estimate.Speed(memory=30)
        self._elapsed = 0.0

    @property
    def every(self) -> float | None:
        """Seconds until the next line."""
        return next((every for until, every in INTERVALS if self._elapsed < until), LONGEST)

    def notice(self, text: str) -> None:
        """Write *text* now. Safe in a signal handler if *write* is."""
        self._write(text)

    def remark(self, text: str) -> None:
        """Write *text*."""
        self._write(text)

    def update(self, statistics: Statistics) -> None:
        """Write where the work stands; nothing in the first second."""
        now, self._elapsed = statistics.tally.total, statistics.elapsed
        self._shown.update(statistics.elapsed, now)
        self._steady.update(statistics.elapsed, now)
        if statistics.elapsed >= SOON:
            self._write(self._line(statistics))

    def close(self) -> None:
        """Every line is complete already."""

    def _line(self, statistics: Statistics) -> str:
        done, total = estimate.done(statistics), estimate.total(statistics)
        how_far = f"{wording.count(done)} done"
        if total is not None:
            about = "" if statistics.total is not None else "about "
            how_far = f"{how_far} of {about}{wording.count(total)} ({wording.share(done, total)})"
        left = estimate.time_left(statistics, self._steady.rate, self._settings.delay)
        parts = [
            how_far,
            wording.pace(self._shown.rate),
            *([] if left is None else [f"{wording.duration(round(left))} left"]),
            f"{wording.count(statistics.running)} in flight",
            *wording.counts(statistics.tally.statuses, MOST),
            *wording.counts(statistics.tally.reasons, MOST),
        ]
        why = explain.hint(statistics, self._settings) or explain.bound(statistics, self._settings)
        return f"{wording.duration(round(statistics.elapsed))}: {', '.join(parts)}; {why}"
