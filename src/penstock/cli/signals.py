"""Ctrl-C and related signals: the first stops, the second aborts, the third kills.

Knows signals. Of the work it knows only how to stop and abort it.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Final, Protocol, Self

__all__ = ["ABORTING", "STOPPING", "Signals", "Stoppable"]

HANDLED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

STOPPING: Final = "Stopping: no new request starts, running ones may finish; once more to stop at once."
ABORTING: Final = "Stopping at once."


class Stoppable(Protocol):
    """Work that can be ended from a signal handler."""

    def stop(self) -> None:
        """Start nothing new and finish what runs."""

    def abort(self) -> None:
        """Stop now and keep complete outcomes."""


class Signals:
    """Stops *work* on signals until its ``with`` block ends.

    *notice* is called with what happens.

    A signal that was ignored before (``nohup``, a shell's background job) stays
    ignored.
    """

    def __init__(self, work: Stoppable, notice: Callable[[str], None]) -> None:
        """Handle nothing before the block is entered."""
        self.first: signal.Signals | None = None
        self._work = work
        self._notice = notice
        self._before: dict[signal.Signals, Callable[[int, FrameType | None], object] | int | None] = {}

    @property
    def code(self) -> int | None:
        """The exit code for the first signal (128 and its number).

        None if there was none.
        """
        return None if self.first is None else 128 + self.first

    def __enter__(self) -> Self:
        """Install the handlers."""
        for number in HANDLED:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Restore the handlers of before."""
        for number, before in self._before.items():
            signal.signal(number, before)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.first is None:
            self.first = signal.Signals(number)
            self._work.stop()
            self._notice(STOPPING)
            return
        # If that hangs too (a full pipe without a reader), the next one kills.
        for handled in self._before:
            signal.signal(handled, signal.SIG_DFL)
        self._work.abort()
        self._notice(ABORTING)
