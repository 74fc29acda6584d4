"""``penstock verify``: prove that a run folder holds what it should.

Knows its arguments. Does not know how a folder is verified.
"""

from __future__ import annotations

import click

from penstock.cli.exits import Exit
from penstock.cli.options import Command
from penstock.cli.streams import show
from penstock.report.proof import proof

__all__ = ["command"]


@click.command("verify", cls=Command, short_help="Prove that a run has one outcome for every input.")
@click.argument("folder", metavar="DIR")
@click.option(
    "--repair",
    is_flag=True,
    help="First rebuild the ledger from the outputs, and set aside damaged lines of them; a resume fetches these "
    "again.",
)
@click.option("-q", "--quiet", is_flag=True, help="Show nothing but errors; the exit code says the result.")
def command(folder: str, *, repair: bool, quiet: bool) -> Exit:
    """Prove that the run in DIR has one outcome for each input, all as committed.

    Exits with 0 if the run has finished and everything holds, with 5 if everything
    holds so far, and with 4 if something is damaged. Without --repair, nothing is
    changed.
    """
    from penstock.fetching import auditing  # noqa: PLC0415 - libcurl takes longer to load than a help page may

    found = auditing.verify(folder, repair=repair)
    if not quiet:
        show("\n".join(proof(found, folder)))
    if found.problem_count:
        return Exit.OUTPUT
    return Exit.UNFINISHED if found.total is None else Exit.DONE
