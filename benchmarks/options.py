"""The command line of the benchmarks."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.alone import PARTS
from benchmarks.roster import ROSTER, THROTTLES
from benchmarks.scenarios import SCENARIOS
from benchmarks.throttle import THROTTLE

__all__ = ["parse"]

ROUNDS: Final = 3
INPUTS: Final = 1_000_000


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options in *arguments*; print a message and exit if one is wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Everything side by side in one run.")
    known = list(dict.fromkeys([*(scenario.name for scenario in SCENARIOS), THROTTLE, *PARTS]))
    unusual = [scenario.name for scenario in SCENARIOS if not scenario.usual]
    parser.add_argument(
        "--scenario",
        type=_names(known),
        default=[name for name in known if name not in unusual],
        help=f"some of {', '.join(known)}; by default all except {', '.join(unusual)}",
    )
    clients = [client.name for client in (*ROSTER, *THROTTLES)]
    beside = "beside the bare loop or the TaskGroup"
    parser.add_argument("--only", type=_names(clients), help=f"{beside}, some of {', '.join(clients)}")
    parser.add_argument("--pages", type=int, help="pages (or items, or lines) of every client, the slow ones too")
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help="number of rounds; the table shows medians (%(default)s)"
    )
    parser.add_argument(
        "--inputs", type=int, default=INPUTS, help="inputs of the part 'memory', items of the throttles' (%(default)s)"
    )
    parser.add_argument(
        "--against",
        metavar="COMMIT|TREE",
        help="compare Penstock with that of a commit, or of another source tree, and nothing else",
    )
    parser.add_argument("--json", type=Path, help="a file for all readings")
    parser.add_argument(
        "--under", type=shlex.split, default=[], help="the command of a profiler that starts the clients"
    )
    # For the process in the network namespace: a folder of builds.check_out, and its
    # commit.
    parser.add_argument("--checkout", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def _names(known: list[str]) -> Any:
    def names(text: str) -> list[str]:
        given = text.split(",")
        for name in given:
            if name not in known:
                raise argparse.ArgumentTypeError(f"no {name!r}; known are {', '.join(known)}")
        return given

    return names
