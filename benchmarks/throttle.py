"""The cost of running N coroutines at once: the throttles side by side.

Knows the command and the answer of a throttle. Does not know how it works, nor which
result is good.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.measure import Broken, Reading, spawn
from benchmarks.race import Result, run_rounds
from benchmarks.roster import Client
from benchmarks.throttles import CONCURRENCY

__all__ = ["PAUSING", "THROTTLE", "Throttles"]

THROTTLE: Final = "throttle"
"""The scenario in which every coroutine returns at once."""

PAUSING: Final = "throttle_pausing"
"""The scenario in which each waits for one turn of the loop.

It is a column in the table of the other.
"""

KINDS: Final = {THROTTLE: "plain", PAUSING: "pausing"}

FEW: Final = 10_000
"""Items of the short list that a long one is compared with."""

WATCHED: Final = 500
"""Items of the run that counts, before measuring, how many run at once."""

SIZED: Final = ("throttle_async", "throttle_keys")
"""Throttles whose memory must not grow with the list."""

Results = dict[tuple[str, str], Result]


class Throttles:
    """Runs *clients*, with their output in *folder*."""

    def __init__(
        self, clients: list[Client], folder: Path, tell: Callable[[str], None], under: Sequence[str] = ()
    ) -> None:
        self._clients = clients
        self._folder = folder
        self._tell = tell
        self._under = under
        self._watched: set[Client] = set()

    def run(self, *, rounds: int, items: int | None) -> Results:
        """Run all *rounds* of both scenarios; *items* as for ``race``."""
        results: Results = {}
        for scenario in KINDS:
            rows = self.race(scenario, rounds=rounds, items=items)
            results |= {(scenario, row.client.name): row for row in rows}
        return results

    def race(self, scenario: str, *, rounds: int, items: int | None) -> list[Result]:
        """Run all *rounds*, with *items* instead of each client's number."""
        numbers = {client: items or client.pages for client in self._clients}
        return run_rounds(scenario, numbers, partial(self._run, KINDS[scenario]), rounds=rounds, tell=self._tell)

    def memory(self, items: int) -> Mapping[str, float]:
        """Return the megabytes that *items* take beyond FEW items, for each client."""
        values: dict[str, float] = {}
        for client in self._clients:
            if client.name not in SIZED:
                continue
            try:
                few, many = (self._run("plain", client, number).peak for number in (FEW, items))
            except Broken as broken:
                self._tell(f"[memory] {client.title}: FAILED, {broken}")
            else:
                values[f"memory_{client.name}"] = (many - few) / 1e6
        return values

    def _run(self, kind: str, client: Client, items: int) -> Reading:
        """Run *items* in one process, after a run that counts how many are at once."""
        if client not in self._watched:
            most = self._add_up("watched", client, WATCHED).answer("total")["most"]
            if most != CONCURRENCY:
                raise Broken(f"{most} at once, not {CONCURRENCY}")
            self._watched.add(client)
        return self._add_up(kind, client, items)

    def _add_up(self, kind: str, client: Client, items: int) -> Reading:
        """Run *items* in one process. Raises Broken unless each ran once."""
        command = [client.build.python, "-m", f"benchmarks.throttles.{client.name}", str(items), kind]
        reading = spawn([*self._under, *command], self._folder, tree=client.build.tree)
        total, right = reading.answer("total")["total"], items * (items + 1) // 2
        if total != right:
            raise Broken(f"the numbers up to {items:,} add up to {total:,}, not {right:,}: some were lost or ran twice")
        return reading
