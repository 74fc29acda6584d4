"""How a session ended, as a program gets it.

Knows counts. Does not know how the work is done, or how an end is told to a person: ``report.summary``.
"""

from __future__ import annotations

from msgspec import Struct

from penstock.core.schedule.statistics import Statistics
from penstock.core.schedule.tally import Tally

__all__ = ["Summary"]


class Summary(Struct, frozen=True):
    """How a session ended.

    *tally* counts all outcomes there are, *session* those of this session; *again* of these took the place of an older
    one, and *pending* inputs are still to be tried again. *inputs* is how many inputs
    there are, once all have been read. *complete* says that every input has its outcome, or shares that of
    an earlier one: *inputs* = ``tally.total`` + ``tally.duplicates``. *folder* is None where lines went to
    standard output. *elapsed* is in seconds.

    *ended_by* is why the session took no more, if it is not complete: a setting (``deadline``, ``stop_at``,
    ``min_speed``), on the command line a signal (``sigint``, ``sigterm``, ``sighup``), or ``stop`` if it was told to
    stop in another way. *inputs_left* is how many inputs have no outcome yet or are still to be tried again; None if
    the input was not read to its end.
    """

    folder: str | None
    tally: Tally
    session: Tally
    inputs: int | None
    elapsed: float
    complete: bool
    statistics: Statistics
    again: int = 0
    pending: int = 0
    ended_by: str | None = None
    inputs_left: int | None = None

    def __repr__(self) -> str:
        """A short line for a person: whether it is complete, and the numbers of outcomes by kind."""
        by = "" if self.ended_by in (None, "stop") else f" by {self.ended_by}"
        how = "complete" if self.complete else f"stopped{by}"
        kinds = [f"{count:,} {kind}" for kind, count in self.tally.kinds.most_common()]
        left = [f"{self.inputs_left:,} left"] if self.inputs_left else []
        where = "" if self.folder is None else f" in {self.folder!r}"
        return f"<Summary: {how}, {', '.join([*kinds, *left]) or 'no outcomes'}, {self.elapsed:.1f} s{where}>"
