"""The progress of a run over all its passes and sessions (docs/decisions/progress.md).

Knows the flow, the input and the ledger. Does not know what a report shows, or when a
session ends.
"""

from __future__ import annotations

from heapq import nsmallest
from typing import Final

from msgspec.structs import asdict

from penstock.core.results import Progress, Summary
from penstock.core.schedule.tally import Tally
from penstock.core.web.model import Outcome
from penstock.loop.flow import Flow
from penstock.runs.folder import RunFolder
from penstock.seams import Input

__all__ = ["RunProgress"]

NAMED: Final = 3
"""Paused hosts that a snapshot names; the rest are only counted."""


class RunProgress:
    """Adds the passes and sessions before to where *flow*, the pass under way, stands.

    *folder*, if there is one, holds what earlier sessions of the run have settled.
    """

    def __init__(self, flow: Flow[Outcome], source: Input, folder: RunFolder | None = None) -> None:
        """Count what earlier sessions have settled."""
        self.flow = flow
        self._source = source
        self._folder = folder
        ledger = None if folder is None else folder.ledger
        self._before = 0 if ledger is None else ledger.tally().total
        self._again = 0 if ledger is None else len(ledger.pending())
        self._inputs = None if ledger is None else ledger.total
        self._earlier = Tally()
        self._spent = 0.0

    def is_done(self) -> bool:
        """Whether the run was done before this session, with no input left to retry."""
        return self._inputs is not None and not self._again

    def begin_pass(self, flow: Flow[Outcome]) -> None:
        """Go on with *flow*, another pass; the ledger counts what it retries."""
        assert self._folder is not None, "only inputs whose outcomes are kept can be retried"
        stood, ledger = self.snapshot(), self._folder.ledger
        self._earlier, self._spent = stood.tally, stood.elapsed
        self._again += len(ledger.pending())
        self._inputs = ledger.total
        self.flow = flow

    def snapshot(self) -> Progress:
        """Return where the run stands now."""
        now = self.flow.statistics()
        tally = self._earlier.snapshot()
        tally.merge(now.tally)
        # Each pass reads the whole input, and so counts every duplicate again.
        tally.duplicates = max(self._earlier.duplicates, now.tally.duplicates)
        parked, slowed, clock = self.flow.learned()
        busiest = now.busiest and now.busiest[0]
        named = nsmallest(NAMED, parked.items(), key=lambda entry: (entry[0] != busiest, entry[1]))
        # If more was pulled than an earlier session counted, the list has grown since.
        grown = self._inputs is not None and self._before + now.pulled - self._again > self._inputs
        return Progress(
            **asdict(now)
            | {
                "elapsed": self._spent + now.elapsed,
                "tally": tally,
                "before": self._before,
                "again": self._again,
                "read": self._source.progress(),
                "inputs": None if grown else self._inputs,
                "alone": len(parked),
                "parked": tuple((key, max(0.0, until - clock)) for key, until in named),
                "spacing": slowed.get(busiest, 0.0),
            }
        )

    def summary(self, ended_by: str | None) -> Summary:
        """Return how the session ended; *ended_by* is why, if it stopped early."""
        stood, complete = self.snapshot(), self.flow.complete
        tally, pending = stood.tally, 0
        if self._folder is not None:
            ledger = self._folder.ledger
            tally, pending = ledger.tally(), len(ledger.pending())
            tally.duplicates = tally.duplicates or stood.tally.duplicates
        return Summary(
            folder=None if self._folder is None else str(self._folder.path),
            tally=tally,
            session=stood.tally,
            inputs=stood.done if complete else None,
            elapsed=stood.elapsed,
            complete=complete,
            statistics=stood,
            again=self._again - pending,
            pending=pending,
            ended_by=None if complete else ended_by,
            inputs_left=_left(stood, complete=complete),
        )


def _left(stood: Progress, *, complete: bool) -> int | None:
    """Return how many inputs have no outcome.

    None if the input was not read to its end.
    """
    if stood.total is None:
        return None
    left = stood.total - stood.done
    # Every known input may have its outcome while the list, which has grown, is not read to its end.
    return left if left or stood.exhausted or complete else None
