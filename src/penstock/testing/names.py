"""A name server for tests, with a script of answers over UDP and TCP.

Knows DNS messages as far as a question and its answer need (RFC 1035). Does not know
real names.
"""

from __future__ import annotations

import selectors
import socket
import struct
import threading
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Final, Self

from msgspec import Struct

__all__ = ["NXDOMAIN", "REFUSED", "SERVFAIL", "SILENT", "NameServer", "Says"]

TYPES: Final = {1: "A", 28: "AAAA"}
MOST_BY_UDP: Final = 1232
"""The most bytes of an answer by UDP; for a longer one the client must ask by TCP."""


class Says(Struct, frozen=True):
    """The answer for a name: the *addresses* of the family in the question.

    *ttl* is in seconds. *rcode* is an error code. If *silent*, the server sends no
    answer. If *truncated*, the answer by UDP has no address, whatever its size.
    """

    addresses: tuple[str, ...] = ()
    ttl: int = 60
    rcode: int = 0
    silent: bool = False
    truncated: bool = False


SERVFAIL: Final = Says(rcode=2)
NXDOMAIN: Final = Says(rcode=3)
REFUSED: Final = Says(rcode=5)
SILENT: Final = Says(silent=True)

Script = Mapping[str, Says | str | Sequence[Says | str]]


class NameServer:
    """Answers for the names in *script* in a thread, until its ``with`` block ends.

    *script* maps a name to an answer, or to an address for short, or to a sequence of
    these: one for each question of a type, of which the last is repeated. ``"a.test
    AAAA"`` is for one type of question, and ``"*"`` for every other name; without it
    other names do not exist. The server listens at *address*, which is one of the
    loopback network.
    """

    def __init__(self, script: Script, address: str = "127.0.0.1") -> None:
        self.script = dict(script)
        self._lock = threading.Lock()
        self._questions: dict[tuple[str, str], int] = {}
        self._by_tcp = 0
        self._udp, self._tcp = _sockets(address)
        self._stop, self._stopper = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="penstock-name-server", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopper.close()
        self._thread.join()
        for opened in (self._stop, self._udp, self._tcp):
            opened.close()

    @property
    def address(self) -> str:
        """The address and port, as the setting ``resolver`` takes them."""
        host, port = self._udp.getsockname()
        return f"{host}:{port}"

    def questions(self, name: str | None = None, kind: str | None = None) -> int:
        """Return the number of questions, of all or for *name*, *kind* or both."""
        with self._lock:
            return sum(
                count
                for (each, type_), count in self._questions.items()
                if name in (None, each) and kind in (None, type_)
            )

    @property
    def questions_by_tcp(self) -> int:
        """The number of questions by TCP."""
        with self._lock:
            return self._by_tcp

    def _run(self) -> None:
        lines: dict[socket.socket, bytes] = {}
        with selectors.DefaultSelector() as waiting:
            for opened in (self._stop, self._udp, self._tcp):
                waiting.register(opened, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in waiting.select()]
                if self._stop in ready:
                    break
                for each in ready:
                    assert isinstance(each, socket.socket)
                    if each is self._udp:
                        self._answer_datagram()
                    elif each is self._tcp:
                        line = self._tcp.accept()[0]
                        lines[line] = b""
                        waiting.register(line, selectors.EVENT_READ)
                    elif not self._answer_line(each, lines):
                        waiting.unregister(each)
                        del lines[each]
                        each.close()
        for line in lines:
            line.close()

    def _answer_datagram(self) -> None:
        question, client = self._udp.recvfrom(4096)
        reply = self._reply(question, by_tcp=False)
        if reply is not None:
            self._udp.sendto(reply, client)

    def _answer_line(self, line: socket.socket, lines: dict[socket.socket, bytes]) -> bool:
        """Answer the complete questions on *line*; return whether more may follow."""
        try:
            data = line.recv(4096)
        except OSError:
            return False
        buffer = lines[line] + data
        while len(buffer) >= 2 and len(buffer) >= (end := 2 + int.from_bytes(buffer[:2], "big")):
            reply = self._reply(buffer[2:end], by_tcp=True)
            if reply is not None:
                line.sendall(len(reply).to_bytes(2, "big") + reply)
            buffer = buffer[end:]
        lines[line] = buffer
        return bool(data)

    def _reply(self, question: bytes, *, by_tcp: bool) -> bytes | None:
        name, number, asked = _question(question)
        says = self._says(name, TYPES.get(number, str(number)), by_tcp=by_tcp)
        if says.silent:
            return None
        family = socket.AF_INET6 if number == 28 else socket.AF_INET
        addresses = [each for each in says.addresses if number in TYPES and (":" in each) == (number == 28)]
        records = b"".join(_record(number, says.ttl, socket.inet_pton(family, each)) for each in addresses)
        if not by_tcp and (says.truncated or 12 + len(asked) + len(records) > MOST_BY_UDP):
            return question[:2] + struct.pack(">HHHHH", 0x8380, 1, 0, 0, 0) + asked
        return question[:2] + struct.pack(">HHHHH", 0x8180 | says.rcode, 1, len(addresses), 0, 0) + asked + records

    def _says(self, name: str, kind: str, *, by_tcp: bool) -> Says:
        with self._lock:
            earlier = self._questions.get((name, kind), 0)
            self._questions[name, kind] = earlier + 1
            self._by_tcp += by_tcp
        script = self.script
        said = script.get(f"{name} {kind}", script.get(name, script.get("*", NXDOMAIN)))
        if not isinstance(said, Says | str):
            said = said[min(earlier, len(said) - 1)]
        return Says((said,)) if isinstance(said, str) else said


def _question(message: bytes) -> tuple[str, int, bytes]:
    """Return the name, the number of the type, and the bytes of the question."""
    labels, at = [], 12
    while message[at]:
        labels.append(message[at + 1 : at + 1 + message[at]].decode("ascii").lower())
        at += message[at] + 1
    return ".".join(labels), int.from_bytes(message[at + 1 : at + 3], "big"), message[12 : at + 5]


def _record(number: int, ttl: int, address: bytes) -> bytes:
    """Return a record of class IN for the name in the question."""
    return struct.pack(">HHHIH", 0xC00C, number, 1, ttl, len(address)) + address


def _sockets(address: str) -> tuple[socket.socket, socket.socket]:
    """Return a socket for UDP and one for TCP with the same port."""
    while True:
        udp = socket.socket(type=socket.SOCK_DGRAM)
        udp.bind((address, 0))
        tcp = socket.socket()
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tcp.bind(udp.getsockname())
        except OSError:  # another process has that port
            udp.close()
            tcp.close()
            continue
        tcp.listen()
        return udp, tcp
