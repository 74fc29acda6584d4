"""The parts measured alone: which there are, and how each comes to its value. No server takes part."""

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
"""A start takes so little that a few more cost nothing."""

Part = Callable[[Path, int, int], Mapping[str, float]]
"""Given an empty folder, a number of rounds and one of inputs: the values it measured, by name."""


def frontier(folder: Path, rounds: int, _inputs: int) -> Mapping[str, float]:
    """Microseconds a job, with every host free at once and with a delay."""
    return {
        "frontier": _middle("frontier", ["0"], folder, rounds),
        "frontier_delayed": _middle("frontier", ["1"], folder, rounds),
    }


def resume(folder: Path, rounds: int, _inputs: int) -> Mapping[str, float]:
    """Lines a second."""
    return {"resume": _middle("resume", [str(LINES), str(folder)], folder, rounds)}


def plan(folder: Path, rounds: int, inputs: int) -> Mapping[str, float]:
    """Lines a second of *inputs*, of a plan and of a first look that knows what was asked for."""
    return {kind: _middle("plan", [kind, str(inputs), str(folder)], folder, rounds) for kind in ("plan", "unique")}


def memory(folder: Path, _rounds: int, inputs: int) -> Mapping[str, float]:
    """Megabytes that *inputs* take more than FEW do."""
    values: dict[str, float] = {}
    for kind in KINDS:
        few, many = (_run(kind, number, folder).peak for number in (FEW, inputs))
        values[f"memory_{kind}"] = (many - few) / 1e6
    return values


def names(folder: Path, rounds: int, _inputs: int) -> Mapping[str, float]:
    """Microseconds of processor time for a name, and megabytes that many names take."""

    def taken(kind: str, number: int) -> float:
        return _middle("names", [kind, str(number)], folder, rounds)

    return {
        "lookup": taken("lookups", NAMES),
        "lookup4": taken("lookups4", NAMES),
        "memory_names": taken("memory", NAMES) - taken("memory", FEW),
    }


def waiting(folder: Path, rounds: int, _inputs: int) -> Mapping[str, float]:
    """Times as long as the same list in an order that is not against it."""

    def taken(kind: str) -> float:
        return _middle("waiting", [kind], folder, rounds)

    return {"sorted": taken("sorted") / taken("shuffled"), "behind": taken("behind") / taken("alone")}


def startup(folder: Path, _rounds: int, _inputs: int) -> Mapping[str, float]:
    """Milliseconds until a command has said its version, and those that the import adds to Python's own."""
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
    """The median of what *part* prints."""
    command = [sys.executable, "-m", f"benchmarks.parts.{part}", *arguments]
    return median(float(spawn(command, folder).said) for _ in range(rounds))


def _run(kind: str, inputs: int, folder: Path) -> Reading:
    own = folder / "own"
    own.mkdir()
    try:
        # Some 20 µs an input, and as much again for a slow disk.
        command = [sys.executable, "-m", "benchmarks.parts.memory", kind, str(inputs), str(own)]
        return spawn(command, folder, limit=60 + inputs * 100e-6)
    finally:
        shutil.rmtree(own)


def _start(command: list[str], folder: Path) -> float:
    """Milliseconds to the end of *command*; the first start, which fills the disk cache, does not count."""
    spawn(command, folder)
    return median(spawn(command, folder).wall for _ in range(STARTS)) * 1e3
