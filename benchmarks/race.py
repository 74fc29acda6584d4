"""The race: in each round every client in turn, so that a slow minute hits all.

Knows rounds and failures. Does not know how a client works, nor which result is good.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property, partial
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from benchmarks.disk import check_slow, compile_shim
from benchmarks.measure import LIMIT, Broken, Reading, spawn
from benchmarks.nameserver import answering
from benchmarks.nginx import Nginx
from benchmarks.roster import Client
from benchmarks.scenarios import Scenario

__all__ = ["Heat", "Race", "Result", "Versus", "run_rounds"]


ENOUGH: Final = 5.0
"""Seconds that the pages may always take to count: a start-up varies by less, even if
it takes half a minute because every fsync takes a second."""

SLOW_LIMIT: Final = 600.0
"""Seconds that a client on the slow disk may take."""


class Heat(NamedTuple):
    """One client in one round: a list of *pages*, and one of one page, its start-up.

    For a throttle, *pages* is the number of items.
    """

    pages: int
    whole: Reading
    startup: Reading

    @property
    def speed(self) -> float:
        """Pages a second, without the start-up."""
        return (self.pages - 1) / max(self.whole.wall - self.startup.wall, 1e-3)

    @property
    def cost(self) -> float:
        """Seconds of processor time a page, without the start-up."""
        return (self.whole.cpu - self.startup.cpu) / max(self.pages - 1, 1)

    @property
    def faults(self) -> float:
        """Minor page faults a page, without the start-up."""
        return (self.whole.faults - self.startup.faults) / max(self.pages - 1, 1)

    @property
    def is_rough(self) -> bool:
        """Whether the pages took less than the start-up, so the speed is unsure."""
        return self.whole.wall - self.startup.wall < min(self.startup.wall, ENOUGH)


class Versus(NamedTuple):
    """One client against another: ratio of speeds, inverse ratio of processor times.

    The two are equal if both clients use their whole core.
    """

    speed: float
    cost: float


class Result(NamedTuple):
    """All rounds of one client in one scenario, or the *fault* that ended them."""

    client: Client
    pages: int
    heats: tuple[Heat, ...]
    fault: str | None = None

    def speed(self) -> float:
        """Return pages a second."""
        return median(heat.speed for heat in self.heats)

    def cost(self) -> float:
        """Return seconds of processor time a page."""
        return median(heat.cost for heat in self.heats)

    def busy(self) -> float:
        """Return the share of one core that it used."""
        return median(heat.cost * heat.speed for heat in self.heats)

    def faults(self) -> float:
        """Return minor page faults a page."""
        return median(heat.faults for heat in self.heats)

    def peak(self) -> int:
        """Return the peak memory in bytes."""
        return max(heat.whole.peak for heat in self.heats)

    def is_small(self) -> bool:
        """Return whether its memory is less than can be measured."""
        return all(heat.whole.peak <= heat.whole.floor for heat in self.heats)

    def startup(self) -> float:
        """Return the seconds from the command to the end of a list of one page."""
        return median(heat.startup.wall for heat in self.heats)

    def is_rough(self) -> bool:
        """Return whether there were too few pages for meaningful figures."""
        return any(heat.is_rough for heat in self.heats)

    def counts(self) -> bool:
        """Return whether it may be compared with a number to reach."""
        return self.fault is None and not self.is_rough()

    def against(self, other: Result) -> Versus:
        """Return the median ratios to *other*, round by round; both must count."""
        rounds = list(zip(self.heats, other.heats, strict=True))
        return Versus(
            median(mine.speed / theirs.speed for mine, theirs in rounds),
            median(theirs.cost / mine.cost for mine, theirs in rounds),
        )


def run_rounds(
    name: str,
    numbers: Mapping[Client, int],
    run: Callable[[Client, int], Reading],
    *,
    rounds: int,
    tell: Callable[[str], None],
) -> list[Result]:
    """Run all *rounds* of the clients, each with the length of its list in *numbers*.

    *name* is for messages. *run* runs a client with a list of a length. If it raises
    Broken, that client takes no further part.
    """
    heats: dict[Client, list[Heat]] = {client: [] for client in numbers}
    faults: dict[Client, str] = {}
    for number in range(1, rounds + 1):
        # Back and forth, so that no client always comes after the same one.
        for client in list(numbers)[:: 1 if number % 2 else -1]:
            pages = numbers[client]
            if client in faults:
                continue
            place = f"[{name}, round {number} of {rounds}] {client.title}"
            try:
                startup = run(client, 1)
                heat = Heat(pages, run(client, pages), startup)
            except Broken as broken:
                faults[client] = str(broken)
                tell(f"{place}: FAILED, {broken}")
            else:
                heats[client].append(heat)
                tell(f"{place}: {heat.pages:,} in {heat.whole.wall:.2f} s")
    return [Result(client, numbers[client], tuple(heats[client]), faults.get(client)) for client in numbers]


class Race:
    """Runs clients against *server*, with their files in *folder*.

    *tell* prints the progress. *under* is the command of a profiler that starts each
    client, or empty.
    """

    def __init__(self, server: Nginx, folder: Path, tell: Callable[[str], None], under: Sequence[str] = ()) -> None:
        self._server = server
        self._folder = folder
        self._tell = tell
        self._under = under

    def run(self, scenario: Scenario, clients: list[Client], *, rounds: int, pages: int | None) -> list[Result]:
        """Run all *rounds*, with *pages* instead of each client's number."""
        numbers = {client: pages or scenario.pages(client) for client in clients}
        fetch = partial(self._fetch, scenario)
        return run_rounds(scenario.name, numbers, fetch, rounds=rounds, tell=self._tell)

    @cached_property
    def _shim(self) -> Path:
        return compile_shim(self._folder)

    def _fetch(self, scenario: Scenario, client: Client, pages: int) -> Reading:
        """Let one process fetch one list. Raises Broken unless it got every page."""
        work = self._folder / "work"
        urls = self._folder / "urls.txt"
        own = work / "own"
        own.mkdir(parents=True)
        try:
            server = self._server
            scenario.write_urls(urls, server.tls_port if scenario.tls else server.port, pages)
            # Write the files of earlier clients to the disk now, and not while this one
            # is measured.
            os.sync()
            before = self._server.served()
            command = [client.build.python, "-m", f"benchmarks.clients.{client.name}"]
            arguments = [str(urls), str(scenario.concurrency), str(scenario.size), str(own)]
            shim = self._shim if client.slow_disk else None
            with ExitStack() as stack:
                asked = []
                if scenario.named:
                    names = answering(scenario.addresses(pages), server.core)
                    asked = [stack.enter_context(names), scenario.named]
                elif scenario.tls:
                    asked = ["", "", str(server.trusted), f"::127.0.0.1:{server.tls_port}"]
                command_line = [*self._under, *command, *arguments, *asked]
                limit = LIMIT if shim is None else SLOW_LIMIT
                reading = spawn(command_line, work, limit, tree=client.build.tree, preload=shim)
            if shim is not None:
                check_slow(reading)
            # The count is a request too.
            served = self._server.served() - before - 1
            ok = reading.answer("ok")["ok"]
            if ok is None:
                ok = spawn([*command, "--check", *arguments], work, tree=client.build.tree).answer("ok")["ok"]
            if ok != pages or served < pages:
                raise Broken(f"{ok} good pages of {pages:,}; nginx got {served:,} requests")
            return reading
        finally:
            # In another process: the removal of many files takes memory, which later
            # children seem to inherit.
            subprocess.run(["rm", "-r", str(work)], check=True)
