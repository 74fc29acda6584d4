"""``penstock fetch URLS > /dev/null``, politeness off: a line of JSON a page."""

from __future__ import annotations

import json
import os
import sys

from benchmarks.clients.protocol import Task, main, say

PROGRESS = "progress"


def fetch(task: Task) -> None:
    say(None)
    os.dup2(os.open(task.folder / PROGRESS, os.O_WRONLY | os.O_CREAT, 0o600), sys.stderr.fileno())
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    at_once = str(task.concurrency)
    options = ["--concurrency", at_once, "--per-host", at_once, "--delay", "0", "--no-robots", "--progress", "json"]
    os.execv(sys.executable, [sys.executable, "-m", "penstock", "fetch", str(task.urls), *options])


def check(task: Task) -> int:
    """Return the number that it reports: the lines are not stored.

    The race counts the requests at nginx.
    """
    with (task.folder / PROGRESS).open() as lines:
        said = json.loads(list(lines)[-1])["session"]
    good = said["statuses"].get("200", 0)
    assert isinstance(good, int)
    return good if said["bytes"] == good * task.size else 0


if __name__ == "__main__":
    main(fetch, check)
