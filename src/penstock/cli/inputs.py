"""The argument that names inputs: URLs, files, or standard input where nothing is named.

Knows how it is spelled. Does not know what is done with inputs.
"""

from __future__ import annotations

import sys
from typing import Final

import click

from penstock.cli.options import Option

__all__ = ["input_option", "inputs_argument", "named"]

STDIN: Final = "-"

inputs_argument: Final = click.argument("inputs", metavar="[INPUT]...", nargs=-1)
"""Gives a command the inputs that are named, as the keyword ``inputs``."""


input_option: Final = click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="INPUT",
    cls=Option,
    section="Reading",
    help="Where the input is now, if it has moved, had credentials in it, or was standard input or a program's: a URL, "
    "a file, or -; repeatable, in the order of before. Its content must be the same.",
)
"""Gives a command the inputs that are named, none if they are where they were, as the keyword ``inputs``."""


def named(inputs: tuple[str, ...], verb: str) -> tuple[str, ...]:
    """*inputs*, or standard input where there are none; UsageError where that is a terminal, which nobody waits for."""
    if inputs:
        return inputs
    if sys.stdin is None or sys.stdin.isatty():
        example = f"penstock {verb} urls.txt"
        raise click.UsageError(f"no INPUT: name a URL, a file, or - for standard input, as in: {example}")
    return (STDIN,)
