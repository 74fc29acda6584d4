"""Free space on the disks that a run writes to, checked before they are full.

Knows how much is free. Does not know the contents of files, or how a run ends if a disk is
full. See docs/decisions/disk-space.md.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from penstock.errors import OutputError

__all__ = ["RESERVE", "Space", "scratch_folder"]

RESERVE: Final = 100_000_000
"""Bytes that stay free, or a twentieth of a disk smaller than twenty times that: enough
to commit the outcomes at hand, and for other programs on the same disk to continue."""

STEP: Final = 250_000
"""Bytes after which the disks are checked again; a check takes some 2 µs."""


class Space:
    """Checks the free space on the disks of *folders*; *usage* returns that of one."""

    def __init__(
        self, folders: Sequence[Path], usage: Callable[[Path], tuple[int, int, int]] = shutil.disk_usage
    ) -> None:
        self._folders = folders
        self._usage = usage
        self._since = 0

    def admit(self, size: int, waiting: int = 0) -> None:
        """Count *size* bytes; raises OutputError if they and those *waiting* to be written would use the reserve."""
        self._since += size
        if self._since >= STEP:
            self.check(size + waiting)

    def check(self, size: int = 0) -> None:
        """Check now; raises OutputError if *size* more bytes would use the reserve."""
        self._since = 0
        for folder in self._folders:
            try:
                total, _, free = self._usage(folder)
            except OSError:  # writing there will raise a better message
                continue
            reserve = min(RESERVE, total // 20)
            if free - size < reserve:
                raise OutputError(
                    f"only {_mb(free)} are free on the disk of {folder}, and {_mb(reserve)} are to stay free; "
                    "make room there"
                )


def scratch_folder() -> Path:
    """Return the folder of SQLite's temporary databases (sqlite.org/tempfiles.html)."""
    named = (os.environ.get("SQLITE_TMPDIR"), os.environ.get("TMPDIR"), "/var/tmp", "/usr/tmp", "/tmp")  # noqa: S108 - looked at, never written by name
    return next((Path(name) for name in named if name and os.access(name, os.W_OK | os.X_OK)), Path())


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size < 9_950_000 else f"{size / 1e6:,.0f} MB"
