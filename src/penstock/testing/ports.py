"""Sockets on the loopback network, of each sort that a server may be found to be.

Knows addresses and what the system does with a connection. Does not know what is said over one.
"""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from typing import Final

__all__ = ["BACKLOG", "deaf_sockets", "listening_socket", "refusing_socket", "reset_on_close"]

BACKLOG: Final = 1_000
"""Connections that may wait to be accepted; the kernel cuts it to net.core.somaxconn."""

_NO_LINGER: Final = struct.pack("ii", 1, 0)


def listening_socket(address: str, backlog: int = BACKLOG, port: int = 0) -> socket.socket:
    """A socket that listens at *address*, on *port*, or else one that the system picks."""
    listener = socket.socket()
    try:
        listener.bind((address, port))
    except OSError:
        listener.close()
        raise
    listener.listen(backlog)
    return listener


def refusing_socket(address: str) -> socket.socket:
    """A socket that keeps a port without listening on it: whoever connects is refused."""
    kept = socket.socket()
    kept.bind((address, 0))
    return kept


def deaf_sockets(address: str) -> list[socket.socket]:
    """A port where a connection attempt is never answered; the first socket is the one that has it.

    On Linux a listener whose queue is full drops what comes (tcp(7), tcp_abort_on_overflow), so the rest
    are connections that fill the queue. They must stay open as long as the port is to be deaf.
    """
    listener = listening_socket(address, backlog=0)
    crowd = [listener]
    # A backlog of n holds n + 1 connections; a few more make sure of it.
    for _ in range(4):
        waiting = socket.socket()
        waiting.settimeout(0)
        with suppress(BlockingIOError):
            waiting.connect(listener.getsockname())
        crowd.append(waiting)
    return crowd


def reset_on_close(connection: socket.socket) -> None:
    """Let closing *connection* send a reset instead of an orderly end (socket(7), SO_LINGER)."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
