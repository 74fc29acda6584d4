"""The engine for any async work: one asyncio task for each call.

Knows how to call a function of the caller's and wait for what it returns. Does not know other calls,
limits, retries, or what the work is.

Inside of an event loop it works there. Where none runs it has one of its own, which goes on only while
somebody waits in ``collect``.
"""

from __future__ import annotations

import asyncio
import inspect
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from penstock.core.schedule.calls import Call, Called
from penstock.core.schedule.shortage import NO_SHORTAGE, Shortage
from penstock.errors import UsageError, WorkCancelled
from penstock.loop.cancellation import settle

__all__ = ["TasksEngine"]

Work = Callable[[Any], Awaitable[Any]]

NOTHING: Final = object()
"""Not there: None may be what the work returned."""


class TasksEngine:
    """Calls *work* with each job's item, in a task of its own. An ``Engine``; see there for each method.

    *timeout*: seconds for one call; None for no limit. A call that takes longer is cancelled and comes to a
    TimeoutError. *loop* is the one that runs; without one ``loop`` is the engine's own.

    ``collect`` raises UsageError where *work* returned something that can't be awaited, and what *work* raised if
    that is no Exception.
    """

    def __init__(
        self, work: Work, *, timeout: float | None = None, loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        """Nothing runs yet."""
        self._runner: asyncio.Runner | None = None
        if loop is None:
            self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
            loop = self._runner.get_loop()
        self.loop = loop
        self._work = work
        self._timeout = timeout
        # By the seq of the job: a task that is not here any more was dropped.
        self._tasks: dict[int, asyncio.Task[None] | None] = {}
        # Those that were made since the loop had its last turn: whether they begin, nobody knows yet.
        self._beginning: list[tuple[asyncio.Task[None], Call]] = []
        self._dropped: set[asyncio.Task[None]] = set()
        self._finished: list[Called] = []
        # What is no failure of one item's, and ends everything.
        self._failure: BaseException | None = None
        # That work has finished was told; for the loop's thread alone.
        self._stirred = False
        # The alarm may have rung.
        self._woken = False
        self._closed = False
        self._waker, self._alarm = socket.socketpair()
        self._waker.settimeout(0)
        self._alarm.settimeout(0)
        # Whether a loop of our own hears the alarm: only while it is for that that it runs.
        self._listening = False

    def start(self, job: Call, now: float) -> None:  # noqa: ARG002 - the loop itself keeps a call's time
        """Begin *job*: the work is called in the next turn of the loop."""
        # Known before it is made: a loop may begin its tasks at once, and this one be over before it is here.
        self._tasks[job.seq] = None
        task = self.loop.create_task(self._perform(job))
        if job.seq in self._tasks:
            self._tasks[job.seq] = task
            if not self._beginning:
                self.loop.call_soon(self._turn_over)
            self._beginning.append((task, job))

    def collect(self, timeout: float | None) -> list[Called]:
        """What has finished; inside of a running loop it never waits."""
        if self._runner is not None:
            self._run(timeout)
        self._stirred = False
        if self._woken:
            self._woken = False
            with suppress(BlockingIOError):
                while len(self._alarm.recv(4096)) == 4096:
                    pass
        if self._failure is not None:
            raise self._failure
        finished, self._finished = self._finished, []
        return finished

    def fileno(self) -> int:
        """A descriptor that is readable once a call has finished."""
        return self._alarm.fileno()

    def deadline(self) -> float | None:
        """None, since the loop keeps all times; but a loop of the engine's own goes on only in ``collect``."""
        return time.monotonic() if self._runner is not None and self._tasks else None

    def bound(self) -> None:
        """Nothing of its own."""

    def shortage(self) -> Shortage:
        """None: nothing of the machine's is counted here."""
        return NO_SHORTAGE

    def wake(self) -> None:
        """End a wait, now or the next one."""
        # Said before and after: the loop's thread may look in between, and forget it.
        self._woken = True
        # A full pipe is as good as a written one; a closed one belongs to an engine that has ended.
        with suppress(BlockingIOError, OSError):
            self._waker.send(b"\0")
        self._woken = True

    def cancel(self) -> None:
        """Cancel what runs. With a loop of the engine's own it is over when this returns."""
        self._finished.clear()
        dropped = [task for task in self._tasks.values() if task is not None]
        self._tasks.clear()
        for task in dropped:
            task.cancel()
        self._dropped.update(dropped)
        if self._listening:
            self._listening = False
            self.loop.remove_reader(self._alarm)
        if self._runner is not None and self._dropped and not self.loop.is_running():
            self.loop.run_until_complete(self.settle())

    def inside(self) -> bool:
        """Whether one of the calls asks, or has just been dropped and does."""
        me = asyncio.current_task(self.loop)
        return me is not None and (me in self._dropped or me in self._tasks.values())

    async def settle(self) -> None:
        """Wait until what was cancelled is over, however often whoever waits is cancelled meanwhile."""
        await settle(self._dropped)

    def close(self) -> None:
        """Cancel what runs, and close the loop if it is the engine's own; from inside of that, only end its run."""
        if self._closed:
            return
        if self._runner is not None and self.loop.is_running():
            self.cancel()
            self.loop.stop()
            return
        self._closed = True
        try:
            self.cancel()
        finally:
            if self._runner is not None:
                self._runner.close()
            self._waker.close()
            self._alarm.close()

    async def _perform(self, job: Call) -> None:
        """One call. What comes of it is told from in here: a callback would cost each call another turn."""
        value = awaitable = error = None
        awaitable = NOTHING
        try:
            awaitable = self._work(job.item)
            if self._timeout is None:
                value = await awaitable
            else:
                async with asyncio.timeout(self._timeout):
                    value = await awaitable
        except Exception as failure:  # noqa: BLE001 - a failure is a value; the consumer gets it
            error = failure
            if isinstance(failure, TypeError) and awaitable is not NOTHING and not inspect.isawaitable(awaitable):
                self._failure = self._failure or _misuse(self._work, awaitable)
        except BaseException as raised:  # noqa: BLE001 - what is raised again is decided there
            error = self._no_exception(job, raised)
        if self._tasks.pop(job.seq, NOTHING) is NOTHING:
            if error is not None:
                said = {"message": "the work failed while it was being cancelled", "exception": error}
                self.loop.call_exception_handler(said)
            return
        self._finished.append(Called(job, value, error))
        if not self._stirred:
            self._stir()

    def _turn_over(self) -> None:
        """Those that were made for this turn of the loop will all have begun by the next."""
        begun, self._beginning = self._beginning, []
        self.loop.call_soon(self._look_after, begun)

    def _look_after(self, begun: list[tuple[asyncio.Task[None], Call]]) -> None:
        """Tell of those that never began: cancelled before that, a task runs nothing that could tell of it.

        Looked for once a turn, since a callback for each task would cost it a fifth of all that a call costs.
        """
        for task, job in begun:
            if task.done() and self._tasks.get(job.seq) is task:
                del self._tasks[job.seq]
                self._finished.append(Called(job, None, _cancelled(None)))
                self._stir()

    def _no_exception(self, job: Call, raised: BaseException) -> WorkCancelled:
        """The error that a cancellation from elsewhere is; else raises *raised*, and has ``collect`` raise it."""
        if not isinstance(raised, asyncio.CancelledError):
            if not isinstance(raised, KeyboardInterrupt | SystemExit):  # which the loop lets through by itself
                self._failure = self._failure or raised
                self._stir()
            raise raised
        if job.seq not in self._tasks:
            raise raised
        return _cancelled(raised)

    def _stir(self) -> None:
        """Let whoever collects know, once for all that finishes before they come."""
        self._stirred = True
        if self._runner is not None:
            self.loop.stop()
        else:
            self.wake()

    def _run(self, timeout: float | None) -> None:
        """Let the loop of our own go on until something has finished, or for *timeout* seconds."""
        loop, timer = self.loop, None
        if not self._listening:
            self._listening = True
            loop.add_reader(self._alarm, loop.stop)
        if timeout is not None and timeout <= 0:
            loop.stop()  # in front of its run: after one turn
        elif timeout is not None:
            timer = loop.call_later(timeout, loop.stop)
        try:
            loop.run_forever()
        finally:
            if timer is not None:
                timer.cancel()


def _cancelled(cause: BaseException | None) -> WorkCancelled:
    error = WorkCancelled("the work was cancelled, though not by whoever takes its result")
    error.__cause__ = cause
    return error


def _misuse(work: Work, returned: Any) -> UsageError:
    name = getattr(work, "__qualname__", repr(work))
    return UsageError(
        f"{name} returned {type(returned).__name__}, which can't be awaited; the work is an async function. A plain "
        "one may run in a thread: lambda item: asyncio.to_thread(function, item)"
    )
