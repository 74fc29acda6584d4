"""A JSON object a line, for programs that watch.

Knows the names of the fields, which stay. Does not know where its lines go.

    {"event":"progress", ...}   where the work stands
    {"event":"notice", ...}     something a person would be told meanwhile
    {"event":"summary", ...}    how it ended
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from penstock.core.schedule.statistics import Statistics
from penstock.report import estimate
from penstock.report.suggest import later
from penstock.report.summary import Ending
from penstock.settings import Settings

__all__ = ["Json", "summary_line"]


class Json:
    """Writes where the work stands, an object each time; all times in seconds, all sizes in bytes."""

    every: float | None = 1.0

    def __init__(self, settings: Settings, write: Callable[[str], None]) -> None:
        """*write* takes one line, without its end, and does not raise."""
        self._settings = settings
        self._write = write
        self._speed = estimate.Speed(memory=5)

    def notice(self, text: str) -> None:
        """Write *text* now. Safe in a signal handler if *write* is."""
        self._write(_line({"event": "notice", "text": text}))

    def remark(self, text: str) -> None:
        """Write *text*."""
        self._write(_line({"event": "notice", "text": text}))

    def update(self, statistics: Statistics) -> None:
        """Write where the work stands."""
        self._speed.update(statistics.elapsed, statistics.tally.total)
        left = estimate.time_left(statistics, self._speed.rate, self._settings.delay)
        busiest = statistics.busiest
        fields = {
            "event": "progress",
            "elapsed": round(statistics.elapsed, 3),
            "done": estimate.done(statistics),
            "before": statistics.before,
            "total": estimate.total(statistics),
            "total_is_exact": statistics.total is not None,
            "per_second": round(self._speed.rate, 3),
            "left": None if left is None else round(left, 1),
            "running": statistics.running,
            "held": statistics.held,
            "undelivered": statistics.undelivered,
            "pulled": statistics.pulled,
            "read": statistics.read and {"bytes": statistics.read[0], "of": statistics.read[1]},
            "bound": statistics.bound.value,
            "busiest": busiest and {"host": busiest[0], "jobs": busiest[1]},
            "alone": statistics.alone,
            "parked": [{"host": host, "left": round(seconds, 1)} for host, seconds in statistics.parked],
            "session": statistics.tally.as_dict(),
        }
        self._write(_line(fields))

    def close(self) -> None:
        """Every line is complete already."""


def summary_line(ending: Ending, code: int) -> str:
    """How it ended, and the exit code that says so."""
    fields = {
        "event": "summary",
        "complete": ending.complete,
        "exit_code": code,
        "folder": ending.folder,
        "elapsed": round(ending.elapsed, 3),
        "inputs": ending.inputs,
        "again": ending.again,
        "pending": ending.pending,
        "ended_by": ending.ended_by,
        "inputs_left": ending.inputs_left,
        "later": later(ending.tally),
        "run": ending.tally.as_dict(),
        "session": ending.session.as_dict(),
    }
    return _line(fields)


def _line(fields: dict[str, Any]) -> str:
    return json.dumps(fields, separators=(",", ":"))
