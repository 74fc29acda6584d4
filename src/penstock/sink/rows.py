"""Makes an outcome a row of a table, and the row an outcome again.

Knows the columns, which have the names of ``record``'s fields, and how a row is summed.
Does not know databases.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import orjson
from msgspec.structs import replace

from penstock.core.web.model import Outcome
from penstock.core.web.stored import Stored
from penstock.sink.outcome import read_outcome
from penstock.sink.record import clean, fields, read_line

__all__ = ["COLUMNS", "TableRow", "make_row"]

TIMES: Final = ("wait", "dns", "connect", "tls", "first_byte", "total")

COLUMNS: Final[dict[str, str]] = {
    "seq": "INTEGER NOT NULL",
    "url": "TEXT NOT NULL",
    "outcome": "TEXT NOT NULL",
    "error": "TEXT",
    "detail": "TEXT",
    "status": "INTEGER",
    "final_url": "TEXT",
    "redirects": "TEXT NOT NULL",
    "attempts": "INTEGER NOT NULL",
    "started": "TEXT",
    **{f"ms_{part}": "REAL NOT NULL" for part in TIMES},
    "ip": "TEXT",
    "http": "TEXT",
    "headers": "TEXT NOT NULL",
    "bytes": "INTEGER NOT NULL",
    "coding": "TEXT",
    "sha256": "TEXT",
    "data": "TEXT",
    "input": "TEXT",
    "body": "",
}
"""The columns and their types, without ``id``. ``body`` has no type: it is TEXT if it can be searched, else a BLOB."""

_JSON: Final = frozenset({"redirects", "headers", "data", "input"})


class TableRow(NamedTuple):
    """The values of all columns but ``body``, and the body; None if it is not stored."""

    values: Sequence[Any]
    body: bytes | None

    @property
    def seq(self) -> int:
        """The position of the input."""
        seq: int = self.values[0]
        return seq

    def add_to(self, checksum: int) -> int:
        """Return the CRC-32 of the rows before, *checksum*, with this one."""
        return zlib.crc32(self.body or b"", zlib.crc32(orjson.dumps(self.values), checksum))

    def to_columns(self) -> tuple[Any, ...]:
        """Return the values of all columns, for SQLite."""
        return (*self.values, _searchable(self.body))

    def to_outcome(self) -> Outcome:
        """Return the outcome. Raises ValueError if the row is none of schema 1."""
        return replace(read_outcome(self._line()), body=self.body or b"")

    def to_stored(self, place: int) -> Stored:
        """Return what the account of a run needs. Raises ValueError if the row is none of schema 1."""
        found = read_line(self._line(), place)
        if self.body is None:
            return found
        named = dict(zip(COLUMNS, self.values, strict=False))
        intact = len(self.body) == found.length and hashlib.sha256(self.body).hexdigest() == named["sha256"]
        return replace(found, intact=intact)

    def _line(self) -> bytes:
        """Return the line of JSON that has these values, without a body."""
        named = dict(zip(COLUMNS, self.values, strict=False))
        for name in _JSON:
            if named[name] is not None:
                named[name] = orjson.Fragment(named[name])
        ms = {part: named.pop(f"ms_{part}") for part in TIMES}
        try:
            return orjson.dumps({"v": 1, **named, "ms": ms, "body": None, "body_base64": None}) + b"\n"
        except TypeError as error:
            raise ValueError(f"a column has another type: {error}") from error


def make_row(outcome: Outcome, *, inline_body: bool) -> TableRow:
    """Return the row of *outcome*; never raises. Without *inline_body* it has no body."""
    record = fields(outcome, False)  # noqa: FBT003 - of a hot path
    body = outcome.body if inline_body and record["sha256"] is not None else None
    try:
        values = _values(record)
        orjson.dumps(values)
    except TypeError:
        values = _values({name: _clean(name, value) for name, value in record.items()})
    return TableRow(values, body)


def _clean(name: str, value: Any) -> Any:
    """Return a value that SQLite or orjson takes: only texts, and the values of users, may be broken."""
    return clean(value) if type(value) is str or name in _JSON else value


def _values(record: dict[str, Any]) -> list[Any]:
    """Return the values of all columns but ``body``, in their order."""
    ms = record["ms"]
    return [
        record["seq"],
        record["url"],
        record["outcome"].value,
        None if record["error"] is None else record["error"].value,
        record["detail"],
        record["status"],
        record["final_url"],
        _json(record["redirects"]),
        record["attempts"],
        record["started"],
        *ms.values(),
        record["ip"],
        record["http"],
        _json(record["headers"]),
        record["bytes"],
        record["coding"],
        record["sha256"],
        _json(record["data"]),
        _json(record["input"]),
    ]


def _json(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value).decode()


def _searchable(body: bytes | None) -> str | bytes | None:
    """Return *body* as text if it is UTF-8 without a NUL, at which functions of SQLite would stop."""
    if body is None or b"\0" in body:
        return body
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body
