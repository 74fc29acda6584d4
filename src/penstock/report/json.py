"""Progress as JSON objects, one a line, for programs that watch.

Knows the names of the fields, which never change. Does not know where its lines go.

    {"event":"progress", ...}   where the run stands
    {"event":"notice", ...}     a text for a person
    {"event":"summary", ...}    how the session ended
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from penstock.core.results import Progress, Summary
from penstock.report import estimate
from penstock.report.suggest import find_retryable
from penstock.settings import Settings

__all__ = ["Json", "summary_line"]


class Json:
    """Writes an object with each update; times are in seconds, sizes in bytes."""

    every: float | None = 1.0

    def __init__(self, settings: Settings, write: Callable[[str], None]) -> None:
        """*write* takes one line, without its end, and does not raise."""
        self._settings = settings
        self._write = write
        self._speed = estimate.Speed(memory=5)

    def say_now(self, text: str) -> None:
        """Write *text* now. Safe in a signal handler if *write* is."""
        self._write(_line({"event": "notice", "text": text}))

    def remark(self, text: str) -> None:
        """Write *text*."""
        self._write(_line({"event": "notice", "text": text}))

    def update(self, progress: Progress) -> None:
        """Write *progress*."""
        self._speed.update(progress.elapsed, progress.tally.total)
        left = estimate.time_left(progress, self._speed.rate, self._settings.delay)
        busiest = progress.busiest
        fields = {
            "event": "progress",
            "elapsed": round(progress.elapsed, 3),
            "done": progress.done,
            "before": progress.before,
            "total": estimate.total(progress),
            "total_is_exact": progress.total is not None,
            "per_second": round(self._speed.rate, 3),
            "left": None if left is None else round(left, 1),
            "running": progress.running,
            "held": progress.held,
            "undelivered": progress.undelivered,
            "pulled": progress.pulled,
            "read": progress.read and {"bytes": progress.read[0], "of": progress.read[1]},
            "bound": progress.bound.value,
            "busiest": busiest and {"host": busiest[0], "jobs": busiest[1]},
            "alone": progress.alone,
            "parked": [{"host": host, "left": round(seconds, 1)} for host, seconds in progress.parked],
            "session": progress.tally.as_dict(),
        }
        self._write(_line(fields))

    def close(self) -> None:
        """Do nothing: every line is complete."""


def summary_line(ended: Summary, code: int) -> str:
    """Return the object for the end of a session, with its exit *code*."""
    fields = {
        "event": "summary",
        "complete": ended.complete,
        "exit_code": code,
        "folder": ended.folder,
        "elapsed": round(ended.elapsed, 3),
        "inputs": ended.inputs,
        "again": ended.again,
        "pending": ended.pending,
        "ended_by": ended.ended_by,
        "inputs_left": ended.inputs_left,
        "later": find_retryable(ended.tally),
        "run": ended.tally.as_dict(),
        "session": ended.session.as_dict(),
    }
    return _line(fields)


def _line(fields: dict[str, Any]) -> str:
    return json.dumps(fields, separators=(",", ":"))
