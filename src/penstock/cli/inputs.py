"""The argument that names inputs: URLs, files, or standard input if none is named.

Knows its spelling. Does not know how inputs are read.
"""

from __future__ import annotations

import sys
from typing import Final

import click

from penstock.cli.options import Option

__all__ = ["input_option", "inputs_argument", "inputs_or_stdin"]

STDIN: Final = "-"

inputs_argument: Final = click.argument("inputs", metavar="[INPUT]...", nargs=-1)
"""Gives a command the names of its inputs, as the keyword ``inputs``."""


input_option: Final = click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="INPUT",
    cls=Option,
    section="Reading",
    help="The input, to give again if it has moved, had credentials in it, or was standard input or a program's: a "
    "URL, a file, or -. Repeatable, in the order of before. Its content must be the same.",
)
"""Gives a command the names of inputs given again, as the keyword ``inputs``."""


def inputs_or_stdin(inputs: tuple[str, ...], verb: str) -> tuple[str, ...]:
    """Return *inputs*, or standard input if there are none.

    Raises UsageError if that is a terminal.
    """
    if inputs:
        return inputs
    if sys.stdin is None or sys.stdin.isatty():
        example = f"penstock {verb} urls.txt"
        raise click.UsageError(f"no INPUT: name a URL, a file, or - for standard input, as in: {example}")
    return (STDIN,)
