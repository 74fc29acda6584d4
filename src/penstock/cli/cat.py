"""``penstock cat``: one page out of a run.

Knows its arguments and whether a person looks at the output. Does not know how
outcomes are read.
"""

from __future__ import annotations

import sys

import click

from penstock.cli.exits import Exit
from penstock.cli.options import Command
from penstock.cli.streams import Stdout
from penstock.errors import UsageError
from penstock.report.escaping import escape_lines

__all__ = ["command"]


@click.command(
    "cat",
    cls=Command,
    short_help="Write the body of one page of a run.",
    epilog="Example: penstock cat pages http://example.com/ > page.html",
)
@click.argument("folder", metavar="DIR")
@click.argument("url", metavar="URL|SEQ")
def command(folder: str, url: str) -> Exit:
    """Write the body that the input URL has in the run in DIR, as it was stored.

    A number is the position of an input, counted from 0. If several inputs have the same
    URL, it is the first. On a terminal, control characters are shown as text.
    """
    from penstock.reading import run  # noqa: PLC0415 - a help page must not wait for it

    found = run.open(folder).find(int(url) if url.isdecimal() else url)
    if found is None:
        raise UsageError(f"{folder} has no outcome of {url}")
    if found.error is not None:
        raise UsageError(
            f"{found.url} has no page: {found.error.value}" + (f" ({found.detail})" if found.detail else "")
        )
    stdout = Stdout()
    if sys.stdout is not None and sys.stdout.isatty():
        # The web must not send commands to a terminal.
        stdout.write(escape_lines(found.text().expandtabs()).encode("utf-8", "replace"))
    else:
        stdout.write(found.body)
    return Exit.DONE
