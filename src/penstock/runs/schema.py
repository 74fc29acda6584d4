"""The tables of run.db, and the form of values in them.

Knows SQL and bitmaps. Does not know what may be committed: that is the ledger's.
"""

from __future__ import annotations

import json
import math
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from penstock.core.extents import Extent, SeqSet
from penstock.core.schedule.tally import Tally
from penstock.core.web.reasons import count_reasons
from penstock.runs.account import Failures
from penstock.runs.contents import SCHEMA as CONTENTS

__all__ = ["APPLICATION_ID", "SCHEMA", "VERSION", "extents_in", "find_unnoted", "keep_sound", "pack", "unpack"]

APPLICATION_ID: Final = 0x50656E73
"""In the header of the database, "Pens", so that ``file`` and Penstock can tell it from others."""

VERSION: Final = 5
"""The version of the tables below; the database has it as user_version."""

SCHEMA: Final = f"""
CREATE TABLE run (id TEXT NOT NULL, total INTEGER, duplicates INTEGER NOT NULL);
CREATE TABLE commits (number INTEGER PRIMARY KEY, tally TEXT NOT NULL);
CREATE TABLE extents (
    "commit" INTEGER NOT NULL REFERENCES commits (number),
    sink TEXT NOT NULL, file TEXT NOT NULL, "start" INTEGER NOT NULL, "end" INTEGER NOT NULL,
    rows INTEGER NOT NULL, checksum TEXT NOT NULL, seqs BLOB NOT NULL,
    PRIMARY KEY (sink, file, "start")
);
CREATE INDEX in_order ON extents ("commit", sink, file, "start");
CREATE TABLE failures (
    "commit" INTEGER NOT NULL REFERENCES commits (number), reason TEXT NOT NULL, seqs BLOB NOT NULL,
    PRIMARY KEY ("commit", reason)
) WITHOUT ROWID;
CREATE TABLE pass (number INTEGER NOT NULL, reasons TEXT NOT NULL, seqs BLOB NOT NULL, "after" INTEGER NOT NULL);
CREATE TABLE parked (host TEXT PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE slowed (host TEXT PRIMARY KEY, seconds REAL NOT NULL) WITHOUT ROWID;
{CONTENTS};
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {VERSION};
"""
_EXTENTS: Final = 'SELECT sink, file, "start", "end", rows, checksum, seqs FROM extents ORDER BY sink, file, "start"'
_EXTENTS_OF: Final = _EXTENTS.replace("ORDER", 'WHERE "commit" = ? ORDER')
_REASONS_OF: Final = 'SELECT reason FROM failures WHERE "commit" = ?'


def extents_in(database: sqlite3.Connection, commit: int | None = None) -> Iterator[Extent]:
    """Yield every extent, or the extents of one *commit*, by sink, file and place.

    Raises ValueError if one is broken.
    """
    rows = database.execute(_EXTENTS) if commit is None else database.execute(_EXTENTS_OF, (commit,))
    for sink, file, start, end, count, check, seqs in rows:
        yield Extent(sink, file, start, end, count, check, unpack(seqs))


def find_unnoted(database: sqlite3.Connection, read: Callable[[Extent], Failures]) -> Iterator[tuple[int, str, bytes]]:
    """Yield the rows of failures that commits of an older build lack; *read* returns the failures in an extent."""
    for number, counts in database.execute("SELECT number, tally FROM commits ORDER BY number").fetchall():
        noted = {why for (why,) in database.execute(_REASONS_OF, (number,))}
        if count_reasons(Tally.from_dict(json.loads(counts))).keys() == noted:
            continue
        found: dict[str, SeqSet] = {}
        extents = list(extents_in(database, number))
        for extent in extents:
            if extent.sink == extents[0].sink:  # every sink has them
                for why, failed in read(extent).items():
                    found.setdefault(why, SeqSet()).update(failed)
        yield from ((number, why, pack(failed)) for why, failed in found.items())


def keep_sound(hosts: Iterable[tuple[Any, Any]]) -> dict[str, float]:
    """Return the *hosts* and seconds that are a text and a finite number."""
    return {
        host: seconds
        for host, seconds in hosts
        if isinstance(host, str) and isinstance(seconds, float) and 0 <= seconds < math.inf
    }


def pack(seqs: SeqSet) -> bytes:
    """Return *seqs* as bytes, with a checksum of them."""
    data = seqs.serialize()
    return zlib.crc32(data).to_bytes(4, "big") + data


def unpack(blob: bytes) -> SeqSet:
    """Return the seqs in *blob*. Raises ValueError if it has changed: SQLite keeps no checksums."""
    check, data = blob[:4], blob[4:]
    if zlib.crc32(data).to_bytes(4, "big") != check:
        raise ValueError("a set of inputs has changed since it was written")
    return SeqSet.deserialize(data)
