"""``penstock fetch URLS -o FOLDER``, politeness off: the run folder of the command line."""

from __future__ import annotations

import os
import sys
from typing import Final

from benchmarks.clients.penstock_run import FOLDER, check
from benchmarks.clients.protocol import Task, main, say

__all__ = ["check", "run"]

PRETENDING: Final = """
import runpy
from benchmarks.clients.protocol import pretend
pretend({families!r})
runpy.run_module("penstock", run_name="__main__", alter_sys=True)
"""
"""The command in an interpreter that believes in routes for some families only."""


def run(task: Task, *more: str) -> None:
    """Become the command, with *more* options."""
    say(None)
    at_once = str(task.concurrency)
    options = ["--concurrency", at_once, "--per-host", at_once, "--delay", "0", "--no-robots", "--quiet", *more]
    if task.resolver is not None:
        options += ["--resolver", task.resolver]
    program = ["-c", PRETENDING.format(families=task.families)] if task.families else ["-m", "penstock"]
    folder = str(task.folder / FOLDER)
    os.execv(sys.executable, [sys.executable, *program, "fetch", str(task.urls), "-o", folder, *options])


def fetch(task: Task) -> None:
    run(task)


if __name__ == "__main__":
    main(fetch, check)
