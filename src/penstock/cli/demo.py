"""``penstock demo``: a local web of many hosts, fetched before your eyes.

Knows the local web, and how to show it being fetched as ``fetch`` does. Needs no network. It is the one
command that uses ``penstock.testing``.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any, Final

import click

from penstock.cli.demo_list import HABITS, urls
from penstock.cli.exits import Exit
from penstock.cli.options import Command, Option
from penstock.cli.showing import Showing, progress_options
from penstock.cli.streams import tell, terminal_width
from penstock.cli.work import perform
from penstock.errors import OutputError
from penstock.remedies import shell_path
from penstock.report.summary import command as command_line
from penstock.report.summary import wrap
from penstock.report.wording import count
from penstock.settings import Settings

__all__ = ["command"]

FOLDER: Final = "penstock-demo"

BEGINNING: Final = "Fetching {} inputs, listed in {}, from a web inside this process into the run folder {}."

GOING_ON: Final = "Fetching what is left of {}, from a web inside this process, into the run folder {}."

GONE: Final = "The demo's web has gone with it: a resume by itself would find nobody. To go on, web and all:"

MOST_PAGES: Final = 1_000_000

PACE: Final = {"concurrency": 100, "per_host": 4, "delay": 0.01, "attempts": 2, "timeout": 2.0, "pace": "fixed"}
"""Brisker than one may be with strangers: these hosts are our own."""


@click.command("demo", cls=Command, short_help="See it run: a local web, fetched before your eyes.")
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    cls=Option,
    section="Storing",
    help=f"The run folder; given that of a demo that was stopped, goes on with it.  [default ./{FOLDER}, or with a "
    "number added, the first name that is free]",
)
@click.option(
    "--pages",
    metavar="N",
    type=click.INT,
    default=20_000,
    cls=Option,
    section="Reading",
    help="Inputs to fetch.  [default 20,000; 1 to 1,000,000]",
)
@progress_options
def command(output: str | None, pages: int, **options: Any) -> Exit:
    """Serve a small web from inside this process and fetch it into a run folder. It needs no network.

    Some of its hosts are slow, some fail, some redirect, and some lines of the list are broken.
    """
    from penstock import api  # noqa: PLC0415 - libcurl and its kin take longer to load than a help page may
    from penstock.machine.descriptors import raise_descriptors  # noqa: PLC0415 - as above
    from penstock.testing.web import LocalWeb  # noqa: PLC0415 - asyncio, as above

    if not 1 <= pages <= MOST_PAGES:
        raise click.BadParameter(f"{pages} is not from 1 to {MOST_PAGES:,}", param_hint="--pages")
    raise_descriptors()
    showing = Showing.of(options)
    folder = output or _free_name()
    # Beside the folder, not in it: a run folder holds nothing but the run.
    listed = Path(f"{folder}.urls.txt")
    with LocalWeb(habits=HABITS) as web:
        if listed.exists() and Path(folder).exists():
            session = api.go_on(folder, {"connect_to": web.connect_to})
            introduction = GOING_ON.format(listed, folder)
        else:
            _write_list(listed, pages)
            session = api.begin((str(listed),), folder, Settings.of(connect_to=web.connect_to, **PACE))
            introduction = BEGINNING.format(count(pages), listed, folder)
        if not showing.quiet:
            tell("\n".join(wrap(introduction, terminal_width())) + "\n")
        code = perform(session, showing, folder)
    if not showing.quiet:
        tell(_what_next(folder, complete=code is Exit.DONE))
    return code


def _free_name() -> str:
    """``penstock-demo``, or the first ``penstock-demo-N`` that is free."""
    number, name = 1, FOLDER
    while Path(name).exists() or Path(f"{name}.urls.txt").exists():
        number += 1
        name = f"{FOLDER}-{number}"
    return name


def _write_list(listed: Path, pages: int) -> None:
    try:
        with listed.open("x", encoding="utf-8") as file:
            file.write("# The list of a penstock demo. Its hosts were served by the demo and are gone with it.\n")
            file.writelines(f"{url}\n" for url in urls(pages))
    except OSError as error:
        raise OutputError(f"cannot write {listed}: {error.strerror}; name another folder with -o") from None


def _what_next(folder: str, *, complete: bool) -> str:
    """What to type now."""
    if not complete:
        gone = wrap(GONE, terminal_width())
        return "\n".join(("", *gone, f"  {command_line('demo', folder, '-o')}"))
    outcomes = f"{shell_path(folder)}/outcomes-*.jsonl"
    if shutil.which("jq"):
        look = f"jq -r 'select(.error) | .error + \"  \" + .url' {outcomes} | head"
    else:
        program = "import json,sys; [print(o['error'], o['url']) for o in map(json.loads, sys.stdin) if o['error']]"
        look = f'cat {outcomes} | {Path(sys.executable).name} -c "{program}" | head'
    your_own = "Your own list, a URL a line:\n  penstock fetch urls.txt -o pages"
    return f"\nWhat failed, and why:\n  {look}\n\n{your_own}"
