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
    """The state of a flow at this moment; *elapsed* is in seconds.

    *running* jobs are in flight, *held* jobs are known and not started, *undelivered*
    outcomes wait for the consumer. *pulled* items came from the source; *exhausted* says
    that it has no more. *bound* says what kept more jobs from starting. *busiest* is the
    key with the most unfinished jobs, and their number. *tally* counts the outcomes.
    *capped* maps keys that ask for more seconds between two requests than they get to
    these seconds.

    ``Progress`` has the fields that span the passes and sessions of a run.
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
    capped: dict[Any, float] = {}

    @property
    def done(self) -> int:
        """The number of inputs that have an outcome, or share that of another."""
        return self.tally.total + self.tally.duplicates

    @property
    def total(self) -> int | None:
        """The number of inputs; None until the source is exhausted."""
        return self.pulled if self.exhausted else None
