"""The chaos run: a web of many hosts, a third of them misbehaving, a program killed three times, and the account.

python -m tests.chaos --inputs 50000 --hosts 2000
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from tests.chaos.account import broken, report
from tests.chaos.listing import Sizes
from tests.chaos.run import chaos


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--inputs", type=int, default=50_000)
    parser.add_argument("--hosts", type=int, default=2_000)
    parser.add_argument("--lengthy", type=int, default=25, help="inputs of a host where each takes seconds, at most")
    parser.add_argument("--outage", type=float, default=10.0, help="seconds for which the resolver fails")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a folder to make and leave everything in")
    given = parser.parse_args()
    sizes = Sizes(given.inputs, given.hosts, given.lengthy, given.seed)
    with tempfile.TemporaryDirectory(prefix="penstock-chaos-") as folder:
        where = given.keep or Path(folder)
        if given.keep:
            where.mkdir(parents=True)
        found = chaos(sizes, where, given.outage)
        for line in report(found):
            print(line)
        (where / "seen.json").write_text(json.dumps({"killed": found.killed, **found.seen}))
        problems = broken(found)
    for problem in problems:
        print(f"BROKEN: {problem}")
    print("every promise was kept" if not problems else f"{len(problems)} promises were broken")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
