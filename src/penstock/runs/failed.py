"""Which inputs of a folder have failed, as far as its ledger does not say it: read from the outputs.

Older builds noted errors and those statuses that are tried again by themselves, and only counted other statuses
(404). Knows lines of output. docs/decisions/failed.md says why nothing is noted before it is needed.
"""

from __future__ import annotations

from pathlib import Path

from penstock.core.extents import Extent
from penstock.core.web.reasons import covers
from penstock.errors import FolderDamaged
from penstock.remedies import call
from penstock.runs.account import Failures
from penstock.runs.ledger import Ledger
from penstock.runs.verify import Counts, rows
from penstock.sink.record import read_line

__all__ = ["note_all"]


def note_all(folder: Path, ledger: Ledger, reasons: frozenset[str]) -> None:
    """Have *ledger* say which inputs of the run in *folder* have failed for *reasons*; reads the outputs if need be.

    Raises FolderDamaged if they can't be read, OutputError if the ledger can't be written.
    """
    if any(covers(reasons, why) for why in ledger.unnoted()):
        ledger.note(lambda extent: _failures(folder, extent))


def _failures(folder: Path, extent: Extent) -> Failures:
    counts = Counts()
    try:
        with (folder / extent.file).open("rb") as file:
            for row in rows(file, extent.start, extent.end):
                counts.add(read_line(row))
    except (OSError, ValueError) as error:
        raise FolderDamaged(
            f"{folder / extent.file} can't be read: {error}; keep what is left with: ",
            call("verify", folder, repair=True),
        ) from error
    return counts.failures
