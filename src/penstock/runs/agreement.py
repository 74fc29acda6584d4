"""Compares the sinks of one run: of which inputs they all have the same newest outcome.

Knows extents and rows. A repair needs it, since a commit settles its inputs in every sink.
"""

from __future__ import annotations

import zlib
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Final

from penstock.core.extents import Extent, SeqSet
from penstock.core.web.stored import Stored
from penstock.errors import FolderDamaged
from penstock.sink.formats import FORMATS

__all__ = ["Agreement"]

BITS: Final = 32
"""Bits in the digest of a row. A bitmap for each bit takes four bytes an input."""


class Agreement:
    """The inputs whose newest outcome is the same in all *sinks*, and the rows that have it.

    Takes the extents of each sink, in the order in which they were written. Raises
    FolderDamaged if one can't be read.
    """

    def __init__(self, folder: Path, sinks: Sequence[Sequence[Extent]]) -> None:
        # For each file the places where its extents begin, and the inputs whose newest row is in each of these.
        self._newest = defaultdict[str, list[tuple[int, SeqSet]]](list)
        self._agreed, first = self._read(folder, sinks[0])
        for extents in sinks[1:]:
            seqs, digests = self._read(folder, extents)
            self._agreed &= seqs
            for one, other in zip(first, digests, strict=True):
                self._agreed -= one ^ other
        self._whole = all(sum(extent.rows for extent in extents) == len(self._agreed) for extents in sinks)

    def is_whole(self) -> bool:
        """Return whether every sink has one row for each of these inputs, and no other row."""
        return self._whole

    def keep(self, file: str, stored: Stored) -> bool:
        """Return whether *stored*, a row of *file*, is the newest of its input and the sinks agree on it."""
        extents = self._newest[file]
        _, newest = extents[bisect_right(extents, stored.place, key=itemgetter(0)) - 1]
        return stored.seq in newest and stored.seq in self._agreed

    def _read(self, folder: Path, extents: Sequence[Extent]) -> tuple[SeqSet, list[SeqSet]]:
        """Return the inputs in one sink, and which of them have each bit set in the digest of their newest row."""
        settled, digests = SeqSet(), [SeqSet() for _ in range(BITS)]
        for extent in reversed(extents):
            newest = extent.seqs - settled
            settled |= extent.seqs
            self._newest[extent.file].insert(0, (extent.start, newest))
            for seq, digest in _digests(folder, extent):
                if seq in newest:
                    for bit, seqs in enumerate(digests):
                        if digest >> bit & 1:
                            seqs.add(seq)
        return settled, digests


def _digests(folder: Path, extent: Extent) -> Iterator[tuple[int, int]]:
    """Yield the seq of each row of *extent* and a digest of what the tally counts of it."""
    try:
        for row in FORMATS[extent.sink].read(folder, extent):
            if isinstance(row, Stored):
                counted = (row.kind, row.error, row.status, row.redirects, row.attempts, row.length)
                yield row.seq, zlib.crc32(repr(counted).encode())
    except OSError as error:
        raise FolderDamaged(f"cannot read {folder / extent.file}: {error.strerror}") from error
