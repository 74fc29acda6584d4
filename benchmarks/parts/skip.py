"""The cost of skipping settled rows, without comparing digests.

    python -m benchmarks.parts.skip LINES FOLDER

prints the lines a second, of a list of LINES URLs that it writes in FOLDER. It must run
with the penstock of an older tree too (``python -m benchmarks --against``): it imports
only what both have.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from pyroaring import BitMap64

from penstock.settings import InputSettings
from penstock.source.opened import open_inputs


def main(lines: int, folder: Path) -> float:
    file = folder / "urls.txt"
    with file.open("w") as urls:
        urls.writelines(f"http://host-{number % 1000}.example/some/page-{number}.html\n" for number in range(lines))
    settled = BitMap64(range(lines))
    source = open_inputs((str(file),), InputSettings())
    began = time.perf_counter()
    rest = sum(1 for _ in source.rows(settled))
    took = time.perf_counter() - began
    assert rest == 0
    return lines / took


if __name__ == "__main__":
    print(main(int(sys.argv[1]), Path(sys.argv[2])))
