"""Writes an outcome as a line of JSON, schema 1, and reads it back.

Knows the names and the order of the fields, which are never removed or renamed within
``v``. Does not know where lines go. For a page of 10 kB of HTML the SHA-256 takes 6 µs,
orjson 4, splitting the headers 2, all the rest 3. If the HTML is not ASCII, decoding it
and orjson take 14. It would take as long to decode it as a check and to escape its
bytes by ``bytes.replace``, and half as long again to find control characters.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import functools
import hashlib
import time
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final, Literal

import msgspec
import orjson
from msgspec import Struct

from penstock.core.web.model import Fetched, Kind, Outcome, Times, split_head
from penstock.core.web.stored import Stored

__all__ = ["LONG", "Seq", "clean", "clean_text", "encode", "encode_value", "fields", "line", "pieces", "read_line"]

LONG: Final = 1 << 20
"""Bytes of a body from which on its line is made in pieces. As one text the body would take four times its size, or
twenty times: a text with one character beyond U+FFFF takes four bytes for each of its characters, and JSON takes six
for a control character. See docs/decisions/memory.md."""

PIECE: Final = 3 << 16
"""Bytes of a long body in one piece of its line; a multiple of three, of which base64 makes four characters."""

DEEPEST: Final = 100
"""Levels of nesting that are stored of ``data`` and ``input`` if orjson refuses the value; its own limit is 254."""

_NUMBERS: Final = range(-(2**63), 2**64)
"""The integers that orjson writes as numbers."""

_LONGEST_NUMBER_BITS: Final = 10_000
"""Longer integers are written as hexadecimal text: Python refuses decimal ones of 4,300 digits and more."""


def line(outcome: Outcome, *, inline_body: bool) -> bytes:
    """Return *outcome* as one line of JSON, its line feed included; never raises.

    Without *inline_body* the line has the length and the digest of the body, but not
    the body. Broken text becomes U+FFFD, and a value without a form in JSON a text.
    """
    return _dump(fields(outcome, inline_body))


def encode(outcome: Outcome, *, inline_body: bool) -> bytes | Iterator[bytes]:
    """Return the same line, or, if the body is long, its pieces, each of which takes little memory."""
    if inline_body and len(outcome.body) >= LONG:
        return _split_long(outcome)
    return line(outcome, inline_body=inline_body)


def pieces(outcome: Outcome, *, inline_body: bool) -> Iterable[bytes]:
    """Return the same line in one piece or in several."""
    encoded = encode(outcome, inline_body=inline_body)
    return (encoded,) if isinstance(encoded, bytes) else encoded


def encode_value(value: Any) -> bytes:
    """Return a ``data`` or an ``input`` alone as JSON, as the line has it; never raises."""
    return _dump(value)[:-1]


def clean_text(text: str) -> str:
    """Return *text* with U+FFFD for what UTF-8 can't have."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _split_long(outcome: Outcome) -> Iterator[bytes]:
    """Yield the line of an *outcome* whose body may fill much of the memory."""
    body = memoryview(outcome.body)
    starts = range(0, len(body), PIECE)
    before = fields(outcome, inline_body=False)
    after = {name: before.pop(name) for name in ("data", "input")}
    del before["body"], before["body_base64"]
    yield _dump(before)[:-2]
    if _is_text(outcome.body):
        yield b',"body":"'
        # The decoder holds the first bytes of a character that is cut in two until it has the rest.
        decode = codecs.getincrementaldecoder("utf-8")().decode
        for start in starts:
            yield orjson.dumps(decode(body[start : start + PIECE]))[1:-1]
        yield b'","body_base64":null,'
    else:
        yield b',"body":null,"body_base64":"'
        for start in starts:
            yield binascii.b2a_base64(body[start : start + PIECE], newline=False)
        yield b'",'
    yield _dump(after)[1:]


def _is_text(body: bytes) -> bool:
    """Return whether all of *body* is UTF-8."""
    if body.isascii():
        return True
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(body), PIECE):
            decoder.decode(body[start : start + PIECE])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _dump(value: Any) -> bytes:
    """Return *value* as JSON and a line feed."""
    try:
        return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        return orjson.dumps(clean(value), option=orjson.OPT_APPEND_NEWLINE)


