"""libcurl's multi handle: the descriptors it wants watched, its timer, its connections.

Knows when libcurl wants to act, and how many connections it keeps. Does not know
transfers, deadlines or what a request is. See docs/decisions/kept-connections.md and,
for how a handle outlives its engine, docs/decisions/tls-sessions.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pycurl

from penstock.engine.handles import Handles, Trust
from penstock.engine.sockets import READ, WRITE, Sockets

__all__ = ["Multi"]

# libcurl uses the selector's numbers for reading and writing, so events need no
# translation.
assert (pycurl.POLL_IN, pycurl.POLL_OUT, pycurl.CSELECT_IN, pycurl.CSELECT_OUT) == (READ, WRITE, READ, WRITE)

HANDLES: Final = Handles()
"""The handles of this process that no engine uses."""


class Multi:
    """A multi handle whose descriptors *sockets* watches; *clock* is monotonic.

    If *trust* is given, the handle may have served another engine with the same trust,
    and will serve the next one.

    ``add``, ``remove``, ``act`` and ``read_ended`` are the handle's own methods, so
    that they cost no call more. ``due`` is when libcurl wants to act, or None. ``kept``
    is the most connections that it keeps.
    """

    def __init__(self, sockets: Sockets, clock: Callable[[], float], trust: Trust | None = None) -> None:
        """Open the handle."""
        self._sockets = sockets
        self._clock = clock
        self._trust = trust
        self.due: float | None = None
        self.kept = 0
        self._handle = handle = HANDLES.take(trust)
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

    def close(self, stale: list[str]) -> None:
        """Close every connection; the easy handles must be closed after this.

        *stale* are the entries that empty libcurl's name cache.
        """
        if self._trust is not None and self._close_connections(stale):
            self._handle.setopt(pycurl.M_SOCKETFUNCTION, _ignore)
            self._handle.setopt(pycurl.M_TIMERFUNCTION, _ignore)
            HANDLES.give(self._trust, self._handle)
        else:
            self._handle.close()

    def _close_connections(self, stale: list[str]) -> bool:
        """Close every connection without closing the handle; return whether all are.

        libcurl has no call for it. It closes idle connections to make room for a new
        one, and the transfer that asks for it here gets no socket.
        """
        self.keep(1, bound_all=True)
        easy = pycurl.Curl()
        easy.setopt(pycurl.URL, "http://127.0.0.1/")
        easy.setopt(pycurl.PROXY, b"")
        easy.setopt(pycurl.NOSIGNAL, 1)
        easy.setopt(pycurl.OPENSOCKETFUNCTION, lambda *_: pycurl.SOCKET_BAD)
        if stale:
            easy.setopt(pycurl.RESOLVE, stale)
        self.add(easy)
        self.act(pycurl.SOCKET_TIMEOUT, 0)
        self.read_ended()
        self.remove(easy)
        easy.close()
        return not self._sockets.count_connections()

    def _on_timer(self, milliseconds: int) -> None:
        if milliseconds > 0:
            self.due = self._clock() + milliseconds / 1000
        else:
            # At once, whatever the time is.
            self.due = None if milliseconds else 0.0

    def _on_socket(self, what: int, fd: int, _multi: Any, _data: Any) -> None:
        if what == pycurl.POLL_REMOVE:
            self._sockets.release(fd)
        elif what != pycurl.POLL_NONE:
            self._sockets.watch(fd, what)


def _ignore(*_: Any) -> None:
    """Do nothing: no engine has the handle."""
