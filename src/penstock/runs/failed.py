"""Finds which inputs of a folder have failed, as far as its ledger does not say: in the outputs.

Older builds noted errors and those statuses that are tried again by themselves, and only counted other statuses
(404). Knows extents and rows. docs/decisions/failed.md says why nothing is noted before it is needed.
"""

from __future__ import annotations

from pathlib import Path

from penstock.core.extents import Extent
from penstock.core.web.reasons import covers
from penstock.core.web.stored import RowTotals, Stored
from penstock.errors import FolderDamaged
from penstock.remedies import call
from penstock.runs.account import Failures
from penstock.runs.ledger import Ledger
from penstock.sink.formats import FORMATS

__all__ = ["note_all"]


def note_all(folder: Path, ledger: Ledger, reasons: frozenset[str]) -> None:
    """Complete what *ledger* says of the inputs of the run in *folder* that failed for *reasons*.

    Reads the outputs if need be. Raises FolderDamaged if they can't be read, OutputError if the ledger can't be
    written.
    """
    if any(covers(reasons, why) for why in ledger.count_unnoted()):
        ledger.note(lambda extent: read_failures(folder, extent))


def read_failures(folder: Path, extent: Extent) -> Failures:
    """Return the failures among the rows of *extent*. Raises FolderDamaged if one can't be read."""
    totals = RowTotals()
    try:
        for row in FORMATS[extent.sink].read(folder, extent):
            if not isinstance(row, Stored):
                raise _describe_damage(folder, extent, row.reason)
            totals.add(row)
    except OSError as error:
        raise _describe_damage(folder, extent, str(error)) from error
    return totals.failures


def _describe_damage(folder: Path, extent: Extent, why: str) -> FolderDamaged:
    return FolderDamaged(
        f"{folder / extent.file} can't be read: {why}; keep the rest with: ",
        call("verify", folder, repair=True),
    )
