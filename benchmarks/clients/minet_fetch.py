"""``minet fetch``, which writes a line of CSV a page, and stores no bodies."""

from __future__ import annotations

import csv
import os
import sys
from pathlib import Path

from benchmarks.clients.protocol import Task, main, say

REPORT = "report.csv"


def fetch(task: Task) -> None:
    table = task.folder / "urls.csv"
    with table.open("w") as file:
        file.write("url\n")
        file.writelines(f"{url}\n" for url in task.lines())
    say(None)
    at_once = str(task.concurrency)
    options = ["--threads", at_once, "--domain-parallelism", at_once, "--throttle", "0", "--dont-save", "--silent"]
    files = ["--input", str(table), "--output", str(task.folder / REPORT)]
    minet = str(Path(sys.executable).with_name("minet"))
    os.execv(minet, [minet, "fetch", "url", *options, *files])


def check(task: Task) -> int:
    with (task.folder / REPORT).open(newline="") as file:
        return sum(row["http_status"] == "200" and row["body_size"] == str(task.size) for row in csv.DictReader(file))


if __name__ == "__main__":
    main(fetch, check)
