"""A server that speaks HTTP/2 over TLS, and gives streams and connections up in the ways there are."""

from __future__ import annotations

import asyncio
from pathlib import Path

import h2.config
import h2.connection
import h2.events
from tests.tls import TlsServer

PAGE = b"a page"


class GivesUp(TlsServer):
    """Serves on 127.0.0.1 from a thread of its own until its ``with`` block ends; ``cacert`` verifies it.

    A path ``/reset/CODE/TIMES/page`` is the page, after so many streams of it were reset; ``/body/CODE/TIMES/page``
    resets them within the body. ``/close/0/TIMES/page`` closes the connection, ``/away/CODE/TIMES/page`` says before
    that by GOAWAY that this stream was not processed, ``/last/CODE/TIMES/page`` that it was the last. Over HTTP/1.1,
    which it speaks as well, everything is the page. ``asked`` has the method of each request, by path.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, ["h2", "http/1.1"], lambda: _Line(self))
        self.asked: dict[str, list[str]] = {}


class _Line(asyncio.Protocol):
    def __init__(self, server: GivesUp) -> None:
        self._server = server
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))

    def connection_made(self, transport) -> None:
        self._transport = transport
        self._old = transport.get_extra_info("ssl_object").selected_alpn_protocol() != "h2"
        if not self._old:
            self._h2.initiate_connection()
            transport.write(self._h2.data_to_send())

    def data_received(self, data: bytes) -> None:
        if self._old:
            method, path, *_ = data.decode().split(" ")
            self._server.asked.setdefault(path, []).append(method)
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(PAGE), PAGE))
            return
        for event in self._h2.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                fields = {name.decode(): value.decode() for name, value in event.headers}
                self._answer(event.stream_id, fields[":method"], fields[":path"])
        if not self._transport.is_closing():
            self._transport.write(self._h2.data_to_send())

    def _answer(self, stream: int, method: str, path: str) -> None:
        asked = self._server.asked.setdefault(path, [])
        asked.append(method)
        how, code, times, _ = path.removeprefix("/").split("/")
        if len(asked) > int(times):
            self._h2.send_headers(stream, [(":status", "200")])
            self._h2.send_data(stream, PAGE, end_stream=True)
            return
        if how == "body":
            self._h2.send_headers(stream, [(":status", "200"), ("content-length", str(len(PAGE)))])
            self._h2.send_data(stream, PAGE[:2])
        if how in ("reset", "body"):
            self._h2.reset_stream(stream, int(code))
            return
        if how != "close":
            self._h2.close_connection(int(code), last_stream_id=stream if how == "last" else 0)
        self._transport.write(self._h2.data_to_send())
        self._transport.close()
