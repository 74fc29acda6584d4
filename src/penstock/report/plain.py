"""A line of text every few seconds, for logs and for whatever is no terminal.

Knows the counts and how to word them. Does not know where its lines go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from penstock.core.tally import Statistics
from penstock.report import estimate, explain, wording
from penstock.settings import Settings

__all__ = ["Plain"]

MOST: Final = 4
"""Statuses, and slugs, that are named in one line; the rest is counted together."""

SOON: Final = 1.0
"""Seconds before which there is nothing to tell."""


class Plain:
    """Writes where the work stands, a line each time."""

    every: float | None = 5.0

    def __init__(self, settings: Settings, write: Callable[[str], None]) -> None:
        """*write* takes one line, without its end, and does not raise."""
        self._settings = settings
        self._write = write
        self._shown = estimate.Speed(memory=5)
        self._steady = estimate.Speed(memory=30)

    def notice(self, text: str) -> None:
        """Write *text* now. Safe in a signal handler if *write* is."""
        self._write(text)

    def remark(self, text: str) -> None:
        """Write *text*."""
        self._write(text)

    def update(self, statistics: Statistics) -> None:
        """Write where the work stands; nothing in the first second."""
        now = statistics.tally.total
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
            *wording.counts(statistics.tally.slugs, MOST),
        ]
        why = explain.hint(statistics, self._settings) or explain.bound(statistics, self._settings)
        return f"{wording.duration(round(statistics.elapsed))}: {', '.join(parts)}; {why}"
