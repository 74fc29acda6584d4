"""Progress as a line of text every few seconds, for logs and pipes.

Knows the counts and how to word them. Does not know where its lines go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from penstock.core.results import Progress
from penstock.remedies import Message
from penstock.report import estimate, explain, wording
from penstock.settings import Settings

__all__ = ["Plain"]

MOST: Final = 4
"""Statuses, and reasons, that a line names; the others are counted together."""

SOON: Final = 1.0
"""Seconds before the first line."""

INTERVALS: Final = ((60, 5.0), (300, 10.0), (1_800, 30.0))
"""Pairs: until this elapsed time in seconds, the seconds between two lines."""

LONGEST: Final = 60.0
"""Seconds between two lines after that: a run of a day writes 1,500 lines, not
17,000."""


class Plain:
    """Writes a line with each update, less often the longer the run takes."""

    def __init__(self, settings: Settings, write: Callable[[str], None]) -> None:
        """*write* takes one line, without its end, and does not raise.

        The line may be a ``Message``.
        """
        self._settings = settings
        self._write = write
        self._shown = estimate.Speed(memory=5)
        self._steady = estimate.Speed(memory=30)
        self._elapsed = 0.0

    @property
    def every(self) -> float | None:
        """Seconds until the next line."""
        return next((every for until, every in INTERVALS if self._elapsed < until), LONGEST)

    def say_now(self, text: str) -> None:
        """Write *text* now. Safe in a signal handler if *write* is."""
        self._write(text)

    def remark(self, text: str) -> None:
        """Write *text*."""
        self._write(text)

    def update(self, progress: Progress) -> None:
        """Write *progress*; nothing in the first second."""
        now, self._elapsed = progress.tally.total, progress.elapsed
        self._shown.update(progress.elapsed, now)
        self._steady.update(progress.elapsed, now)
        if progress.elapsed >= SOON:
            self._write(self._line(progress))

    def close(self) -> None:
        """Do nothing: every line is complete."""

    def _line(self, progress: Progress) -> Message:
        done, total = progress.done, estimate.total(progress)
        how_far = f"{wording.count(done)} done"
        if total is not None:
            about = "" if progress.total is not None else "about "
            how_far = f"{how_far} of {about}{wording.count(total)} ({wording.share(done, total)})"
        left = estimate.time_left(progress, self._steady.rate, self._settings.delay)
        parts = [
            how_far,
            wording.pace(self._shown.rate),
            *([] if left is None else [f"{wording.duration(round(left))} left"]),
            f"{wording.count(progress.running)} in flight",
            *wording.counts(progress.tally.statuses, MOST),
            *wording.counts(progress.tally.reasons, MOST),
        ]
        why = explain.find_hint(progress, self._settings) or explain.explain_bound(progress, self._settings)
        return Message(f"{wording.duration(round(progress.elapsed))}: {', '.join(parts)}; ", why)
