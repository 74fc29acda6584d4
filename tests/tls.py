"""A server over TLS on loopback for tests: its own authority, a thread of its own, any protocol that ALPN names."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

import trustme


class TlsServer:
    """Serves on 127.0.0.1 until its ``with`` block ends, each connection by a *line*; ``cacert`` verifies it."""

    def __init__(self, folder: Path, speaks: list[str], line: Callable[[], asyncio.Protocol]) -> None:
        authority = trustme.CA()
        self.cacert = str(folder / "authority.pem")
        authority.cert_pem.write_to_path(self.cacert)
        self._line = line
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.set_alpn_protocols(speaks)
        authority.issue_cert("127.0.0.1", "*.hosts.test").configure_cert(self._context)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        """The certificate is also for every *host* below hosts.test; ``everywhere`` leads there."""
        return f"https://{host}:{self._port}{path}"

    @property
    def everywhere(self) -> str:
        """The entry of ``connect_to`` that leads every name here."""
        return f"::127.0.0.1:{self._port}"

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server = await self._loop.create_server(self._line, "127.0.0.1", 0, ssl=self._context)
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
