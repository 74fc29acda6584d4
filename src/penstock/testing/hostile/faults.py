"""The table of faults, and the decorators that enter a function into it.

Knows names and expected outcomes. The faults are in the modules beside it, one for each
sort.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from penstock.testing.hostile.line import Line
from penstock.testing.pages import Request
from penstock.testing.ports import listening_socket

__all__ = ["FAULTS", "Answer", "Fault", "Meet", "Opened", "connection", "port", "reply", "response"]

Answer = Callable[[Line, Request], None]
Meet = Callable[[Line], None]
Opened = Callable[[], list[socket.socket]]


def _listen() -> list[socket.socket]:
    return [listening_socket("127.0.0.1")]


class Fault(Struct, frozen=True):
    """One deliberate fault of the server, which *about* describes.

    *outcome* is the required outcome of a GET, by docs/faults.md: ``fetched``, or the
    reason of a failure. *answer* answers a request. *meet* acts on a connection before
    the server reads a request. *opened* opens the port of a fault that needs its own.
    """

    name: str
    outcome: str
    about: str
    scheme: str = "http"
    answer: Answer | None = None
    meet: Meet | None = None
    opened: Opened = _listen

    @property
    def has_port(self) -> bool:
        """Whether the fault is one of the connection, and so needs its own port."""
        return self.answer is None


FAULTS: Final[dict[str, Fault]] = {}
"""Every fault by its name."""


def reply(outcome: str) -> Callable[[Answer], Answer]:
    """Enter a function into the table as a fault in the answer to a request."""

    def enter(answer: Answer) -> Answer:
        _enter(Fault(_name(answer), outcome, _about(answer), answer=answer))
        return answer

    return enter


def connection(outcome: str, scheme: str = "http") -> Callable[[Meet], Meet]:
    """Enter a function into the table as a fault of a connection."""

    def enter(meet: Meet) -> Meet:
        _enter(Fault(_name(meet), outcome, _about(meet), scheme, meet=meet))
        return meet

    return enter


def port(outcome: str) -> Callable[[Opened], Opened]:
    """Enter a function into the table as a port; its first socket has the port."""

    def enter(opened: Opened) -> Opened:
        _enter(Fault(_name(opened), outcome, _about(opened), opened=opened))
        return opened

    return enter


def response(body: bytes, *fields: str, status: str = "200 OK") -> bytes:
    """Return a well-formed response with *body*, its length, and header *fields*."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def _enter(fault: Fault) -> None:
    if fault.name in FAULTS:
        raise ValueError(f"there is a fault called {fault.name} already")
    FAULTS[fault.name] = fault


def _name(act: Callable[..., object]) -> str:
    return act.__name__


def _about(act: Callable[..., object]) -> str:
    return (act.__doc__ or "").partition("\n")[0]
