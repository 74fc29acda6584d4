"""Connections that fail, or are not as they should be."""

from __future__ import annotations

import socket
from typing import Final

from penstock.testing.hostile.faults import connection, port, response
from penstock.testing.hostile.line import Line
from penstock.testing.ports import deaf_sockets, refusing_socket

__all__: list[str] = []

OLD_SERVER_HELLO: Final = (
    b"\x16\x03\x01\x00\x2a"  # a handshake record of 42 bytes
    b"\x02\x00\x00\x26\x03\x01"  # a ServerHello of 38 bytes that picks TLS 1.0
    + bytes(32)  # its random number
    + b"\x00\x00\x2f\x00"  # no session, TLS_RSA_WITH_AES_128_CBC_SHA, no compression
)
"""The answer of a server that speaks only TLS 1.0 (RFC 2246, section 7.4.1.3)."""


@port("connect_refused")
def refused() -> list[socket.socket]:
    """Holds a port without listening."""
    return [refusing_socket("127.0.0.1")]


@port("connect_unreachable")
def unreachable() -> list[socket.socket]:
    """Has a broadcast address, to which the system has no route for a connection."""
    return [refusing_socket("127.255.255.255")]


@port("timeout_connect")
def never_accepted() -> list[socket.socket]:
    """Listens with a full queue, so that the system answers no attempt to connect."""
    return deaf_sockets("127.0.0.1")


@connection("empty_reply")
def closed_at_once(line: Line) -> None:
    """Accepts a connection and closes its side at once."""
    line.half_close()


@connection("reset")
def reset_at_request(line: Line) -> None:
    """Accepts a connection and resets it when the first bytes come."""
    line.receive()
    line.reset()


@connection("fetched", scheme="https")
def tls_fine(line: Line) -> None:
    """Serves over TLS as it should be."""
    line.secure("fine")


@connection("tls_certificate", scheme="https")
def tls_expired(line: Line) -> None:
    """Shows a certificate that has expired."""
    line.secure("expired")


@connection("tls_certificate", scheme="https")
def tls_wrong_host(line: Line) -> None:
    """Shows a certificate for another host."""
    line.secure("wrong host")


@connection("tls_certificate", scheme="https")
def tls_self_signed(line: Line) -> None:
    """Shows a certificate that it has signed itself."""
    line.secure("self-signed")


@connection("tls_certificate", scheme="https")
def tls_unknown_root(line: Line) -> None:
    """Shows a certificate from an authority that the client does not trust."""
    line.secure("unknown root")


@connection("tls_handshake", scheme="https")
def tls_plain_http(line: Line) -> None:
    """Speaks plain HTTP where TLS is expected."""
    line.receive()
    line.send(response(b"This is not TLS.\n", status="400 Bad Request"))
    line.half_close()


@connection("tls_handshake", scheme="https")
def tls_too_old(line: Line) -> None:
    """Speaks only TLS 1.0."""
    line.receive()
    line.send(OLD_SERVER_HELLO)
    line.rest()


@connection("timeout_tls", scheme="https")
def tls_silent(line: Line) -> None:
    """Never answers the first message of the handshake."""
    line.rest()


@connection("tls_handshake", scheme="https")
def tls_reset(line: Line) -> None:
    """Resets the connection within the handshake."""
    line.receive()
    line.reset()


@connection("tls_handshake", scheme="https")
def tls_closed(line: Line) -> None:
    """Closes the connection within the handshake."""
    line.receive()
    line.half_close()
