"""The server that has every fault, on real sockets.

Knows ports, threads and which fault a request asks for. The faults are in the modules
beside it.
"""

from __future__ import annotations

import itertools
import selectors
import socket
import tempfile
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from penstock.testing.hostile.certificates import Certificates
from penstock.testing.hostile.faults import FAULTS, Meet
from penstock.testing.hostile.line import Gone, Line, Surroundings
from penstock.testing.pages import Request, answer
from penstock.testing.ports import listening_socket
from penstock.testing.traffic import Traffic, TrafficCounter

__all__ = ["HostileServer"]

HOST: Final = "127.0.0.1"


class HostileServer:
    """Serves every fault in ``FAULTS`` at its own URL, until its ``with`` block ends.

    ``url(name)`` is the URL of the fault *name*. Every other path has the answer of the
    local web (``penstock.testing.pages``), so that a test sees that other work
    continues. Each connection has a thread, so it is not made for many at once.
    *counter* counts the requests, if several servers share one.
    """

    def __init__(self, *, counter: TrafficCounter | None = None) -> None:
        self._counter = counter or TrafficCounter()
        self._here = listening_socket(HOST)
        self._elsewhere = _elsewhere()
        self._stop, self._stopper = socket.socketpair()
        self._lock = threading.Lock()
        self._doormen: list[threading.Thread] = []
        self._lines: dict[Line, threading.Thread] = {}
        self._doors: dict[str, list[socket.socket]] = {}
        self._certificates: Certificates | None = None
        self._requests: list[tuple[str, Request]] = []
        self._sent: Counter[str] = Counter()
        self._folder = tempfile.TemporaryDirectory(prefix="penstock-hostile-")

    def __enter__(self) -> Self:
        self._open_door(self._here, None)
        self._open_door(self._elsewhere, None)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopper.close()
        for doorman in self._doormen:
            doorman.join()
        with self._lock:
            lines = dict(self._lines)
        for line, thread in lines.items():
            line.interrupt()
            thread.join()
        for opened in (self._stop, self._here, self._elsewhere, *itertools.chain(*self._doors.values())):
            opened.close()
        self._folder.cleanup()

    @property
    def here(self) -> str:
        """The origin of the server."""
        return _origin(self._here)

    @property
    def elsewhere(self) -> str:
        """Another origin of the same server."""
        return _origin(self._elsewhere)

    @property
    def cacert(self) -> str:
        """A file with the authority of the valid certificates.

        Raises UsageError if trustme is not installed.
        """
        path = Path(self._folder.name) / "authority.pem"
        path.write_bytes(self._known_certificates().authority)
        return str(path)

    def page(self, path: str = "/page") -> str:
        """Return the URL of a page without a fault."""
        return self.here + path

    def url(self, name: str) -> str:
        """Return the URL of the fault *name*; open its port if it needs one."""
        fault = FAULTS[name]
        if not fault.has_port:
            return f"{self.here}/{name}"
        if fault.scheme == "https":
            self._known_certificates()
        if name not in self._doors:
            self._doors[name] = fault.opened()
            if fault.meet is not None:
                self._open_door(self._doors[name][0], fault.meet)
        return f"{_origin(self._doors[name][0], fault.scheme)}/{name}"

    def requests(self, name: str) -> list[Request]:
        """Return the requests for the fault *name*; "" is for all other paths."""
        with self._lock:
            return [request for asked, request in self._requests if asked == name]

    def traffic(self) -> Traffic:
        """Return the counts so far, by the host in the request.

        May be called from any thread.
        """
        return self._counter.traffic()

    def bytes_sent(self, name: str) -> int:
        """Return the bytes sent in answer to requests for the fault *name*."""
        with self._lock:
            return self._sent[name]

    def _known_certificates(self) -> Certificates:
        if self._certificates is None:
            self._certificates = Certificates()
        return self._certificates

    def _open_door(self, listener: socket.socket, meet: Meet | None) -> None:
        doorman = threading.Thread(
            target=self._accept, args=(listener, meet), name="penstock-hostile-door", daemon=True
        )
        self._doormen.append(doorman)
        doorman.start()

    def _accept(self, listener: socket.socket, meet: Meet | None) -> None:
        around = Surroundings(self.here, self.elsewhere, lambda name: self._known_certificates().context(name))
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._stop, selectors.EVENT_READ)
            waiting.register(listener, selectors.EVENT_READ)
            while self._stop not in [key.fileobj for key, _ in waiting.select()]:
                line = Line(listener.accept()[0], self._stop, around)
                self._counter.connect()
                thread = threading.Thread(target=self._serve, args=(line, meet), name="penstock-hostile", daemon=True)
                with self._lock:
                    self._lines[line] = thread
                thread.start()

    def _serve(self, line: Line, meet: Meet | None) -> None:
        with suppress(Gone):
            if meet is not None:
                meet(line)
            while (request := line.read()) is not None:
                self._reply(line, request)
        line.close()
        with self._lock:
            del self._lines[line]

    def _reply(self, line: Line, request: Request) -> None:
        name = request.target.removeprefix("/").partition("/")[0]
        act = FAULTS[name].answer if name in FAULTS else None
        with self._lock:
            self._requests.append((name if act else "", request))
        before = line.sent
        self._counter.begin(request.host, request.target)
        try:
            if act is not None:
                act(line, request)
            else:
                _behave(line, request)
        finally:
            self._counter.end(request.host)
            with self._lock:
                self._sent[name] += line.sent - before


def _behave(line: Line, request: Request) -> None:
    """Answer like the local web."""
    reply = answer(request, request.target, earlier=0)
    if reply.after:
        line.rest(reply.after)
    if reply.ending == "hang":
        line.rest()
    elif reply.ending == "reset":
        line.reset()
    elif reply.ending == "close":
        line.close()
    else:
        line.send(reply.encode(head_only=request.method == "HEAD"))


def _elsewhere() -> socket.socket:
    """Return a socket at another address, or if it has none on another port."""
    try:
        return listening_socket("127.0.0.2")
    except OSError:
        return listening_socket(HOST)


def _origin(listener: socket.socket, scheme: str = "http") -> str:
    address, port = listener.getsockname()
    return f"{scheme}://{address}:{port}"
