"""The arithmetic of the benchmarks, and what would go wrong in them without a message."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
from benchmarks import disk
from benchmarks.bars import AGAINST, LIMITS, RATIOS, Ratio, page_faults
from benchmarks.clients.penstock_command import PRETENDING
from benchmarks.measure import ROOT, Broken, Reading, spawn
from benchmarks.nginx import HTML, LARGE, PLAIN, SIZES, page
from benchmarks.options import parse
from benchmarks.race import Heat, Result
from benchmarks.roster import ROSTER, THROTTLES, Client
from benchmarks.scenarios import SCENARIOS
from benchmarks.table import bars
from benchmarks.throttle import THROTTLE


def reading(wall, cpu, faults=0):
    return Reading(wall, cpu, peak=0, floor=0, said="", faults=faults)


def result(name, *runs):
    """A client with a list of 1,001 pages; each of *runs* is (wall, cpu) without the start-up of one second."""
    heats = [Heat(1_001, reading(1 + wall, 1 + cpu), reading(1, 1)) for wall, cpu in runs]
    return Result(Client(name, name), 1_001, tuple(heats))


def lines_of(results, values=None):
    return bars({("50", each.client.name): each for each in results}, values or {}).splitlines()[1:]


# Arithmetic


def test_the_start_up_is_not_part_of_the_pages():
    heat = Heat(1_001, reading(5, 3, faults=5_000), reading(1, 1, faults=3_000))
    assert (heat.speed, heat.cost, heat.faults) == (250, 0.002, 2)


@pytest.mark.parametrize(
    ("whole", "startup", "is_rough"), [(2, 1, False), (1.9, 1, True), (29, 24, False), (28, 24, True)]
)
def test_pages_that_took_less_than_the_start_up_are_rough_unless_they_took_seconds(whole, startup, is_rough):
    assert Heat(10, reading(whole, 0), reading(startup, 0)).is_rough is is_rough


def test_a_ratio_is_the_median_over_the_rounds_and_not_the_ratio_of_medians():
    """A slow minute makes both clients slow in its round."""
    mine, theirs = result("a", (2, 2), (20, 2), (3, 3)), result("b", (4, 4), (60, 4), (2.7, 6))
    versus = mine.against(theirs)
    assert versus.speed == pytest.approx(2)
    assert versus.cost == pytest.approx(2)


# Numbers to reach


@pytest.mark.parametrize(
    ("wall", "cpu", "reached", "by_cpu", "mark"),
    [(2.0, 4.0, "0.50", "0.25", "pass"), (2.9, 1.0, "0.34", "1.00", "SHORT")],
)
def test_a_bar_is_measured_and_marked(wall, cpu, reached, by_cpu, mark):
    """By speed; the ratio by processor time stands beside it."""
    (line,) = lines_of([result("penstock_run", (wall, cpu)), result("bare", (1, 1))])
    assert line.split()[-6:] == ["50", ">=", "0.36", reached, by_cpu, mark]


@pytest.mark.parametrize(("wall", "cpu", "holds"), [(9, 1.09, True), (1, 1.11, False)])
def test_a_bar_by_cpu_ignores_the_speed(wall, cpu, holds):
    ratio = Ratio("a", "b", 1 / 1.1, "50", by_cpu=True)
    assert ratio.holds(result("a", (wall, cpu)).against(result("b", (1, 1)))) is holds


def test_a_bar_of_a_failed_client_is_not_printed():
    failed = result("penstock_run", (1, 1))._replace(fault="3 good pages of 4", heats=())
    assert lines_of([failed, result("bare", (1, 1))]) == []


@pytest.mark.parametrize(("measured", "mark"), [(1, "pass"), (1.1, "SHORT")])
def test_a_limit_is_measured_and_marked(measured, mark):
    (line,) = lines_of([], {"page_faults": measured})
    assert line.split()[-1] == mark


def test_the_faults_of_the_command_are_those_of_its_pages():
    heats = (Heat(1_001, reading(9, 9, faults=3_500), reading(1, 1, faults=3_000)),)
    table = {("50", "penstock_command"): Result(Client("penstock_command", ""), 1_001, heats)}
    assert page_faults(table) == {"page_faults": 0.5}
    assert page_faults({}) == {}


def test_every_bar_is_of_clients_that_run_in_its_scenario():
    """Otherwise it would never be printed."""
    scenarios = {scenario.name: scenario for scenario in SCENARIOS}
    clients = {client.name: client for client in ROSTER}
    throttles = {client.name for client in THROTTLES}
    needed = [(ratio.scenario, ratio.client) for ratio in RATIOS]
    needed += [(ratio.elsewhere or ratio.scenario, ratio.other) for ratio in RATIOS]
    for scenario, client in needed:
        known = client in throttles if scenario == THROTTLE else scenarios[scenario].takes(clients[client])
        assert known, (scenario, client)
    assert len({limit.value for limit in LIMITS}) == len(LIMITS)
    assert {scenario for scenario, _ in AGAINST} <= {*scenarios, "frontier"}


def test_a_long_scenario_runs_only_if_named():
    assert "slow" not in parse([]).scenario
    assert parse(["--scenario", "slow"]).scenario == ["slow"]


# Pages


@pytest.mark.parametrize("name", [HTML, PLAIN, LARGE])
def test_a_page_has_its_size_and_is_text(name):
    """Clients that store text count the bytes of its encoding, so a character must not be cut."""
    assert len(page(name)) == SIZES[name]
    assert page(name).decode().isascii() is (name != LARGE)


# The slow disk


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_the_shim_takes_the_place_of_fsync(tmp_path):
    """Only loaded: a call would take a second."""
    shim = disk.compile_shim(tmp_path)
    code = "print(open('/proc/self/maps').read())"
    assert str(shim) in spawn([sys.executable, "-c", code], tmp_path, preload=shim).said
    symbols = subprocess.run(["nm", "-D", "--defined-only", shim], capture_output=True, text=True, check=True).stdout
    assert {line.split()[-1] for line in symbols.splitlines()} == {"fsync", "fdatasync"}


def test_a_shim_that_does_not_compile_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    compiler = tmp_path / "cc"
    compiler.write_text("#!/bin/sh\necho no such header >&2\nexit 1\n")
    compiler.chmod(0o755)
    with pytest.raises(Broken, match="no such header"):
        disk.compile_shim(tmp_path)


def test_a_machine_without_compiler_is_told_the_remedy(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    (slow,) = [client for client in ROSTER if client.slow_disk]
    assert "gcc" in (slow.missing() or "")


def test_a_run_on_the_slow_disk_that_was_not_slow_is_found():
    """The dynamic linker only warns if it cannot load a library."""
    disk.check_slow(reading(1.0, 0))
    with pytest.raises(Broken, match="not loaded"):
        disk.check_slow(reading(0.9, 0))


# The routes of the scenario of names


def test_the_command_can_believe_in_routes_for_one_family():
    code = PRETENDING.format(families="4").partition("runpy.run_module")[0]
    code += "from penstock.engine.families import Families; print(len(Families()(0.0)))"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout == "1\n"


def test_the_command_is_the_same_then():
    command = [sys.executable, "-c", PRETENDING.format(families="4"), "--version"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, env=dict(os.environ))
    assert ran.stdout.startswith("penstock ")
