"""docs/cli.md, generated from the commands.

    python -m penstock.cli.reference > docs/cli.md

Knows click's parameters and Markdown. A test compares the page with what this makes.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from penstock.cli.exits import MEANINGS
from penstock.cli.group import COMMANDS, main
from penstock.cli.options import SECTIONS
from penstock.cli.signals import STOPPING

__all__ = ["page"]

INTRODUCTION = """\
# The command line

<!-- Made by: python -m penstock.cli.reference > docs/cli.md -->

Outcomes go to standard output or into a run folder; everything else goes to standard error. Text from the
web is never printed raw: characters that would control a terminal are escaped, as `\\x1b`.
"""

CODES = """\
## Exit codes

| code | means |
|---:|---|"""

SIGNALS = f"""\
## Ctrl-C

The first Ctrl-C (SIGINT), SIGTERM or SIGHUP stops gently. The command prints:

> {STOPPING}

Complete outcomes are committed, and the command that resumes the run is printed. The second stops at once: running
requests are dropped, and the resume sends them again. A third kills, if that hangs too. A signal that was ignored when
Penstock started, as by `nohup`, stays ignored.
"""

PROGRESS = """\
## Progress

On a terminal, a few live lines show how far the run is, how fast it is, the outcomes so far, and what limits the speed
right now. Elsewhere, and with `--progress plain`, it is one line with the date and the time (RFC 3339, local): every 5
seconds in the first minute, every 10 until 5 minutes have passed, every 30 until half an hour has, then every minute.
`NO_COLOR` in the environment turns the colours off, and `TERM=dumb` the live lines.

`--progress json` is for programs: an object a line on standard error, whose `event` is `progress` (each second),
`notice` (a message that a terminal would show) or `summary` (the last one, with the `exit_code`). Times are in
seconds, sizes in bytes. Errors and warnings remain lines of text.

The summary of a run that was stopped has in `ended_by` what stopped it: `sigint`, `sigterm`, `sighup`, `deadline`,
`stop_at` or `min_speed`; `inputs_left` is how many inputs have no outcome, if the input was read to its end. `later`
has, for each reason that may be temporary, the number of outcomes: `penstock retry` retries these
([failures.md](failures.md)).

## One JSON line for each outcome

Without `-o`, the lines of a run folder's `outcomes-*.jsonl` go to standard output, as they complete. To a terminal they
are written with more `\\u` escapes than elsewhere: they read back as the same values.
"""


PLAN = """\
## A plan as JSON

`penstock plan --json` writes one object: `inputs`, `requests`, `duplicates`, `hosts`, all counted exactly; `unique`,
which says whether the duplicates are among the requests; `refused`, for each `error` a `count`, the `detail` of the
first and the `seq` and `line` of the first five; `biggest`, the hosts with most requests, each with its `share` of
all and the `seconds` it needs at least, were it alone; the `settings` it was held against; and the `bound`: the
`seconds` it takes at least, `by` what (`delay`, `rate` or `nothing`), the `host` whose delay it is, and
`seconds_without_biggest`.
"""


def page() -> str:
    """Return the whole page."""
    parts = [INTRODUCTION]
    context = click.Context(main, info_name="penstock", **main.context_settings)
    for name in COMMANDS:
        command = main.get_command(context, name)
        assert command is not None
        parts.append("\n".join(_described(command, click.Context(command, context, info_name=name))))
    codes = "\n".join((CODES, *(f"| {code} | {_cell(meaning)} |" for code, meaning in MEANINGS.items()), ""))
    return "\n".join((*parts, codes, SIGNALS, PROGRESS, PLAN))


def _described(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"## {context.command_path}\n"
    yield f"```\n{command.get_usage(context).removeprefix('Usage: ')}\n```\n"
    yield f"{inspect.cleandoc(command.help or '')}\n"
    if command.epilog:
        example = command.epilog.removeprefix("Example: ")
        yield f"```\n{example}\n```\n"
    options = [parameter for parameter in command.get_params(context) if isinstance(parameter, click.Option)]
    for section in (*SECTIONS, "Other"):
        records = [
            record
            for option in options
            if getattr(option, "section", "Other") == section and (record := option.get_help_record(context))
        ]
        if records:
            yield f"| {section} | |\n|---|---|"
            yield from (f"| `{_cell(spelled)}` | {_cell(said)} |" for spelled, said in records)
            yield ""


def _cell(text: str) -> str:
    r"""Return *text* for a cell of a table, where a bar must be written ``\|``."""
    return " ".join(text.split()).replace("|", r"\|")


if __name__ == "__main__":
    click.echo(page(), nl=False)
