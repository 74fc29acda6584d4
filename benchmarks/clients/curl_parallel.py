"""``curl --parallel``, bodies to /dev/null; a line of status and length a page.

It stores nothing.
"""

from __future__ import annotations

import os
import sys

from benchmarks.clients.protocol import Task, main, say

LINES = "lines"


def fetch(task: Task) -> None:
    config = task.folder / "config"
    with config.open("w") as file:
        file.writelines(f'url = "{url}"\noutput = /dev/null\n' for url in task.lines())
    say(None)
    os.dup2(os.open(task.folder / LINES, os.O_WRONLY | os.O_CREAT, 0o600), sys.stdout.fileno())
    options = ["--disable", "--silent", "--noproxy", "*", "--parallel", "--parallel-max", str(task.concurrency)]
    written = ["--write-out", "%{http_code} %{size_download}\\n"]
    os.execvp("curl", ["curl", *options, *written, "--config", str(config)])


def check(task: Task) -> int:
    good = f"200 {task.size}\n"
    with (task.folder / LINES).open() as file:
        return sum(line == good for line in file)


if __name__ == "__main__":
    main(fetch, check)
