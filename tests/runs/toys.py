"""Two formats that no user needs: another one of lines, and one whose file is closed at each flush."""

from __future__ import annotations

import json
import re
import zlib
from pathlib import Path

from penstock.core.web.model import Failed, Fetched, Kind, Reason, Skipped
from penstock.core.web.stored import RowTotals, Stored, Unreadable
from penstock.errors import FolderDamaged
from penstock.sink.byte_extents import ByteExtents
from penstock.sink.durable import certify, locate_origin, remove, set_aside, write_file
from penstock.sink.line_format import LineFormat


def encode(outcome, *, inline_body):
    """Return the fields of *outcome*, a tab between each two, and their checksum."""
    fields = [
        *(outcome.seq, outcome.kind, outcome.error or "", outcome.status or "", len(outcome.redirects)),
        *(outcome.attempts, len(outcome.body), outcome.url.encode("utf-8", "replace").hex()),
        outcome.body.hex() if inline_body else "",
    ]
    text = "\t".join(map(str, fields))
    return f"{text}\t{zlib.crc32(text.encode()):08x}\n".encode()


def decode(line, place):
    text, _, check = line.decode().rpartition("\t")
    if check != f"{zlib.crc32(text.encode()):08x}\n":
        raise ValueError("the line has changed")
    seq, kind, error, status, redirects, attempts, length, url, _ = text.split("\t")
    return Stored(
        place,
        int(seq),
        bytes.fromhex(url).decode(),
        Kind(kind),
        error or None,
        int(status) if status else None,
        int(redirects),
        int(attempts),
        int(length),
        intact=True,
    )


def restore(line):
    said = decode(line, 0)
    kinds = {Kind.FETCHED: Fetched, Kind.FAILED: Failed, Kind.SKIPPED: Skipped}
    error = None if said.error is None else Reason(said.error)
    body = bytes.fromhex(line.decode().split("\t")[8])
    return kinds[said.kind](said.seq, said.url, error, status=said.status, attempts=said.attempts, body=body)


TABS = LineFormat("tabs", "tabs", "tsv", lambda: (encode, decode), lambda _heading: restore)


class Parts(ByteExtents):
    """Each flush writes a file of its own aside and renames it, as a format with a footer must."""

    name = "parts"
    pattern = r"part-[0-9]{5}\.json"
    unfinished = r"part-[0-9]{5}\.json\.part"

    def open(self, folder, committed, *, inline_body):
        for file in folder.glob("part-*.json"):
            if file.name not in committed:
                set_aside(file, 0)
                remove(file)
        for name, size in committed.items():
            if not (folder / name).exists() or (folder / name).stat().st_size != size:
                raise FolderDamaged(f"{name} is missing or has another length")
        return PartSink(folder)

    def read(self, folder, extent):
        return iter(rows_of((folder / extent.file).read_bytes()))

    def outcomes(self, folder, extent):
        return (restore(f"{text}".encode()) for text in json.loads((folder / extent.file).read_bytes()))

    def salvage(self, file, keep, *, longest):
        rows = rows_of(file.read_bytes())
        kept = [row for row in rows if isinstance(row, Stored) and keep(file.name, row)]
        if kept != rows:
            aside = set_aside(file, 0)
            remove(file)
            write_rows(file, aside, kept)
        if kept:
            yield certified(file, kept)

    def recover(self, aside, keep, *, longest):
        name, _ = locate_origin(aside)
        kept = [row for row in rows_of(aside.read_bytes()) if isinstance(row, Stored) and keep(name, row)]
        if kept:
            file = next_file(aside.parent)
            write_rows(file, aside, kept)
            yield certified(file, kept)


PARTS = Parts()


class PartSink:
    name = "parts"

    def __init__(self, folder):
        self._folder = folder
        self._taken = []
        self._held = []

    def take(self, outcome):
        self._taken.append((outcome.seq, encode(outcome, inline_body=True).decode()))
        return len(outcome.body)

    def cut(self):
        taken, self._taken = self._taken, []
        return taken

    def write(self, block):
        self._held += block

    def flush(self):
        held, self._held = self._held, []
        if not held:
            return []
        file = next_file(self._folder)
        write_file(file, json.dumps([text for _, text in held]).encode())
        return [certified(file, rows_of(file.read_bytes()))[0]]

    def close(self):
        self._held = []


def next_file(folder: Path) -> Path:
    numbers = [int(found[1]) for file in folder.iterdir() if (found := re.match(r"part-([0-9]{5})\.json", file.name))]
    return folder / f"part-{max(numbers, default=-1) + 1:05d}.json"


def write_rows(file, source, rows):
    """Write those texts in *source* to *file* that are *rows*, if there is any."""
    kept = {row.seq for row in rows}
    texts = [text for text in json.loads(source.read_bytes()) if decode(text.encode(), 0).seq in kept] if rows else []
    if texts:
        write_file(file, json.dumps(texts).encode())


def rows_of(data):
    try:
        return [decode(text.encode(), 0) for text in json.loads(data)]
    except ValueError as error:
        return [Unreadable(str(error))]


def certified(file, rows):
    totals = RowTotals()
    for row in rows:
        totals.add(row)
    return certify(file, 0, file.stat().st_size, sink="parts", seqs=totals.seqs), totals
