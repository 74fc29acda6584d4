"""Results as text in columns. Does not know how they were measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.bars import LIMITS, RATIOS, Limit, Ratio
from benchmarks.race import Result, Versus
from benchmarks.roster import BARE, ROSTER, TASKGROUP, THROTTLES
from benchmarks.scenarios import Scenario
from benchmarks.throttle import PAUSING, THROTTLE

__all__ = ["bars", "columns", "scenario_table", "throttle_table"]

HEAD = ("client", "pages", "pages/s", "CPU µs/page", "busy", "peak MB", "faults/page", "/ bare", "start s")

THROTTLE_HEAD = ("throttle", "items", "µs/item", "CPU µs/item", "/ TaskGroup", "pausing", "peak MB", "start s")

TITLES = {client.name: client.title for client in (*ROSTER, *THROTTLES)}


def scenario_table(scenario: Scenario, results: Sequence[Result]) -> str:
    """Return a line for each client of one scenario."""
    reference = next((result for result in results if result.client == BARE), None)
    rows = [_row(result, reference) for result in results]
    return "\n".join([f"{scenario.name}: {scenario.title}", columns([HEAD, *rows], "lrrrrrrrr"), *_faults(results)])


def throttle_table(results: Mapping[tuple[str, str], Result]) -> str:
    """Return a line for each throttle; one column is for coroutines that pause."""
    plain, pausing = (
        {client: result for (scenario, client), result in results.items() if scenario == wanted}
        for wanted in (THROTTLE, PAUSING)
    )
    reference = plain[TASKGROUP.name]
    rows = [_throttle_row(result, pausing[name], reference) for name, result in plain.items()]
    title = f"{THROTTLE}: a coroutine that does nothing, 50 at once"
    faults = dict.fromkeys((*_faults(plain.values()), *_faults(pausing.values())))
    return "\n".join([title, columns([THROTTLE_HEAD, *rows], "lrrrrrrr"), *faults])


def bars(results: Mapping[tuple[str, str], Result], values: Mapping[str, float]) -> str:
    """Return a line for each number to reach that was measured; empty if none was."""
    rows = [_ratio_row(ratio, reached) for ratio in RATIOS if (reached := ratio.reached(results)) is not None]
    rows += [_limit_row(limit, values[limit.value]) for limit in LIMITS if limit.value in values]
    return columns([("what", "scenario", "bar", "reached", "by CPU", ""), *rows], "llrrrl") if rows else ""


def columns(rows: Sequence[Sequence[str]], align: str) -> str:
    """Return *rows* in columns; *align* has l for left or r for right for each."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    form = "  ".join(f"{{:{'<' if side == 'l' else '>'}{width}}}" for side, width in zip(align, widths, strict=True))
    return "\n".join(form.format(*row).rstrip() for row in rows)


def _row(result: Result, reference: Result | None) -> tuple[str, ...]:
    title, pages = result.client.title, f"{result.pages:,}"
    if result.fault is not None:
        return (title, pages, "FAILED", *[""] * (len(HEAD) - 3))
    memory = _memory(result)
    startup = f"{result.startup():.2f}"
    if result.is_rough():
        return (title, pages, "too few", "", "", memory, "", "", startup)
    return (
        title,
        pages,
        f"{result.speed():,.0f}",
        f"{result.cost() * 1e6:,.1f}",
        f"{result.busy():.0%}",
        memory,
        f"{result.faults():.2f}",
        f"{result.against(reference).speed:.3f}" if reference is not None and reference.counts() else "",
        startup,
    )


def _throttle_row(result: Result, pausing: Result, reference: Result) -> tuple[str, ...]:
    title, items = result.client.title, f"{result.pages:,}"
    if result.fault is not None:
        return (title, items, "FAILED", "", "", _each(pausing), "", "")
    rough = result.is_rough()
    return (
        title,
        items,
        _each(result),
        "" if rough else f"{result.cost() * 1e6:,.2f}",
        f"{result.against(reference).speed:.2f}" if result.counts() and reference.counts() else "",
        _each(pausing),
        _memory(result),
        f"{result.startup():.2f}",
    )


def _each(result: Result) -> str:
    """Return microseconds an item, or the reason that there are none."""
    if result.fault is not None:
        return "FAILED"
    return "too few" if result.is_rough() else f"{1e6 / result.speed():,.2f}"


def _memory(result: Result) -> str:
    return f"{'<=' if result.is_small() else ''}{result.peak() / 1e6:,.0f}"


def _faults(results: Iterable[Result]) -> list[str]:
    return [f"{result.client.title}: {result.fault}" for result in results if result.fault is not None]


def _ratio_row(ratio: Ratio, reached: Versus) -> tuple[str, ...]:
    other = TITLES[ratio.other] if ratio.elsewhere is None else f"itself in {ratio.elsewhere}"
    what = f"{TITLES[ratio.client]} / {other}"
    bar = f">= {ratio.at_least:.3g}{' by CPU' if ratio.by_cpu else ''}"
    mark = _mark(ok=ratio.holds(reached))
    return what, ratio.scenario, bar, f"{reached.speed:.2f}", f"{reached.cost:.2f}", mark


def _limit_row(limit: Limit, measured: float) -> tuple[str, ...]:
    sign = ">=" if limit.least else "<="
    bar = f"{sign} {limit.bar:,.9g} {limit.unit}"
    return limit.title, "", bar, f"{measured:,.2f}", "", _mark(ok=limit.holds(measured))


def _mark(*, ok: bool) -> str:
    return "pass" if ok else "SHORT"
