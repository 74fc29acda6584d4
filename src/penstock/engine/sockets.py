"""The one selector that holds every socket: libcurl's, also while a connection idles, and those to name servers.

Knows descriptors and what their owners want to hear about them. Does not know libcurl, transfers or HTTP.

libcurl forgets a descriptor as soon as its transfer is over. This keeps watching: on an idle connection
nothing may arrive, so whatever does (a second response nobody asked for, or the server's close) makes
the connection unusable, and it is shut down before another request can get that response. It also
saves two system calls a request, since a kept connection stays registered as it is.

Nobody says when libcurl closes an idle connection (pycurl can call back only during a transfer of the handle
that opened it). The kernel then drops the descriptor from the selector by itself, and its number comes back
as something else. So a descriptor is known by its number and its inode together.
"""

from __future__ import annotations

import os
import selectors
import socket
from contextlib import suppress
from typing import Final

__all__ = ["READ", "WRITE", "Sockets"]

READ: Final = selectors.EVENT_READ
WRITE: Final = selectors.EVENT_WRITE


class Sockets:
    """Which descriptors are watched for what, and one more through which other threads wake the wait."""

    def __init__(self) -> None:
        """Open the selector and the pair of sockets for waking it."""
        self._selector = selectors.DefaultSelector()
        self._watched: dict[int, int] = {}
        self._inodes: dict[int, int] = {}
        self._idle: set[int] = set()
        self._woken = False
        self._waker, self._alarm = socket.socketpair()
        self._waker.settimeout(0)
        self._alarm.settimeout(0)
        self._selector.register(self._alarm, READ)

    def fileno(self) -> int:
        """The selector's own descriptor, itself pollable. Raises AttributeError where it has none."""
        return int(self._selector.fileno())

    def opened(self, fd: int) -> None:
        """A connection's socket was made: it may be watched while idle."""
        self._forget(fd)
        self._inodes[fd] = os.fstat(fd).st_ino

    def watch(self, fd: int, events: int) -> None:
        """A transfer waits for *events* on *fd*."""
        if fd in self._watched and self._inodes.get(fd) != os.fstat(fd).st_ino:
            self._forget(fd)
        self._idle.discard(fd)
        self._want(fd, events)

    def release(self, fd: int) -> None:
        """No transfer waits on *fd* any more: a connection goes idle, anything else is forgotten."""
        if fd in self._inodes:
            self._idle.add(fd)
            self._want(fd, READ)
        else:
            self._forget(fd)

    def hush(self, fd: int) -> None:
        """Nobody wants to hear about *fd*, if no transfer waits on it: it belongs to one that is paused."""
        if fd in self._idle:
            self._idle.discard(fd)
            del self._watched[fd]
            self._selector.unregister(fd)

    def attend(self, fd: int, events: int) -> None:
        """Somebody else than libcurl waits for *events* on *fd*, and says ``leave`` before it is closed."""
        if fd in self._inodes:
            self._forget(fd)
        self._want(fd, events)

    def leave(self, fd: int) -> None:
        """Nobody waits on *fd* any more."""
        self._forget(fd)

    def wait(self, timeout: float | None) -> list[tuple[int, int]]:
        """Descriptors that somebody waits on and what each is ready for; waits *timeout* seconds at most.

        Idle connections that stir are shut down and not reported. A wake-up reports nothing, but ends the
        wait, and ``take_wake`` tells of it.
        """
        ready = []
        for key, events in self._selector.select(timeout):
            fd = key.fd
            if fd in self._idle:
                self._shut_down(fd)
            elif fd == self._alarm.fileno():
                self._woken = True
                with suppress(BlockingIOError):
                    while self._alarm.recv(4096):
                        pass
            else:
                ready.append((fd, events))
        return ready

    def take_wake(self) -> bool:
        """Whether there was a wake-up since this was asked last."""
        woken, self._woken = self._woken, False
        return woken

    def wake(self) -> None:
        """End a wait, now or the next one. For any thread and for signal handlers."""
        # A full pipe is as good as a written one; a closed one belongs to an engine that has ended.
        with suppress(BlockingIOError, OSError):
            self._waker.send(b"\0")

    def close(self) -> None:
        """Close the selector and the waker; the connections are libcurl's to close."""
        self._selector.close()
        self._waker.close()
        self._alarm.close()

    def _want(self, fd: int, events: int) -> None:
        before = self._watched.get(fd)
        if before == events:
            return
        if before is None:
            self._selector.register(fd, events)
        else:
            self._selector.modify(fd, events)
        self._watched[fd] = events

    def _forget(self, fd: int) -> None:
        self._idle.discard(fd)
        self._inodes.pop(fd, None)
        if self._watched.pop(fd, None) is not None:
            self._selector.unregister(fd)

    def _shut_down(self, fd: int) -> None:
        """Make an idle connection unusable; libcurl notices when it wants to use it, and takes another."""
        self._forget(fd)
        # The descriptor stays libcurl's; a duplicate would take another one, and there may be none.
        borrowed = socket.socket(fileno=fd)
        try:
            # Already closed by the other side is what most of these are.
            with suppress(OSError):
                borrowed.shutdown(socket.SHUT_RDWR)
        finally:
            borrowed.detach()
