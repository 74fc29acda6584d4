"""The command ``penstock`` itself: its commands, and how the failure of one ends.

Knows the commands by name, and imports one only when it is used: ``penstock --version``
takes no longer than click.
"""

from __future__ import annotations

import importlib
import os
from typing import Any, Final

import click

from penstock.cli.exits import exit_on_error
from penstock.remedies import name_nearest, shell_word
from penstock.report.escaping import escape
from penstock.version import __version__

__all__ = ["main"]

COMMANDS: Final = ("plan", "fetch", "resume", "retry", "leftover", "verify", "export", "cat", "demo")
"""Each is ``command`` in the module of its name; in the order of use."""


class Commands(click.Group):
    """A group that loads its commands on demand and exits with their codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names, in the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Return the command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"penstock.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Refuse a word that is no command: name ``fetch`` for an input, else the nearest."""
        name = args[0]
        if name in COMMANDS:
            return super().resolve_command(ctx, args)
        if name == "-" or "://" in name or os.path.exists(name):  # noqa: PTH110 - any text
            raise click.UsageError(f"{escape(name)} is no command; to fetch it: penstock fetch {shell_word(name)}", ctx)
        raise click.UsageError(f"{escape(name)} is no command; {name_nearest(name, COMMANDS)}", ctx)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and exit with the code it returns."""
        with exit_on_error(ctx):
            ctx.exit(super().invoke(ctx))


@click.group(
    "penstock",
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Data goes to standard output, everything else to standard error. Exit codes: docs/cli.md.",
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def main() -> None:
    """Fetch lists of URLs of any length, politely and durably, one outcome a line."""
