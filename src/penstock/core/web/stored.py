"""A row of an output as it is read back, and the sums of such rows.

Knows what an account of a run needs of an outcome. Does not know formats or files.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from penstock.core.extents import Extent, SeqSet
from penstock.core.schedule.tally import Tally
from penstock.core.web.model import Kind
from penstock.core.web.retry import reason

__all__ = ["Keep", "RowTotals", "Salvaged", "Stored", "Unreadable"]


class Stored(Struct, frozen=True, gc=False):
    """The parts of a row that the account of a run needs.

    *place* is the offset of the row in its file, in bytes; a format whose rows have none
    gives that of their extent. *redirects* counts hops, *length* bytes of the body.
    *intact* is False if the row has a body whose digest is not the one stored.
    """

    place: int
    seq: int
    url: str
    kind: Kind
    error: str | None
    status: int | None
    redirects: int
    attempts: int
    length: int
    intact: bool


class Unreadable(Struct, frozen=True):
    """A row that can't be read, and the reason."""

    reason: str


class RowTotals:
    """The *seqs* of some rows that were read back, their *tally*, and the *failures* among them."""

    __slots__ = ("failures", "seqs", "tally")

    def __init__(self) -> None:
        """Begin without a row."""
        self.seqs = SeqSet()
        self.tally = Tally()
        self.failures: dict[str, SeqSet] = {}

    def add(self, stored: Stored) -> None:
        """Count one row, as ``Tally.add`` counted its outcome."""
        tally = self.tally
        self.seqs.add(stored.seq)
        tally.kinds[stored.kind] += 1
        if stored.kind is Kind.FETCHED and stored.status is not None:
            tally.statuses[stored.status] += 1
        elif stored.error is not None:
            tally.reasons[stored.error] += 1
        tally.bytes += stored.length
        tally.attempts += stored.attempts
        tally.redirects += stored.redirects
        why = reason(stored.error, stored.status)
        if why is not None:
            self.failures.setdefault(why, SeqSet()).add(stored.seq)


Keep = Callable[[str, Stored], bool]
"""Whether to keep a row of the file with this name. Asked once for each row that can be read, in the order written."""

Salvaged = tuple[Extent, RowTotals]
"""An extent of the rows that were kept, and their sums."""
