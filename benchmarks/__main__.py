"""``python -m benchmarks``: everything side by side in one run.

README.md explains the tables.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.against import (
    ALONE,
    COMPARED,
    compare_parts,
    compare_races,
    compare_throttles,
    comparison_table,
    pairs,
)
from benchmarks.alone import PARTS
from benchmarks.bars import RATIOS, Ratio, page_faults
from benchmarks.builds import HERE, Build, check, check_out, find_commit
from benchmarks.loopback import enter, raise_loopback
from benchmarks.measure import Broken
from benchmarks.nginx import Nginx, NginxFailed
from benchmarks.options import parse
from benchmarks.race import Race, Result
from benchmarks.roster import BARE, ROSTER, TASKGROUP, THROTTLES, Client
from benchmarks.scenarios import SCENARIOS, Scenario
from benchmarks.table import bars, scenario_table, throttle_table
from benchmarks.throttle import THROTTLE, Throttles

DESCRIPTORS: Final = 20_000
"""Some clients keep a connection to every host; nginx may have half as many."""

Results = dict[tuple[str, str], Result]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the scenarios; return 1 if a client of ours failed, 2 without nginx."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = parse(given)
    scenarios = _scenarios(options)
    if scenarios and shutil.which("nginx") is None:
        _tell("the server of these benchmarks is nginx, which is not installed: apt-get install nginx-light")
        return 2
    if scenarios and shutil.which("openssl") is None:
        _tell("openssl makes the server's certificate, and is not installed: apt-get install openssl")
        return 2
    try:
        with ExitStack() as stack:
            # Before the namespace, which has no network to install from.
            old = None if options.against is None else stack.enter_context(_old_build(options))
            if options.inside:
                raise_loopback()
            elif scenarios:
                enter([*given, *(["--checkout", *options.checkout] if options.checkout else []), "--inside"])
                _tell("no network namespace is available (unshare of util-linux; root or user namespaces)")
                _tell("skip the scenarios with many hosts")
                scenarios = [scenario for scenario in scenarios if not scenario.many_hosts]
            client_core, server_core = _cores()
            os.sched_setaffinity(0, {client_core})
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="penstock-bench-")))
            if old is not None:
                return _against(scenarios, old, options, folder, server_core)
            return _all(scenarios, options, folder, server_core)
    except (NginxFailed, Broken) as failure:
        _tell(str(failure))
        return 2


@contextmanager
def _old_build(options: argparse.Namespace) -> Iterator[Build]:
    """Give the build that ``--against`` names, and remove its checkout at the end.

    A restart in a namespace leaves it; the new process gets ``--checkout``.
    """
    if Path(options.against).is_dir():
        yield Build(Path(options.against).resolve())
        return
    if options.checkout is None:
        commit = find_commit(options.against)
        options.checkout = [str(check_out(commit, _tell)), commit]
    folder, commit = options.checkout
    try:
        yield Build.in_folder(Path(folder), commit)
    finally:
        shutil.rmtree(folder)


def _all(scenarios: list[Scenario], options: argparse.Namespace, folder: Path, server_core: int) -> int:
    """Measure this tree and its neighbours; return 1 if a client of ours failed."""
    results = _race(scenarios, options, folder, server_core)
    throttled, values = _throttles(options, folder)
    values |= page_faults(results)
    results |= throttled
    values |= _parts(options, folder)
    verdicts = bars(results, values)
    if verdicts:
        print(f"numbers to reach (benchmarks/bars.py)\n{verdicts}")
    if options.json is not None:
        options.json.write_text(json.dumps(_record(results, values), indent=1))
    return int(any(result.fault is not None for result in results.values() if result.client.is_ours))


def _scenarios(options: argparse.Namespace) -> list[Scenario]:
    """Return the scenarios to run, with others that a number to reach needs."""
    if options.against is not None:
        return [scenario for scenario in SCENARIOS if scenario.name in {*options.scenario} & {*COMPARED}]
    beside = {scenario.beside for scenario in SCENARIOS if scenario.name in options.scenario}
    return [scenario for scenario in SCENARIOS if scenario.name in {*options.scenario, *beside}]


def _against(scenarios: list[Scenario], old: Build, options: argparse.Namespace, folder: Path, server_core: int) -> int:
    """Compare this tree with *old*; return 1 if a client failed with either."""
    for build in (old, HERE):
        check(build, folder)
    compared = []
    if scenarios:
        with _serving(options, folder, server_core) as race:
            for scenario in scenarios:
                clients = pairs(scenario.name, old, options.only)
                compared += compare_races(race, scenario, clients, rounds=options.rounds, pages=options.pages)
    if THROTTLE in options.scenario:
        runner = Throttles(pairs(THROTTLE, old, options.only), folder, _tell, options.under)
        compared += compare_throttles(runner, rounds=options.rounds, items=options.pages)
    for part in ALONE:
        if part in options.scenario:
            compared.append(compare_parts(part, old, folder, rounds=options.rounds, lines=options.pages, tell=_tell))
    print(comparison_table(compared))
    if options.json is not None:
        options.json.write_text(json.dumps([each._asdict() for each in compared], indent=1))
    return int(any(each.fault is not None for each in compared))


@contextmanager
def _serving(options: argparse.Namespace, folder: Path, core: int) -> Iterator[Race]:
    """Run nginx, and give the race against it."""
    descriptors = _raise_descriptors()
    # Inside there is no interface but loopback.
    address = "0.0.0.0" if options.inside else "127.0.0.1"
    ports = _free_port(), _free_port()
    with Nginx(folder / "nginx", address, ports, core=core, connections=descriptors // 2) as server:
        yield Race(server, folder, _tell, options.under)


def _race(scenarios: list[Scenario], options: argparse.Namespace, folder: Path, server_core: int) -> Results:
    """Run every scenario, and print each table at its end."""
    results: Results = {}
    roster = [client for client in ROSTER if any(scenario.takes(client) for scenario in scenarios)]
    clients = _present(roster, BARE, options.only)
    if not clients:
        return results
    with _serving(options, folder, server_core) as race:
        for scenario in scenarios:
            taking = [client for client in clients if scenario.takes(client)]
            rows = race.run(scenario, taking, rounds=options.rounds, pages=options.pages)
            results |= {(scenario.name, row.client.name): row for row in rows}
            print(f"{scenario_table(scenario, rows)}\n", flush=True)
    return results


def _throttles(options: argparse.Namespace, folder: Path) -> tuple[Results, dict[str, float]]:
    """Run the throttles, print their table, and return results and values."""
    clients = _present(THROTTLES, TASKGROUP, options.only) if THROTTLE in options.scenario else []
    if not clients:
        return {}, {}
    throttles = Throttles(clients, folder, _tell, options.under)
    results = throttles.run(rounds=options.rounds, items=options.pages)
    print(f"{throttle_table(results)}\n", flush=True)
    values = dict(throttles.memory(options.inputs))
    ours = results.get((THROTTLE, "throttle_async"))
    if ours is not None and ours.counts():
        values[THROTTLE] = 1e6 / ours.speed()
    return results, values


def _parts(options: argparse.Namespace, folder: Path) -> dict[str, float]:
    values: dict[str, float] = {}
    for name, part in PARTS.items():
        if name in options.scenario:
            _tell(f"[{name}]")
            values |= part(folder, options.rounds, options.inputs)
    return values


def _present(roster: Sequence[Client], reference: Client, only: list[str] | None) -> list[Client]:
    """Return the clients of *roster* to run; print a remedy for each missing one.

    The *reference* is one of them if any client is.
    """
    if only is not None and not any(client.name in only for client in roster):
        return []
    present = []
    for client in roster:
        if only is not None and client != reference and client.name not in only:
            continue
        remedy = client.missing()
        if remedy is None:
            present.append(client)
        else:
            _tell(f"without {client.title}; install it with: {remedy}")
    return present


def _cores() -> tuple[int, int]:
    """Return a core for the client and one for the server."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) == 1:
        _tell("client and server share the only core: the ratios between clients mean little")
    return cores[0], cores[-1]


def _raise_descriptors() -> int:
    """Raise the limit of descriptors, to DESCRIPTORS at most, and return it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    descriptors = min(most, DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, most))
    return descriptors


def _free_port() -> int:
    with socket.socket() as any_socket:
        any_socket.bind(("127.0.0.1", 0))
        return int(any_socket.getsockname()[1])


def _record(results: Results, values: dict[str, float]) -> dict[str, Any]:
    return {
        "rows": [
            {
                "scenario": scenario,
                "client": client,
                "pages": result.pages,
                "fault": result.fault,
                "heats": [{"whole": heat.whole._asdict(), "startup": heat.startup._asdict()} for heat in result.heats],
            }
            for (scenario, client), result in results.items()
        ],
        "ratios": [ratio._asdict() | _reached(ratio, results) for ratio in RATIOS],
        "values": values,
    }


def _reached(ratio: Ratio, results: Results) -> dict[str, Any]:
    reached = ratio.reached(results)
    return {"reached": None if reached is None else reached._asdict()}


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
