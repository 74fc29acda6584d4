"""A sink without a disk, for tests of what stands before it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from pyroaring import BitMap64

from penstock.core.extents import Extent
from penstock.core.web.model import Outcome
from penstock.errors import OutputError

__all__ = ["MemorySink"]


class MemorySink:
    """A ``Sink`` whose one file is the list *disk*, where an outcome counts as a byte.

    As any sink it cuts *disk* back to what is *committed* (the length of each file, by name). ``held`` has
    what was written and not flushed; ``crash`` loses it.
    """

    name: Final = "memory"

    def __init__(self, disk: list[Outcome] | None = None, committed: Mapping[str, int] | None = None) -> None:
        self.disk = [] if disk is None else disk
        self.held: list[Outcome] = []
        self.closed = False
        del self.disk[(committed or {}).get(self.name, 0) :]

    def write(self, outcome: Outcome) -> int:
        """Take *outcome*, in memory."""
        if self.closed:
            raise OutputError("the memory sink is closed")
        self.held.append(outcome)
        return 1

    def flush(self) -> list[Extent]:
        """Put what was taken on the disk, and say where it is."""
        if self.closed:
            raise OutputError("the memory sink is closed")
        start, held = len(self.disk), self.held
        if not held:
            return []
        self.disk += held
        self.held = []
        seqs = BitMap64(outcome.seq for outcome in held)
        digest = hashlib.sha256(repr([outcome.seq for outcome in held]).encode()).hexdigest()
        return [Extent(self.name, self.name, start, len(self.disk), len(held), f"sha256:{digest}", seqs)]

    def crash(self) -> None:
        """Lose what was not flushed, as a process that is killed does."""
        self.close()

    def close(self) -> None:
        """Take nothing more; what was not flushed is lost."""
        self.held = []
        self.closed = True
