"""Stores for outcomes: the sinks and the ledger of a run folder, or lines.

Knows sinks and the ledger. Does not know flows, formats or HTTP.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

from penstock.core.extents import SeqSet
from penstock.core.schedule.learned import Learned
from penstock.core.schedule.tally import Tally
from penstock.core.web.model import Outcome
from penstock.core.web.retry import reason
from penstock.errors import OutputError
from penstock.machine.disk import Space
from penstock.runs.folder import RunFolder
from penstock.runs.ledger import Ledger
from penstock.seams import Sink

__all__ = ["FolderStore", "LineStore", "Store"]

FLUSH_BYTES: Final = 256 * 1024 * 1024
"""Bytes taken since the last commit that force the next one: the most traffic that a
crash may cost."""

WRITE_BYTES: Final = 1 << 20
"""Bytes of lines that are joined into one write."""


class Store(Protocol):
    """Where a session's outcomes go."""

    @property
    def every(self) -> float | None:
        """Seconds after which ``take`` must be called again, even without outcomes.

        None if it need not be.
        """

    def take(self, outcomes: Sequence[Outcome]) -> None:
        """Store *outcomes*, perhaps none."""

    def finish(self, inputs: int | None, duplicates: int) -> None:
        """Commit everything taken.

        *inputs* is the total once every input but the *duplicates* has an outcome, else
        None.
        """

    def close(self) -> None:
        """Release all files; outcomes that are not committed are lost.

        May be called twice.
        """


class LineStore:
    """Writes each outcome as one line at once, and keeps nothing."""

    every: float | None = None

    def __init__(self, pieces: Callable[[Outcome], Iterable[bytes]], write: Callable[[bytes], object]) -> None:
        """*pieces* makes the bytes of a line.

        *write* takes them; an exception of it ends the session.
        """
        self._pieces = pieces
        self._write = write

    def take(self, outcomes: Sequence[Outcome]) -> None:
        """Write *outcomes*, many lines in one write, up to ``WRITE_BYTES``."""
        held: list[bytes] = []
        size = 0
        for outcome in outcomes:
            for piece in self._pieces(outcome):
                held.append(piece)
                size += len(piece)
                if size >= WRITE_BYTES:
                    self._write(b"".join(held))
                    held.clear()
                    size = 0
        if held:
            self._write(b"".join(held))

    def finish(self, inputs: int | None, duplicates: int) -> None:
        """Do nothing: every line is written."""

    def close(self) -> None:
        """Do nothing: no file is held."""


class FolderStore:
    """Makes outcomes durable in *sinks*, then settles them in the ledger of *folder*.

    *every* is the longest time in seconds between two commits. Each commit also stores
    the value of *learned*. If *space* has no more room, the outcomes taken so far are
    committed before that is raised.
    """

    def __init__(
        self,
        sinks: Sequence[Sink],
        folder: RunFolder,
        every: float,
        *,
        learned: Callable[[], Learned] = Learned,
        space: Space | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with nothing taken."""
        self.every = every
        self._sinks = sinks
        self._folder = folder
        self._learned = learned
        self._kept = learned()
        self._staged: deque[Outcome] = deque()
        self._counting = False
        self._clock = clock
        self._space = space
        self._tally = Tally()
        self._failures: dict[str, SeqSet] = {}
        self._taken = 0
        self._due = clock() + every

    def take(self, outcomes: Sequence[Outcome]) -> None:
        """Write each outcome to every sink, and commit when it is time.

        If a KeyboardInterrupt ends this call, the next call continues behind the
        outcome that was interrupted.

        Raises OutputError if an outcome can't be stored.
        """
        self._staged.extend(outcomes)
        while self._staged:
            self._write(self._staged.popleft())
        if self._taken >= FLUSH_BYTES or self._clock() >= self._due:
            self._commit()
            if self._space is not None:
                self._space.check()

    def finish(self, inputs: int | None, duplicates: int) -> None:
        """Commit the rest.

        Raises FolderDamaged if a file of the run was replaced, removed or cut
        meanwhile.
        """
        ledger = self._commit()
        if inputs is not None:
            ledger.finish(inputs, duplicates)

    def close(self) -> None:
        """Release all files.

        A resume fetches the inputs again whose outcomes were not committed.
        """
        for sink in self._sinks:
            sink.close()
        self._folder.close()

    def _write(self, outcome: Outcome) -> None:
        self._need_room(len(outcome.body))
        for sink in self._sinks:
            self._taken += sink.write(outcome)
        self._counting = True
        self._tally.add(outcome)
        why = reason(outcome.error, outcome.status)
        if why is not None:
            self._failures.setdefault(why, SeqSet()).add(outcome.seq)
        self._counting = False

    def _need_room(self, size: int) -> None:
        if self._space is not None:
            try:
                self._space.admit(size)
            except OutputError:
                self._commit()
                raise

    def _commit(self) -> Ledger:
        """Make the outcomes taken durable and settle their inputs.

        Without one, still check the folder.
        """
        if self._counting:
            raise OutputError("an outcome was interrupted while it was counted; outcomes committed before are safe")
        ledger = self._folder.confirm()
        learned = self._learned()
        if _rounded(learned) != _rounded(self._kept):
            ledger.learn(learned)
            self._kept = learned
        extents = [extent for sink in self._sinks for extent in sink.flush()]
        if self._tally.total:
            ledger.commit(extents, self._tally, self._failures)
            self._tally = Tally()
            self._failures = {}
            self._taken = 0
        self._due = self._clock() + self.every
        return ledger


def _rounded(learned: Learned) -> tuple[Mapping[str, int], Mapping[str, float]]:
    """Return *learned* in whole seconds, since its times come from two clocks."""
    return {host: round(until) for host, until in learned.parked.items()}, learned.slowed
