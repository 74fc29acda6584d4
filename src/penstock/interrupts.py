"""Ctrl-C while a plain loop waits: heard when what is being done is done.

Raised wherever it happens to be, KeyboardInterrupt makes asyncio forget the callback that it was about to call, and a
task that waits for that never ends: 3 of 80 scripts with 50 calls at once hung. Knows the signal. Does not know what
is interrupted.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType

__all__ = ["Interrupts"]


class Interrupts:
    """Holds Ctrl-C back inside of its block, and raises KeyboardInterrupt at the end of it.

    *wake* is called when there is one: the block, which sees it in ``held``, is to end. The second is raised at once,
    for what does not end. Nothing is done where somebody else handles the signal, nor in other threads than the main.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._holding = False
        self.held = False

    def __enter__(self) -> None:
        """From here on it is held back."""
        if threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            if before is signal.default_int_handler:
                self._holding = True
                signal.signal(signal.SIGINT, self._hear)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raise what was held back."""
        if self._holding:
            self._holding = False
            signal.signal(signal.SIGINT, signal.default_int_handler)
            held, self.held = self.held, False
            if held:
                raise KeyboardInterrupt

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.held:
            signal.default_int_handler(number, frame)
        self.held = True
        self._wake()
