"""The results of a run: progress, summary of a session, findings of a verification.

Knows counts. Does not know how the work is done, or how a result is shown to a person
(``report``). docs/decisions/progress.md says why a report gets a ``Progress``.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from penstock.core.schedule.statistics import Statistics
from penstock.core.schedule.tally import Tally

__all__ = ["Progress", "Summary", "Verification"]


class Progress(Statistics, frozen=True):
    """Where a run stands: ``Statistics`` of the present pass and of all before.

    *elapsed* and *tally* cover all passes of this session. *before* counts the outcomes
    of earlier sessions; *again* counts the inputs with an outcome that are to be
    retried. *read* is how many bytes of how many of the input are read, or None if it
    has no known length. *inputs* is the number of inputs if an earlier pass or session
    has counted them.

    *alone* counts the hosts that get no requests for a while. *parked* names a few of
    them, each with the remaining seconds: the busiest host first, then in the order in
    which the pauses end. *spacing* is the time in seconds between two starts to which
    the busiest host was slowed down.
    """

    before: int = 0
    again: int = 0
    read: tuple[int, int] | None = None
    alone: int = 0
    parked: tuple[tuple[Any, float], ...] = ()
    spacing: float = 0.0
    inputs: int | None = None

    @property
    def done(self) -> int:
        """The number of inputs that have or share an outcome and need no retry."""
        return self.before + self.tally.total + self.tally.duplicates - self.again

    @property
    def known(self) -> int:
        """The number of inputs known so far."""
        return self.before + self.pulled - self.again

    @property
    def total(self) -> int | None:
        """The number of inputs; None until all have been read or counted."""
        if self.inputs is not None or not self.exhausted:
            return self.inputs
        return self.known


class Summary(Struct, frozen=True):
    """How a session ended.

    *tally* counts all outcomes of the run, *session* only the new ones; *again* of
    these replaced an older one, and *pending* inputs still await a retry. *inputs* is
    the number of inputs, once all have been read. *complete* says that every input has
    its outcome, or shares that of an earlier one: *inputs* = ``tally.total`` +
    ``tally.duplicates``. *folder* is None if the outcomes went to standard output.
    *elapsed* is in seconds. *statistics* is where the run stood at the end.

    *ended_by* says why the session stopped early, None if it did not: a setting
    (``deadline``, ``stop_at``, ``min_speed``), a signal on the command line
    (``sigint``, ``sigterm``, ``sighup``), or ``stop`` for any other call of ``stop`` or
    ``abort``. *inputs_left* is how many inputs have no outcome yet or still await a
    retry; None if the input was not read to its end.
    """

    folder: str | None
    tally: Tally
    session: Tally
    inputs: int | None
    elapsed: float
    complete: bool
    statistics: Progress
    again: int = 0
    pending: int = 0
    ended_by: str | None = None
    inputs_left: int | None = None

    def __repr__(self) -> str:
        """Show in a short line whether it is complete, and the outcomes by kind."""
        by = "" if self.ended_by in (None, "stop") else f" by {self.ended_by}"
        how = "complete" if self.complete else f"stopped{by}"
        kinds = [f"{count:,} {kind}" for kind, count in self.tally.kinds.most_common()]
        left = [f"{self.inputs_left:,} left"] if self.inputs_left else []
        where = "" if self.folder is None else f" in {self.folder!r}"
        return f"<Summary: {how}, {', '.join([*kinds, *left]) or 'no outcomes'}, {self.elapsed:.1f} s{where}>"


class Verification(Struct, frozen=True, kw_only=True):
    """The findings of a verification: *problem_count* problems.

    *problems* describes the first of them.

    *rows* and *bytes* of all sinks were read back and agree with the ledger unless a
    problem says otherwise. *settled* inputs have an outcome. *replaced* rows of a sink
    hold older outcomes of some of them: each sink has *settled* + *replaced* rows.
    *pending* inputs still await a retry.
    *total* is the number of inputs once the run has finished, and *duplicates* of these
    share an earlier one's outcome: *total* = *settled* + *duplicates*. *torn* bytes
    follow the committed ones after a crash; a resume sets them aside.
    """

    files: int
    extents: int
    rows: int
    bytes: int
    settled: int
    replaced: int
    pending: int
    total: int | None
    duplicates: int
    torn: int
    problem_count: int
    problems: tuple[str, ...]

    @property
    def finished(self) -> bool:
        """Whether the ledger says that every input was read and has its outcome."""
        return self.total is not None

    @property
    def ok(self) -> bool:
        """Whether no problem was found; an unfinished run can be ok too."""
        return self.problem_count == 0
