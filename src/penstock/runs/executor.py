"""Threads that store, and the count of the bytes that wait for them.

Knows threads. Does not know what an operation does: ``store`` does.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

__all__ = ["STUCK", "FlowControl", "SerialExecutor"]

STUCK: Final = 5.0
"""Seconds after which an operation counts as stuck; a busy hard disk takes one or two for a flush."""

Operation = Callable[[], None]


class SerialExecutor:
    """Runs operations one at a time, in the order in which they were submitted, on a thread of its own.

    After one that raised, no other is run: ``submit``, ``check`` and ``wait`` raise what
    it raised. A daemon thread, so that one that never returns from the system does not
    keep the process alive.
    """

    def __init__(self, name: str) -> None:
        """The thread, called *name*, starts with the first operation."""
        self._name = name
        self._changed = threading.Condition()
        self._operations: deque[Operation] = deque()
        self._started = self._closed = False
        self._began: float | None = None
        self._failure: BaseException | None = None

    def submit(self, operation: Operation) -> None:
        """Have *operation* run after those submitted before."""
        with self._changed:
            self.check()
            self._append(operation)

    def check(self) -> None:
        """Raise what an operation raised."""
        if self._failure is not None:
            raise self._failure

    def wait(self, seconds: float) -> bool:
        """Wait at most *seconds*; return whether every operation has ended."""
        with self._changed:
            idle = self._changed.wait_for(self._is_idle, seconds)
            self.check()
            return idle

    def busy(self) -> float:
        """Return for how many seconds the operation under way has run; 0 if none is."""
        began = self._began
        return 0.0 if began is None else time.monotonic() - began

    def close(self, last: Operation) -> None:
        """Drop the operations that wait, run *last*, also after a failure, and end the thread.

        If an operation is stuck, return at once: the thread runs *last* when that ends.
        May be called twice. Raises what *last* raises.
        """
        with self._changed:
            if self._closed:
                return
            failed, self._failure = self._failure, None
            self._closed = True
            self._operations.clear()
            self._append(last)
            self._changed.wait_for(self._is_idle, max(0.0, STUCK - self.busy()))
            if failed is None:
                self.check()

    def _is_idle(self) -> bool:
        return not self._operations and self._began is None

    def _append(self, operation: Operation) -> None:
        self._operations.append(operation)
        self._changed.notify_all()
        if not self._started:
            self._started = True
            threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._operations)
                operation = self._operations.popleft()
                self._began = time.monotonic()
            failure = _call(operation)
            with self._changed:
                self._began = None
                if failure is not None:
                    self._failure = failure
                    if not self._closed:
                        self._operations.clear()
                self._changed.notify_all()
                if self._closed and not self._operations:
                    return


def _call(operation: Operation) -> BaseException | None:
    """Return what *operation* raises; the thread that waits for it raises that again."""
    try:
        operation()
    except BaseException as failure:  # noqa: BLE001 - not lost: see above
        return failure
    return None


class FlowControl:
    """Counts bytes on their way: at *most* of them it calls *pause*, and at half of that *resume*.

    Any thread may use it.
    """

    def __init__(self, most: int, pause: Operation, resume: Operation) -> None:
        """Begin with none."""
        self.size = 0
        self.full = False
        self._most = most
        self._pause = pause
        self._resume = resume
        self._lock = threading.Lock()

    def add(self, size: int) -> None:
        """Count *size* bytes more."""
        with self._lock:
            self.size += size
            if not self.full and self.size >= self._most:
                self.full = True
                self._pause()

    def remove(self, size: int) -> None:
        """Count *size* bytes less."""
        with self._lock:
            self.size -= size
            if self.full and self.size <= self._most // 2:
                self.full = False
                self._resume()
