"""``penstock retry``: retry what failed in a run that has finished.

Knows its arguments. Does not know what happens to the older outcomes.
"""

from __future__ import annotations

from typing import Any

import click

from penstock.cli.command import Perform, session_command
from penstock.cli.exits import Exit
from penstock.cli.inputs import input_option
from penstock.cli.options import pick_settings, settings_options
from penstock.settings.keywords import ResumeOptions

__all__ = ["command"]


@session_command(
    "retry",
    short_help="Retry what failed in a run that has finished.",
    epilog="Example: penstock retry pages --only 404,host_down",
)
@click.argument("folder", metavar="DIR")
@click.option(
    "--only",
    multiple=True,
    metavar="REASON,...",
    help="Retry only these: statuses, as 404 and 5xx, and errors by their names, as timeout. Repeatable.  "
    "[default: every error and status that may be temporary]",
)
@click.option("--force", is_flag=True, help="Retry although the input is not what it was when the run began.")
@input_option
@settings_options(ResumeOptions.__annotations__, "as before")
def command(
    perform: Perform, folder: str, *, only: tuple[str, ...], inputs: tuple[str, ...], force: bool, **options: Any
) -> Exit:
    """Retry failed inputs of the finished run in the folder DIR, whatever their method.

    The new outcome of an input replaces the older one once it is stored: each input has
    one outcome at every moment. The files keep the older line; of several lines with
    one seq the last counts, files in the order of their names. If it is stopped or
    killed, the same command or a resume continues it. With --passes, inputs that still
    fail are retried that often.
    """
    # libcurl takes longer to load than a help page may.
    from penstock.fetching import resuming, sessions  # noqa: PLC0415

    changes = pick_settings(options)
    return perform(sessions.retry(folder, only, changes, resuming.name_inputs(inputs), force=force), folder)
