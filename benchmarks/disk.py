"""A disk whose every fsync takes a second: ``slow_fsync.c``, loaded into a client.

Knows the compiler and the shim. Does not know when a client calls fsync.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

from benchmarks.measure import Broken, Reading

__all__ = ["DELAY", "check_slow", "compile_shim", "missing"]

SOURCE: Final = Path(__file__).with_name("slow_fsync.c")

DELAY: Final = 1.0
"""Seconds that the shim waits before each fsync."""


def missing() -> str | None:
    """Return how to install a compiler, or None if there is one."""
    return None if shutil.which("cc") else "apt-get install gcc libc6-dev (the slow disk is a C file that cc compiles)"


def compile_shim(folder: Path) -> Path:
    """Return the shim, compiled into *folder*. Raises Broken if cc fails."""
    shim = folder / "slow_fsync.so"
    command = ["cc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", str(shim), str(SOURCE), "-ldl"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise Broken(f"cc does not compile {SOURCE.name}: {ran.stderr.strip()}")
    return shim


def check_slow(reading: Reading) -> None:
    """Raise Broken if *reading* shows that no fsync was slow.

    The dynamic linker runs a program without a shim that it cannot load.
    """
    if reading.wall < DELAY:
        raise Broken(f"{reading.wall:.2f} s with a durable page: the shim of the slow disk was not loaded")
