"""Finds the outcomes in a WARC file that Penstock wrote, also behind a damaged stretch.

Knows gzip members, and which records belong to one outcome. It reads with the standard
library alone, so a run can be checked without the extra that writes.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace

from penstock.core.web.model import Outcome
from penstock.core.web.stored import Stored, Unreadable
from penstock.sink.line_format import FileRow
from penstock.sink.outcome import read_outcome
from penstock.sink.record import read_line
from penstock.sink.warc_records import ENTRY, GZIP

__all__ = ["Entry", "read_entries", "read_outcomes"]

CHUNK: Final = 1 << 16
MAGIC: Final = b"\x1f\x8b\x08"
VERSION: Final = b"WARC/1.1\r\n"

PARTS: Final = frozenset({b"request", b"response", b"revisit"})
"""Types of the records before the metadata record of their outcome."""


class Entry(Stored, frozen=True, gc=False):
    """An outcome in a WARC file.

    *response* is the number in the name of the record with its response, or None;
    *refers_to* that of the record with its body, if it is a revisit.
    """

    response: int | None = None
    refers_to: int | None = None


class _Member(NamedTuple):
    """A gzip member from *place* to *end*: its bytes and its content, or None and no bytes if it is damaged."""

    place: int
    end: int
    data: bytes
    content: bytes | None


class _WarcRecord(NamedTuple):
    """A record, whose block is *content* from *start* to *end*; *beside* names the others of its outcome."""

    kind: bytes
    name: bytes
    beside: list[bytes]
    refers_to: bytes | None
    content: bytes
    start: int
    end: int


class _Digested(Struct, frozen=True, gc=False):
    sha256: str | None


_DIGESTED: Final = msgspec.json.Decoder(_Digested)


def read_entries(source: BinaryIO, start: int, stop: int, *, first: int = 0, longest: int | None) -> Iterator[FileRow]:
    """Yield the outcomes in *source* between two offsets, and each unreadable stretch.

    *first* is the place of the first byte in the file that they were cut off from. A
    record with over *longest* bytes is not read.
    """
    held: list[tuple[_Member, _WarcRecord]] = []
    for member in _split(source, start, stop, longest):
        try:
            record = _parse(member.content)
        except ValueError as error:
            yield from _end_early(held)
            yield FileRow(b"", member.place, member.end, Unreadable(str(error)))
            continue
        if record.kind in PARTS:
            held.append((member, record))
        elif record.kind == b"metadata":
            place = held[0][0].place if held else member.place
            data = b"".join((*(part.data for part, _ in held), member.data))
            says = _interpret([part for _, part in held], record, first + place)
            yield FileRow(data, place, member.end, says)
            held.clear()
    yield from _end_early(held)


def read_outcomes(file: Path, start: int, stop: int) -> Iterator[Outcome | Unreadable]:
    """Yield the outcomes of *file* between two offsets, each with its request and its body.

    The body of a revisit is that of the response it refers to.
    """
    with file.open("rb") as source:
        for row in read_entries(source, start, stop, longest=None):
            if isinstance(row.says, Unreadable):
                yield row.says
                continue
            try:
                yield _restore(file, [_parse(member.content) for member in _split_bytes(row.line)])
            except ValueError as error:
                yield Unreadable(str(error))


def _restore(file: Path, records: list[_WarcRecord]) -> Outcome:
    """Return the outcome of these *records*. Raises ValueError if they don't hold one."""
    outcome = read_outcome(_said(records[-1]))
    for record in records[:-1]:
        if record.kind == b"request":
            outcome = replace(outcome, request=record.content[record.start : record.end])
        elif record.refers_to is None:
            outcome = replace(outcome, body=bytes(_body(record)))
        else:
            outcome = replace(outcome, body=_find_body(file, record.refers_to))
    return outcome


def _find_body(file: Path, name: bytes) -> bytes:
    """Return the body in the response *name* of *file*. Raises ValueError if it is not there."""
    place = _find_responses(file, file.stat().st_size).get(_number(name))
    if place is None:
        raise ValueError("the response that a revisit refers to is not in its file")
    with file.open("rb") as source:
        member = next(_split(source, place, file.stat().st_size, None))
    return bytes(_body(_parse(member.content)))


@functools.lru_cache(maxsize=1)
def _find_responses(file: Path, size: int) -> dict[int, int]:
    """Return the place of each response in the first *size* bytes of *file*, by its number."""
    found = {}
    with file.open("rb") as source:
        for member in _split(source, 0, size, None):
            with contextlib.suppress(ValueError):
                record = _parse(member.content)
                if record.kind == b"response":
                    found[_number(record.name)] = member.place
    return found


def _end_early(held: list[tuple[_Member, _WarcRecord]]) -> Iterator[FileRow]:
    if held:
        says = Unreadable(f"a {held[0][1].kind.decode()} record without its metadata record")
        yield FileRow(b"", held[0][0].place, held[-1][0].end, says)
    held.clear()


