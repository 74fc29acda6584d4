"""Copies of a run's outcomes in any format, in a folder of their own.

Knows the seams of sinks and formats, and a run that is read back. Changes nothing in the
run.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from penstock.errors import OutputError, UsageError
from penstock.reading import run as reading
from penstock.reading.run import Order
from penstock.sink.durable import PART, make_folder, rename
from penstock.sink.formats import FORMATS, open_sinks

__all__ = ["FLUSH_BYTES", "export"]

FLUSH_BYTES = 64 << 20
"""Bytes taken between two flushes: the size of a part, in a format that has parts."""


def export(
    run: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    to: str,
    where: str | Iterable[str] = (),
    order: Order = "commit",
    bodies: bool = True,
) -> int:
    """Write the outcomes of the run in the folder *run* to the new folder *output*, in the format *to*.

    The newest outcome of each input that meets all conditions of *where* is written
    (``outcome=failed``, ``status=4xx,503``, ``reason=timeout``, ``host=example.com``), in the
    order of the commits or, with *order* ``seq``, of the inputs. Without *bodies* only
    their lengths and digests are. Returns the number of outcomes. The folder appears when
    it is whole.

    Raises UsageError if there is no such format or condition, or if *output* exists;
    FolderError and FolderDamaged as ``penstock.open``, OutputError if the disk refuses.
    """
    if to not in FORMATS:
        raise UsageError(f"there is no format {to!r}; there are {', '.join(FORMATS)}")
    final = Path(output)
    if os.path.lexists(final):
        raise UsageError(f"{final} exists; name a new folder")
    outcomes = reading.open(run).outcomes(*([where] if isinstance(where, str) else where), order=order)
    part = final.with_name(final.name + PART)
    if os.path.lexists(part):
        raise OutputError(f"{part} was left by an export that did not end; remove it first")
    make_folder(part)
    (sink,) = open_sinks([to], part, lambda _name: {}, inline_body=bodies)
    count = size = 0
    with closing(sink):
        for outcome in outcomes:
            size += sink.take(outcome)
            count += 1
            if size >= FLUSH_BYTES:
                sink.write(sink.cut())
                sink.flush()
                size = 0
        sink.write(sink.cut())
        sink.flush()
    rename(part, final)
    return count
