"""What happens to an outcome between the judge and whoever takes it: the last word, the count, the order.

Knows outcomes by their ``seq`` and ``error``. Does not know where they come from, or what the work was.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from penstock.core.schedule.tally import Tally
from penstock.core.schedule.verdicts import Duplicate

if TYPE_CHECKING:
    from penstock.core.web.model import Outcome

__all__ = ["Accounts", "Delivery", "Finish"]

R = TypeVar("R")


class Finish(Protocol):
    """What has the last word on an outcome, such as a page callback."""

    def __call__(self, outcome: Outcome) -> Outcome:
        """The outcome to deliver in place of *outcome*."""

    def close(self) -> None:
        """Nothing more will come."""


class Accounts(Protocol):
    """What counts outcomes."""

    def add(self, outcome: Any) -> None:
        """Count one."""

    def snapshot(self) -> Tally:
        """What was counted until now, and counts no further."""


class Delivery(Generic[R]):
    """Outcomes on their way out: ``ready`` has those that may be taken, oldest first.

    *finish* has the last word on each. With *ordered* they become ready in the order of their seqs, which
    count from 0 without a gap (a duplicate has its turn, and nothing comes of it); ``withheld`` is how many
    came before their turn (None where they are not ordered). With *fail_fast* the first error is not delivered
    but becomes ``failure``: the end of it all.
    """

    def __init__(
        self, accounts: Accounts, *, finish: Finish | None = None, ordered: bool = False, fail_fast: bool = False
    ) -> None:
        """Nothing on its way yet."""
        self.ready: deque[R] = deque()
        self.failure: Exception | None = None
        self._accounts = accounts
        self._finish = finish
        self._early: dict[int, R | None] | None = {} if ordered else None
        self.withheld: int | None = 0 if ordered else None
        self._turn = 0
        self._fail_fast = fail_fast

    def put(self, outcome: Any) -> None:
        """Take *outcome* in, or a duplicate, which is only counted; no seq twice."""
        if type(outcome) is Duplicate:
            self._accounts.add(outcome)
            if self._early is not None:
                self._line_up(self._early, outcome.seq, None)
            return
        if self._finish is not None:
            outcome = self._finish(outcome)
        self._accounts.add(outcome)
        if self._fail_fast and outcome.error is not None:
            self.failure = self.failure or outcome.error
        elif self._early is None:
            self.ready.append(outcome)
        else:
            self._line_up(self._early, outcome.seq, outcome)

    def release(self) -> None:
        """Nothing more will come: what waits for one that never will is ready now, still in order."""
        if self._early:
            in_order = (self._early[seq] for seq in sorted(self._early))
            self.ready.extend(outcome for outcome in in_order if outcome is not None)
            self._early.clear()
            self.withheld = 0

    def _line_up(self, early: dict[int, R | None], seq: int, outcome: R | None) -> None:
        """Let *outcome*, None for a duplicate, come when it is its turn."""
        early[seq] = outcome
        while self._turn in early:
            turn = early.pop(self._turn)
            if turn is not None:
                self.ready.append(turn)
            self._turn += 1
        self.withheld = len(early)

    def tally(self) -> Tally:
        """What has come so far."""
        return self._accounts.snapshot()

    def close(self) -> None:
        """Nothing more will be put."""
        if self._finish is not None:
            self._finish.close()