def _interpret(held: list[_WarcRecord], metadata: _WarcRecord, place: int) -> Stored | Unreadable:
    """Return the outcome of *metadata* and the records *held* before it."""
    if [record.name for record in held] != metadata.beside:
        return Unreadable("a metadata record names other records than the ones before it")
    said = _said(metadata)
    try:
        stored, digest = read_line(said, place), _DIGESTED.decode(said).sha256
        if not held:
            return Entry(**asdict(stored))
        last = held[-1]
        refers_to = None if last.refers_to is None else _number(last.refers_to)
        entry = Entry(**asdict(stored), response=_number(last.name), refers_to=refers_to)
    except ValueError as error:
        return Unreadable(str(error))
    if last.kind == b"revisit":
        return entry
    body = _body(last)
    return replace(entry, intact=len(body) == stored.length and hashlib.sha256(body).hexdigest() == digest)


def _said(metadata: _WarcRecord) -> bytes:
    """Return the line of JSON in a metadata record."""
    return metadata.content[metadata.start : metadata.end].removeprefix(ENTRY).replace(b"\r\n", b"\n")


def _body(response: _WarcRecord) -> memoryview:
    """Return the bytes after the header block of a response."""
    return memoryview(response.content)[response.content.find(b"\r\n\r\n", response.start) + 4 : response.end]


def _number(name: bytes) -> int:
    """Return the number that the record's name ends with. Raises ValueError if there is none."""
    return int(name[-17:-14] + name[-13:-1], 16)


def _parse(content: bytes | None) -> _WarcRecord:
    """Return the record in a member. Raises ValueError if there is none."""
    if content is None:
        raise ValueError("a record is damaged or cut off")
    start, end = content.find(b"\r\n\r\n") + 4, len(content) - 4
    if not content.startswith(VERSION):
        raise ValueError("not a record of WARC 1.1")
    fields: dict[bytes, bytes] = {}
    beside: list[bytes] = []
    for text in content[: start - 4].split(b"\r\n")[1:]:
        name, _, value = text.partition(b": ")
        if name == b"WARC-Concurrent-To":
            beside.append(value)
        fields[name] = value
    if not content.endswith(b"\r\n\r\n") or fields.get(b"Content-Length") != b"%d" % (end - start):
        raise ValueError("a record has another length than it says")
    kind, name = fields.get(b"WARC-Type", b""), fields.get(b"WARC-Record-ID", b"")
    return _WarcRecord(kind, name, beside, fields.get(b"WARC-Refers-To"), content, start, end)


def _split(source: BinaryIO, start: int, stop: int, longest: int | None) -> Iterator[_Member]:
    """Yield the gzip members between two offsets, and one without content for each stretch between them."""
    place, ahead = start, b""
    source.seek(start)
    while place < stop:
        member = _take_member(source, place, ahead, stop, longest)
        if member is None:
            after = _find_member(source, place + 1, stop)
            yield _Member(place, after, b"", None)
            place, ahead = after, b""
            source.seek(place)
        else:
            data, content, ahead = member
            yield _Member(place, place + len(data), data, content)
            place += len(data)


def _split_bytes(data: bytes) -> Iterator[_Member]:
    return _split(BytesIO(data), 0, len(data), None)


def _take_member(
    source: BinaryIO, place: int, ahead: bytes, stop: int, longest: int | None
) -> tuple[bytes, bytes, bytes] | None:
    """Return the bytes of the member at *place*, its content, and the bytes read after it; None if it is damaged.

    *ahead* are bytes at *place* that were read before.
    """
    inflate, taken, content, size = zlib.decompressobj(GZIP), [], [], 0
    left = stop - place - len(ahead)
    try:
        while not inflate.eof:
            chunk = ahead or source.read(min(CHUNK, left))
            left -= 0 if ahead else len(chunk)
            ahead = b""
            if not chunk:
                return None
            taken.append(chunk)
            content.append(inflate.decompress(chunk))
            size += len(content[-1])
            if longest is not None and size > longest:
                return None
    except zlib.error:
        return None
    ahead = inflate.unused_data
    data = b"".join(taken)
    return data[: len(data) - len(ahead)], b"".join(content), ahead


def _find_member(source: BinaryIO, start: int, stop: int) -> int:
    """Return where the first record after *start* begins, or *stop*."""
    source.seek(start)
    base, data = start, b""
    while base < stop:
        chunk = source.read(min(CHUNK, stop - base - len(data)))
        data += chunk
        at = data.find(MAGIC)
        while at >= 0:
            if _begins_record(source, base + at):
                return base + at
            at = data.find(MAGIC, at + 1)
        if not chunk:
            break
        keep = min(len(data), len(MAGIC) - 1)
        base += len(data) - keep
        data = data[len(data) - keep :]
        source.seek(base + keep)
    return stop


def _begins_record(source: BinaryIO, place: int) -> bool:
    """Return whether a gzip member with a record begins at *place*."""
    source.seek(place)
    try:
        return zlib.decompressobj(GZIP).decompress(source.read(512), len(VERSION)) == VERSION
    except zlib.error:
        return False
