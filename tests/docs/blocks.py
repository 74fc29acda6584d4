"""The blocks of code on a page: what a reader types, and what the page says comes of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

DOCS = Path(__file__).parents[2] / "docs"

ENVIRONMENT = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "80"}


class Block(NamedTuple):
    """A fenced block: its language, its text, and the last words of the paragraph before it."""

    language: str
    text: str
    before: str

    @property
    def file(self) -> str | None:
        """The file that the block is to be saved as, if the page says so: "Save as `name.py`:"."""
        found = re.search(r"Save as `([\w.]+)`[^`]*:$", self.before)
        return found and found[1]


class Command(NamedTuple):
    """A line after a prompt, and the lines below it that it is to print."""

    line: str
    prints: list[str]


def blocks(page: str) -> list[Block]:
    """The blocks of *page* in their order."""
    fence = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    text = page.replace("\r", "")
    return [
        Block(found[1], found[2], text[: found.start()].strip().rpartition("\n\n")[2].replace("\n", " "))
        for found in fence.finditer(text)
    ]


def commands(block: Block) -> Iterator[Command]:
    """The commands of a console block, each with what it prints."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        line, *prints = part.splitlines()
        while line.endswith("\\"):
            line = f"{line[:-1]} {prints.pop(0).strip()}"
        yield Command(line, prints)


def is_as_said(prints: list[str], said: list[str]) -> bool:
    """Whether *prints* are the lines that *said* shows; in these ``...`` is any text, and by itself any lines."""
    pattern = "".join(
        r"(?:.*\n)*?" if line == "..." else re.escape(line.rstrip()).replace(r"\.\.\.", ".+") + r"\n" for line in said
    )
    return re.fullmatch(pattern, "".join(f"{line.rstrip()}\n" for line in prints)) is not None


def execute(line: str, folder: Path) -> list[str]:
    """What the command *line* prints to both streams when it is typed in *folder*; it must end well."""
    ran = subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, (line, ran.stdout)
    return ran.stdout.splitlines()
