"""``penstock fetch``: a list of URLs to standard output, or into a new run folder.

Knows its arguments. Does not know how anything is fetched.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from penstock.cli.command import Perform, session_command
from penstock.cli.exits import Exit
from penstock.cli.inputs import inputs_argument, inputs_or_stdin
from penstock.cli.options import Option, pick_settings, settings_options
from penstock.cli.streams import Stdout
from penstock.settings import Settings

__all__ = ["command"]

F = TypeVar("F", bound=Callable[..., Any])


def refuse_curl_option(*flags: str) -> Callable[[F], F]:
    """Refuse an option of curl's and say what to do instead."""

    def refuse(_ctx: click.Context, _option: click.Parameter, value: str | None) -> None:
        if value is not None:
            raise click.UsageError(
                f"there is no {flags[0]}: each row of a JSON lines file may have its own method and body, as in "
                '{"url": "https://a.example/", "method": "POST", "body": {"q": 1}}; then: penstock fetch rows.jsonl'
            )

    return click.option(*flags, hidden=True, expose_value=False, callback=refuse)


@session_command(
    "fetch",
    short_help="Fetch URLs, lists of them, or standard input.",
    epilog="Example: penstock fetch urls.txt -o pages",
)
@inputs_argument
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    cls=Option,
    section="Storing",
    help="A new run folder to store outcomes in, safe against crashes and resumable. By default outcomes go to "
    "standard output, one JSON object a line.",
)
@click.option(
    "--resume",
    cls=Option,
    section="Storing",
    is_flag=True,
    help="Begin a run in DIR, or resume the one that it holds: one command for cron, systemd or Kubernetes. The run "
    "keeps its settings except those given; it must have the same INPUT.",
)
@settings_options()
@click.option(
    "--no-follow",
    cls=Option,
    section="Requests",
    is_flag=True,
    help="Follow no redirect: each is its input's outcome, body included. The same as --max-redirects 0.",
)
@refuse_curl_option("-X", "--request")
@refuse_curl_option("-d", "--data")
def command(
    perform: Perform, inputs: tuple[str, ...], output: str | None, *, resume: bool, no_follow: bool, **options: Any
) -> Exit:
    """Fetch every URL of INPUT: a URL, a file, or - for standard input.

    A file is plain lines, CSV, TSV, JSON, a sitemap, Parquet or Arrow, compressed or
    not (docs/lists.md). Without INPUT, standard input is read. Every input gets exactly
    one outcome; an HTTP error status is one. TIME is in seconds, or has a unit: 500ms,
    30s, 1m, 1h30m.
    """
    # libcurl takes longer to load than a help page may.
    from penstock.fetching import lines, resuming, sessions  # noqa: PLC0415

    if no_follow:
        if options["max_redirects"]:
            raise click.UsageError("--no-follow follows no redirect and --max-redirects asks for some; drop either")
        options["max_redirects"] = 0
    given = pick_settings(options)
    settings, names = Settings.of(**given), inputs_or_stdin(inputs, "fetch")
    if resume and output is not None:
        with resuming.suggest_force(output, names):
            return perform(sessions.begin_or_resume(names, output, given), output)
    if output is not None:
        return perform(sessions.begin(names, output, settings), output)
    if resume:
        raise click.UsageError("--resume resumes a run folder; name it: -o DIR")
    return perform(lines.stream_lines(names, settings, Stdout().write))
