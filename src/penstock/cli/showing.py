"""The options that say how much is shown, and what is still a success.

Knows their spelling. Does not know what is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click
from msgspec import Struct

from penstock.cli.options import Option
from penstock.cli.tolerance import Tolerance, max_failures, reasons
from penstock.report.screens import PROGRESS

__all__ = ["Showing", "progress_options", "tolerance_options"]

F = TypeVar("F", bound=Callable[..., Any])


class Showing(Struct, frozen=True):
    """How much is shown, and what is still a success."""

    progress: str = "auto"
    quiet: bool = False
    verbose: bool = False
    tolerance: Tolerance = Tolerance()

    @classmethod
    def of(cls, options: dict[str, Any]) -> Showing:
        """Taken from a command's *options*, those of ``progress_options`` among them."""
        if options["quiet"] and options["verbose"]:
            raise click.UsageError("-q and -v contradict each other")
        tolerance = Tolerance(options.get("max_failures"), options.get("fail_on", frozenset()))
        return cls(options["progress"], options["quiet"], options["verbose"], tolerance)


def progress_options(function: F) -> F:
    """Give a command the options that say how much is shown."""
    for option in reversed(_PROGRESS):
        function = option(function)
    return function


def tolerance_options(function: F) -> F:
    """Give a command the options that say what is still a success."""
    for option in reversed(_TOLERANCE):
        function = option(function)
    return function


_PROGRESS: Final = (
    click.option(
        "--progress",
        cls=Option,
        type=click.Choice(PROGRESS),
        default="auto",
        help="How progress is shown on standard error: a bar, a line every few seconds and less often later, a JSON "
        "object a second, or not at all. auto: a bar on a terminal, else plain; nothing if the data goes to the "
        "terminal.  [default auto]",
    ),
    click.option("-q", "--quiet", cls=Option, is_flag=True, help="Show nothing but errors."),
    click.option("-v", "--verbose", cls=Option, is_flag=True, help="Show the settings first, and leave nothing out."),
)

_TOLERANCE: Final = (
    click.option(
        "--max-failures",
        cls=Option,
        callback=max_failures,
        metavar="N|N%",
        help="Exit with 3 if more inputs than this have failed, or a larger share of all: errors and statuses from 400 "
        "on.  [default: no limit, but exit with 3 if nearly all inputs ended in the same way without an answer]",
    ),
    click.option(
        "--fail-on",
        cls=Option,
        callback=reasons,
        multiple=True,
        metavar="REASON,...",
        help="Exit with 3 if any input ended for one of these reasons: statuses, as 404 and 5xx, and errors by their "
        "names, as timeout. Repeatable.",
    ),
)
