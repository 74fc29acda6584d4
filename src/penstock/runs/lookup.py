"""One outcome of a run, looked for in its outputs.

Knows extents and lines. For an error message: it reads the bytes of one commit, so it is not for anything often done.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from penstock.core.extents import Extent
from penstock.sink.record import read_line

__all__ = ["url_of"]


def url_of(folder: Path, extents: Iterable[Extent], seq: int) -> str | None:
    """The URL in the newest outcome of the input *seq*; None if it has none that can be read."""
    newest = None
    for extent in extents:
        if seq in extent.seqs:
            newest = extent
    if newest is None:
        return None
    url, place = None, newest.start
    try:
        with (folder / newest.file).open("rb") as file:
            file.seek(place)
            while place < newest.end and (row := file.readline(newest.end - place)):
                place += len(row)
                stored = read_line(row)
                if stored.seq == seq:
                    url = stored.url
    except (OSError, ValueError):
        return None
    return url
