"""The cost of a plan of a list, and of the search for its duplicates.

    python -m benchmarks.parts.plan KIND LINES FOLDER

where KIND is ``plan`` (all that ``penstock plan`` counts) or ``unique`` (the check of
each row in a run with ``--unique``, which a resume also makes for settled rows). It
writes a list of LINES URLs on a tenth as many hosts in FOLDER, in which every twentieth
URL is repeated, and prints the lines a second.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from penstock.core.extents import SeqSet
from penstock.core.schedule.verdicts import Duplicate
from penstock.core.web.requests import Requests
from penstock.fetching import auditing
from penstock.fetching.deduplication import Once
from penstock.settings import Settings
from penstock.source.opened import open_inputs

AGAIN = 20


def main(kind: str, lines: int, folder: Path) -> float:
    file = folder / "urls.txt"
    with file.open("w") as urls:
        for number in range(lines):
            page = number if number % AGAIN else number // 2 + 1
            urls.write(f"http://host-{page % (lines // 10)}.example/some/page-{page}.html\n")
    began = time.perf_counter()
    duplicates = plan(file) if kind == "plan" else unique(file)
    took = time.perf_counter() - began
    assert duplicates > lines / AGAIN / 2, duplicates
    return lines / took


def plan(file: Path) -> int:
    return auditing.plan((str(file),), Settings()).duplicates


def unique(file: Path) -> int:
    with Once(Requests()) as once:
        rows = open_inputs((str(file),), Settings().input()).rows(SeqSet())
        return sum(type(once.prepare(row, 0.0)) is Duplicate for row in rows)


if __name__ == "__main__":
    print(main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])))
