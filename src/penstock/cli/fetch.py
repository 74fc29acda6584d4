"""``penstock fetch``: a list of URLs to standard output, or into a new run folder.

Knows its arguments. Does not know what happens to them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from penstock.cli.exits import Exit
from penstock.cli.inputs import inputs_argument, named
from penstock.cli.options import Command, Option, given, settings_options
from penstock.cli.showing import Showing, progress_options, tolerance_options
from penstock.cli.streams import Stdout
from penstock.cli.work import perform
from penstock.settings import Settings

__all__ = ["command"]

F = TypeVar("F", bound=Callable[..., Any])


def of_curl(*flags: str) -> Callable[[F], F]:
    """Answer an option of curl's with the way there is here: each row has its own method and body."""

    def refuse(_ctx: click.Context, _option: click.Parameter, value: str | None) -> None:
        if value is not None:
            raise click.UsageError(
                f"there is no {flags[0]}: each row of a JSON lines file may have its own method and body, as in "
                '{"url": "https://a.example/", "method": "POST", "body": {"q": 1}}; then: penstock fetch rows.jsonl'
            )

    return click.option(*flags, hidden=True, expose_value=False, callback=refuse)


@click.command(
    "fetch",
    cls=Command,
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
    help="A new run folder to store outcomes in, safe against crashes and made to be resumed; left out, outcomes go to "
    "standard output, one JSON object a line.",
)
@click.option(
    "--resume",
    cls=Option,
    section="Storing",
    is_flag=True,
    help="Begin a run in DIR, or go on with the one that is there: one command for cron, systemd or Kubernetes. The "
    "run keeps its settings but for those given; it must be of the same INPUT.",
)
@settings_options()
@click.option(
    "--no-follow",
    cls=Option,
    section="Requests",
    is_flag=True,
    help="Follow no redirect: each is an outcome as it came, body included. The same as --max-redirects 0.",
)
@of_curl("-X", "--request")
@of_curl("-d", "--data")
@progress_options
@tolerance_options
def command(inputs: tuple[str, ...], output: str | None, *, resume: bool, no_follow: bool, **options: Any) -> Exit:
    """Fetch every URL of INPUT: a URL, a file, or - for standard input.

    A file is plain lines, CSV, TSV, JSON, a sitemap, Parquet or Arrow, packed or not (docs/lists.md). Without INPUT,
    standard input is read. Every input gets exactly one outcome; an HTTP error status is one. TIME is in seconds, or
    has a unit: 500ms, 30s, 1m, 1h30m.
    """
    from penstock import api  # noqa: PLC0415 - libcurl and its kin take longer to load than a help page may
    from penstock.machine.descriptors import raise_descriptors  # noqa: PLC0415 - as above

    raise_descriptors()
    showing = Showing.of(options)
    if no_follow:
        if options["max_redirects"]:
            raise click.UsageError("--no-follow follows no redirect and --max-redirects asks for some; drop either")
        options["max_redirects"] = 0
    settings = Settings.of(**given(options))
    names = named(inputs, "fetch")
    if resume and output is not None:
        with api.forced_by_resume(output, names):
            return perform(api.begin_or_go_on(names, output, given(options)), showing, output)
    if output is not None:
        return perform(api.begin(names, output, settings), showing, output)
    if resume:
        raise click.UsageError("--resume goes on with a run folder; name it: -o DIR")
    return perform(api.stream(names, settings, Stdout().write), showing)
