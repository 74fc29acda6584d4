"""The choice of the report that fits the place it is shown in.

Knows the reports by name and what a terminal is. Loads rich only for the one that
draws.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from typing import IO, Any, Final, Protocol, cast

from penstock.core.results import Progress
from penstock.errors import UsageError
from penstock.remedies import spell_for_python, spell_for_shell
from penstock.report.escaping import escape
from penstock.report.json import Json
from penstock.report.plain import Plain
from penstock.seams import Report
from penstock.settings import Settings

__all__ = ["PROGRESS", "Screen", "Silent", "Stream", "choose", "report_for", "screen"]

PROGRESS: Final = ("auto", "bar", "plain", "json", "none")

CANNOT_DRAW: Final = ("dumb", "unknown")
"""Values of TERM that say that a terminal has nothing but lines."""


class Screen(Report, Protocol):
    """A report that can also say something between its updates."""

    def say_now(self, text: str) -> None:
        """Say *text* at once. Safe in a signal handler."""


class Stream(Protocol):
    """The place that reports are written to: a text whose loss is no error."""

    def isatty(self) -> bool:
        """Whether it is a terminal."""

    def write(self, text: str, /) -> int:
        """Write *text* and flush it; never raises, even if the reader is gone."""


class Silent:
    """A report that shows no progress, only notices."""

    every: float | None = None

    def __init__(self, stream: Stream) -> None:
        """Notices go to *stream*."""
        self._stream = stream

    def say_now(self, text: str) -> None:
        """Write *text*."""
        self._stream.write(f"{escape(text)}\n")

    def remark(self, text: str) -> None:
        """Write *text*."""
        self._stream.write(f"{escape(text)}\n")

    def update(self, progress: Progress) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Do nothing."""


def choose(progress: str, stream: Stream, *, data_on_terminal: bool) -> str:
    """Return the name of the report to show.

    For ``auto``, a bar on a terminal that can draw one, lines elsewhere.

    If the data itself goes to the terminal, ``none``: the two would mix. Lines also
    replace a bar on a terminal that says it can't draw: rich would draw nothing at all.
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
    """Make the report called *progress*, as ``choose`` returns it.

    It writes to *stream*, for a person at the command line.
    """
    if progress == "bar":
        return _bar(settings, stream)
    if progress == "plain":
        return Plain(settings, lambda line: _write(stream, f"{_now()} {escape(spell_for_shell([line]))}"))
    if progress == "json":
        return Json(settings, lambda line: _write(stream, line))
    return Silent(stream)


def report_for(report: Report | Callable[[str], object] | None, settings: Settings) -> Report | None:
    """Return *report*.

    For a function, a report that calls it with a line of text every few seconds.

    The lines are safe for a terminal. Raises UsageError if *report* is neither.
    """
    if not isinstance(report, type):
        if report is None or all(hasattr(report, name) for name in ("every", "remark", "update", "close")):
            return cast("Report | None", report)
        if callable(report):
            say = report
            return Plain(settings, lambda line: _say(say, line))
    raise UsageError(f"report is {report!r}; give a function that takes a line of text, as print, or a Report")


def _now() -> str:
    """Return the local time for a log, with the difference to UTC (RFC 3339)."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def _say(say: Callable[[str], object], line: str) -> None:
    say(escape(spell_for_python([line])))


def _bar(settings: Settings, stream: Stream) -> Screen:
    from rich.console import Console  # noqa: PLC0415 - it takes 60 ms, and only a bar needs it

    from penstock.report.bar import Bar  # noqa: PLC0415 - as above

    # rich needs of a file only the methods of Stream.
    file = cast("IO[str]", cast("Any", stream))
    console = Console(file=file, force_terminal=True, highlight=False, markup=False, emoji=False)
    return Bar(settings, console)


def _write(stream: Stream, line: str) -> None:
    stream.write(f"{line}\n")
