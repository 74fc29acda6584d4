"""Results as text in columns. Does not know how they came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.bars import LIMITS, RATIOS
from benchmarks.race import Result
from benchmarks.roster import BARE, ROSTER
from benchmarks.scenarios import SCENARIOS, Scenario

__all__ = ["bars", "columns", "scenario_table"]

HEAD = ("client", "pages", "pages/s", "CPU µs/page", "busy", "peak MB", "/ bare", "start s")


def scenario_table(scenario: Scenario, results: Sequence[Result], floor: int) -> str:
    """All clients of one scenario, a line each; memory of *floor* bytes or less can't be told apart."""
    reference = next(result for result in results if result.client == BARE)
    rows = [_row(result, reference, floor) for result in results]
    faults = [f"{result.client.title}: {result.fault}" for result in results if result.fault is not None]
    return "\n".join([scenario.title, columns([HEAD, *rows], "lrrrrrrr"), *faults])


def bars(results: Mapping[tuple[str, str], Result], values: Mapping[str, float]) -> str:
    """Each number to reach for which there is one, and whether it was reached; nothing where there is none."""
    titles = {client.name: client.title for client in ROSTER}
    scenes = {scenario.name: scenario.title for scenario in SCENARIOS}
    rows = []
    for ratio in RATIOS:
        reached = ratio.reached(results)
        if reached is not None:
            other = titles[ratio.other] if ratio.elsewhere is None else f"itself on {scenes[ratio.elsewhere]}"
            what = f"{titles[ratio.client]} / {other}"
            scene = scenes[ratio.scenario]
            rows.append((what, scene, f">= {ratio.at_least:g}", f"{reached:.2f}", _mark(ok=reached >= ratio.at_least)))
    for limit in LIMITS:
        if limit.value in values:
            measured = values[limit.value]
            sign = ">=" if limit.least else "<="
            bar = f"{sign} {limit.bar:,.0f} {limit.unit}"
            rows.append((limit.title, "", bar, f"{measured:,.1f}", _mark(ok=limit.holds(measured))))
    return columns([("what", "where", "bar", "reached", ""), *rows], "llrrl") if rows else ""


def columns(rows: Sequence[Sequence[str]], align: str) -> str:
    """*rows* one under the other; *align* has a letter a column, l or r for the side its text is set to."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    form = "  ".join(f"{{:{'<' if side == 'l' else '>'}{width}}}" for side, width in zip(align, widths, strict=True))
    return "\n".join(form.format(*row).rstrip() for row in rows)


def _row(result: Result, reference: Result, floor: int) -> tuple[str, ...]:
    title, pages = result.client.title, f"{result.pages:,}"
    if result.fault is not None:
        return (title, pages, "FAILED", *[""] * (len(HEAD) - 3))
    memory = f"{'<=' if result.peak() <= floor else ''}{result.peak() / 1e6:,.0f}"
    startup = f"{result.startup():.2f}"
    if result.is_rough():
        return (title, pages, "too few", "", "", memory, "", startup)
    return (
        title,
        pages,
        f"{result.speed():,.0f}",
        f"{result.cost() * 1e6:,.1f}",
        f"{result.busy():.0%}",
        memory,
        f"{result.against(reference):.3f}" if reference.counts() else "",
        startup,
    )


def _mark(*, ok: bool) -> str:
    return "pass" if ok else "SHORT"
