"""One process, measured from outside: time, processor and memory.

Does not know its purpose.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["LIMIT", "ROOT", "Broken", "Reading", "spawn"]

LIMIT: Final = 120.0
"""Seconds that a process may take."""

ROOT: Final = Path(__file__).resolve().parent.parent


class Broken(Exception):
    """The process failed, or its answer is wrong; the message says how."""


class Reading(NamedTuple):
    """The *wall* and *cpu* seconds of a process and its children, and its *peak* bytes.

    *floor* is the least peak that can be measured: Linux counts the memory of a process
    from before it became another program, and before that it was this one. *said* is
    its standard output. *faults* are its minor page faults: each is a page of memory
    that the kernel found without a disk.
    """

    wall: float
    cpu: float
    peak: int
    floor: int
    said: str
    faults: int

    def answer(self, first: str) -> Mapping[str, int | None]:
        """Return the line of JSON in its output whose first name is *first*.

        A profiler, or the program that it became, may print other lines. Raises Broken
        if there is none.
        """
        answers = [line for line in self.said.splitlines() if line.startswith(f'{{"{first}":')]
        if not answers:
            raise Broken(f"no {first!r} in its answer")
        answer: Mapping[str, int | None] = json.loads(answers[0])
        return answer


def spawn(
    command: list[str],
    folder: Path,
    limit: float = LIMIT,
    *,
    tree: Path | None = None,
    cwd: Path = ROOT,
    preload: Path | None = None,
) -> Reading:
    """Run *command* to its end and return what it took.

    Its output goes to files in *folder*, since a pipe needs a reader on the same core.
    It imports penstock from the sources in *tree*, and benchmarks from *cwd*; *preload*
    is a library loaded before all others. Raises Broken if it fails or takes longer
    than *limit* seconds.
    """
    environment = dict(os.environ)
    if tree is not None:
        # Before site-packages, which may have an editable install of another tree.
        environment["PYTHONPATH"] = str(tree / "src")
    if preload is not None:
        environment["LD_PRELOAD"] = str(preload)
    out, err = folder / "stdout", folder / "stderr"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        killer = threading.Timer(limit, _kill, [process.pid])
        killer.start()
        try:
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:
            _kill(process.pid)
            raise
        finally:
            killer.cancel()
        wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode == -signal.SIGKILL and wall >= limit:
        raise Broken(f"not done after {limit:g} s")
    if process.returncode:
        raise Broken(f"exit code {process.returncode}: {_last_line(err)}")
    floor = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    cpu, peak = used.ru_utime + used.ru_stime, used.ru_maxrss * 1024
    return Reading(wall, cpu, peak, floor, out.read_text(errors="replace"), used.ru_minflt)


def _kill(group: int) -> None:
    os.killpg(group, signal.SIGKILL)


def _last_line(file: Path) -> str:
    lines = file.read_text(errors="replace").strip().splitlines()
    return lines[-1][:200] if lines else "no message"
