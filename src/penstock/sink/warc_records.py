"""The records of a WARC file (version 1.1): how an outcome becomes some, a gzip member each.

Knows the fields of records, and which header of a response no longer holds for the body
that is stored. Does not know files, or how records are found again
(``warc_reader``). docs/formats/warc.md describes them, docs/decisions/warc.md has the
reasons.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple, Protocol

from penstock.core.web.model import Fetched, Outcome
from penstock.core.web.requests import CROSSES_ORIGINS
from penstock.sink.record import line
from penstock.version import __version__

__all__ = ["ENTRY", "Gzip", "RecordWriter", "settle_head"]

ENTRY: Final = b"outcome: "
"""The name of the field in a metadata record whose value is the outcome as a line of JSON, without its body."""

LEVEL: Final = 0
"""Of isal's four: 33 µs for 10 kB of HTML, and 0.45 of its bytes. Level 1 takes 45 µs and leaves 0.41; zlib's level 6
takes 198 and leaves 0.39 (``python -m benchmarks.formats gzip``)."""

GZIP: Final = 31
"""The window bits that mean a gzip member (zlib.h)."""

LONG: Final = 1 << 20
"""Bytes of a body from which on it is compressed in pieces, so that it is not in memory twice."""

PIECE: Final = 1 << 18

REPEATED: Final = 1024
"""Bytes of a body from which on a repetition of it is not stored again; a revisit record has some 200 itself."""

REMEMBERED: Final = 1 << 14
"""Bodies of which it is known that they were stored: about 6 MB. The longest unused one is forgotten."""

CODING: Final = b"content-encoding"
LENGTH: Final = b"content-length"
FRAMING: Final = frozenset({b"transfer-encoding", b"trailer"})
CODED: Final = frozenset({b"content-md5", b"content-digest", b"digest", b"repr-digest"})
"""Fields that speak of the coded body (RFC 1864, RFC 9530), and hold no longer if it was decoded."""

ORIGINAL: Final = b"X-Crawl-"
"""The prefix of a field's name if it does not hold for the stored body, as Common Crawl writes it."""

WITHHELD: Final = b"***"
"""The text that replaces a secret, as in run.json."""

SENT: Final = frozenset(
    {b"host", b"content-length", b"content-type", b"proxy-connection"}.union(name.encode() for name in CROSSES_ORIGINS)
)
"""Fields of a request whose values are no secrets: ``run.json`` keeps them too, or libcurl writes them."""

PROFILE: Final = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
REQUEST: Final = "application/http; msgtype=request"
RESPONSE: Final = "application/http; msgtype=response"
FIELDS: Final = "application/warc-fields"
"""Metadata of this type is no capture to an indexer; JSON would be one (cdxj-indexer 1.5)."""

PROTOCOLS: Final = {"1.0": "http/1.0", "1.1": "http/1.1", "2": "h2"}

_PAIRS: Final = tuple(map("".join, itertools.product("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", repeat=2)))
_SHIFTS: Final = range(150, -1, -10)
"""For base32 (RFC 4648, section 6) in 1.4 µs, where ``base64.b32encode`` takes 2.3; a page has four digests."""

_DOUBTFUL: Final = re.compile(
    rb"(?i)\n(?:content-length[ \t]*:[ \t]*([0-9]{1,18})[ \t]*(?![^\r])"
    rb"|transfer-encoding|trailer|content-(?:encoding|length))"
)
"""Fields of a response that may not hold for the body, with the length that one states."""

_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")


class _Compressor(Protocol):
    def compress(self, data: bytes | memoryview) -> bytes: ...
    def flush(self) -> bytes: ...


class Gzip(NamedTuple):
    """The two functions of a library like zlib that make gzip members."""

    compress: Callable[[bytes, int, int], bytes]
    stream: Callable[..., _Compressor]

    def member(self, head: bytes, body: bytes, end: bytes) -> Iterator[bytes]:
        """Yield the pieces of a member of these three."""
        if len(body) < LONG:
            yield self.compress(b"".join((head, body, end)), LEVEL, GZIP)
            return
        stream, view = self.stream(level=LEVEL, wbits=GZIP), memoryview(body)
        yield stream.compress(head)
        for start in range(0, len(view), PIECE):
            yield stream.compress(view[start : start + PIECE])
        yield stream.compress(end) + stream.flush()


