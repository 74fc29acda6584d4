"""A sink without a disk, for tests of the stages before it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from penstock.core.extents import Extent, SeqSet
from penstock.core.web.model import Outcome
from penstock.errors import OutputError

__all__ = ["MemorySink"]


class MemorySink:
    """A ``Sink`` with one file, the list *disk*, in which an outcome counts as a byte.

    Like any sink it cuts *disk* back to the *committed* length (of each file, by name).
    ``held`` has the outcomes that are not flushed yet; ``crash`` loses them.
    """

    name: Final = "memory"

    def __init__(self, disk: list[Outcome] | None = None, committed: Mapping[str, int] | None = None) -> None:
        self.disk = [] if disk is None else disk
        self._taken: list[Outcome] = []
        self.held: list[Outcome] = []
        self.closed = False
        del self.disk[(committed or {}).get(self.name, 0) :]

    def take(self, outcome: Outcome) -> int:
        """Take *outcome*, and return its size of 1."""
        if self.closed:
            raise OutputError("the memory sink is closed")
        self._taken.append(outcome)
        return 1

    def cut(self) -> list[Outcome]:
        """Return the outcomes taken since the last cut."""
        taken, self._taken = self._taken, []
        return taken

    def write(self, block: list[Outcome]) -> None:
        """Hold *block* in memory."""
        self.held += block

    def flush(self) -> list[Extent]:
        """Move the held outcomes to the disk, and return their extent."""
        if self.closed:
            raise OutputError("the memory sink is closed")
        start, held = len(self.disk), self.held
        if not held:
            return []
        self.disk += held
        self.held = []
        seqs = SeqSet(outcome.seq for outcome in held)
        digest = hashlib.sha256(repr([outcome.seq for outcome in held]).encode()).hexdigest()
        return [Extent(self.name, self.name, start, len(self.disk), len(held), f"sha256:{digest}", seqs)]

    def crash(self) -> None:
        """Lose the held outcomes, as a killed process does."""
        self.close()

    def close(self) -> None:
        """Refuse further outcomes and lose the held ones."""
        self.held = []
        self.closed = True
