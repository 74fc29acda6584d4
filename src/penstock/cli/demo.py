"""``penstock demo``: a local web of many hosts, fetched before your eyes.

Knows the local web, and shows how it is fetched as ``fetch`` does. Needs no network. It
is the only command that uses ``penstock.testing``.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Final

import click

from penstock.cli.command import Perform, session_command
from penstock.cli.demo_list import HABITS, urls
from penstock.cli.exits import Exit
from penstock.cli.options import Option
from penstock.cli.streams import tell, terminal_width
from penstock.errors import OutputError
from penstock.remedies import shell_path
from penstock.report.summary import command as command_line
from penstock.report.summary import wrap
from penstock.report.wording import count
from penstock.settings import Settings

__all__ = ["command"]

FOLDER: Final = "penstock-demo"

BEGINNING: Final = "Fetching {} inputs, listed in {}, from a web inside this process into the run folder {}."

CONTINUING: Final = "Fetching the rest of {}, from a web inside this process, into the run folder {}."

GONE: Final = "The demo's web ended with it, so a resume alone would reach no server. To continue, with its web:"

MOST_PAGES: Final = 1_000_000

PACE: Final = {"concurrency": 100, "per_host": 4, "delay": 0.01, "attempts": 2, "timeout": 2.0, "pace": "fixed"}
"""Faster than is polite to strangers: these hosts are our own."""


@session_command("demo", tolerance=False, short_help="See it run: a local web, fetched before your eyes.")
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    cls=Option,
    section="Storing",
    help=f"The run folder; if it is that of a demo that was stopped, the demo continues.  [default ./{FOLDER}, or "
    "with a number added, the first name that is free]",
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
def command(perform: Perform, output: str | None, pages: int) -> Exit:
    """Serve a small web from inside this process and fetch it into a run folder.

    It needs no network.

    Some of its hosts are slow, some fail, some redirect, and some lines of the list are
    broken.
    """
    # libcurl and asyncio take longer to load than a help page may.
    from penstock.fetching import sessions  # noqa: PLC0415
    from penstock.testing.web import LocalWeb  # noqa: PLC0415

    if not 1 <= pages <= MOST_PAGES:
        raise click.BadParameter(f"{pages} is not from 1 to {MOST_PAGES:,}", param_hint="--pages")
    folder = output or _free_name()
    # Beside the folder, not in it: a run folder holds nothing but the run.
    listed = Path(f"{folder}.urls.txt")
    with LocalWeb(habits=HABITS) as web:
        if listed.exists() and Path(folder).exists():
            session = sessions.resume(folder, {"connect_to": web.connect_to})
            introduction = CONTINUING.format(listed, folder)
        else:
            _write_list(listed, pages)
            session = sessions.begin((str(listed),), folder, Settings.of(connect_to=web.connect_to, **PACE))
            introduction = BEGINNING.format(count(pages), listed, folder)
        if not perform.quiet:
            tell("\n".join(wrap(introduction, terminal_width())) + "\n")
        code = perform(session, folder)
    if not perform.quiet:
        tell(_what_next(folder, complete=code is Exit.DONE))
    return code


def _free_name() -> str:
    """Return ``penstock-demo``, or the first ``penstock-demo-N`` that is free."""
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
    """Return what to type next."""
    if not complete:
        gone = wrap(GONE, terminal_width())
        return "\n".join(("", *gone, f"  {command_line('demo', folder, '-o')}"))
    outcomes = f"{shell_path(folder)}/outcomes-*.jsonl"
    if shutil.which("jq"):
        one_liner = f"jq -r 'select(.error) | .error + \"  \" + .url' {outcomes} | head"
    else:
        program = "import json,sys; [print(o['error'], o['url']) for o in map(json.loads, sys.stdin) if o['error']]"
        one_liner = f'cat {outcomes} | {Path(sys.executable).name} -c "{program}" | head'
    your_own = "Your own list, a URL a line:\n  penstock fetch urls.txt -o pages"
    remove = f"Remove the demo's run folder and list:\n  rm -r {shell_path(folder)} {shell_path(f'{folder}.urls.txt')}"
    return f"\nWhat failed, and why:\n  {one_liner}\n\n{your_own}\n\n{remove}"
