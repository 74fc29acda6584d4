"""A local web of many hosts, for tests and for the demo; it needs no network.

Knows connections, and counts requests. ``penstock.testing.pages`` decides the answer to
a path.

The Host header selects the host. Each numbered host has its own address on the loopback
network: on Linux all of 127.0.0.0/8 answers; elsewhere only 127.0.0.1 does, so use
names there. Any name is served at 127.0.0.1 if the client has the setting
``connect_to``.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from types import TracebackType
from typing import Final, Self

from msgspec.structs import replace

from penstock.testing.pages import Reply, Request, answer, asks
from penstock.testing.ports import BACKLOG, listening_socket, refusing_socket, reset_on_close
from penstock.testing.traffic import Traffic, TrafficCounter

__all__ = ["LocalWeb"]

MAX_REQUEST: Final = 4 * 2**20
"""The most bytes of one request; with more, the server closes the connection."""


class LocalWeb:
    """Serves any number of hosts from its own thread, until its ``with`` block ends.

    *hosts* is the number of hosts with their own address, 65,000 at most; each takes a
    descriptor. *habits* maps a host (an address from ``host``, or a name) to the
    behaviour of all its pages: ``{"slow.test": "/slow/0.2"}``. *robots* maps a host to
    the text of its robots.txt, or to a path with a leading slash whose answer is served
    instead; other hosts have none. *files* maps the end of a path, from its last slash
    on, to the body that each host serves there. With *tls* all hosts speak HTTPS.
    *port* is the port of every host, if it matters. *counter* counts the requests, if
    several servers share one.
    """

    def __init__(
        self,
        hosts: int = 1,
        *,
        habits: Mapping[str, str] | None = None,
        robots: Mapping[str, str] | None = None,
        files: Mapping[str, bytes] | None = None,
        tls: ssl.SSLContext | None = None,
        port: int = 0,
        counter: TrafficCounter | None = None,
    ) -> None:
        self.habits = dict(habits or {})
        self.robots = dict(robots or {})
        self.files = dict(files or {})
        self._tls = tls
        self._scheme = "https" if tls else "http"
        addresses = ("127.0.0.1", *(self.host(number) for number in range(hosts)))
        self._sockets = [listening_socket(address, port=port) for address in addresses]
        self._refusing = refusing_socket("127.0.0.1")
        self._counter = counter or TrafficCounter()
        self._running: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._thread = threading.Thread(target=self._run, name="penstock-local-web", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        loop, stopping = self._running.result()
        loop.call_soon_threadsafe(stopping.set)
        self._thread.join()
        self._refusing.close()

    @staticmethod
    def host(number: int) -> str:
        """Return the address of host *number*, counted from 0."""
        return f"127.1.{(number + 1) // 256}.{(number + 1) % 256}"

    def port(self, number: int | None = None) -> int:
        """Return the port of host *number*, or by default the one that serves names."""
        return int(self._sockets[0 if number is None else number + 1].getsockname()[1])

    def url(self, number: int = 0, path: str = "/") -> str:
        """Return the URL of *path* at host *number*."""
        return f"{self._scheme}://{self.host(number)}:{self.port(number)}{path}"

    def url_by_name(self, name: str, path: str = "/") -> str:
        """Return the URL of *path* at *name*, for a client with ``connect_to``."""
        return f"{self._scheme}://{name}{path}"

    def refusing(self, path: str = "/") -> str:
        """Return a URL at a host, ``refusing.test``, that refuses every connection."""
        return f"{self._scheme}://127.0.0.1:{self._refusing.getsockname()[1]}{path}"

    @property
    def connect_to(self) -> tuple[str, ...]:
        """The setting ``connect_to`` that sends every name to this server."""
        return (
            f"refusing.test::127.0.0.1:{self._refusing.getsockname()[1]}",
            f"::127.0.0.1:{self.port()}",
        )

    def traffic(self) -> Traffic:
        """Return the counts so far.

        May be called from any thread, and after the end.
        """
        return self._counter.traffic()

    def wait_for(self, requests: int, seconds: float = 5.0) -> bool:
        """Wait for *requests* in all, *seconds* at most; return whether they came."""
        return self._counter.wait_for(requests, seconds)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        stopping = asyncio.Event()
        self._running.set_result((loop, stopping))
        lines: set[_Line] = set()
        servers = [
            await loop.create_server(
                lambda: _Line(loop, lines, self._counter, self._answer),
                sock=listener,
                ssl=self._tls,
                backlog=BACKLOG,
            )
            for listener in self._sockets
        ]
        await stopping.wait()
        # The servers close later: asyncio does not close a connection that it accepted
        # just before.
        for listener in self._sockets:
            loop.remove_reader(listener)
        # A new connection has its protocol a few turns later, and a dropped one ends in
        # the next turn.
        turns = 5
        while lines or turns:
            turns = max(0, turns - 1)
            for line in list(lines):
                line.drop()
            await asyncio.sleep(0)
        for server in servers:
            server.close()
            await server.wait_closed()

    def _answer(self, request: Request, earlier: int) -> Reply:
        if request.target == "/robots.txt" and request.host in self.robots:
            rules = self.robots[request.host]
            if rules.startswith("/"):
                return answer(request, rules, earlier)
            return Reply(body=rules.encode(), content_type="text/plain; charset=utf-8")
        habit = self.habits.get(request.host)
        path = request.target if habit is None or asks(request.target) else habit + request.target
        reply = answer(request, path, earlier)
        name = request.target[request.target.rfind("/") :]
        if name in self.files and (reply.status, reply.ending) == (200, None):
            return replace(reply, body=self.files[name], content_type="application/octet-stream")
        return reply


class _Line(asyncio.Protocol):
    """One connection, whose requests are answered in order."""

    __slots__ = ("_answer", "_buffer", "_counter", "_host", "_lines", "_loop", "_timer", "_transport")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        lines: set[_Line],
        counter: TrafficCounter,
        answer: Callable[[Request, int], Reply],
    ) -> None:
        self._loop = loop
        self._lines = lines
        self._counter = counter
        self._answer = answer
        self._buffer = b""
        self._host: str | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._lines.add(self)
        self._counter.connect()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio names it
        self._lines.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._host is not None:
            self._counter.end(self._host)

    def drop(self) -> None:
        """Abort the connection."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._host is None and (found := Request.split(self._buffer)) is not None:
            request, self._buffer = found
            earlier = self._counter.begin(request.host, request.target)
            self._host = request.host
            reply = self._answer(request, earlier)
            if reply.after:
                self._timer = self._loop.call_later(reply.after, self._send_late, request, reply)
            else:
                self._send(request, reply)
        if len(self._buffer) > MAX_REQUEST:
            self._transport.abort()

    def _send_late(self, request: Request, reply: Reply) -> None:
        self._send(request, reply)
        self.data_received(b"")

    def _send(self, request: Request, reply: Reply) -> None:
        if reply.ending is not None:
            self._end(reply.ending)
            return
        self._transport.write(reply.encode(head_only=request.method == "HEAD"))
        if self._host is not None:
            self._counter.end(self._host)
            self._host = None

    def _end(self, ending: str) -> None:
        if ending == "hang":
            return
        if ending == "reset":
            reset_on_close(self._transport.get_extra_info("socket"))
        self._transport.abort()
