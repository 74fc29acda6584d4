"""A server that speaks HTTP/2 over TLS and answers every request with what it was asked; for tests of the engine.

A path ``/large/N`` is answered with N bytes, a frame for each stream in turn, as fast as the client's windows allow;
the first of them when so many are asked for *together*. ``/slow`` is answered when ``/last`` has been asked for.

With *renew*, a connection sends GOAWAY after so many requests (RFC 9113, section 6.8), goes on with those and answers
no later one: ``tell`` says whether the frame has the last stream it answers, as it should, or none; *late*, how many
requests are ignored before it is sent.
"""

import asyncio
from collections import Counter
from pathlib import Path

import h2.config
import h2.connection
import h2.events
from hyperframe.frame import GoAwayFrame
from tests.tls import TlsServer


class Http2Server(TlsServer):
    """Serves on 127.0.0.1 from a thread of its own until its ``with`` block ends; ``cacert`` verifies it."""

    def __init__(self, folder: Path, together: int = 1, *, renew: int = 0, tell: bool = True, late: int = 0) -> None:
        super().__init__(folder, ["h2"], lambda: _Connection(self))
        self.renew, self.tell, self.late = renew, tell, late
        self.seen: Counter[str] = Counter()
        """How often each path was asked for."""
        self.answered: Counter[str] = Counter()
        self.connections = 0
        self.large = 0
        self.together = together
        self.lines: list[_Connection] = []


class _Connection(asyncio.Protocol):
    def __init__(self, server: Http2Server) -> None:
        self._server = server
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self._owed: dict[int, int] = {}
        self._slow: list[tuple[int, bytes]] = []
        self._taken = 0
        self._last: int | None = None
        self._ignored = 0

    def connection_made(self, transport) -> None:
        self._transport = transport
        self._server.connections += 1
        self._server.lines.append(self)
        self._h2.initiate_connection()
        transport.write(self._h2.data_to_send())

    def data_received(self, data: bytes) -> None:  # noqa: C901 - one branch for each kind of path
        for event in self._h2.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                fields = {bytes(name): bytes(value) for name, value in event.headers}
                body = fields[b":method"] + b" " + fields[b":path"]
                path = fields[b":path"].decode()
                self._server.seen[path] += 1
                if self._last is not None and event.stream_id > self._last:
                    self._ignored += 1
                    continue
                self._taken += 1
                if self._taken == self._server.renew:
                    self._last = event.stream_id
                if path == "/slow":
                    self._slow.append((event.stream_id, body))
                    continue
                self._server.answered[path] += 1
                self._h2.send_headers(event.stream_id, [(":status", "200"), ("content-type", "text/plain")])
                if fields[b":path"].startswith(b"/large/"):
                    self._server.large += 1
                    self._owed[event.stream_id] = int(fields[b":path"].rpartition(b"/")[2])
                else:
                    self._h2.send_data(event.stream_id, body, end_stream=True)
            elif isinstance(event, h2.events.StreamReset):
                self._owed.pop(event.stream_id, None)
        if self._server.seen["/last"]:
            for line in self._server.lines:
                line.answer_slow()
        self._transport.write(self._h2.data_to_send())
        if self._last is not None and self._taken >= self._server.renew and self._ignored >= self._server.late:
            self._taken = 0
            last = self._last if self._server.tell else 2**31 - 1
            self._transport.write(GoAwayFrame(0, last_stream_id=last).serialize())
        for line in self._server.lines if self._server.large == self._server.together else [self]:
            line.pay()

    def answer_slow(self) -> None:
        while self._slow:
            stream, body = self._slow.pop()
            self._server.answered["/slow"] += 1
            self._h2.send_headers(stream, [(":status", "200")])
            self._h2.send_data(stream, body, end_stream=True)
            self._transport.write(self._h2.data_to_send())

    def pay(self) -> None:
        """Send what is owed, as far as the windows go."""
        if self._server.large < self._server.together:
            return
        while sum(self._paid(stream) for stream in list(self._owed)):
            pass
        self._transport.write(self._h2.data_to_send())

    def _paid(self, stream: int) -> int:
        most = self._h2.max_outbound_frame_size
        room = min(self._owed[stream], self._h2.local_flow_control_window(stream), most)
        if room:
            self._owed[stream] -= room
            self._h2.send_data(stream, bytes(room), end_stream=not self._owed[stream])
            if not self._owed[stream]:
                del self._owed[stream]
        return room
