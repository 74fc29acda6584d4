"""The options for how much is shown and how much may fail.

Knows their spelling. Does not know how progress is shown.
"""

from __future__ import annotations

from typing import Any, Final

import click
from msgspec import Struct

from penstock.cli.options import Option
from penstock.cli.tolerance import Tolerance, read_fail_on, read_max_failures
from penstock.report.screens import PROGRESS

__all__ = ["PROGRESS_OPTIONS", "TOLERANCE_OPTIONS", "Showing"]


class Showing(Struct, frozen=True):
    """The detail that is shown, and the failures that are tolerated."""

    progress: str = "auto"
    quiet: bool = False
    verbose: bool = False
    tolerance: Tolerance = Tolerance()

    @classmethod
    def take(cls, options: dict[str, Any]) -> Showing:
        """Take the options of progress and tolerance out of *options*."""
        progress, quiet, verbose = (options.pop(name) for name in ("progress", "quiet", "verbose"))
        if quiet and verbose:
            raise click.UsageError("-q and -v contradict each other")
        tolerance = Tolerance(options.pop("max_failures", None), options.pop("fail_on", frozenset()))
        return cls(progress, quiet, verbose, tolerance)


PROGRESS_OPTIONS: Final = (
    click.option(
        "--progress",
        cls=Option,
        type=click.Choice(PROGRESS),
        default="auto",
        help="How to show progress on standard error: a bar, a line every few seconds and less often later, a JSON "
        "object a second, or not at all. auto: a bar on a terminal, else plain; nothing if the data goes to the "
        "terminal.  [default auto]",
    ),
    click.option("-q", "--quiet", cls=Option, is_flag=True, help="Show nothing but errors."),
    click.option("-v", "--verbose", cls=Option, is_flag=True, help="Show the settings first, and leave nothing out."),
)

TOLERANCE_OPTIONS: Final = (
    click.option(
        "--max-failures",
        cls=Option,
        callback=read_max_failures,
        metavar="N|N%",
        help="Exit with 3 if more inputs than this number, or share, have failed: errors, and statuses from 400 on.  "
        "[default: no limit, but exit with 3 if nearly all inputs ended in the same way without an answer]",
    ),
    click.option(
        "--fail-on",
        cls=Option,
        callback=read_fail_on,
        multiple=True,
        metavar="REASON,...",
        help="Exit with 3 if any input ended for one of these reasons: statuses, as 404 and 5xx, and errors by their "
        "names, as timeout. Repeatable.",
    ),
)
