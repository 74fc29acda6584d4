"""The cost of a resume before it fetches: read and compare an input that is settled.

    python -m benchmarks.parts.resume LINES FOLDER

prints the lines a second, of a list of LINES URLs that it writes in FOLDER.
"""

from __future__ import annotations

import sys
import time
from contextlib import closing
from pathlib import Path

from pyroaring import BitMap64

from penstock.core.schedule.learned import Learned
from penstock.runs.contents import Contents
from penstock.runs.ledger import Ledger
from penstock.settings import InputSettings
from penstock.source.opened import open_inputs


def main(lines: int, folder: Path) -> float:
    file = folder / "urls.txt"
    with file.open("w") as urls:
        urls.writelines(f"http://host-{number % 1000}.example/some/page-{number}.html\n" for number in range(lines))
    settled = BitMap64(range(lines))
    source = open_inputs((str(file),), InputSettings())
    with closing(Ledger.create(folder / "run.db", "run")) as ledger:
        sum(1 for _ in source.rows(BitMap64(), ledger.contents()))
        # It stores the digests; the settled inputs are those above.
        ledger.learn(Learned())
        contents = Contents(ledger.kept(), settled)
        began = time.perf_counter()
        left = sum(1 for _ in source.rows(settled, contents))
        took = time.perf_counter() - began
    assert left == 0
    return lines / took


if __name__ == "__main__":
    print(main(int(sys.argv[1]), Path(sys.argv[2])))
