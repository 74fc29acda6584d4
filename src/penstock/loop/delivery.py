"""The way of an outcome to the consumer: it is transformed, counted, put in order.

Knows outcomes by their ``seq`` and ``error``. Does not know where they come from, or
what the work was.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from penstock.core.schedule.tally import Tally
from penstock.core.schedule.verdicts import Duplicate

__all__ = ["Delivery", "OutcomeCounter", "Transform"]

R = TypeVar("R")


class Transform(Protocol):
    """Replaces each outcome before it is counted, as a page callback does."""

    def __call__(self, outcome: Any) -> Any:
        """Return the outcome to deliver instead of *outcome*."""

    def close(self) -> None:
        """Release everything: no outcome follows."""


class OutcomeCounter(Protocol):
    """Counts outcomes: a ``Tally``, or a ``CallTally`` for ``throttle``."""

    def add(self, outcome: Any) -> None:
        """Count *outcome*."""

    def snapshot(self) -> Tally:
        """Return the counts so far, as a copy that counts no further."""


class Delivery(Generic[R]):
    """Outcomes for the consumer: ``ready`` has them, oldest first.

    *transform* may replace each outcome. With *ordered*, outcomes become ready in the
    order of their seqs, which count from 0 without a gap; a duplicate takes its turn
    and delivers nothing. ``withheld`` counts the outcomes that wait for their turn, and
    is None if they are not *ordered*. With *fail_fast*, the first error is not
    delivered: it becomes ``failure``, and the work is to end.

    An outcome with a negative seq is no input's: ``divert`` says where it goes.
    """

    def __init__(
        self,
        counter: OutcomeCounter,
        *,
        transform: Transform | None = None,
        ordered: bool = False,
        fail_fast: bool = False,
    ) -> None:
        """Begin without an outcome."""
        self.ready: deque[R] = deque()
        self.failure: Exception | None = None
        self._counter = counter
        self._transform = transform
        self._early: dict[int, R | None] | None = {} if ordered else None
        self.withheld: int | None = 0 if ordered else None
        self._turn = 0
        self._fail_fast = fail_fast
        self._diverted: Callable[[Any], object] | None = None

    def divert(self, take: Callable[[Any], object]) -> None:
        """Give outcomes with a negative seq to *take*, which neither waits nor raises."""
        self._diverted = take

    def put(self, outcome: Any) -> None:
        """Take *outcome*, or a duplicate, which is only counted; each seq once."""
        if type(outcome) is Duplicate:
            self._counter.add(outcome)
            if self._early is not None:
                self._enqueue(self._early, outcome.seq, None)
            return
        if self._diverted is not None and outcome.seq < 0:
            self._diverted(outcome)
            return
        if self._transform is not None:
            outcome = self._transform(outcome)
        self._counter.add(outcome)
        if self._fail_fast and outcome.error is not None:
            self.failure = self.failure or outcome.error
        elif self._early is None:
            self.ready.append(outcome)
        else:
            self._enqueue(self._early, outcome.seq, outcome)

    def release(self) -> None:
        """Make all withheld outcomes ready, still in order: no other outcome follows."""
        if self._early:
            in_order = (self._early[seq] for seq in sorted(self._early))
            self.ready.extend(outcome for outcome in in_order if outcome is not None)
            self._early.clear()
            self.withheld = 0

    def _enqueue(self, early: dict[int, R | None], seq: int, outcome: R | None) -> None:
        """Keep *outcome*, None for a duplicate, until each lower seq is ready."""
        early[seq] = outcome
        while self._turn in early:
            turn = early.pop(self._turn)
            if turn is not None:
                self.ready.append(turn)
            self._turn += 1
        self.withheld = len(early)

    def tally(self) -> Tally:
        """Return the counts so far."""
        return self._counter.snapshot()

    def close(self) -> None:
        """Close the transform: no outcome follows."""
        if self._transform is not None:
            self._transform.close()