Seq = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Record(Struct, frozen=True, gc=False):
    """The fields of a stored line that an account of a run needs."""

    v: Literal[1]
    seq: Seq
    url: str
    outcome: Kind
    error: str | None
    status: int | None
    redirects: tuple[msgspec.Raw, ...]
    attempts: int
    length: int = msgspec.field(name="bytes")
    sha256: str | None
    body: str | None
    body_base64: str | None

    def is_intact(self) -> bool:
        """Return False if the line has a body that is not the one whose digest was taken."""
        try:
            body = self._body()
        except ValueError:
            return False
        return body is None or (len(body) == self.length and hashlib.sha256(body).hexdigest() == self.sha256)

    def _body(self) -> bytes | None:
        if self.body is not None:
            return self.body.encode()
        if self.body_base64 is not None:
            return base64.b64decode(self.body_base64, validate=True)
        return None


_READER: Final = msgspec.json.Decoder(Record)


def read_line(data: bytes, place: int = 0) -> Stored:
    """Return what the line *data* at this *place* in its file says.

    Raises ValueError if it is not a whole line of schema 1.
    """
    if not data.endswith(b"\n"):
        raise ValueError("the line is cut off")
    found = _READER.decode(data)
    return Stored(
        place,
        found.seq,
        found.url,
        found.outcome,
        found.error,
        found.status,
        len(found.redirects),
        found.attempts,
        found.length,
        found.is_intact(),
    )


def fields(outcome: Outcome, inline_body: bool) -> dict[str, Any]:  # noqa: FBT001 - called for every page
    """Return the fields of the line of *outcome* by their names; values of users may have no form in JSON."""
    body = outcome.body
    text = encoded = digest = None
    if body or isinstance(outcome, Fetched):
        digest = hashlib.sha256(body).hexdigest()
        if inline_body:
            try:
                text = body.decode()
            except UnicodeDecodeError:
                encoded = binascii.b2a_base64(body, newline=False).decode()
    return {
        "v": 1,
        "seq": outcome.seq,
        "url": outcome.url,
        "outcome": outcome.kind,
        "error": outcome.error,
        "detail": outcome.detail,
        "status": outcome.status,
        "final_url": outcome.final_url,
        "redirects": [{"url": hop.url, "status": hop.status} for hop in outcome.redirects],
        "attempts": outcome.attempts,
        "started": None if outcome.started is None else _instant(outcome.started),
        "ms": _milliseconds(outcome.times),
        "ip": outcome.ip,
        "http": outcome.http,
        "headers": split_head(outcome.head),
        "bytes": len(body),
        "coding": outcome.coding,
        "sha256": digest,
        "body": text,
        "body_base64": encoded,
        "data": outcome.data,
        "input": outcome.input,
    }


def _milliseconds(times: Times) -> dict[str, float]:
    """Return *times* to a tenth of a millisecond; ``round`` would take half as long again."""
    return {
        "wait": int(times.wait * 10_000 + 0.5) / 10,
        "dns": int(times.dns * 10_000 + 0.5) / 10,
        "connect": int(times.connect * 10_000 + 0.5) / 10,
        "tls": int(times.tls * 10_000 + 0.5) / 10,
        "first_byte": int(times.first_byte * 10_000 + 0.5) / 10,
        "total": int(times.total * 10_000 + 0.5) / 10,
    }


def _instant(seconds: float) -> str:
    """Return a time since 1970 in the form of RFC 3339, section 5.6, in UTC, to the millisecond."""
    whole, milliseconds = divmod(int(seconds * 1000 + 0.5), 1000)
    return f"{_second(whole)}.{milliseconds:03d}Z"


@functools.lru_cache(maxsize=64)
def _second(whole: int) -> str:
    """Return the text of a second. Pages in flight began in the last minute, so 64 texts are enough."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))


def clean(value: Any, depth: int = 0) -> Any:
    """Return *value* in a form that orjson takes; its last levels are cut off if it is nested too deeply."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, int):
        return _number(value)
    if not isinstance(value, dict | list | tuple):
        return _convert_foreign(value)
    if depth == DEEPEST:
        return "nested too deeply to be stored"
    if isinstance(value, dict):
        return {clean(str(key), depth): clean(item, depth + 1) for key, item in value.items()}
    return [clean(item, depth + 1) for item in value]


def _number(value: int) -> int | str | orjson.Fragment:
    """Return *value* as a number that orjson writes: JSON sets no bound, orjson does."""
    if value in _NUMBERS:
        return value
    if value.bit_length() > _LONGEST_NUMBER_BITS:
        return hex(value)
    return orjson.Fragment(str(value))


def _convert_foreign(value: Any) -> str | orjson.Fragment:
    """Return any other value as orjson writes it (None, numbers, dates), or the name of its type."""
    try:
        return orjson.Fragment(orjson.dumps(value))
    except TypeError:
        return f"<{type(value).__name__}>"
