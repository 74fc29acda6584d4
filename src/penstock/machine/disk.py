"""Room on the disks that are written to, looked at before they are full.

Knows how much is free. Does not know what is written there, or what is done about it.
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
"""Bytes that stay free, or a twentieth of a disk that is smaller than twenty times that: enough to commit what was
taken, and for others on the same disk to go on."""

STEP: Final = 250_000
"""Bytes after which a disk is looked at again; a look takes some 2 µs."""


class Space:
    """Sees that there is room on the disks of *folders*. *usage* tells of one."""

    def __init__(
        self, folders: Sequence[Path], usage: Callable[[Path], tuple[int, int, int]] = shutil.disk_usage
    ) -> None:
        self._folders = folders
        self._usage = usage
        self._since = 0

    def admit(self, size: int) -> None:
        """OutputError where about *size* bytes more would go beyond what stays free."""
        self._since += size
        if self._since >= STEP:
            self.check(size)

    def check(self, size: int = 0) -> None:
        """The same, looking in any case."""
        self._since = 0
        for folder in self._folders:
            try:
                total, _, free = self._usage(folder)
            except OSError:  # whoever writes there will say it better
                continue
            reserve = min(RESERVE, total // 20)
            if free - size < reserve:
                raise OutputError(
                    f"only {_mb(free)} are free on the disk of {folder}, and {_mb(reserve)} are to stay free; "
                    "make room there"
                )


def scratch_folder() -> Path:
    """Where SQLite's nameless databases lie (sqlite.org/tempfiles.html)."""
    named = (os.environ.get("SQLITE_TMPDIR"), os.environ.get("TMPDIR"), "/var/tmp", "/usr/tmp", "/tmp")  # noqa: S108 - looked at, never written by name
    return next((Path(name) for name in named if name and os.access(name, os.W_OK | os.X_OK)), Path())


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size < 9_950_000 else f"{size / 1e6:,.0f} MB"
