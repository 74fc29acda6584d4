"""Where the work stands, as a value.

Knows counts and times. Does not know how they are taken or shown.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from penstock.core.schedule.answers import Bottleneck
from penstock.core.schedule.tally import Tally

__all__ = ["Statistics"]


class Statistics(Struct, frozen=True):
    """Where the work stands, at the moment of the question; *elapsed* in seconds.

    *running* jobs are in flight, *held* ones known and not started, *undelivered*
    outcomes wait for the consumer; *pulled* items came from the source, and *exhausted*
    says that it has no more. *bound* is what kept more from starting, *busiest* the key
    with the most unfinished jobs, and their number. *tally* counts this session's
    outcomes, and *before* the ones that earlier sessions had settled; *again* of these
    inputs are to be tried again. *read* is how far the input is read, in bytes, and its
    size, or None if they are unknown; *inputs* is the number of inputs if it was known
    before. *alone* is the number of keys that are left alone for a while, and *parked*
    names a few of them, each with the remaining seconds: the busiest first, then the
    ones that come back first. *spacing* is the seconds between two starts that the
    busiest key was found to need. *capped* maps hosts that ask for more seconds between
    two requests than they get to these seconds.
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
        """The number of inputs that have an outcome or share one; an input that is to be tried again has none."""
        return self.before + self.tally.total + self.tally.duplicates - self.again

    @property
    def total(self) -> int | None:
        """The number of inputs; None before all have been read."""
        if self.inputs is not None or not self.exhausted:
            return self.inputs
        return self.before + self.pulled - self.again
