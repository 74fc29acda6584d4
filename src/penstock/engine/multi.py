"""libcurl's multi handle: the descriptors it wants watched, its timer, its connections.

Knows when libcurl wants to act, and how many connections it keeps. Does not know
transfers, deadlines or what a request is. See docs/decisions/kept-connections.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pycurl

from penstock.engine.sockets import READ, WRITE, Sockets

__all__ = ["Multi"]

# libcurl uses the selector's numbers for reading and writing, so events need no
# translation.
assert (pycurl.POLL_IN, pycurl.POLL_OUT, pycurl.CSELECT_IN, pycurl.CSELECT_OUT) == (READ, WRITE, READ, WRITE)


class Multi:
    """A multi handle whose descriptors *sockets* watches; *clock* is monotonic.

    ``add``, ``remove``, ``act`` and ``read_ended`` are the handle's own methods, so
    that they cost no call more. ``due`` is when libcurl wants to act, or None. ``kept``
    is the most connections that it keeps.
    """

    def __init__(self, sockets: Sockets, clock: Callable[[], float]) -> None:
        """Open the handle."""
        self._sockets = sockets
        self._clock = clock
        self.due: float | None = None
        self.kept = 0
        self._handle = handle = pycurl.CurlMulti()
        handle.setopt(pycurl.M_SOCKETFUNCTION, self._on_socket)
        handle.setopt(pycurl.M_TIMERFUNCTION, self._on_timer)
        self.add = handle.add_handle
        self.remove = handle.remove_handle
        self.act = handle.socket_action
        self.read_ended = handle.info_read

    def act_if_due(self, now: float) -> bool:
        """Let libcurl act if its timer is due at *now*; return whether it was."""
        if self.due is None or self.due > now:
            return False
        # Reset first: libcurl sets the next time while it acts.
        self.due = None
        self.act(pycurl.SOCKET_TIMEOUT, 0)
        return True

    def keep(self, connections: int, *, bound_all: bool) -> None:
        """Keep at most *connections*; if *bound_all*, open no more either."""
        self.kept = connections
        # This bounds the connections kept when a transfer ends, the next one those open
        # when one begins.
        self._handle.setopt(pycurl.M_MAXCONNECTS, connections)
        self._handle.setopt(pycurl.M_MAX_TOTAL_CONNECTIONS, connections if bound_all else 0)

    def close(self) -> None:
        """Close every connection; the easy handles must be closed after this."""
        self._handle.close()

    def _on_timer(self, milliseconds: int) -> None:
        self.due = None if milliseconds < 0 else self._clock() + milliseconds / 1000

    def _on_socket(self, what: int, fd: int, _multi: Any, _data: Any) -> None:
        if what == pycurl.POLL_REMOVE:
            self._sockets.release(fd)
        elif what != pycurl.POLL_NONE:
            self._sockets.watch(fd, what)
