"""The account of a run: of several outcomes for one input the newest counts.

Knows seqs, reasons and counts, and which outcome may replace which. Does not know files or tables: the ledger, a
verification and a repair all add up with this, each from what it has read.
"""

from __future__ import annotations

from collections.abc import Mapping

from penstock.core.extents import SeqSet
from penstock.core.schedule.tally import Tally
from penstock.core.web.model import kind_of

__all__ = ["Account", "Failures"]

Failures = Mapping[str, SeqSet]
"""The inputs whose outcome is a reason to try them again, by that reason (``core.web.reasons``)."""


class Account:
    """The sums over everything added, in the order in which it was committed.

    *settled* inputs have an outcome, and *failures* has the ones that may be tried again. *tally* counts one
    outcome for each input; *replaced* counts the older ones, whose place a newer one took.
    """

    __slots__ = ("failures", "replaced", "settled", "tally")

    def __init__(self) -> None:
        """Begin without an outcome."""
        self.settled = SeqSet()
        self.failures: dict[str, SeqSet] = {}
        self.tally = Tally()
        self.replaced = 0

    def find_replaceable(self) -> SeqSet:
        """Return the inputs whose outcome may be replaced."""
        return SeqSet().union(*self.failures.values())

    def find_replaced(self, seqs: SeqSet) -> dict[str, SeqSet]:
        """Return the *seqs* that have an outcome already, by the reason to replace it.

        Raises ValueError if one of them has an outcome that may not be replaced.
        """
        again = seqs & self.settled
        if not again:
            return {}
        found = {why: old for why, failed in self.failures.items() if (old := failed & again)}
        kept = again - SeqSet.union(*found.values()) if found else again
        if kept:
            raise ValueError(f"an input was settled twice: {kept.min()}")
        return found

    def add(self, seqs: SeqSet, tally: Tally, failures: Failures) -> None:
        """Add the outcomes of *seqs*, no input twice. Raises ValueError as of ``find_replaced``."""
        for why, old in self.find_replaced(seqs).items():
            self.failures[why] -= old
            self.tally.take_back(kind_of(why), why, len(old))
            self.replaced += len(old)
        self.settled |= seqs
        self.tally.merge(tally)
        for why, failed in failures.items():
            self.failures.setdefault(why, SeqSet()).update(failed)
