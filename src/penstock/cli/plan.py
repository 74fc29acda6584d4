"""``penstock plan``: the contents of a list and its least time.

Knows its arguments. Does not know how a list is counted.
"""

from __future__ import annotations

from typing import Any, Final

import click

from penstock.cli.exits import Exit
from penstock.cli.inputs import inputs_argument, inputs_or_stdin
from penstock.cli.options import Command, Option, pick_settings, settings_options
from penstock.cli.streams import show, tell, terminal_width
from penstock.core.web.plan import PlanLimits
from penstock.remedies import spell_for_shell
from penstock.report.plan import plan_json, plan_lines
from penstock.settings import InputSettings, Settings

__all__ = ["PLANNED", "command"]

PLANNED: Final = frozenset({"unique", *InputSettings.__struct_fields__, *PlanLimits.__struct_fields__})
"""Settings about the contents of a list and the pace."""

MOST_HOSTS: Final = 10_000


@click.command(
    "plan",
    cls=Command,
    short_help="Count a list and show its least time, before anything is sent.",
    epilog="Example: penstock plan urls.txt --delay 0.2",
)
@inputs_argument
@settings_options(PLANNED)
@click.option(
    "--hosts",
    cls=Option,
    type=click.IntRange(0, MOST_HOSTS),
    default=10,
    metavar="N",
    help=f"Number of the biggest hosts to name.  [default 10; 0 to {MOST_HOSTS:,}]",
)
@click.option("--json", "as_json", cls=Option, is_flag=True, help="One JSON object, times in seconds, instead of text.")
def command(inputs: tuple[str, ...], *, hosts: int, as_json: bool, **options: Any) -> Exit:
    """Read INPUT, send nothing, and show its contents and the least time it takes.

    That is: inputs, lines that are no URLs, duplicates, hosts and the biggest of them,
    all counted exactly; and the time that --delay and --rate alone require, with the
    host that determines it. How fast servers answer is not guessed; a host that can't
    be reached is abandoned sooner.
    """
    from penstock.fetching import auditing  # noqa: PLC0415 - a help page needs no engine

    names = inputs_or_stdin(inputs, "plan")
    settings = Settings.of(**pick_settings(options))
    plan = auditing.plan(names, settings, hosts, lambda text: tell(spell_for_shell([text])))
    lines = [plan_json(plan)] if as_json else plan_lines(plan, width=terminal_width(), several=len(names) > 1)
    show("\n".join(lines))
    return Exit.DONE
