"""``penstock resume``: resume a run.

Knows its arguments. Does not know how a run is opened again.
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
    "resume",
    short_help="Resume a run that was stopped or killed.",
    epilog="Example: penstock resume pages --per-host 4",
)
@click.argument("folder", metavar="DIR")
@click.option("--force", is_flag=True, help="Resume although the input is not what it was when the run began.")
@input_option
@settings_options(ResumeOptions.__annotations__, "as before")
def command(perform: Perform, folder: str, *, inputs: tuple[str, ...], force: bool, **options: Any) -> Exit:
    """Resume the run in the folder DIR, however it ended.

    Inputs that have their outcome are not fetched again. The run keeps its settings;
    those below may be changed, and later sessions keep the change.
    """
    # libcurl takes longer to load than a help page may.
    from penstock.fetching import resuming, sessions  # noqa: PLC0415

    return perform(sessions.resume(folder, pick_settings(options), resuming.name_inputs(inputs), force=force), folder)
