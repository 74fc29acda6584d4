"""The parts that are measured alone, without nginx, and their values."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.measure import Reading, spawn

__all__ = ["PARTS", "Part"]

FEW: Final = 10_000
"""Inputs of the short list that a long one is compared with."""

KINDS: Final = ("inputs", "hosts", "failures")

LINES: Final = 2_000_000

NAMES: Final = 100_000

STARTS: Final = 7
"""A start is so short that several cost nothing."""

Part = Callable[[Path, int, int], Mapping[str, float]]
"""Takes an empty folder, the rounds and the inputs; returns values by name."""


def frontier(folder: Path, rounds: int, _inputs: int) -> Mapping[str, float]:
    """Measure microseconds a job, without and with a delay for each host."""
    return {
        "frontier": _middle("frontier", ["0"], folder, rounds),
        "frontier_delayed": _middle("frontier", ["1"], folder, rounds),
    }


def resume(folder: Path, rounds: int, _inputs: int) -> Mapping[str, float]:
    """Measure lines a second."""
    return {"resume": _middle("resume", [str(LINES), str(folder)], folder, rounds)}


def plan(folder: Path, rounds: int, inputs: int) -> Mapping[str, float]:
    """Measure lines a second of a plan of *inputs*, and of their de-duplication."""
    return {kind: _middle("plan", [kind, str(inputs), str(folder)], folder, rounds) for kind in ("plan", "unique")}


def memory(folder: Path, _rounds: int, inputs: int) -> Mapping[str, float]:
    """Measure the megabytes that *inputs* take beyond FEW inputs."""
    values: dict[str, float] = {}
    for kind in KINDS:
        few, many = (_run(kind, number, folder).peak for number in (FEW, inputs))
        values[f"memory_{kind}"] = (many - few) / 1e6
    return values


def names(folder: Path, rounds: int, _inputs: int) -> Mapping[str, float]:
    """Measure microseconds of processor time for a name, and megabytes of many."""

    def taken(kind: str, number: int) -> float:
        return _middle("names", [kind, str(number)], folder, rounds)

    return {
        "lookup": taken("lookups", NAMES),
        "lookup4": taken("lookups4", NAMES),
        "memory_names": taken("memory", NAMES) - taken("memory", FEW),
    }


def waiting(folder: Path, rounds: int, _inputs: int) -> Mapping[str, float]:
    """Measure the time of an unfavourable order as a multiple of a good one's."""

    def taken(kind: str) -> float:
        return _middle("waiting", [kind], folder, rounds)

    return {"sorted": taken("sorted") / taken("shuffled"), "behind": taken("behind") / taken("alone")}


def startup(folder: Path, _rounds: int, _inputs: int) -> Mapping[str, float]:
    """Measure milliseconds of ``penstock --version``, and of the import alone."""
    python = sys.executable
    nothing = _start([python, "-c", ""], folder)
    return {
        "version": _start([str(Path(python).with_name("penstock")), "--version"], folder),
        "import": _start([python, "-c", "import penstock"], folder) - nothing,
    }


PARTS: Final[Mapping[str, Part]] = {
    "frontier": frontier,
    "resume": resume,
    "plan": plan,
    "memory": memory,
    "names": names,
    "waiting": waiting,
    "startup": startup,
}


def _middle(part: str, arguments: list[str], folder: Path, rounds: int) -> float:
    """Return the median of the values that *part* prints."""
    command = [sys.executable, "-m", f"benchmarks.parts.{part}", *arguments]
    return median(float(spawn(command, folder).said) for _ in range(rounds))


def _run(kind: str, inputs: int, folder: Path) -> Reading:
    own = folder / "own"
    own.mkdir()
    try:
        # An input takes some 20 µs; a slow disk takes more.
        command = [sys.executable, "-m", "benchmarks.parts.memory", kind, str(inputs), str(own)]
        return spawn(command, folder, limit=60 + inputs * 100e-6)
    finally:
        shutil.rmtree(own)


def _start(command: list[str], folder: Path) -> float:
    """Return the milliseconds of *command*, after a run that fills the disk cache."""
    spawn(command, folder)
    return median(spawn(command, folder).wall for _ in range(STARTS)) * 1e3
