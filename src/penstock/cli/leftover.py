"""``penstock leftover``: the inputs of a run that have no outcome.

Knows its argument, and how lines are written. Does not know how they are determined.
"""

from __future__ import annotations

from itertools import islice
from typing import Final

import click

from penstock.cli.exits import Exit
from penstock.cli.options import Command
from penstock.cli.streams import Stdout

__all__ = ["command"]

AT_ONCE: Final = 1_000
"""Lines written together."""


@click.command(
    "leftover",
    cls=Command,
    short_help="List the inputs of a run that have no outcome yet.",
    epilog="Example: penstock leftover pages > leftover.txt",
)
@click.argument("folder", metavar="DIR")
def command(folder: str) -> Exit:
    """Write the inputs without an outcome of the run in the folder DIR, a URL a line.

    The input is read again, which is not possible for standard input; nothing is
    changed. A URL that had credentials in it is a comment without them. Methods, bodies
    and other fields are omitted; a resume has them all.
    """
    from penstock.fetching import auditing  # noqa: PLC0415 - libcurl takes longer to load than a help page may

    stdout, urls = Stdout(), auditing.leftover(folder)
    while lines := list(islice(urls, AT_ONCE)):
        stdout.write("".join(f"{line}\n" for line in lines).encode("utf-8", "replace"))
    return Exit.DONE
