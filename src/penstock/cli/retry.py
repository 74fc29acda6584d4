"""``penstock retry``: try again what failed in a run that has finished.

Knows its arguments. Does not know what becomes of the outcomes there were.
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
    "retry",
    cls=Command,
    short_help="Try again what failed in a run that has finished.",
    epilog="Example: penstock retry pages --only 404,host_down",
)
@click.argument("folder", metavar="DIR")
@click.option(
    "--only",
    multiple=True,
    metavar="REASON,...",
    help="Try only these again: statuses, as 404 and 5xx, and errors by their names, as timeout. Repeatable.  "
    "[default: every error and status that may be gone another time]",
)
@click.option("--force", is_flag=True, help="Go on though the input is not what it was when the run began.")
@input_option
@settings_options((spelling for spelling in SETTINGS if spelling.on_resume), "as before")
@progress_options
@tolerance_options
def command(folder: str, *, only: tuple[str, ...], inputs: tuple[str, ...], force: bool, **options: Any) -> Exit:
    """Try failed inputs of the finished run in the folder DIR again, whatever their method.

    What an input comes to now takes the place of what it came to before, once it is stored: there is one outcome for
    each input at every moment. In the files the older line stays; of several with one seq the last counts, files in the
    order of their names. Stopped or killed, the same command or a resume goes on with it. With --passes what still
    fails is tried as often.
    """
    from penstock import api  # noqa: PLC0415 - libcurl and its kin take longer to load than a help page may
    from penstock.machine.descriptors import raise_descriptors  # noqa: PLC0415 - as above

    raise_descriptors()
    showing = Showing.of(options)
    return perform(api.try_again(folder, only, given(options), api.named(inputs), force=force), showing, folder)
