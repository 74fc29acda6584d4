"""Finds the URL in one outcome of a run.

Knows extents. It reads all rows of one extent, for an error message, so it is not for anything done often.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from penstock.core.extents import Extent
from penstock.core.web.stored import Stored
from penstock.sink.formats import FORMATS

__all__ = ["find_url"]


def find_url(folder: Path, extents: Iterable[Extent], seq: int) -> str | None:
    """Return the URL in the newest outcome of the input *seq*, or None if it has none that can be read."""
    newest = None
    for extent in extents:
        if seq in extent.seqs:
            newest = extent
    if newest is None or newest.sink not in FORMATS:
        return None
    url = None
    try:
        for row in FORMATS[newest.sink].read(folder, newest):
            if not isinstance(row, Stored):
                return None
            if row.seq == seq:
                url = row.url
    except OSError:
        return None
    return url
