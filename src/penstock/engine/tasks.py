"""The engine for any async work: one asyncio task for each call.

Knows how to call the user's function and await its result. Does not know limits,
retries, or what the work is.

In a running event loop the tasks run there. If none runs, the engine has its own, which
runs only during ``collect``. See docs/decisions/task-per-call.md.
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
from penstock.loop.cancellation import join_cancelled

__all__ = ["TasksEngine"]

Work = Callable[[Any], Awaitable[Any]]

NOTHING: Final = object()
"""Stands for an absent value, since the work may return None."""


class TasksEngine:
    """Calls *work* with each job's item, in a task of its own. An ``Engine``.

    *timeout* is the limit for one call in seconds, None for no limit. A call that takes
    longer is cancelled and fails with TimeoutError. *loop* is the running loop; if it
    is None, the engine makes its own.

    ``collect`` raises UsageError if *work* returned an object that can't be awaited,
    and any exception of *work* that is no Exception.
    """

    def __init__(
        self, work: Work, *, timeout: float | None = None, loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        """Start without tasks."""
        self._runner: asyncio.Runner | None = None
        if loop is None:
            self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
            loop = self._runner.get_loop()
        self.loop = loop
        self._work = work
        self._timeout = timeout
        # By the seq of the job; a task that is not in here was dropped.
        self._tasks: dict[int, tuple[asyncio.Task[None], Call] | None] = {}
        # Calls that were started, and of these the ones that have begun: a task may be
        # cancelled before it begins.
        self._started = self._begun = 0
        # Whether the end of the loop's turn checks that.
        self._checking = False
        self._dropped: set[asyncio.Task[None]] = set()
        self._finished: list[Called] = []
        # An exception that is not one item's failure, and ends the run.
        self._failure: BaseException | None = None
        # Whether finished work was announced; only the loop's thread uses it.
        self._announced = False
        # Whether the alarm may be readable.
        self._woken = False
        self._closed = False
        self._waker, self._alarm = socket.socketpair()
        self._waker.settimeout(0)
        self._alarm.settimeout(0)
        # Whether the engine's own loop watches the alarm.
        self._listening = False

    def start(self, job: Call, now: float) -> None:  # noqa: ARG002 - the loop keeps the time of calls
        """Start *job*: the work is called in the next turn of the loop."""
        # Entered before the task is made: a loop may run a task at once, so it may be
        # over when create_task returns.
        tasks, seq = self._tasks, job.seq
        tasks[seq] = None
        self._started += 1
        task = self.loop.create_task(self._perform(job))
        if seq in tasks:
            tasks[seq] = task, job
        if not self._checking:
            self._checking = True
            self.loop.call_soon(self._end_turn)

    def collect(self, timeout: float | None) -> list[Called]:
        """Return the finished calls; with a running loop this never waits."""
        if self._runner is not None:
            self._run(timeout)
        self._announced = False
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
        """Return a descriptor that is readable once a call has finished."""
        return self._alarm.fileno()

    def deadline(self) -> float | None:
        """Return None, or now if the engine has to run its own loop."""
        return time.monotonic() if self._runner is not None and self._tasks else None

    def bound(self) -> None:
        """Return None: tasks have no bottleneck of their own."""

    def shortage(self) -> Shortage:
        """None: nothing of the machine's is counted here."""
        return NO_SHORTAGE

    def wake(self) -> None:
        """End the current wait or the next one."""
        # Set before and after: the loop's thread may reset it in between.
        self._woken = True
        # If the pipe is full, a wake-up is pending; if it is closed, the engine has
        # ended.
        with suppress(BlockingIOError, OSError):
            self._waker.send(b"\0")
        self._woken = True

    def cancel(self) -> None:
        """Cancel what runs; if the engine has its own loop, it has ended on return."""
        self._finished.clear()
        dropped = [running[0] for running in self._tasks.values() if running is not None]
        self._tasks.clear()
        for task in dropped:
            task.cancel()
        self._dropped.update(dropped)
        if self._listening:
            self._listening = False
            self.loop.remove_reader(self._alarm)
        if self._runner is not None and self._dropped and not self.loop.is_running():
            self.loop.run_until_complete(self.join_cancelled())

    def inside(self) -> bool:
        """Whether a call, running or dropped, is the caller of this."""
        me = asyncio.current_task(self.loop)
        if me is None:
            return False
        running = any(running is not None and running[0] is me for running in self._tasks.values())
        return running or me in self._dropped

    async def join_cancelled(self) -> None:
        """Wait until all cancelled calls have ended.

        If the caller is cancelled meanwhile, CancelledError is raised after that.
        """
        await join_cancelled(self._dropped)

    def close(self) -> None:
        """Cancel what runs, and close the engine's own loop.

        Called in that loop, this only ends its run.
        """
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
        """Run one call, and record its result.

        Recorded in here, since a callback would cost each call another turn.
        """
        self._begun += 1
        value = error = None
        awaitable = NOTHING
        try:
            awaitable = self._work(job.item)
            if self._timeout is None:
                value = await awaitable
            else:
                async with asyncio.timeout(self._timeout):
                    value = await awaitable
        except Exception as failure:  # noqa: BLE001 - a failure is a value for the consumer
            error = failure
            if isinstance(failure, TypeError) and awaitable is not NOTHING and not inspect.isawaitable(awaitable):
                self._failure = self._failure or _make_misuse_error(self._work, awaitable)
        except BaseException as raised:  # noqa: BLE001 - it is raised again there unless a cancellation
            error = self._convert_cancelled(job, raised)
        if self._tasks.pop(job.seq, NOTHING) is NOTHING:
            if error is not None:
                said = {"message": "the work failed while it was being cancelled", "exception": error}
                self.loop.call_exception_handler(said)
            return
        self._finished.append(Called(job, value, error))
        if not self._announced:
            self._announce()

    def _end_turn(self) -> None:
        """Schedule a check of this turn's calls, which begin by the next."""
        self._checking = False
        self.loop.call_soon(self._report_unbegun, self._started)

    def _report_unbegun(self, started: int) -> None:
        """Record the calls whose tasks were cancelled before they began.

        The loop has taken a turn since *started* calls were counted, and has begun none
        that was started later. Counted, since a callback for each task costs a fifth of
        all that a call costs.
        """
        if self._begun == started:
            return
        self._begun = started
        for seq, running in list(self._tasks.items()):
            if running is not None and running[0].cancelled():
                del self._tasks[seq]
                self._finished.append(Called(running[1], None, _make_cancelled(None)))
                self._announce()

    def _convert_cancelled(self, job: Call, raised: BaseException) -> WorkCancelled:
        """Return the error for a cancellation, or raise *raised* again.

        Raises *raised*, and lets ``collect`` raise it too.
        """
        if not isinstance(raised, asyncio.CancelledError):
            if not isinstance(raised, KeyboardInterrupt | SystemExit):  # the loop raises these by itself
                self._failure = self._failure or raised
                self._announce()
            raise raised
        if job.seq not in self._tasks:
            raise raised
        return _make_cancelled(raised)

    def _announce(self) -> None:
        """Wake the driver, once for all that finishes before it collects."""
        self._announced = True
        if self._runner is not None:
            self.loop.stop()
        else:
            self.wake()

    def _run(self, timeout: float | None) -> None:
        """Run the engine's own loop until a call ends or *timeout* is over."""
        loop, timer = self.loop, None
        if not self._listening:
            self._listening = True
            loop.add_reader(self._alarm, loop.stop)
        if timeout is not None and timeout <= 0:
            loop.stop()  # called before the run, so it ends after one turn
        elif timeout is not None:
            timer = loop.call_later(timeout, loop.stop)
        try:
            loop.run_forever()
        finally:
            if timer is not None:
                timer.cancel()


def _make_cancelled(cause: BaseException | None) -> WorkCancelled:
    error = WorkCancelled("the work was cancelled, but not by the consumer of its result")
    error.__cause__ = cause
    return error


def _make_misuse_error(work: Work, returned: Any) -> UsageError:
    name = getattr(work, "__qualname__", repr(work))
    return UsageError(
        f"{name} returned {type(returned).__name__}, which can't be awaited; the work is an async function. A plain "
        "one may run in a thread: lambda item: asyncio.to_thread(function, item)"
    )
