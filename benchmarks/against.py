"""Two source trees of Penstock side by side, under the same client programs.

Knows the compared clients and the ratio to reach. Does not know how a client is
measured, nor the difference between the trees.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from benchmarks.measure import ROOT, Broken, spawn
from benchmarks.race import Race, Result
from benchmarks.roster import ROSTER, THROTTLES, Client
from benchmarks.scenarios import Scenario
from benchmarks.table import columns
from benchmarks.throttle import THROTTLE, Throttles

__all__ = [
    "COMPARED",
    "SKIP",
    "Comparison",
    "check_tree",
    "compare_races",
    "compare_skips",
    "compare_throttles",
    "comparison_table",
    "pairs",
]

AT_LEAST: Final = 0.98
"""The new tree must be at least this many times as fast as the old one."""

SKIP: Final = "resume"
"""The part that reads settled inputs, which no client does."""

LINES: Final = 2_000_000

COMPARED: Final[dict[str, tuple[str, ...]]] = {
    "50": ("penstock_run", "penstock_for", "penstock_async"),
    "hosts": ("penstock_run", "penstock_for"),
    THROTTLE: ("throttle_async", "throttle_for", "throttle_keys", "coiterate"),
    SKIP: (),
}
"""The clients compared in each scenario."""


class Comparison(NamedTuple):
    """One client with two trees: *ratios* has new speed / old speed for each round.

    *old* and *new* are medians, in pages, items or lines a second; *cost* is the median
    ratio of processor times, old to new, or None if it was not measured. *is_rough* is
    as for ``Result``.
    """

    scenario: str
    title: str
    old: float
    new: float
    ratios: tuple[float, ...]
    cost: float | None
    fault: str | None = None
    is_rough: bool = False

    @property
    def ratio(self) -> float:
        """The median of *ratios*."""
        return median(self.ratios)


def check_tree(tree: Path, work: Path) -> None:
    """Let a process import penstock from *tree*, which also compiles it.

    Raises Broken if it gets another one.
    """
    said = spawn([sys.executable, "-c", "import penstock; print(penstock.__file__)"], work, tree=tree).said.strip()
    if not Path(said).is_relative_to(tree / "src"):
        raise Broken(f"{tree / 'src'} has no penstock: a process got {said}")


def pairs(scenario: str, old: Path, only: Sequence[str] | None) -> list[Client]:
    """Return each compared client twice: with the tree *old*, then with this one."""
    clients = [client for client in (*ROSTER, *THROTTLES) if client.name in COMPARED[scenario]]
    return [
        client._replace(tree=tree, title=f"{client.title} ({which})")
        for client in clients
        if only is None or client.name in only
        for tree, which in ((old, "old"), (ROOT, "new"))
    ]


def compare_races(
    runner: Race, scenario: Scenario, clients: list[Client], *, rounds: int, pages: int | None
) -> list[Comparison]:
    """Compare the pairs in *clients* in a scenario of the web."""
    return _compare(scenario.name, runner.run(scenario, clients, rounds=rounds, pages=pages))


def compare_throttles(runner: Throttles, *, rounds: int, items: int | None) -> list[Comparison]:
    """Compare the pairs that *runner* has, with a coroutine that returns at once."""
    return _compare(THROTTLE, runner.race(THROTTLE, rounds=rounds, items=items))


def compare_skips(
    old: Path, folder: Path, *, rounds: int, lines: int | None, tell: Callable[[str], None]
) -> Comparison:
    """Compare how fast settled inputs are read."""
    speeds: dict[Path, list[float]] = {old: [], ROOT: []}
    command = [sys.executable, "-m", "benchmarks.parts.skip", str(lines or LINES), str(folder)]
    for number in range(rounds):
        tell(f"[{SKIP}, round {number + 1} of {rounds}]")
        for tree in (old, ROOT) if number % 2 == 0 else (ROOT, old):
            speeds[tree].append(float(spawn(command, folder, tree=tree).said))
    ratios = tuple(after / before for before, after in zip(speeds[old], speeds[ROOT], strict=True))
    return Comparison(SKIP, "settled inputs read", median(speeds[old]), median(speeds[ROOT]), ratios, None)


def comparison_table(comparisons: Sequence[Comparison]) -> str:
    """Return a line for each comparison, and below it what went wrong."""
    head = ("what", "scenario", "old /s", "new /s", "new / old", "from", "to", "by CPU", "")
    rows = [_row(each) for each in comparisons]
    faults = [f"{each.title}, {each.scenario}: {each.fault}" for each in comparisons if each.fault]
    return "\n".join([columns([head, *rows], "llrrrrrrl"), *faults])


def _compare(scenario: str, results: Sequence[Result]) -> list[Comparison]:
    """Compare neighbours in *results*: old and new, old and new."""
    return [_pair(scenario, old, new) for old, new in zip(results[::2], results[1::2], strict=True)]


def _pair(scenario: str, old: Result, new: Result) -> Comparison:
    title = new.client.title.removesuffix(" (new)")
    for result, which in ((old, "old"), (new, "new")):
        if result.fault is not None:
            return Comparison(scenario, title, 0, 0, (0,), None, f"{which}: {result.fault}")
    ratios = tuple(new_heat.speed / heat.speed for new_heat, heat in zip(new.heats, old.heats, strict=True))
    return Comparison(
        scenario, title, old.speed(), new.speed(), ratios, new.against(old).cost, None, old.is_rough() or new.is_rough()
    )


def _row(each: Comparison) -> tuple[str, ...]:
    if each.fault is not None:
        return each.title, each.scenario, "FAILED", *[""] * 6
    if each.is_rough:
        return each.title, each.scenario, "too few", *[""] * 6
    cost = "" if each.cost is None else f"{each.cost:.3f}"
    spread = f"{min(each.ratios):.3f}", f"{max(each.ratios):.3f}"
    mark = "pass" if each.ratio >= AT_LEAST else "SHORT"
    return each.title, each.scenario, f"{each.old:,.0f}", f"{each.new:,.0f}", f"{each.ratio:.3f}", *spread, cost, mark
