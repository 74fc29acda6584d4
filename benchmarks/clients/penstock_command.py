"""``penstock fetch URLS -o FOLDER``, politeness off: the run folder of the command line."""

from __future__ import annotations

import os
import sys

from benchmarks.clients.penstock_run import FOLDER, check
from benchmarks.clients.protocol import Task, main, say


def fetch(task: Task) -> None:
    say(None)
    at_once = str(task.concurrency)
    options = ["--concurrency", at_once, "--per-host", at_once, "--delay", "0", "--no-robots", "--quiet"]
    if task.resolver is not None:
        options += ["--resolver", task.resolver]
    folder = str(task.folder / FOLDER)
    os.execv(sys.executable, [sys.executable, "-m", "penstock", "fetch", str(task.urls), "-o", folder, *options])


if __name__ == "__main__":
    main(fetch, check)
