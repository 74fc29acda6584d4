"""``wget2``, which saves every page as a file."""

from __future__ import annotations

import os

from benchmarks.clients.protocol import Task, main, say

PAGES = "pages"


def fetch(task: Task) -> None:
    say(None)
    options = ["--quiet", "--no-robots", "--tries=1", f"--max-threads={task.concurrency}", "--force-directories"]
    files = [f"--input-file={task.urls}", f"--directory-prefix={task.folder / PAGES}"]
    os.execvp("wget2", ["wget2", *options, *files])


def check(task: Task) -> int:
    return sum(file.is_file() and file.stat().st_size == task.size for file in (task.folder / PAGES).rglob("*"))


if __name__ == "__main__":
    main(fetch, check)
