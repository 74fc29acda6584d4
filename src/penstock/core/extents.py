"""Sets of seqs, and extents, which prove that outcomes are durable.

Knows these values. Does not know how bytes get to a disk.
"""

from __future__ import annotations

from msgspec import Struct
from pyroaring import BitMap64

__all__ = ["Extent", "SeqSet"]

SeqSet = BitMap64
"""A set of seqs, as a compressed bitmap: ten million in a row take 2 kB when stored."""


class Extent(Struct, frozen=True):
    """A stretch of one output file that is durable: the proof that it may be committed.

    *start* and *end* are offsets in bytes, or count the rows of a database; *checksum* is
    that of what lies between them, after its algorithm (``crc32:9ae0daaf``); *seqs* are
    the inputs whose outcomes it holds, one row each. A sink makes an extent when these
    bytes are flushed; the ledger reads back the committed ones.
    """

    sink: str
    file: str
    start: int
    end: int
    rows: int
    checksum: str
    seqs: SeqSet
