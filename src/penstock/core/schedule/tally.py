"""The tally: outcomes counted by kind, status and reason.

Knows the names of what it counts. Does not know when outcomes came or how they were
stored. Tallies add up, so that a run's tally is the sum over its extents.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from penstock.core.schedule.verdicts import Duplicate

__all__ = ["Tally"]


class Tally:
    """Counts of outcomes by kind, status and reason; *bytes* counts the decoded bodies.

    *duplicates* are no outcomes: they share that of an earlier input. *bytes*,
    *attempts* and *redirects* are the cost of everything, outcomes included that newer
    ones have replaced. For ``throttle`` the kinds are ``done`` and ``failed``, and the
    reasons are names of exceptions.
    """

    __slots__ = ("attempts", "bytes", "duplicates", "kinds", "reasons", "redirects", "statuses")

    def __init__(self) -> None:
        """Start with nothing counted."""
        self.kinds: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.reasons: Counter[str] = Counter()
        self.bytes = 0
        self.attempts = 0
        self.redirects = 0
        self.duplicates = 0

    def __repr__(self) -> str:
        """Show the counts, for a debugger."""
        return f"<Tally {self.as_dict()}>"

    @property
    def total(self) -> int:
        """The number of outcomes counted."""
        return self.kinds.total()

    def add(self, outcome: Any) -> None:
        """Count one outcome of a request, or one ``Duplicate``."""
        if type(outcome) is Duplicate:
            self.duplicates += 1
            return
        self.kinds[outcome.kind] += 1
        if outcome.error is not None:
            self.reasons[outcome.error] += 1
        elif outcome.status is not None:
            self.statuses[outcome.status] += 1
        self.bytes += len(outcome.body)
        self.attempts += outcome.attempts
        self.redirects += len(outcome.redirects)

    def merge(self, other: Tally) -> None:
        """Add the counts of *other*."""
        self.kinds.update(other.kinds)
        self.statuses.update(other.statuses)
        self.reasons.update(other.reasons)
        self.bytes += other.bytes
        self.attempts += other.attempts
        self.redirects += other.redirects
        self.duplicates += other.duplicates

    def take_back(self, kind: str, reason: str, number: int) -> None:
        """Subtract *number* outcomes of this *kind* and *reason*, a status or an error, which newer ones replace."""
        self.kinds[kind] -= number
        if reason.isdigit():
            self.statuses[int(reason)] -= number
        else:
            self.reasons[reason] -= number
        # Adding an empty Counter drops the counts of 0.
        self.kinds += Counter()
        self.statuses += Counter()
        self.reasons += Counter()

    def snapshot(self) -> Tally:
        """Return a copy that counts no further."""
        copy = Tally()
        copy.merge(self)
        return copy

    def as_dict(self) -> dict[str, Any]:
        """Return the counts as JSON takes them, largest first; ``from_dict`` reads them back."""
        return {
            "outcomes": {str(kind): count for kind, count in self.kinds.most_common()},
            "statuses": {str(status): count for status, count in self.statuses.most_common()},
            "errors": {str(reason): count for reason, count in self.reasons.most_common()},
            "bytes": self.bytes,
            "attempts": self.attempts,
            "redirects": self.redirects,
            "duplicates": self.duplicates,
        }

    @classmethod
    def from_dict(cls, counts: dict[str, Any]) -> Tally:
        """Make the tally whose ``as_dict`` gave *counts*."""
        tally = cls()
        tally.kinds.update(counts["outcomes"])
        tally.statuses.update({int(status): count for status, count in counts["statuses"].items()})
        tally.reasons.update(counts["errors"])
        tally.bytes = counts["bytes"]
        tally.attempts = counts["attempts"]
        tally.redirects = counts["redirects"]
        tally.duplicates = counts["duplicates"]
        return tally
