"""Ctrl-C and its kin: the first signal ends the work gently, the second at once, the third kills.

Knows signals. Does not know what the work is, beyond that it can be stopped and aborted.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Final, Protocol, Self

__all__ = ["ABORTING", "STOPPING", "Signals", "Stoppable"]

HANDLED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

STOPPING: Final = "Stopping: nothing new is started, what runs may finish; once more to stop at once."
ABORTING: Final = "Stopping at once."


class Stoppable(Protocol):
    """Work that can be ended from a signal handler."""

    def stop(self) -> None:
        """Take no more, finish what runs."""

    def abort(self) -> None:
        """Stop now, keep what is complete."""


class Signals:
    """Hands signals to *work* until its ``with`` block ends; *notice* is told what they lead to.

    A signal that was ignored before (``nohup``, a shell's background job) stays ignored.
    """

    def __init__(self, work: Stoppable, notice: Callable[[str], None]) -> None:
        """Nothing is handled before the block is entered."""
        self.first: signal.Signals | None = None
        self._work = work
        self._notice = notice
        self._before: dict[signal.Signals, Callable[[int, FrameType | None], object] | int | None] = {}

    @property
    def code(self) -> int | None:
        """The exit code that tells a shell of the signal that came first (128 and its number), if one came."""
        return None if self.first is None else 128 + self.first

    def __enter__(self) -> Self:
        """Handle them."""
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
        """Handle them as before."""
        for number, before in self._before.items():
            signal.signal(number, before)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.first is None:
            self.first = signal.Signals(number)
            self._work.stop()
            self._notice(STOPPING)
            return
        # Should even that hang (a full pipe that nobody empties), the next one kills.
        for handled in self._before:
            signal.signal(handled, signal.SIG_DFL)
        self._work.abort()
        self._notice(ABORTING)
