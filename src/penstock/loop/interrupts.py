"""Signals that are deferred while they would interrupt a step that must run to its end.

Ctrl-C in a waiting plain loop: if KeyboardInterrupt is raised at any point, asyncio
forgets the callback that it was about to call, and a task that waits for that never
ends: 3 of 80 scripts with 50 calls at once hung. Any signal while outcomes are stored:
a handler that raises (Ctrl-C; ``sys.exit`` on SIGTERM) would leave one outcome half
stored.

Knows signals. Does not know the steps that they would interrupt.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack
from types import FrameType, TracebackType
from typing import Final

__all__ = ["DeferredInterrupt", "DeferredSignals"]

Handler = Callable[[int, FrameType | None], object]

_SIGNALS: Final = (
    *(signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT),
    *(signal.SIGALRM, signal.SIGUSR1, signal.SIGUSR2),
)
"""The signals for which programs set handlers that raise an exception."""


class DeferredInterrupt:
    """Defers Ctrl-C to the end of its block, and raises KeyboardInterrupt there.

    ``pending`` says that there was one, and *wake* is called, so that the block can
    end. A second Ctrl-C is raised at once, in case the block does not end. The class
    does nothing in other threads than the main one, nor if the program handles the
    signal itself. If a ``DeferredSignals`` is installed, the block defers all of its
    signals.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        """Nothing is deferred outside of the block."""
        self._wake = wake
        self._installed = False
        self._outer: DeferredSignals | None = None
        self.pending = False

    def __enter__(self) -> None:
        """Defer Ctrl-C from here on."""
        if threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            outer = getattr(before, "__self__", None)
            if isinstance(outer, DeferredSignals):
                self._outer = outer
                outer.hold(self._note)
            elif before is signal.default_int_handler:
                self._installed = True
                signal.signal(signal.SIGINT, self._handle)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raise a deferred KeyboardInterrupt."""
        pending, self.pending = self.pending, False
        if self._outer is not None:
            outer, self._outer = self._outer, None
            outer.release()
        elif self._installed:
            self._installed = False
            signal.signal(signal.SIGINT, signal.default_int_handler)
            if pending:
                raise KeyboardInterrupt

    def _note(self) -> None:
        self.pending = True
        self._wake()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.pending:
            signal.default_int_handler(number, frame)
        self._note()


class DeferredSignals:
    """Defers the handlers of signals to the end of its block, and calls them there.

    The second signal of a kind is handled at once, in case the block does not end (a
    disk that hangs). Only Python handlers are deferred, and only from ``install`` to
    ``restore``. The block may be entered many times: that takes 0.2 µs, while setting
    the handlers each time takes 12.
    """

    def __init__(self) -> None:
        """Nothing is deferred before ``install``."""
        self._holding = False
        self._wake: Callable[[], None] | None = None
        self._handlers: dict[int, Handler] = {}
        self._pending: dict[int, FrameType | None] = {}

    def install(self) -> None:
        """Wrap the present handlers.

        Does nothing in other threads than the main one.
        """
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                handler = signal.getsignal(number)
                if callable(handler):
                    self._handlers[number] = handler
                    signal.signal(number, self._handle)

    def restore(self) -> None:
        """Set the earlier handlers again, unless the program has set others.

        May be called twice.
        """
        for number, handler in self._handlers.items():
            if signal.getsignal(number) == self._handle:
                signal.signal(number, handler)

    def hold(self, wake: Callable[[], None] | None = None) -> None:
        """Defer signals until ``release``; each calls *wake*."""
        self._holding, self._wake = True, wake

    def release(self) -> None:
        """Call the handlers of the deferred signals."""
        self._holding, self._wake = False, None
        if self._pending:
            self._call_handlers()

    def __enter__(self) -> None:
        """Defer signals from here on."""
        self.hold()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Call the handlers of the deferred signals, also if the block raised."""
        self.release()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        again = number in self._pending
        if self._holding:
            self._pending[number] = frame
            if self._wake is not None:
                self._wake()
            if not again:
                return
            self._call_handlers()
        self._handlers[number](number, frame)

    def _call_handlers(self) -> None:
        pending, self._pending = self._pending, {}
        with ExitStack() as stack:
            # Each handler is called, whatever another one raises.
            for number, frame in reversed(pending.items()):
                stack.callback(self._handlers[number], number, frame)
