"""Two builds of Penstock side by side, under the same client programs.

Knows the compared clients and parts. Does not know how a client is measured, nor the
difference between the builds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from benchmarks.bars import at_least
from benchmarks.builds import HERE, Build
from benchmarks.measure import Broken, spawn
from benchmarks.race import Race, Result
from benchmarks.roster import ROSTER, THROTTLES, Client
from benchmarks.scenarios import Scenario
from benchmarks.table import columns
from benchmarks.throttle import THROTTLE, Throttles

__all__ = [
    "ALONE",
    "COMPARED",
    "Comparison",
    "compare_parts",
    "compare_races",
    "compare_throttles",
    "comparison_table",
    "pairs",
]

LINES: Final = 2_000_000

COMPARED: Final[dict[str, tuple[str, ...]]] = {
    "50": ("penstock_run", "penstock_command", "penstock_for", "penstock_async"),
    "hosts": ("penstock_run", "penstock_command", "penstock_for"),
    "names": ("penstock_run", "penstock_command"),
    "large": ("penstock_run", "penstock_command", "penstock_for"),
    THROTTLE: ("throttle_async", "throttle_for", "throttle_keys", "coiterate"),
}
"""The clients compared in each scenario."""


def skip(build: Build, folder: Path, lines: int | None) -> float:
    """Return settled inputs read a second, of *lines*."""
    command = [build.python, "-m", "benchmarks.parts.skip", str(lines or LINES), str(folder)]
    return float(spawn(command, folder, tree=build.tree).said)


def frontier(build: Build, folder: Path, _lines: int | None) -> float:
    """Return jobs a second, with a delay on every host.

    Each build has its own driver for the same jobs, as this is no public interface.
    """
    assert build.tree is not None
    command = [build.python, "-m", "benchmarks.parts.frontier", "1"]
    return 1e6 / float(spawn(command, folder, tree=build.tree, cwd=build.tree).said)


ALONE: Final[dict[str, tuple[str, Callable[[Build, Path, int | None], float]]]] = {
    "resume": ("settled inputs read", skip),
    "frontier": ("frontier, 10^5 hosts, a delay on each", frontier),
}
"""The compared parts, which no client does: title and measurement of each."""


class Comparison(NamedTuple):
    """One client with two builds: *ratios* has new speed / old speed for each round.

    *bar* is the number that their median must reach. *old* and *new* are medians, in
    pages, items, lines or jobs a second; *cost* is the median ratio of processor times,
    old to new, or None if it was not measured. *is_rough* is as for ``Result``.
    """

    scenario: str
    title: str
    bar: float
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


def pairs(scenario: str, old: Build, only: Sequence[str] | None) -> list[Client]:
    """Return each compared client twice: with the build *old*, then with this one."""
    clients = [client for client in (*ROSTER, *THROTTLES) if client.name in COMPARED[scenario]]
    return [
        client._replace(build=build, title=f"{client.title} ({which})")
        for client in clients
        if only is None or client.name in only
        for build, which in ((old, "old"), (HERE, "new"))
    ]


def compare_races(
    runner: Race, scenario: Scenario, clients: list[Client], *, rounds: int, pages: int | None
) -> list[Comparison]:
    """Compare the pairs in *clients* in a scenario of the web."""
    return _compare(scenario.name, runner.run(scenario, clients, rounds=rounds, pages=pages))


def compare_throttles(runner: Throttles, *, rounds: int, items: int | None) -> list[Comparison]:
    """Compare the pairs that *runner* has, with a coroutine that returns at once."""
    return _compare(THROTTLE, runner.race(THROTTLE, rounds=rounds, items=items))


def compare_parts(
    part: str, old: Build, folder: Path, *, rounds: int, lines: int | None, tell: Callable[[str], None]
) -> Comparison:
    """Compare one of the parts in ALONE, the builds in turn in each round."""
    title, measure = ALONE[part]
    bar = at_least(part, part, old.commit)
    speeds: dict[Build, list[float]] = {old: [], HERE: []}
    for number in range(rounds):
        tell(f"[{part}, round {number + 1} of {rounds}]")
        for build in (old, HERE) if number % 2 == 0 else (HERE, old):
            try:
                speeds[build].append(measure(build, folder, lines))
            except Broken as broken:
                return Comparison(part, title, bar, 0, 0, (0,), None, f"{'new' if build == HERE else 'old'}: {broken}")
    ratios = tuple(after / before for before, after in zip(speeds[old], speeds[HERE], strict=True))
    return Comparison(part, title, bar, median(speeds[old]), median(speeds[HERE]), ratios, None)


def comparison_table(comparisons: Sequence[Comparison]) -> str:
    """Return a line for each comparison, and below it what went wrong."""
    head = ("what", "scenario", "old /s", "new /s", "new / old", "from", "to", "by CPU", "bar", "")
    rows = [_row(each) for each in comparisons]
    faults = [f"{each.title}, {each.scenario}: {each.fault}" for each in comparisons if each.fault]
    return "\n".join([columns([head, *rows], "llrrrrrrrl"), *faults])


def _compare(scenario: str, results: Sequence[Result]) -> list[Comparison]:
    """Compare neighbours in *results*: old and new, old and new."""
    return [_pair(scenario, old, new) for old, new in zip(results[::2], results[1::2], strict=True)]


def _pair(scenario: str, old: Result, new: Result) -> Comparison:
    title = new.client.title.removesuffix(" (new)")
    bar = at_least(scenario, new.client.name, old.client.build.commit)
    for result, which in ((old, "old"), (new, "new")):
        if result.fault is not None:
            return Comparison(scenario, title, bar, 0, 0, (0,), None, f"{which}: {result.fault}")
    ratios = tuple(new_heat.speed / heat.speed for new_heat, heat in zip(new.heats, old.heats, strict=True))
    cost, is_rough = new.against(old).cost, old.is_rough() or new.is_rough()
    return Comparison(scenario, title, bar, old.speed(), new.speed(), ratios, cost, is_rough=is_rough)


def _row(each: Comparison) -> tuple[str, ...]:
    if each.fault is not None:
        return each.title, each.scenario, "FAILED", *[""] * 7
    if each.is_rough:
        return each.title, each.scenario, "too few", *[""] * 7
    cost = "" if each.cost is None else f"{each.cost:.3f}"
    speeds = f"{each.old:,.0f}", f"{each.new:,.0f}"
    ratios = f"{each.ratio:.3f}", f"{min(each.ratios):.3f}", f"{max(each.ratios):.3f}"
    mark = "pass" if each.ratio >= each.bar else "SHORT"
    return each.title, each.scenario, *speeds, *ratios, cost, f">= {each.bar:g}", mark
