"""Which report fits the place it is shown in.

Knows the reports by name and what a terminal is. Loads rich only for the one that draws.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from typing import IO, Any, Final, Protocol, cast

from penstock.core.schedule.statistics import Statistics
from penstock.errors import UsageError
from penstock.report.json import Json
from penstock.report.plain import Plain
from penstock.report.safe import safe
from penstock.seams import Report
from penstock.settings import Settings

__all__ = ["PROGRESS", "Screen", "Silent", "Stream", "choose", "report_for", "screen"]

PROGRESS: Final = ("auto", "bar", "plain", "json", "none")

CANNOT_DRAW: Final = ("dumb", "unknown")
"""Values of TERM that say that a terminal has nothing but lines."""


class Screen(Report, Protocol):
    """A report that can say something besides."""

    def notice(self, text: str) -> None:
        """Say *text* to who looks on. Safe in a signal handler."""


class Stream(Protocol):
    """Where reports are written to: text, whose loss is nobody's error."""

    def isatty(self) -> bool:
        """Whether it is a terminal."""

    def write(self, text: str, /) -> int:
        """Write and pass on at once; does not raise when nobody is there any more."""


class Silent:
    """A report that says nothing but what must be said."""

    every: float | None = None

    def __init__(self, stream: Stream) -> None:
        """Notices go to *stream*."""
        self._stream = stream

    def notice(self, text: str) -> None:
        """Write *text*."""
        self._stream.write(f"{safe(text)}\n")

    def remark(self, text: str) -> None:
        """Write *text*."""
        self._stream.write(f"{safe(text)}\n")

    def update(self, statistics: Statistics) -> None:
        """Say nothing."""

    def close(self) -> None:
        """Nothing to leave."""


def choose(progress: str, stream: Stream, *, data_on_terminal: bool) -> str:
    """Return the report to show: for ``auto`` a bar on a terminal that can draw one, lines elsewhere.

    Nothing if the data itself goes to the terminal: the two would be torn into each other. Lines also in place of a bar
    that was asked for on a terminal that says it can't draw: rich would draw nothing at all.
    """
    if progress == "bar":
        return "plain" if os.environ.get("TERM") in CANNOT_DRAW else "bar"
    if progress != "auto":
        return progress
    if data_on_terminal:
        return "none"
    draws = stream.isatty() and os.environ.get("TERM") not in (None, "", *CANNOT_DRAW)
    return "bar" if draws else "plain"


def screen(progress: str, settings: Settings, stream: Stream) -> Screen:
    """The report called *progress* (``auto`` is for ``choose``), writing to *stream*."""
    if progress == "bar":
        return _bar(settings, stream)
    if progress == "plain":
        return Plain(settings, lambda line: _write(stream, f"{_now()} {safe(line)}"))
    if progress == "json":
        return Json(settings, lambda line: _write(stream, line))
    return Silent(stream)


def report_for(report: Report | Callable[[str], object] | None, settings: Settings) -> Report | None:
    """Return *report*, or one that hands it a line of text every few seconds, safe for a terminal, if it is a function.

    Raises UsageError if it is neither.
    """
    if not isinstance(report, type):
        if report is None or all(hasattr(report, name) for name in ("every", "remark", "update", "close")):
            return cast("Report | None", report)
        if callable(report):
            say = report
            return Plain(settings, lambda line: _say(say, line))
    raise UsageError(f"report is {report!r}; give a function that takes a line of text, as print, or a Report")


def _now() -> str:
    """The time of day for a line of a log, as RFC 3339 has it: local, with the difference to UTC."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def _say(say: Callable[[str], object], line: str) -> None:
    say(safe(line))


def _bar(settings: Settings, stream: Stream) -> Screen:
    from rich.console import Console  # noqa: PLC0415 - 60 ms that only a bar is worth

    from penstock.report.bar import Bar  # noqa: PLC0415 - as above

    # What rich asks of a file is what Stream promises, and whether it is a terminal after all.
    file = cast("IO[str]", cast("Any", stream))
    console = Console(file=file, force_terminal=True, highlight=False, markup=False, emoji=False)
    return Bar(settings, console)


def _write(stream: Stream, line: str) -> None:
    stream.write(f"{line}\n")
