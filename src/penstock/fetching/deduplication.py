"""Of rows that ask for the same, only the first becomes a job.

Knows what makes two requests the same (``core.web.requests.identity``), and which came
before. Does not know where rows come from, nor which are settled: duplicates follow
from the order of the input alone, so a resume that reads it again finds the same ones.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from penstock.core.schedule.verdicts import Duplicate
from penstock.core.web.model import Job, Row, Skipped
from penstock.core.web.requests import Requests, identity
from penstock.scratch.seen import SeenRequests

__all__ = ["Once"]


class Once:
    """Prepares rows, and remembers on the disk exactly what they asked for."""

    __slots__ = ("_requests", "_seen")

    def __init__(self, requests: Requests) -> None:
        """Begin with nothing asked for.

        Raises OutputError if nothing can be remembered.
        """
        self._requests = requests
        self._seen = SeenRequests()

    def prepare(self, row: Row, now: float) -> Job | Skipped | Duplicate:
        """Return the job of *row*, or its ending; rows come in the order of the input.

        A row that can't be asked for is never a duplicate: each is reported with its
        own line. Raises OutputError if the disk is full.
        """
        item = self._requests.prepare(row, now)
        if isinstance(item, Job) and not self._seen.add(identity(item)):
            return Duplicate(row.seq)
        return item

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._seen.close()
