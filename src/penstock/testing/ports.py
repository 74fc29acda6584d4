"""Sockets on the loopback network that listen, refuse or never answer.

Knows addresses and how the system treats a connection. Does not know the bytes sent
over one.
"""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from typing import Final

__all__ = ["BACKLOG", "deaf_sockets", "listening_socket", "refusing_socket", "reset_on_close"]

BACKLOG: Final = 1_000
"""Connections that may wait to be accepted; Linux limits it to net.core.somaxconn."""

_NO_LINGER: Final = struct.pack("ii", 1, 0)


def listening_socket(address: str, backlog: int = BACKLOG, port: int = 0) -> socket.socket:
    """Return a socket that listens at *address*, on *port* or on any free one."""
    listener = socket.socket()
    try:
        listener.bind((address, port))
    except OSError:
        listener.close()
        raise
    listener.listen(backlog)
    return listener


def refusing_socket(address: str) -> socket.socket:
    """Return a socket that holds a port without listening, so that it refuses."""
    holder = socket.socket()
    holder.bind((address, 0))
    return holder


def deaf_sockets(address: str) -> list[socket.socket]:
    """Return the socket of a port that answers no connection attempt, and its fillers.

    On Linux a listener with a full queue drops new attempts (tcp(7),
    tcp_abort_on_overflow). The other sockets are the connections that fill the queue.
    Keep them open as long as the port must not answer.
    """
    listener = listening_socket(address, backlog=0)
    sockets = [listener]
    # A backlog of n holds n + 1 connections; a few more are safe.
    for _ in range(4):
        waiting = socket.socket()
        waiting.settimeout(0)
        with suppress(BlockingIOError):
            waiting.connect(listener.getsockname())
        sockets.append(waiting)
    return sockets


def reset_on_close(connection: socket.socket) -> None:
    """Make the close of *connection* send a reset (socket(7), SO_LINGER)."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
