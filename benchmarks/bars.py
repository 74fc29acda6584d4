"""The numbers to reach, as ratios within one run; benchmarks/README.md says why ratios."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from benchmarks.race import Result, Versus

__all__ = ["AGAINST", "AT_LEAST", "BASELINE", "LIMITS", "RATIOS", "Limit", "Ratio", "at_least", "page_faults"]

Table = Mapping[tuple[str, str], Result]
"""Results by the names of scenario and client."""


class Ratio(NamedTuple):
    """*client* must be *at_least* that many times as fast as *other* in *scenario*.

    With *elsewhere*, the speed of *other* in that scenario counts. With *by_cpu*, the
    ratio of processor times decides, and not that of speeds.
    """

    client: str
    other: str
    at_least: float
    scenario: str
    elsewhere: str | None = None
    by_cpu: bool = False

    def reached(self, table: Table) -> Versus | None:
        """Return the ratios, or None if either client has no result that counts."""
        mine = table.get((self.scenario, self.client))
        theirs = table.get((self.elsewhere or self.scenario, self.other))
        if mine is None or theirs is None or not (mine.counts() and theirs.counts()):
            return None
        if self.elsewhere is None:
            return mine.against(theirs)
        return Versus(mine.speed() / theirs.speed(), theirs.cost() / mine.cost())

    def holds(self, reached: Versus) -> bool:
        """Return whether *reached* is enough."""
        return (reached.cost if self.by_cpu else reached.speed) >= self.at_least


class Limit(NamedTuple):
    """The measured *value* must be at most *bar*, or with *least* at least *bar*."""

    value: str
    title: str
    bar: float
    unit: str
    least: bool = False

    def holds(self, measured: float) -> bool:
        """Return whether *measured* is within the limit."""
        return measured >= self.bar if self.least else measured <= self.bar


RATIOS: Final = (
    # The durable run counts as the library's call and as the command.
    Ratio("penstock_run", "bare", 0.36, "50"),
    Ratio("penstock_command", "bare", 0.36, "50"),
    Ratio("penstock_run", "aiohttp_workers", 1.5, "50"),
    Ratio("penstock_command", "aiohttp_workers", 1.5, "50"),
    Ratio("penstock_run", "wget2_files", 1.3, "50"),
    Ratio("penstock_run", "minet_fetch", 10, "50"),
    Ratio("penstock_run", "scrapy_spider", 25, "50"),
    Ratio("penstock_run", "bare", 0.5, "plain"),
    Ratio("penstock_run", "aiohttp_workers", 1.8, "plain"),
    Ratio("penstock_run", "wget2_files", 2, "plain"),
    Ratio("penstock_run", "minet_fetch", 15, "plain"),
    Ratio("penstock_run", "scrapy_spider", 35, "plain"),
    Ratio("penstock_for", "bare", 0.6, "50"),
    Ratio("penstock_async", "bare", 0.6, "50"),
    Ratio("penstock_for", "wreq_workers", 1, "50"),
    Ratio("penstock_for", "bare", 0.65, "hosts"),
    Ratio("penstock_run", "penstock_run", 0.5, "hosts", "50"),
    Ratio("penstock_run", "penstock_run", 0.4, "names", "one"),
    Ratio("penstock_run", "penstock_run", 0.4, "names46", "one"),
    Ratio("penstock_slow_disk", "penstock_flushing", 0.9, "slow"),
    # At most 1.1 times the processor time of an item.
    Ratio("throttle_async", "taskgroup", 1 / 1.1, "throttle", by_cpu=True),
    # At most 1.2 times the processor time of a page.
    Ratio("penstock_run", "bare", 1 / 1.2, "tls", by_cpu=True),
    Ratio("throttle_async", "aiometer_amap", 5, "throttle"),
    Ratio("throttle_async", "aiostream_map", 8, "throttle"),
    Ratio("throttle_async", "cooperator_coroutines", 1.5, "throttle"),
    # At most one and a half times the cost.
    Ratio("coiterate", "taskgroup", 0.67, "throttle"),
)

BASELINE: Final = "932e14d3f9a15442a4acdf5a49581530ddcdcafa"
"""The commit that AGAINST compares with."""

AGAINST: Final[Mapping[tuple[str, str], float]] = {
    ("50", "penstock_run"): 1.5,
    ("50", "penstock_command"): 1.5,
    ("50", "penstock_async"): 1.25,
    ("hosts", "penstock_run"): 1.5,
    ("hosts", "penstock_command"): 1.5,
    ("names", "penstock_run"): 1.4,
    ("names", "penstock_command"): 1.4,
    ("large", "penstock_run"): 1.4,
    ("large", "penstock_command"): 1.4,
    ("frontier", "frontier"): 1.25,
}
"""How many times as fast as BASELINE each scenario and client must be."""

AT_LEAST: Final = 0.98
"""The same for all others, and against every other tree or commit: no slower."""


def at_least(scenario: str, client: str, commit: str | None) -> float:
    """Return how many times as fast as *commit* a client must be in *scenario*."""
    return AGAINST.get((scenario, client), AT_LEAST) if commit == BASELINE else AT_LEAST


LIMITS: Final = (
    Limit("page_faults", "minor page faults of penstock fetch -o", 1, "a stored page"),
    Limit("throttle", "penstock.throttle on a no-op coroutine, 50 at once", 6, "µs an item"),
    Limit("memory_throttle_async", "memory of penstock.throttle for many items beyond that for 10^4", 10, "MB"),
    Limit("memory_throttle_keys", "the same with keys", 10, "MB"),
    Limit("frontier", "frontier, 10^5 hosts known: offer, start, judge, settle", 6, "µs a job"),
    Limit("frontier_delayed", "the same with a delay on every host", 6, "µs a job"),
    Limit("resume", "settled inputs skipped on resume", 1e6, "lines/s", least=True),
    Limit("plan", "penstock plan, a tenth as many hosts as inputs", 50_000, "lines/s", least=True),
    Limit("unique", "first look at a row with --unique", 75_000, "lines/s", least=True),
    Limit("memory_inputs", "memory for many inputs beyond that for 10^4", 10, "MB"),
    Limit("memory_hosts", "the same, each input on a host of its own", 10, "MB"),
    Limit("memory_failures", "the same, each input a failure", 10, "MB"),
    Limit("lookup", "a name looked up, both families; c-ares and pycares take 60 of it", 120, "µs of processor time"),
    Limit("lookup4", "the same, IPv4 alone", 70, "µs of processor time"),
    Limit("memory_names", "memory for 10^5 names beyond that for 10^4", 10, "MB"),
    Limit("sorted", "a list sorted by host / the same shuffled, limits for each host on", 1.1, "times as long"),
    Limit("behind", "20,000 lines behind 200,000 of one slow host / alone", 1.1, "times as long"),
    Limit("version", "penstock --version", 100, "ms"),
    Limit("import", "import penstock, beyond Python's own start", 60, "ms"),
)


def page_faults(table: Table) -> dict[str, float]:
    """Return the value of that limit, if the command has a result that counts."""
    result = table.get(("50", "penstock_command"))
    return {"page_faults": result.faults()} if result is not None and result.counts() else {}
