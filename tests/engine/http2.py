"""A server that speaks HTTP/2 over TLS and answers every request with what it was asked; for tests of the engine."""

import asyncio
import ssl
import threading
from pathlib import Path
from typing import Self

import h2.config
import h2.connection
import h2.events
import trustme


class Http2Server:
    """Serves on 127.0.0.1 from a thread of its own until its ``with`` block ends; ``cacert`` verifies it."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.cacert = str(folder / "authority.pem")
        authority.cert_pem.write_to_path(self.cacert)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.set_alpn_protocols(["h2"])
        authority.issue_cert("127.0.0.1").configure_cert(self._context)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self.connections = 0
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def url(self, path: str) -> str:
        return f"https://127.0.0.1:{self.port}{path}"

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server = await self._loop.create_server(lambda: _Connection(self), "127.0.0.1", 0, ssl=self._context)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()


class _Connection(asyncio.Protocol):
    def __init__(self, server: Http2Server) -> None:
        self._server = server
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))

    def connection_made(self, transport) -> None:
        self._transport = transport
        self._server.connections += 1
        self._h2.initiate_connection()
        transport.write(self._h2.data_to_send())

    def data_received(self, data: bytes) -> None:
        for event in self._h2.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                fields = {bytes(name): bytes(value) for name, value in event.headers}
                body = fields[b":method"] + b" " + fields[b":path"]
                self._h2.send_headers(event.stream_id, [(":status", "200"), ("content-type", "text/plain")])
                self._h2.send_data(event.stream_id, body, end_stream=True)
        self._transport.write(self._h2.data_to_send())
