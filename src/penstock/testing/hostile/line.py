"""One connection as the hostile server holds it: raw bytes, and every way to end badly.

Knows a socket, which may be wrapped in TLS, and how to wait for the other side without sleeping. Does not
know any fault.
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
    """The client went away, or the server is to stop: nothing more can be said here."""


class Surroundings(Struct, frozen=True):
    """What a fault may refer to: its own origin, another one, and a TLS context by its certificate's name."""

    here: str
    elsewhere: str
    context: Callable[[str], ssl.SSLContext]


class Line:
    """A connection. *stop* becomes readable when the server is to stop."""

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
        """Do a TLS handshake as the server, showing *certificate*."""
        context = self.around.context(certificate)
        try:
            # Wrapping lets go of the plain socket; an interrupt must find the one that is in use.
            secured = context.wrap_socket(self._connection, server_side=True, do_handshake_on_connect=False)
            self._connection = secured
            secured.do_handshake()
        except OSError as error:
            raise Gone from error

    def send(self, data: bytes) -> None:
        """Send all of *data*, waiting while the client does not read. Gone if it went."""
        try:
            for start in range(0, len(data), PIECE):
                piece = data[start : start + PIECE]
                self._connection.sendall(piece)
                self.sent += len(piece)
        except OSError as error:
            raise Gone from error

    def read(self) -> Request | None:
        """The next request; None once either side has closed. Gone where it was cut off."""
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
        """Take in some bytes, whatever they are; False once the client has closed its side."""
        try:
            data = self._connection.recv(PIECE)
        except OSError as error:
            raise Gone from error
        self._received += data
        return bool(data)

    def rest(self, seconds: float | None = None) -> None:
        """Say nothing for *seconds* (None: for good). Gone as soon as the client or the server ends it."""
        until = None if seconds is None else time.monotonic() + seconds
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._stop, selectors.EVENT_READ)
            waiting.register(self._connection, selectors.EVENT_READ)
            while until is None or time.monotonic() < until:
                for key, _ in waiting.select(None if until is None else until - time.monotonic()):
                    if key.fileobj is self._stop or not self.receive():
                        raise Gone

    def close(self) -> None:
        """End the connection in an orderly way."""
        self._open = False
        self._connection.close()

    def reset(self) -> None:
        """End the connection with a reset."""
        reset_on_close(self._connection)
        self.close()

    def half_close(self) -> None:
        """Say that nothing more will be sent, and wait until the client has gone."""
        try:
            self._connection.shutdown(socket.SHUT_WR)
        except OSError as error:
            raise Gone from error
        self.rest()

    def interrupt(self) -> None:
        """Wake whatever waits on this connection. May be called from another thread."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