class _First(NamedTuple):
    """The response whose body has been stored: its record, date and address."""

    name: str
    date: str
    uri: str


class RecordWriter:
    """Makes the records of one file after another, each with names of its own.

    Call ``begin_file`` for each file: a revisit record refers to a response in the same
    file alone, which was written before it. So a crash never keeps a revisit whose
    response it takes, and each file can be read without the others.
    """

    def __init__(self, gzip: Gzip, clock: Callable[[], float] = time.time) -> None:
        self._gzip = gzip
        self._clock = clock
        random = os.urandom(8).hex()
        self._session = f"urn:uuid:{random[:8]}-{random[8:12]}-8{random[13:]}-8"
        self._count = int.from_bytes(os.urandom(7), "big")
        self._stored: OrderedDict[bytes, _First] = OrderedDict()

    def begin_file(self, name: str) -> bytes:
        """Return the warcinfo record for the head of the file *name*."""
        self._stored.clear()
        said = (
            f"software: penstock/{__version__}\r\nformat: WARC File Format 1.1\r\n"
            "conformsTo: http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/\r\n"
        )
        head = _head("warcinfo", self._name(), _date(self._clock()), FIELDS) + f"WARC-Filename: {name}\r\n"
        return b"".join(self._record(head, said.encode()))

    def row(self, outcome: Outcome, *, inline_body: bool) -> Iterator[bytes]:
        """Yield the records of *outcome*: request, response and metadata, or metadata alone if there is no body."""
        when = _date(self._clock() if outcome.started is None else outcome.started)
        target = outcome.final_url or outcome.url
        uri = target if _URI.fullmatch(target) else None
        names: list[str] = []
        if isinstance(outcome, Fetched) and inline_body and uri is not None:
            names.append(self._name())
            if outcome.request:
                names.insert(0, self._name())
                yield from self._request(outcome, names, when, uri)
            yield from self._response(outcome, names, when, uri)
        said = ENTRY + line(outcome, inline_body=False).rstrip(b"\n") + b"\r\n"
        head = _head("metadata", self._name(), when, FIELDS, uri)
        yield from self._record(head + "".join(f"WARC-Concurrent-To: {name}\r\n" for name in names), said)

    def _request(self, outcome: Outcome, names: list[str], when: str, uri: str) -> Iterator[bytes]:
        head = _head("request", names[0], when, REQUEST, uri)
        return self._record(
            f"{head}WARC-Concurrent-To: {names[1]}\r\n{_connection(outcome)}", _withhold(outcome.request)
        )

    def _response(self, outcome: Outcome, names: list[str], when: str, uri: str) -> Iterator[bytes]:
        name, body = names[-1], outcome.body
        settled = settle_head(outcome.head, len(body), outcome.coding) + b"\r\n\r\n"
        digest = hashlib.sha1(body, usedforsecurity=False).digest()
        first = self._recall(digest, _First(name, when, uri)) if len(body) >= REPEATED else None
        head = (
            _head("response" if first is None else "revisit", name, when, RESPONSE, uri)
            + "".join(f"WARC-Concurrent-To: {request}\r\n" for request in names[:-1])
            + f"{_connection(outcome)}WARC-Payload-Digest: {_spell(digest)}\r\n"
        )
        if first is None:
            return self._record(head, settled, body)
        head += (
            f"WARC-Profile: {PROFILE}\r\nWARC-Refers-To: {first.name}\r\n"
            f"WARC-Refers-To-Target-URI: {first.uri}\r\nWARC-Refers-To-Date: {first.date}\r\n"
            "WARC-Truncated: length\r\n"
        )
        return self._record(head, settled)

    def _recall(self, digest: bytes, this: _First) -> _First | None:
        """Return the response that stored the body with this *digest*; if there is none, *this* one does."""
        first = self._stored.get(digest)
        if first is not None:
            self._stored.move_to_end(digest)
            return first
        self._stored[digest] = this
        if len(self._stored) > REMEMBERED:
            self._stored.popitem(last=False)
        return None

    def _record(self, head: str, block: bytes, rest: bytes = b"") -> Iterator[bytes]:
        """Yield the pieces of a record with the fields in *head*, whose block is *block* and *rest*."""
        digest = hashlib.sha1(block, usedforsecurity=False)
        if rest:
            digest.update(rest)
        length = len(block) + len(rest)
        head += f"WARC-Block-Digest: {_spell(digest.digest())}\r\nContent-Length: {length}\r\n\r\n"
        return self._gzip.member(head.encode() + block, rest, b"\r\n\r\n")

    def _name(self) -> str:
        """Return a new record's name: a UUID of version 8 (RFC 9562), random for this session, then counted."""
        self._count += 1
        tail = f"{self._count:015x}"
        return f"<{self._session}{tail[:3]}-{tail[3:]}>"


