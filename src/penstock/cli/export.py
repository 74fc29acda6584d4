"""``penstock export``: the outcomes of a run in another format.

Knows its arguments. Does not know how outcomes are read or written.
"""

from __future__ import annotations

import click

from penstock.cli.exits import Exit
from penstock.cli.options import Command
from penstock.cli.streams import tell
from penstock.report.escaping import escape
from penstock.report.wording import plural
from penstock.sink.formats import FORMATS

__all__ = ["command"]


@click.command(
    "export",
    cls=Command,
    short_help="Write the outcomes of a run in another format.",
    epilog="Example: penstock export pages --to jsonl -o failed --where outcome=failed",
)
@click.argument("folder", metavar="DIR")
@click.option("--to", "form", type=click.Choice(list(FORMATS)), required=True, help="The format to write.")
@click.option("-o", "--output", metavar="DIR", required=True, help="The folder to make; it must not exist.")
@click.option(
    "--where",
    multiple=True,
    metavar="FIELD=VALUE,...",
    help="Only outcomes that meet this condition, on outcome (fetched, failed, skipped), status (404, 4xx), reason "
    "(timeout, 503) or host (names below it included); may be repeated, and then all must be met.",
)
@click.option(
    "--order",
    type=click.Choice(["commit", "seq"]),
    default="commit",
    show_default=True,
    help="The order of the commits, or that of the inputs, for which all outcomes are first sorted in TMPDIR.",
)
@click.option("--no-bodies", is_flag=True, help="Write the lengths and digests of the bodies, not the bodies.")
@click.option("-q", "--quiet", is_flag=True, help="Show nothing but errors.")
def command(
    folder: str, *, form: str, output: str, where: tuple[str, ...], order: str, no_bodies: bool, quiet: bool
) -> Exit:
    """Write the newest outcome of each input of the run in DIR to a new folder.

    The run may still go on; what it has committed is written. Nothing in it is changed.
    """
    from penstock.reading.export import export  # noqa: PLC0415 - a help page must not wait for it

    count = export(
        folder, output, to=form, where=where, order="seq" if order == "seq" else "commit", bodies=not no_bodies
    )
    if not quiet:
        tell(f"{plural(count, 'outcome')} in {escape(output)}.")
    return Exit.DONE
