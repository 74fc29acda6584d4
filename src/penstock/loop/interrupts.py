"""Signals that would interrupt what must not be: heard when what is being done is done.

Ctrl-C while a plain loop waits: raised wherever it happens to be, KeyboardInterrupt makes asyncio forget the callback
that it was about to call, and a task that waits for that never ends: 3 of 80 scripts with 50 calls at once hung. And
any signal while outcomes are stored: a handler that raises (Ctrl-C; ``sys.exit`` on SIGTERM) would leave one of them
half taken. Knows signals. Does not know what is interrupted.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack
from types import FrameType, TracebackType
from typing import Final

__all__ = ["Interrupts", "Uninterrupted"]

Handler = Callable[[int, FrameType | None], object]

_SIGNALS: Final = (
    *(signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT),
    *(signal.SIGALRM, signal.SIGUSR1, signal.SIGUSR2),
)
"""Those that programs handle, and raise something in the handler."""


class Interrupts:
    """Holds Ctrl-C back inside of its block, and raises KeyboardInterrupt at the end of it.

    *wake* is called when there is one: the block, which sees it in ``held``, is to end. The second is raised at once,
    for what does not end. Nothing is done where somebody else handles the signal, nor in other threads than the main.
    Behind an ``Uninterrupted`` it holds back all signals that this one stands in front of.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._holding = False
        self._front: Uninterrupted | None = None
        self.held = False

    def __enter__(self) -> None:
        """From here on it is held back."""
        if threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            front = getattr(before, "__self__", None)
            if isinstance(front, Uninterrupted):
                self._front = front
                front.hold(self._note)
            elif before is signal.default_int_handler:
                self._holding = True
                signal.signal(signal.SIGINT, self._hear)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raise what was held back."""
        held, self.held = self.held, False
        if self._front is not None:
            front, self._front = self._front, None
            front.release()
        elif self._holding:
            self._holding = False
            signal.signal(signal.SIGINT, signal.default_int_handler)
            if held:
                raise KeyboardInterrupt

    def _note(self) -> None:
        self.held = True
        self._wake()

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.held:
            signal.default_int_handler(number, frame)
        self._note()


class Uninterrupted:
    """Holds the handlers of signals back inside of its block, and calls them at the end of it.

    The second signal of a kind is heard at once, for a block that does not end (a disk that hangs). Only handlers in
    Python are held back, and only from ``install`` to ``restore``. The block may be entered again and again: that takes
    0.2 µs, where to set a handler each time takes 12.
    """

    def __init__(self) -> None:
        """Nothing is handled before ``install``."""
        self._holding = False
        self._wake: Callable[[], None] | None = None
        self._handlers: dict[int, Handler] = {}
        self._held: dict[int, FrameType | None] = {}

    def install(self) -> None:
        """Stand in front of the handlers there are. In another thread than the main nothing is done."""
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                handler = signal.getsignal(number)
                if callable(handler):
                    self._handlers[number] = handler
                    signal.signal(number, self._hear)

    def restore(self) -> None:
        """Step aside again, unless another handler was set meanwhile. May be called twice."""
        for number, handler in self._handlers.items():
            if signal.getsignal(number) == self._hear:
                signal.signal(number, handler)

    def hold(self, wake: Callable[[], None] | None = None) -> None:
        """Hold them back until ``release``; *wake* is called when there is one."""
        self._holding, self._wake = True, wake

    def release(self) -> None:
        """Call the handlers of those that came."""
        self._holding, self._wake = False, None
        if self._held:
            self._call()

    def __enter__(self) -> None:
        """From here on they are held back."""
        self.hold()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Call the handlers of those that came, also if the block raised."""
        self.release()

    def _hear(self, number: int, frame: FrameType | None) -> None:
        again = number in self._held
        if self._holding:
            self._held[number] = frame
            if self._wake is not None:
                self._wake()
            if not again:
                return
            self._call()
        self._handlers[number](number, frame)

    def _call(self) -> None:
        held, self._held = self._held, {}
        with ExitStack() as called:
            # Each is called, whatever another raises.
            for number, frame in reversed(held.items()):
                called.callback(self._handlers[number], number, frame)