def _head(kind: str, name: str, when: str, content: str, uri: str | None = None) -> str:
    """Return the version, and the fields that every record has, with the target if there is one."""
    target = "" if uri is None else f"WARC-Target-URI: {uri}\r\n"
    return (
        f"WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Record-ID: {name}\r\nWARC-Date: {when}\r\n"
        f"{target}Content-Type: {content}\r\n"
    )


def _connection(outcome: Outcome) -> str:
    """Return the fields of a request and its response about the connection.

    The engine does not know the version of TLS, so none is stated.
    """
    address = "" if outcome.ip is None else f"WARC-IP-Address: {outcome.ip}\r\n"
    protocol = PROTOCOLS.get(outcome.http or "")
    return address if protocol is None else f"{address}WARC-Protocol: {protocol}\r\n"


def settle_head(head: bytes, length: int, coding: str | None) -> bytes:
    """Return the header block *head* of a response, such that it holds for a body of *length* bytes.

    *coding* names the content codings that are still on the body. A field that does not
    hold gets another name, with its value as it was received; then the length is stated.
    """
    head = head.removesuffix(b"\r\n\r\n")
    found = _DOUBTFUL.findall(head)
    if all(stated and int(stated) == length for stated in found):
        return head
    lines = head.split(b"\r\n")
    names = [_field_name(text) for text in lines]
    codings = b",".join(text.partition(b":")[2] for text, name in zip(lines, names, strict=True) if name == CODING)
    left = [] if coding is None else coding.split(", ")
    decoded = _split_codings(codings) != left
    stale = FRAMING | CODED | {CODING} if decoded else FRAMING
    changed = stated = False
    for number, name in enumerate(names):
        if name in stale or (name == LENGTH and lines[number].partition(b":")[2].strip() != b"%d" % length):
            lines[number] = ORIGINAL + lines[number]
            changed = True
        elif name == LENGTH:
            stated = True
    if left and decoded:
        lines.append(b"Content-Encoding: " + ", ".join(left).encode("latin-1"))
    if changed and not stated:
        lines.append(b"Content-Length: %d" % length)
    return b"\r\n".join(lines)


def _field_name(text: bytes) -> bytes:
    """Return the name in a line of a header block, in lower case; none for a folded line."""
    return text.partition(b":")[0].rstrip().lower()


def _split_codings(value: bytes) -> list[str]:
    names = (name.strip() for name in value.decode("latin-1").lower().split(","))
    return [name for name in names if name and name != "identity"]


def _withhold(request: bytes) -> bytes:
    """Return *request* without the values of fields that may be secrets."""
    head, blank, body = request.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    for number, text in enumerate(lines):
        name = text.partition(b":")[0]
        if name.lower() not in SENT:
            lines[number] = name + b": " + WITHHELD
    return b"\r\n".join((first, *lines)) + blank + body


def _spell(digest: bytes) -> str:
    """Return a SHA-1 in base32: 32 characters, so without padding."""
    value = int.from_bytes(digest, "big")
    return "sha1:" + "".join([_PAIRS[value >> shift & 1023] for shift in _SHIFTS])


def _date(seconds: float) -> str:
    """Return a time since 1970 as WARC 1.1 writes it, to the millisecond."""
    return datetime.fromtimestamp(seconds + 0.0005, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
