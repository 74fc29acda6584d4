"""What has come of the inputs so far, counted.

Knows outcomes; does not know when they came or where they were stored. Tallies add up, so that a run's
tally is the sum over its extents.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from msgspec import Struct

from penstock.core.schedule.frontier import Bottleneck
from penstock.core.web.model import Duplicate, Kind, Outcome, Reason

__all__ = ["Statistics", "Tally"]


_KINDS: Final = {str(reason): reason.kind for reason in Reason}


class Tally:
    """Counts by kind, status and reason; *bytes* are those of the bodies, decoded.

    *duplicates* are no outcomes: inputs that share an earlier one's, and have none of their own.
    *bytes*, *attempts* and *redirects* are what all of it took: those of an outcome that was replaced stay.
    Of ``throttle``'s results the kinds are ``done`` and ``failed``, and the reasons are names of exceptions.
    """

    __slots__ = ("attempts", "bytes", "duplicates", "kinds", "reasons", "redirects", "statuses")

    def __init__(self) -> None:
        """Nothing counted yet."""
        self.kinds: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.reasons: Counter[str] = Counter()
        self.bytes = 0
        self.attempts = 0
        self.redirects = 0
        self.duplicates = 0

    def __repr__(self) -> str:
        """The counts, for a debugger."""
        return f"<Tally {self.as_dict()}>"

    @property
    def total(self) -> int:
        """How many outcomes were counted."""
        return self.kinds.total()

    def add(self, outcome: Outcome | Duplicate) -> None:
        """Count one outcome, or one duplicate."""
        if type(outcome) is Duplicate:
            self.duplicates += 1
            return
        assert isinstance(outcome, Outcome)
        self.kinds[outcome.kind] += 1
        if outcome.kind is Kind.FETCHED and outcome.status is not None:
            self.statuses[outcome.status] += 1
        elif outcome.error is not None:
            self.reasons[outcome.error] += 1
        self.bytes += len(outcome.body)
        self.attempts += outcome.attempts
        self.redirects += len(outcome.redirects)

    def merge(self, other: Tally) -> None:
        """Add what *other* counted."""
        self.kinds.update(other.kinds)
        self.statuses.update(other.statuses)
        self.reasons.update(other.reasons)
        self.bytes += other.bytes
        self.attempts += other.attempts
        self.redirects += other.redirects
        self.duplicates += other.duplicates

    def take_back(self, reason: str, number: int) -> None:
        """Count *number* outcomes less, which had this *reason* to be tried again and make room for newer ones."""
        if reason.isdigit():
            self.kinds[Kind.FETCHED] -= number
            self.statuses[int(reason)] -= number
        else:
            self.kinds[_KINDS[reason]] -= number
            self.reasons[reason] -= number
        # Adding nothing drops what has come to nothing.
        self.kinds += Counter()
        self.statuses += Counter()
        self.reasons += Counter()

    def snapshot(self) -> Tally:
        """A copy that counts no further."""
        copy = Tally()
        copy.merge(self)
        return copy

    def as_dict(self) -> dict[str, Any]:
        """The counts as JSON takes them, largest first; ``from_dict`` reads them back."""
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
        """The tally whose ``as_dict`` gave *counts*."""
        tally = cls()
        tally.kinds.update(counts["outcomes"])
        tally.statuses.update({int(status): count for status, count in counts["statuses"].items()})
        tally.reasons.update(counts["errors"])
        tally.bytes = counts["bytes"]
        tally.attempts = counts["attempts"]
        tally.redirects = counts["redirects"]
        tally.duplicates = counts["duplicates"]
        return tally


class Statistics(Struct, frozen=True):
    """Where the work stands, at the moment it was asked for; *elapsed* in seconds.

    *running* jobs are in flight, *held* ones known and not started, *undelivered* outcomes wait to be
    taken; *pulled* items came from the source, and *exhausted* says that it has no more. *bound* is what
    kept more from starting, *busiest* the key with most jobs known and unfinished, and how many. *tally*
    counts this session's outcomes, and *before* those that earlier sessions had settled; *again* inputs among all of
    these were to be tried again since. *read* is how far the input is read: bytes so far, and of how many, where that
    is known; *inputs* is how many there are, where that was known before. *alone* is how many keys are left alone for
    a while, and *parked* names a few of them, each with the seconds until it is over: the busiest, and those that come
    back first. *spacing* is how many seconds between two starts the busiest was found to need. *capped* are hosts that
    ask for more seconds between two requests than they get, and how many.
    """

    elapsed: float
    running: int
    held: int
    undelivered: int
    pulled: int
    exhausted: bool
    bound: Bottleneck
    busiest: tuple[Any, int] | None
    tally: Tally
    before: int = 0
    again: int = 0
    read: tuple[int, int] | None = None
    alone: int = 0
    parked: tuple[tuple[Any, float], ...] = ()
    spacing: float = 0.0
    capped: dict[Any, float] = {}
    inputs: int | None = None

    @property
    def done(self) -> int:
        """How many inputs have their outcome, or share that of another; one that is to be tried again has none."""
        return self.before + self.tally.total + self.tally.duplicates - self.again

    @property
    def total(self) -> int | None:
        """How many inputs there are; None before all have been read."""
        if self.inputs is not None or not self.exhausted:
            return self.inputs
        return self.before + self.pulled - self.again
