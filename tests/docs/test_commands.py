"""Every command that a page shows is one that the program takes: its name, its options, and their values."""

from __future__ import annotations

import itertools
import re
import shlex
from pathlib import Path

import click
import pytest
from tests.docs.blocks import blocks

from penstock.cli import main

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def shown(page: str) -> list[list[str]]:
    """The arguments of each command of ``penstock`` in the blocks of *page*, but for usage lines."""
    found = []
    for block in blocks(page):
        if block.language in ("", "console", "ini"):
            for line in block.text.replace("\\\n", " ").splitlines():
                if re.search(r"(?:^|[\s=])penstock [a-z]", line) and "[OPTIONS]" not in line:
                    found.append(arguments(line))
    return found


def arguments(line: str) -> list[str]:
    """What stands behind ``penstock`` in *line*, up to the next word that is the shell's."""
    words = shlex.shlex(line.replace("ExecStart=", ""), punctuation_chars="|&;<>")
    words.whitespace_split = True
    given = itertools.dropwhile(lambda word: word != "penstock", words)
    return shlex.split(" ".join(itertools.takewhile(lambda word: not set(word) <= set("|&;<>"), given)))[1:]


def refused(command: list[str]) -> str | None:
    """What the program has against *command*; None if it takes it."""
    name, *given = command
    context = click.Context(main, info_name="penstock", **main.context_settings)
    found = main.get_command(context, name)
    if found is None:
        return f"no command {name!r}"
    try:
        found.make_context(name, given, parent=context)
    except click.ClickException as error:
        return error.format_message()
    return None


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_command_is_taken(path):
    wrong = {shlex.join(command): refused(command) for command in shown(path.read_text(encoding="utf-8"))}
    assert {command: why for command, why in wrong.items() if why} == {}


def test_there_are_commands_to_look_at():
    assert len([command for path in PAGES for command in shown(path.read_text(encoding="utf-8"))]) > 40


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("fetch urls.txt --bodies none", "No such option"),
        ("fetch urls.txt --body some", "there is no 'some'; choose from: inline, none"),
        ("fetsch urls.txt", "no command"),
        ("retry", "Missing argument"),
        ("fetch urls.txt -o pages # as ever", None),
    ],
)
def test_a_command_that_does_not_exist_is_found(command, said):
    (found,) = shown(f"```\npenstock {command}\n```\n")
    why = refused(found)
    assert why is None if said is None else said in why
