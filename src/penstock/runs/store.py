"""Stores for outcomes: the sinks and the ledger of a run folder, or lines.

Knows sinks and the ledger. Does not know flows, formats or HTTP.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from math import inf
from typing import Any, Final, NamedTuple, Protocol

from penstock.core.extents import Extent, SeqSet
from penstock.core.schedule.learned import Learned
from penstock.core.schedule.tally import Tally
from penstock.core.web.model import Outcome
from penstock.core.web.retry import reason
from penstock.errors import OutputError
from penstock.machine.disk import Space
from penstock.runs.executor import STUCK, FlowControl, SerialExecutor
from penstock.runs.folder import RunFolder
from penstock.seams import Sink

__all__ = ["Feed", "FolderStore", "LineStore", "Store"]

FLUSH_BYTES: Final = 256 * 1024 * 1024
"""Bytes taken since the last flush that force the next one."""

UNCOMMITTED: Final = 8
"""Flushes of that size that may wait for a slow disk: the most traffic that a crash may cost. With half of it, a disk
that takes seven seconds for a commit held up 115 MB a second."""

BLOCK_BYTES: Final = 256 << 10
"""Bytes that are handed to the writer at once; docs/decisions/allocator.md says why no more."""

COMMITTING: Final = inf
"""When the next flush is due while one is under way."""

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
        """Begin to commit everything taken.

        *inputs* is the total once every input but the *duplicates* has an outcome, else
        None.
        """

    def wait(self, seconds: float, *, overdue: bool = False) -> bool:
        """Wait at most *seconds*; return whether everything taken is committed.

        If that is *overdue* and the disk is stuck, raises OutputError.
        """

    def silence(self) -> float:
        """Return for how many seconds the disk has not answered."""

    def full(self) -> bool:
        """Return whether nothing starts until more is stored."""

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

    def wait(self, seconds: float, *, overdue: bool = False) -> bool:  # noqa: ARG002 - for other stores
        """Return that every line is written."""
        return True

    def silence(self) -> float:
        """Return that no line waits."""
        return 0.0

    def full(self) -> bool:
        """Return that no line waits."""
        return False

    def close(self) -> None:
        """Do nothing: no file is held."""


class Feed(Protocol):
    """Where the outcomes come from; any thread may use it."""

    def learned(self) -> Learned:
        """Return what another session should know of the hosts."""

    def pause(self) -> None:
        """Let nothing more start until ``resume`` was called as often."""

    def resume(self) -> None:
        """Take one ``pause`` back."""

    def wake(self) -> None:
        """Look again whether there is room in memory."""


class _Account(NamedTuple):
    """What the ledger is to note of the outcomes of one flush, which take *size* bytes."""

    tally: Tally
    failures: dict[str, SeqSet]
    learned: Learned | None
    size: int


class FolderStore:
    """Makes outcomes durable in *sinks*, then settles them in the ledger of *folder*.

    The caller's thread takes outcomes and encodes them; one thread writes and
    flushes blocks of them, another commits the extents of a flush. Values go one way, so
    that the order can be no other: a block is written, a flush makes extents of the
    blocks before it, a commit takes extents. docs/decisions/flushing.md says why there are two.

    *every* is the longest time in seconds between a commit and the next flush. A commit
    also stores what *feed* has learned. *feed* is paused while too much is not committed,
    and woken when a block was written; it must count the bytes of ``unwritten``, and is
    held up by the disk if they are half of *memory*. *space* is asked before an outcome
    is taken.
    """

    def __init__(
        self,
        sinks: Sequence[Sink[Any]],
        folder: RunFolder,
        every: float,
        feed: Feed,
        *,
        memory: int = BLOCK_BYTES,
        space: Space | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with nothing taken."""
        self.every = min(every, STUCK / 2)
        self._interval = every
        self._sinks = sinks
        self._folder = folder
        self._feed = feed
        self._kept = feed.learned()
        self._staged: deque[Outcome] = deque()
        self._counting = False
        self._clock = clock
        self._space = space
        self._tally = Tally()
        self._failures: dict[str, SeqSet] = {}
        self._uncut = self._taken = 0
        self._writer = SerialExecutor("penstock-writer")
        self._committer = SerialExecutor("penstock-committer")
        self._memory = memory
        # Each is changed by one thread alone.
        self._handed = self._written = 0
        self._uncommitted = FlowControl(FLUSH_BYTES * UNCOMMITTED, feed.pause, feed.resume)
        self._due = clock() + every

    def take(self, outcomes: Sequence[Outcome]) -> None:
        """Take each outcome for every sink, and begin a commit if it is time.

        If a KeyboardInterrupt ends this call, the next call continues behind the
        outcome that was interrupted.

        Raises OutputError if outcomes, these or earlier ones, can't be stored; ``finish``
        still commits what can be.
        """
        self._check()
        self._staged.extend(outcomes)
        while self._staged:
            self._take(self._staged.popleft())
        if self._taken + self._uncut >= FLUSH_BYTES or self._clock() >= self._due:
            if self._due != COMMITTING:
                self._flush()
            if self._space is not None:
                self._space.check(self.unwritten())

    def finish(self, inputs: int | None, duplicates: int) -> None:
        """Begin to commit the rest; ``wait`` says when it is done."""
        self._flush()
        if inputs is not None:
            end = partial(self._folder.ledger.finish, inputs, duplicates)
            self._writer.submit(lambda: self._committer.submit(end))

    def wait(self, seconds: float, *, overdue: bool = False) -> bool:
        """Wait at most *seconds*; return whether everything taken is committed.

        Raises FolderDamaged if a file of the run was replaced, removed or cut
        meanwhile, OutputError if outcomes can't be stored, or if that is *overdue* and
        the disk is stuck.
        """
        done = self._writer.wait(seconds) and self._committer.wait(seconds)
        silence = self.silence()
        if overdue and not done and silence >= STUCK:
            raise OutputError(
                f"the disk of {self._folder.path} has not answered for {silence:.0f} s, and the deadline has passed; "
                "everything committed before is safe, and a resume fetches the rest"
            )
        return done

    def silence(self) -> float:
        """Return for how many seconds the disk has not answered."""
        return max(self._writer.busy(), self._committer.busy())

    def full(self) -> bool:
        """Return whether the disk holds *feed* up."""
        return self._uncommitted.full or 2 * self.unwritten() >= self._memory

    def unwritten(self) -> int:
        """Return the bytes taken, as lines or as bodies, that are in memory. Any thread may ask."""
        return self._handed + self._uncut - self._written

    def close(self) -> None:
        """Release all files.

        A resume fetches the inputs again whose outcomes were not committed.
        """
        self._writer.close(self._release)

    def _release(self) -> None:
        # The lock of the folder goes last: while the writer is stuck, no other process may write there.
        with ExitStack() as releasing:
            releasing.callback(self._committer.close, self._folder.close)
            for sink in self._sinks:
                releasing.callback(sink.close)

    def _check(self) -> None:
        self._writer.check()
        self._committer.check()

    def _take(self, outcome: Outcome) -> None:
        if self._space is not None:
            self._space.admit(len(outcome.body), self.unwritten())
        for sink in self._sinks:
            self._uncut += sink.take(outcome)
        self._counting = True
        self._tally.add(outcome)
        why = reason(outcome.error, outcome.status)
        if why is not None:
            self._failures.setdefault(why, SeqSet()).add(outcome.seq)
        self._counting = False
        if self._uncut >= BLOCK_BYTES:
            self._hand_over()

    def _hand_over(self) -> None:
        """Have everything taken written."""
        size, self._uncut = self._uncut, 0
        self._taken += size
        self._handed += size
        self._uncommitted.add(size)
        self._writer.submit(partial(self._write, [(sink, sink.cut()) for sink in self._sinks], size))

    def _write(self, blocks: list[tuple[Sink[Any], Any]], size: int) -> None:
        for sink, block in blocks:
            sink.write(block)
        self._written += size
        self._feed.wake()

    def _flush(self) -> None:
        """Begin to make the outcomes taken durable and to settle their inputs.

        Without one, still check the folder.
        """
        if self._counting:
            raise OutputError("an outcome was interrupted while it was counted; outcomes committed before are safe")
        learned = self._feed.learned()
        news = _rounded(learned) != _rounded(self._kept)
        if news:
            self._kept = learned
        self._hand_over()
        account = _Account(self._tally, self._failures, learned if news else None, self._taken)
        self._writer.submit(partial(self._make_durable, account))
        self._tally, self._failures, self._taken = Tally(), {}, 0
        self._due = COMMITTING

    def _make_durable(self, account: _Account) -> None:
        """Flush every block written, and have that committed."""
        extents = [extent for sink in self._sinks for extent in sink.flush()]
        self._committer.submit(partial(self._commit, extents, account))

    def _commit(self, extents: list[Extent], account: _Account) -> None:
        ledger = self._folder.confirm()
        ledger.commit(extents, account.tally, account.failures, account.learned)
        self._uncommitted.remove(account.size)
        self._due = self._clock() + self._interval


def _rounded(learned: Learned) -> tuple[Mapping[str, int], Mapping[str, float]]:
    """Return *learned* in whole seconds, since its times come from two clocks."""
    return {host: round(until) for host, until in learned.parked.items()}, learned.slowed
