"""``penstock resume``: go on with a run.

Knows its arguments, and which settings a run may be given anew. Does not know how a run is found again.
"""

from __future__ import annotations

from typing import Any

import click

from penstock.cli.exits import Exit
from penstock.cli.inputs import input_option
from penstock.cli.options import SETTINGS, Command, given, settings_options
from penstock.cli.showing import Showing, progress_options, tolerance_options
from penstock.cli.work import perform

__all__ = ["command"]


@click.command(
    "resume",
    cls=Command,
    short_help="Go on with a run that was stopped or killed.",
    epilog="Example: penstock resume pages --per-host 4",
)
@click.argument("folder", metavar="DIR")
@click.option("--force", is_flag=True, help="Go on though the input is not what it was when the run began.")
@input_option
@settings_options((spelling for spelling in SETTINGS if spelling.on_resume), "as before")
@progress_options
@tolerance_options
def command(folder: str, *, inputs: tuple[str, ...], force: bool, **options: Any) -> Exit:
    """Go on with the run in the folder DIR, however it ended.

    What has its outcome is not fetched again. The run keeps its settings; those below may be changed, and stay so for
    later sessions.
    """
    from penstock import api  # noqa: PLC0415 - libcurl and its kin take longer to load than a help page may
    from penstock.machine.descriptors import raise_descriptors  # noqa: PLC0415 - as above

    raise_descriptors()
    showing = Showing.of(options)
    return perform(api.go_on(folder, given(options), api.named(inputs), force=force), showing, folder)
