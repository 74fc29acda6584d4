"""Extents: the proof that outcomes are durable.

Knows the values that prove it. Does not know how bytes get to a disk.
"""

from __future__ import annotations

from msgspec import Struct
from pyroaring import BitMap64

__all__ = ["Extent", "Settled"]

Settled = BitMap64
"""The seqs of the inputs whose outcomes are durable."""


class Extent(Struct, frozen=True):
    """A stretch of one output file that is durable: the proof that it may be committed.

    *start* and *end* are offsets in bytes; *checksum* is that of the bytes between
    them, after its algorithm (``crc32:9ae0daaf``); *seqs* are the inputs whose outcomes
    they hold, one row each. Only a durable write makes one.
    """

    sink: str
    file: str
    start: int
    end: int
    rows: int
    checksum: str
    seqs: BitMap64
