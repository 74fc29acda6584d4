"""The one selector that watches every socket: libcurl's, idle ones too, and c-ares's.

Knows descriptors, and the events that their owners wait for. Does not know libcurl,
transfers or HTTP.

libcurl stops watching a descriptor when its transfer ends. This does not. No bytes may
arrive on an idle connection, so if any do (an unrequested second response, or the
server's close), it is shut down before another request can get that response. That also
saves two system calls a request, since a kept connection stays registered.

libcurl does not report that it closes an idle connection (pycurl can call back only
during a transfer of the handle that opened it). The kernel then drops the descriptor
from the selector, and may reuse its number for another socket. So when a descriptor
that was idle is to be watched again, the poller tells whether it still is the same
file. See docs/decisions/idle-connections.md.
"""

from __future__ import annotations

import socket
from contextlib import suppress

from penstock.engine.polling import READ, WRITE, open_poller

__all__ = ["READ", "WRITE", "Sockets"]


class Sockets:
    """Watches descriptors, and lets other threads end a wait."""

    def __init__(self) -> None:
        """Open the selector and a pair of sockets to wake it."""
        self._poller = open_poller()
        self._watched: dict[int, int] = {}
        self._connections: set[int] = set()
        self._idle: set[int] = set()
        self._woken = False
        self._waker, self._alarm = socket.socketpair()
        self._waker.settimeout(0)
        self._alarm.settimeout(0)
        self._bell = self._alarm.fileno()
        self._poller.register(self._bell, READ)

    def fileno(self) -> int:
        """Return the poller's descriptor, itself pollable.

        Raises AttributeError if there is none.
        """
        return self._poller.fileno()

    def add(self, fd: int) -> None:
        """Add the socket of a new connection, to be watched while it is idle."""
        # If a connection with this number was watched, libcurl has closed it.
        self._watched.pop(fd, None)
        self._idle.discard(fd)
        self._connections.add(fd)

    def watch(self, fd: int, events: int) -> None:
        """Watch *fd* for *events*, on behalf of a transfer."""
        before = self._watched.get(fd)
        if before is None:
            self._poller.register(fd, events)
        elif fd in self._idle or fd not in self._connections:
            # While a transfer uses a connection, libcurl reports its close.
            self._idle.discard(fd)
            if not self._poller.modify(fd, events):
                self._connections.discard(fd)
        elif before != events:
            self._poller.modify(fd, events)
        self._watched[fd] = events

    def release(self, fd: int) -> None:
        """Note that no transfer uses *fd*; keep watching it if it is a connection."""
        if fd in self._connections:
            self._idle.add(fd)
            if self._watched.get(fd) != READ:
                self._want(fd, READ)
        else:
            self._forget(fd)

    def mute(self, fd: int) -> None:
        """Do not watch *fd* if it looks idle, as its transfer is paused."""
        if fd in self._idle:
            self._idle.discard(fd)
            del self._watched[fd]
            self._poller.unregister(fd)

    def subscribe(self, fd: int, events: int) -> None:
        """Watch *fd* for *events*, on behalf of another library than libcurl.

        It must ``unsubscribe`` before it closes *fd*.
        """
        if fd in self._connections:
            self._forget(fd)
        self._want(fd, events)

    def unsubscribe(self, fd: int) -> None:
        """Do not watch *fd* any more."""
        self._forget(fd)

    def wait(self, timeout: float | None) -> list[tuple[int, int]]:
        """Wait *timeout* seconds at most, and return descriptors and events.

        Idle connections that become readable are shut down and not returned. A wake-up
        ends the wait without a descriptor, and ``take_wake`` reports it.
        """
        ready = []
        for fd, events in self._poller.poll(timeout):
            if fd in self._idle:
                self._shut_down(fd)
            elif fd == self._bell:
                self._woken = True
                with suppress(BlockingIOError):
                    while self._alarm.recv(4096):
                        pass
            else:
                ready.append((fd, events))
        return ready

    def count_connections(self) -> int:
        """Return how many of the connections added are still open."""
        return sum(self._is_open(fd) for fd in self._connections)

    def take_wake(self) -> bool:
        """Return whether there was a wake-up since the last call."""
        woken, self._woken = self._woken, False
        return woken

    def wake(self) -> None:
        """End the current wait or the next one.

        May be called from any thread and from signal handlers.
        """
        # If the pipe is full, a wake-up is pending; if it is closed, the engine has
        # ended.
        with suppress(BlockingIOError, OSError):
            self._waker.send(b"\0")

    def close(self) -> None:
        """Close the poller and the waker; libcurl closes the connections."""
        self._poller.close()
        self._waker.close()
        self._alarm.close()

    def _want(self, fd: int, events: int) -> None:
        before = self._watched.get(fd)
        if before is None:
            self._poller.register(fd, events)
        elif before != events:
            self._poller.modify(fd, events)
        self._watched[fd] = events

    def _forget(self, fd: int) -> None:
        self._idle.discard(fd)
        self._connections.discard(fd)
        if self._watched.pop(fd, None) is not None:
            self._poller.unregister(fd)

    def _is_open(self, fd: int) -> bool:
        """Return whether the connection *fd* is open; one that was never watched counts as open."""
        try:
            return fd not in self._watched or self._poller.modify(fd, self._watched[fd])
        except OSError:
            return False

    def _shut_down(self, fd: int) -> None:
        """Make an idle connection unusable, so that libcurl uses another one."""
        self._forget(fd)
        # The descriptor stays libcurl's. A duplicate would need another, and none may
        # be left.
        borrowed = socket.socket(fileno=fd)
        try:
            # The other side has already closed most of them.
            with suppress(OSError):
                borrowed.shutdown(socket.SHUT_RDWR)
        finally:
            borrowed.detach()
