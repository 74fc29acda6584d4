"""Between the rows of an input and its jobs: of those that ask for the same, the first alone becomes one.

Knows what makes two requests the same (``core.requests.identity``), and which were there. Does not know where rows come
from, nor which are settled: what is a duplicate follows from the order of the input alone, so a resume that reads it
again finds the same ones.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from penstock.core.schedule.verdicts import Duplicate
from penstock.core.web.model import Job, Row, Skipped
from penstock.core.web.requests import Requests, identity
from penstock.scratch.seen import Seen

__all__ = ["Once"]


class Once:
    """A look at each row that knows what those before it asked for, exactly and on the disk."""

    __slots__ = ("_requests", "_seen")

    def __init__(self, requests: Requests) -> None:
        """Nothing was asked for yet. OutputError where nothing can be remembered."""
        self._requests = requests
        self._seen = Seen()

    def look(self, row: Row, now: float) -> Job | Skipped | Duplicate:
        """What is to be done about *row*; rows in the order of the input. OutputError where the disk is full.

        What can't be asked for is no duplicate of anything: each has its own line to be named.
        """
        item = self._requests.first(row, now)
        if isinstance(item, Job) and not self._seen.add(identity(item)):
            return Duplicate(row.seq)
        return item

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._seen.close()
