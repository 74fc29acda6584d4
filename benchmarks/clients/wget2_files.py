"""``wget2``, which saves every page as a file, without extended attributes."""

from __future__ import annotations

import os

from benchmarks.clients.protocol import Task, main, say

PAGES = "pages"


def fetch(task: Task) -> None:
    say(None)
    options = ["--no-config", "--quiet", "--no-robots", "--no-xattr", "--tries=1", f"--max-threads={task.concurrency}"]
    files = [f"--input-file={task.urls}", f"--directory-prefix={task.folder / PAGES}"]
    os.execvp("wget2", ["wget2", *options, *files])


def check(task: Task) -> int:
    return sum(file.is_file() and file.stat().st_size == task.size for file in (task.folder / PAGES).iterdir())


if __name__ == "__main__":
    main(fetch, check)
