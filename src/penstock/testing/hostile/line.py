"""One connection of the hostile server: raw bytes, and every way to end it.

Knows a socket, with or without TLS, and how to wait for the client without sleeping.
Does not know any fault.
"""

from __future__ import annotations

import selectors
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from msgspec import Struct

from penstock.testing.pages import Request
from penstock.testing.ports import reset_on_close

__all__ = ["Gone", "Line", "Surroundings"]

PIECE: Final = 65_536


class Gone(Exception):
    """The client has left, or the server must stop."""


class Surroundings(Struct, frozen=True):
    """The origins of the server, and TLS contexts by the name of their certificate."""

    here: str
    elsewhere: str
    context: Callable[[str], ssl.SSLContext]


class Line:
    """A connection. *stop* becomes readable when the server must stop."""

    def __init__(self, connection: socket.socket, stop: socket.socket, around: Surroundings) -> None:
        self.around = around
        self.requests = 0
        self.sent = 0
        self._connection = connection
        self._stop = stop
        self._received = b""
        self._open = True
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def secure(self, certificate: str) -> None:
        """Do a TLS handshake as the server, with *certificate*.

        Raises Gone if it fails.
        """
        context = self.around.context(certificate)
        try:
            # Wrapping detaches the plain socket; an interrupt must find the wrapped
            # one.
            secured = context.wrap_socket(self._connection, server_side=True, do_handshake_on_connect=False)
            self._connection = secured
            secured.do_handshake()
        except OSError as error:
            raise Gone from error

    def send(self, data: bytes) -> None:
        """Send all of *data*, and wait while the client does not read.

        Raises Gone if it has left.
        """
        try:
            for start in range(0, len(data), PIECE):
                piece = data[start : start + PIECE]
                self._connection.sendall(piece)
                self.sent += len(piece)
        except OSError as error:
            raise Gone from error

    def read(self) -> Request | None:
        """Return the next request, or None if either side has closed.

        Raises Gone if the connection broke.
        """
        while self._open:
            found = Request.split(self._received)
            if found is not None:
                request, self._received = found
                self.requests += 1
                return request
            if not self.receive():
                return None
        return None

    def receive(self) -> bool:
        """Receive some bytes; return False if the client has closed its side.

        Raises Gone if the connection broke.
        """
        try:
            data = self._connection.recv(PIECE)
        except OSError as error:
            raise Gone from error
        self._received += data
        return bool(data)

    def rest(self, seconds: float | None = None) -> None:
        """Send nothing for *seconds*, or forever if None.

        Raises Gone as soon as either side ends it.
        """
        until = None if seconds is None else time.monotonic() + seconds
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._stop, selectors.EVENT_READ)
            waiting.register(self._connection, selectors.EVENT_READ)
            while until is None or time.monotonic() < until:
                for key, _ in waiting.select(None if until is None else until - time.monotonic()):
                    if key.fileobj is self._stop or not self.receive():
                        raise Gone

    def close(self) -> None:
        """Close the connection in an orderly way."""
        self._open = False
        self._connection.close()

    def reset(self) -> None:
        """Close the connection with a reset."""
        reset_on_close(self._connection)
        self.close()

    def half_close(self) -> None:
        """Close the sending side, and wait until the client has closed too.

        Raises Gone in any case.
        """
        try:
            self._connection.shutdown(socket.SHUT_WR)
        except OSError as error:
            raise Gone from error
        self.rest()

    def interrupt(self) -> None:
        """Wake the thread that waits on this connection.

        May be called from another thread.
        """
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
