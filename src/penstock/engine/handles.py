"""Multi handles between two engines, since each holds the trust store that it has read.

Knows when a handle may serve another engine. Does not know connections: a handle kept
here has none. See docs/decisions/tls-sessions.md.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any, Final

import pycurl

__all__ = ["MOST", "Handles", "Trust", "identify_trust"]

MOST: Final = 4
"""Handles kept between engines, the newest; each may hold a store of some 1 MB."""

Trust = tuple[object, ...]
"""What an engine trusts; handles serve equal ones only."""


def identify_trust(cacert: bytes, proxy: str | None) -> Trust | None:
    """Return what an engine with these settings trusts, as the file is at the moment.

    None if there is no file; libcurl reports that. The process is part of it, as a
    child must leave its parent's handles alone.
    """
    try:
        file = Path(os.fsdecode(cacert)).stat()
    except OSError:
        return None
    return os.getpid(), cacert, file.st_dev, file.st_ino, file.st_size, file.st_mtime_ns, proxy


class Handles:
    """Keeps up to *most* handles that no engine uses. Threads may share it.

    libcurl allows a handle to be used by one thread after another, never by two at
    once; a handle that was taken is not here.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._idle: list[tuple[Trust, Any]] = []

    def __len__(self) -> int:
        """Return how many handles are kept."""
        return len(self._idle)

    def take(self, trust: Trust | None) -> Any:
        """Return a handle that has served *trust* before, or a new one."""
        with self._lock:
            for place in reversed(range(len(self._idle))):
                if self._idle[place][0] == trust:
                    return self._idle.pop(place)[1]
        return pycurl.CurlMulti()

    def give(self, trust: Trust, handle: Any) -> None:
        """Keep *handle*, which has no connection and no transfer, for *trust*."""
        with self._lock:
            self._idle.append((trust, handle))
            spare = self._idle.pop(0)[1] if len(self._idle) > self._most else None
        if spare is not None:
            spare.close()
