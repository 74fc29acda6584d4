"""A name server for tests: it says what it is told to, by UDP and TCP, and counts what it was asked.

Knows as much of DNS messages as a question and its answer take (RFC 1035). Says nothing true about the world.
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
"""Bytes of an answer by UDP; a longer one is cut off, and asked for again by TCP."""


class Says(Struct, frozen=True):
    """What is answered for a name: those of *addresses* that are of the family asked for.

    *ttl* is in seconds. *rcode* is the code of an error. A *silent* one is never answered. A *truncated* one has
    no address by UDP, whatever its size.
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
    """Answers for the names in *script* from a thread of its own, until its ``with`` block ends.

    A name has what it says, an address for short, or several of these: one for each question of one type, the
    last again and again. ``"a.test AAAA"`` is for that type of question alone, and ``"*"`` for all names that
    are not there, which else do not exist. *address* is where it listens: some address of the loopback network.
    """

    def __init__(self, script: Script, address: str = "127.0.0.1") -> None:
        self.script = dict(script)
        self._lock = threading.Lock()
        self._asked: dict[tuple[str, str], int] = {}
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
        """Where it answers, as the setting ``resolver`` takes it."""
        host, port = self._udp.getsockname()
        return f"{host}:{port}"

    def asked(self, name: str | None = None, kind: str | None = None) -> int:
        """How many questions came: for *name*, or for any; of the type *kind*, ``A`` or ``AAAA``, or of any."""
        with self._lock:
            return sum(
                count
                for (asked, type_), count in self._asked.items()
                if name in (None, asked) and kind in (None, type_)
            )

    @property
    def asked_by_tcp(self) -> int:
        """How many questions came by TCP."""
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
        question, whom = self._udp.recvfrom(4096)
        reply = self._reply(question, by_tcp=False)
        if reply is not None:
            self._udp.sendto(reply, whom)

    def _answer_line(self, line: socket.socket, lines: dict[socket.socket, bytes]) -> bool:
        """Answer what has come whole on *line*; whether more may come."""
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
            earlier = self._asked.get((name, kind), 0)
            self._asked[name, kind] = earlier + 1
            self._by_tcp += by_tcp
        script = self.script
        said = script.get(f"{name} {kind}", script.get(name, script.get("*", NXDOMAIN)))
        if not isinstance(said, Says | str):
            said = said[min(earlier, len(said) - 1)]
        return Says((said,)) if isinstance(said, str) else said


def _question(message: bytes) -> tuple[str, int, bytes]:
    """The name asked for, the number of the type, and the question as it came."""
    labels, at = [], 12
    while message[at]:
        labels.append(message[at + 1 : at + 1 + message[at]].decode("ascii").lower())
        at += message[at] + 1
    return ".".join(labels), int.from_bytes(message[at + 1 : at + 3], "big"), message[12 : at + 5]


def _record(number: int, ttl: int, address: bytes) -> bytes:
    """A record of class IN for the name in the question."""
    return struct.pack(">HHHIH", 0xC00C, number, 1, ttl, len(address)) + address


def _sockets(address: str) -> tuple[socket.socket, socket.socket]:
    """Two sockets, for UDP and for TCP, with the same port."""
    while True:
        udp = socket.socket(type=socket.SOCK_DGRAM)
        udp.bind((address, 0))
        tcp = socket.socket()
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tcp.bind(udp.getsockname())
        except OSError:  # somebody else has that port
            udp.close()
            tcp.close()
            continue
        tcp.listen()
        return udp, tcp
