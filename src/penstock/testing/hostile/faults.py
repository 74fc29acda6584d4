"""What a fault is, and the table of them all.

Knows names and expectations. The faults themselves stand beside it, one module for each sort.
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
    """One thing that goes wrong on purpose.

    *outcome* is what must come of a GET of it, by FAULTS.md: ``fetched``, or the reason of a failure;
    *about* says what the server does. *answer* is done to a request; *meet* is done to a connection before
    any request is read; *opened* makes the port of a fault that has one to itself.
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
        """Whether the fault lies in the connection, and so needs a port of its own."""
        return self.answer is None


FAULTS: Final[dict[str, Fault]] = {}
"""Every fault by its name."""


def reply(outcome: str) -> Callable[[Answer], Answer]:
    """Enter a function into the table as a fault that is done to a request."""

    def enter(answer: Answer) -> Answer:
        _enter(Fault(_name(answer), outcome, _about(answer), answer=answer))
        return answer

    return enter


def connection(outcome: str, scheme: str = "http") -> Callable[[Meet], Meet]:
    """Enter a function into the table as a fault that is done to a connection."""

    def enter(meet: Meet) -> Meet:
        _enter(Fault(_name(meet), outcome, _about(meet), scheme, meet=meet))
        return meet

    return enter


def port(outcome: str) -> Callable[[Opened], Opened]:
    """Enter a function into the table as a port where nobody accepts; the first socket it makes has it."""

    def enter(opened: Opened) -> Opened:
        _enter(Fault(_name(opened), outcome, _about(opened), opened=opened))
        return opened

    return enter


def response(body: bytes, *fields: str, status: str = "200 OK") -> bytes:
    """A well-formed response with *body*, its length, and further header *fields*."""
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
