"""The columns of a part: outcomes become Arrow arrays, and a table becomes rows of an account.

Knows pyarrow's types, which it imports when they are used. A column has one type in
every part, however few values it has. Does not know files.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from penstock.core.web.model import Fetched, Hop, Kind, Outcome, split_head
from penstock.core.web.stored import Stored
from penstock.errors import UsageError

__all__ = ["VERSION", "VERSION_KEY", "Taken", "arrow", "build", "read_rows", "schema"]

VERSION_KEY: Final = b"penstock.schema"
VERSION: Final = b"1"
"""The version of the columns, in the metadata of each file. Within it none is removed, renamed or of another type."""

LONGEST_BODY: Final = 2_000_000_000
"""Bytes of a body that is stored: a page of Parquet has less than 2 GiB, and a value is not split."""

LONG: Final = 1 << 20
"""Bytes of a body from which on it becomes an array without being copied."""


class Taken(NamedTuple):
    """An outcome to be stored, with the JSON of its ``data`` and ``input`` as they were then."""

    outcome: Outcome
    data: bytes | None
    input: bytes | None

    @classmethod
    def of(cls, outcome: Outcome) -> Taken:
        """Take *outcome*. Its values are encoded at once, since the caller may change them later."""
        data, given = outcome.data, outcome.input
        if data is given is None:
            return cls(outcome, None, None)
        from penstock.sink.record import encode_value  # noqa: PLC0415 - orjson is not for a help page

        return cls(
            outcome,
            None if data is None else encode_value(data),
            None if given is None else encode_value(given),
        )

    @property
    def size(self) -> int:
        """Roughly the bytes that it takes."""
        outcome = self.outcome
        return len(outcome.body) + len(outcome.head) + len(outcome.url) + len(self.data or b"") + len(self.input or b"")


def arrow() -> Any:
    """Return pyarrow. Raises UsageError if it is not installed."""
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra
        import pyarrow.parquet  # noqa: PLC0415
    except ImportError:
        raise UsageError("the format parquet takes pyarrow; install it: pip install 'penstock[parquet]'") from None
    return pa


@functools.cache
def schema() -> Any:
    """Return the columns and their types, in the order of the fields of a line."""
    pa = arrow()
    fields = [
        pa.field(name, type_, nullable=nullable)
        for name, type_, nullable in (
            ("seq", pa.int64(), False),
            ("url", pa.string(), False),
            ("outcome", pa.string(), False),
            ("error", pa.string(), True),
            ("detail", pa.string(), True),
            ("status", pa.int16(), True),
            ("final_url", pa.string(), True),
            ("redirects", _pairs(("url", pa.string()), ("status", pa.int16())), False),
            ("attempts", pa.int32(), False),
            ("started", pa.timestamp("ms", tz="UTC"), True),
            *((f"ms_{name}", pa.float64(), False) for name in TIMES),
            ("ip", pa.string(), True),
            ("http", pa.string(), True),
            ("headers", _pairs(("name", pa.string()), ("value", pa.string())), False),
            ("bytes", pa.int64(), False),
            ("coding", pa.string(), True),
            ("sha256", pa.string(), True),
            # Offsets of 64 bits, for a reader that joins the column of many parts.
            ("body", pa.large_binary(), True),
            ("data", pa.string(), True),
            ("input", pa.string(), True),
        )
    ]
    return pa.schema(fields, metadata={VERSION_KEY: VERSION})


TIMES: Final = ("wait", "dns", "connect", "tls", "first_byte", "total")


def _pairs(*fields: tuple[str, Any]) -> Any:
    """Return the type of a list of structs. Their fields are fixed: readers drop or refuse one that is added later."""
    pa = arrow()
    struct = pa.struct([pa.field(name, type_, nullable=False) for name, type_ in fields])
    return pa.list_(pa.field("element", struct, nullable=False))


def build(rows: Sequence[Taken], *, inline_body: bool) -> Any:
    """Return *rows* as a record batch. Broken text becomes U+FFFD."""
    pa = arrow()
    outcomes = [row.outcome for row in rows]
    times = [outcome.times for outcome in outcomes]
    arrays = [
        pa.array([outcome.seq for outcome in outcomes], pa.int64()),
        _texts([outcome.url for outcome in outcomes]),
        _texts([outcome.kind.value for outcome in outcomes]),
        _texts([None if outcome.error is None else outcome.error.value for outcome in outcomes]),
        _texts([outcome.detail for outcome in outcomes]),
        pa.array([outcome.status for outcome in outcomes], pa.int16()),
        _texts([outcome.final_url for outcome in outcomes]),
        _redirects([outcome.redirects for outcome in outcomes]),
        pa.array([outcome.attempts for outcome in outcomes], pa.int32()),
        pa.array([_milliseconds(outcome.started) for outcome in outcomes], pa.timestamp("ms", tz="UTC")),
        *(pa.array([int(getattr(each, name) * 10_000 + 0.5) / 10 for each in times], pa.float64()) for name in TIMES),
        _texts([outcome.ip for outcome in outcomes]),
        _texts([outcome.http for outcome in outcomes]),
        _headers([outcome.head for outcome in outcomes]),
        pa.array([len(outcome.body) for outcome in outcomes], pa.int64()),
        _texts([outcome.coding for outcome in outcomes]),
        pa.array([_digest(outcome) for outcome in outcomes], pa.string()),
        _bodies([_body(outcome) if inline_body else None for outcome in outcomes]),
        pa.array([row.data for row in rows], pa.string()),
        pa.array([row.input for row in rows], pa.string()),
    ]
    return pa.record_batch(arrays, schema=schema())


def _texts(values: list[str | None]) -> Any:
    pa = arrow()
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        from penstock.sink.record import clean_text  # noqa: PLC0415 - as above

        return pa.array([None if value is None else clean_text(value) for value in values], pa.string())


def _redirects(chains: list[tuple[Hop, ...]]) -> Any:
    hops = [hop for chain in chains for hop in chain]
    columns = [_texts([hop.url for hop in hops]), arrow().array([hop.status for hop in hops], arrow().int16())]
    return _lists("redirects", [len(chain) for chain in chains], columns)


def _headers(heads: list[bytes]) -> Any:
    found = [split_head(head) for head in heads]
    pairs = [pair for fields in found for pair in fields]
    columns = [_texts([name for name, _ in pairs]), _texts([value for _, value in pairs])]
    return _lists("headers", [len(fields) for fields in found], columns)


def _lists(name: str, lengths: list[int], columns: list[Any]) -> Any:
    """Return the array of the column *name*: lists of these *lengths*, of structs that have these *columns*."""
    pa = arrow()
    type_ = schema().field(name).type
    offsets = [0]
    for length in lengths:
        offsets.append(offsets[-1] + length)
    structs = pa.StructArray.from_arrays(columns, fields=list(type_.value_type))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), structs, type=type_)


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds * 1000 + 0.5)


def _digest(outcome: Outcome) -> str | None:
    body = outcome.body
    return hashlib.sha256(body).hexdigest() if body or isinstance(outcome, Fetched) else None


def _body(outcome: Outcome) -> bytes | None:
    body = outcome.body
    return body if (body or isinstance(outcome, Fetched)) and len(body) <= LONGEST_BODY else None


def _bodies(bodies: list[bytes | None]) -> Any:
    pa = arrow()
    first = bodies[0]
    if len(bodies) == 1 and first is not None and len(first) >= LONG:
        offsets = pa.array([0, len(first)], pa.int64()).buffers()[1]
        return pa.Array.from_buffers(pa.large_binary(), 1, [None, offsets, pa.py_buffer(first)])
    return pa.array(bodies, pa.large_binary())


def read_rows(table: Any) -> Iterator[Stored]:
    """Yield what the rows of *table* say. Raises KeyError, TypeError or ValueError if it is no table of outcomes."""
    names = ("seq", "url", "outcome", "error", "status", "redirects", "attempts", "bytes", "sha256")
    columns = zip(*(table.column(name).to_pylist() for name in names), table.column("body"), strict=True)
    for seq, url, outcome, error, status, redirects, attempts, length, digest, body in columns:
        intact = _is_intact(body.as_buffer() if body.is_valid else None, length, digest)
        yield Stored(0, seq, url, Kind(outcome), error, status, len(redirects), attempts, length, intact)


def _is_intact(body: Any, length: int, digest: str | None) -> bool:
    return body is None or (len(body) == length and hashlib.sha256(body).hexdigest() == digest)
