"""Makes an outcome of its line of JSON again: the reverse of ``record``.

Knows the fields of schema 1. Does not know files.
"""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from penstock.core.web.model import Failed, Fetched, Hop, Kind, Outcome, Reason, Skipped, Times

__all__ = ["read_outcome"]

_CLASSES: Final[dict[Kind, type[Outcome]]] = {Kind.FETCHED: Fetched, Kind.FAILED: Failed, Kind.SKIPPED: Skipped}


class _Milliseconds(Struct, frozen=True, gc=False):
    wait: float = 0.0
    dns: float = 0.0
    connect: float = 0.0
    tls: float = 0.0
    first_byte: float = 0.0
    total: float = 0.0


class _Hop(Struct, frozen=True, gc=False):
    url: str
    status: int


class _Record(Struct, frozen=True, gc=False):
    """Every field of a line."""

    v: Literal[1]
    seq: int
    url: str
    outcome: Kind
    error: str | None
    detail: str | None
    status: int | None
    final_url: str | None
    redirects: list[_Hop]
    attempts: int
    started: datetime | None
    ms: _Milliseconds
    ip: str | None
    http: str | None
    headers: list[tuple[str, str]]
    body: str | None
    body_base64: str | None
    data: Any
    input: dict[str, Any] | None


_READER: Final = msgspec.json.Decoder(_Record)


def read_outcome(line: bytes) -> Outcome:
    """Return the outcome in *line*; its body is empty if it was not stored.

    Times are rounded as in the line, the status line of ``head`` has no text, and folded
    header fields are one line. Raises ValueError if it is no line of schema 1.
    """
    found = _READER.decode(line)
    return _CLASSES[found.outcome](
        seq=found.seq,
        url=found.url,
        error=None if found.error is None else Reason(found.error),  # type: ignore[call-arg] # by its value
        detail=found.detail,
        status=found.status,
        final_url=found.final_url,
        redirects=tuple(Hop(hop.url, hop.status) for hop in found.redirects),
        attempts=found.attempts,
        started=None if found.started is None else found.started.timestamp(),
        times=_times(found.ms),
        ip=found.ip,
        http=found.http,
        head=_head(found),
        body=_body(found),
        data=found.data,
        input=found.input,
    )


def _times(ms: _Milliseconds) -> Times:
    return Times(ms.wait / 1e3, ms.dns / 1e3, ms.connect / 1e3, ms.tls / 1e3, ms.first_byte / 1e3, ms.total / 1e3)


def _head(found: _Record) -> bytes:
    """Return a header block that has the fields of the line, in their order."""
    if found.status is None:
        return b""
    lines = [f"HTTP/{found.http or '1.1'} {found.status}", *(f"{name}: {value}" for name, value in found.headers)]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1", "replace")


def _body(found: _Record) -> bytes:
    if found.body is not None:
        return found.body.encode()
    return b"" if found.body_base64 is None else base64.b64decode(found.body_base64, validate=True)
