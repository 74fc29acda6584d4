"""Cooperative tasks on asyncio, as in Twisted's ``task.Cooperator``.

    work = (get(url) for url in urls)  # creates nothing yet
    await asyncio.gather(*[coiterate(work) for _ in range(50)])

That is the whole throttle: fifty workers share one generator, and each takes the next
awaitable when its last one is done. Iterators that yield None or any other value work
without waiting; they share the loop in slices of 10 ms, so that it stays responsive.

Knows one event loop and its slices. Does not know whose turn it is
(``core/schedule/cooperator.py``), or what a step does (``cooperation/workers.py``).

It differs from the original in four things. An awaitable that fails does not end its
task; all failures are raised at the end (see ``Cooperator.cooperate``). A task that
waits cannot be resumed too early. ``stop()`` ends every task. A task that is stopped in
its own step ends as stopped, whatever else the step does.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Callable
from typing import Any, Generic

from penstock.cooperation.time_slices import Predicate, Scheduled, Scheduler, Slices, ten_milliseconds
from penstock.cooperation.workers import Completion, I, OnError, Worker, make_end_error
from penstock.core.schedule.cooperator import Rota, State
from penstock.errors import NotPaused, UsageError

__all__ = ["CooperativeTask", "Cooperator", "coiterate", "cooperate"]


def _call_soon(call: Callable[[], None]) -> Scheduled:
    return asyncio.get_running_loop().call_soon(call)


class Cooperator:
    """Steps iterators in turn, on one event loop.

    *termination_predicate_factory* is called at the start of each slice and returns a
    predicate, which says after each step whether the slice is over (10 ms by default).
    *scheduler* takes a callable, calls it later, and returns an object with
    ``cancel()`` (by default the running loop's ``call_soon``). If *started* is false,
    no iterator is stepped before ``start()``.
    """

    def __init__(
        self,
        *,
        termination_predicate_factory: Callable[[], Predicate] = ten_milliseconds,
        scheduler: Scheduler = _call_soon,
        started: bool = True,
    ) -> None:
        self._rota: Rota[Worker[Any]] = Rota(started=started)
        self._slices = Slices(self._rota, termination_predicate_factory, scheduler, self.stop)
        # The loop holds tasks weakly. Cancelled tasks that have not ended are held
        # here.
        self._leaving: set[asyncio.Task[Any]] = set()
        # Weak, since a default cooperator must not keep its loop alive.
        self._home: Callable[[], asyncio.AbstractEventLoop | None] = lambda: None

    def __repr__(self) -> str:
        """Return the number of tasks, for a debugger."""
        return f"<Cooperator {'running' if self.running else 'not running'} tasks={len(self._rota)}>"

    @property
    def running(self) -> bool:
        """Whether tasks are stepped: it was started, and not stopped since."""
        return self._rota.running

    def start(self) -> None:
        """Step the tasks; after ``stop()``, only those added from now on."""
        self._rota.start()
        self._slices.reschedule()

    def stop(self) -> None:
        """End every task; each ``when_done()`` raises SchedulerStopped.

        Coroutines that tasks wait for are cancelled. Futures and tasks that the caller
        made are not.
        """
        for worker in self._rota.stop():
            worker.close()
        self._slices.reschedule()

    def cooperate(self, iterator: I, *, on_error: OnError | None = None) -> CooperativeTask[I]:
        """Step *iterator* in turn with the others, from a later turn of the loop on.

        Call it in a running loop. If the iterator yields an awaitable, it is not
        stepped before that is done. A coroutine runs in a task, in the context in which
        ``cooperate`` was called, and is cancelled if the iteration is stopped. Any
        other value is a step of work. The iterator is never closed, since others may
        share it.

        If an awaitable fails, *on_error* is called with the exception, and the
        iteration continues if it returns. If it raises, the task ends with that
        exception. Without *on_error* the iteration continues, and the task ends with an
        ExceptionGroup of the first 100 failures, whose message says how many there
        were. If an awaitable is cancelled, it fails with WorkCancelled. But cancelling
        the very task that runs a yielded coroutine, as ``asyncio.run`` does at its end,
        stops the iteration.

        If the iterator itself raises, the task ends with that exception, or with a
        group that has it first if awaitables failed before. KeyboardInterrupt and
        SystemExit end the task, and the loop raises them.

        Raises UsageError if *iterator* is no iterator, or if the cooperator has tasks
        in another loop.
        """
        return CooperativeTask(self._enter(iterator, on_error))

    def coiterate(self, iterator: I, *, on_error: OnError | None = None) -> asyncio.Future[I]:
        """Step *iterator* as ``cooperate`` does; return a Future of it.

        The Future is done when the iterator is exhausted. Cancelling it stops the
        iteration.
        """
        worker = self._enter(iterator, on_error)
        return worker.watch(Completion(worker))

    def _enter(self, iterator: I, on_error: OnError | None) -> Worker[I]:
        if not hasattr(type(iterator), "__next__"):
            raise UsageError(f"it takes an iterator to step, not {type(iterator).__name__}: pass iter(...) of that")
        loop = asyncio.get_running_loop()
        if self._home() is not loop:
            if len(self._rota):
                raise UsageError("this cooperator has tasks in another event loop: make a cooperator for each loop")
            self._home = weakref.ref(loop)
        worker = Worker(iterator, on_error, rota=self._rota, reschedule=self._slices.reschedule, leaving=self._leaving)
        if self._rota.add(worker) is State.RUNNING:
            self._slices.reschedule()
        return worker


class CooperativeTask(Generic[I]):
    """An iterator that is being stepped; ``Cooperator.cooperate`` makes it."""

    __slots__ = ("__weakref__", "_worker")

    def __init__(self, worker: Worker[I]) -> None:
        self._worker = worker

    def __repr__(self) -> str:
        """Return the state that decides its turn, for a debugger."""
        return f"<CooperativeTask {self._worker!r}>"

    def when_done(self) -> asyncio.Future[I]:
        """Return a new Future of the iterator, done when that is exhausted.

        If the task ends otherwise, it raises TaskStopped, SchedulerStopped, or the
        errors that ``cooperate`` describes. Cancelling it does not affect the task. If
        no caller retrieves an error, the loop logs it, as asyncio does with any
        exception.
        """
        return self._worker.watch(self._worker.loop.create_future())

    def pause(self) -> None:
        """Do not step until ``resume()`` has been called as often as ``pause()``.

        An awaitable that runs is not interrupted. Raises TaskDone, TaskFailed,
        TaskStopped or SchedulerStopped if the task has ended.
        """
        self._check(self._worker.rota.pause(self._worker))
        self._worker.reschedule()

    def resume(self) -> None:
        """Undo one ``pause()``; a task that has ended stays so.

        Raises NotPaused if the task is not paused.
        """
        if not self._worker.rota.resume(self._worker):
            raise NotPaused("the task is not paused: resume() takes back one pause(), and there is none")
        self._worker.reschedule()

    def stop(self) -> None:
        """End the task; ``when_done()`` raises TaskStopped.

        The coroutine that it waits for is cancelled. Raises TaskDone, TaskFailed,
        TaskStopped or SchedulerStopped if the task has ended.
        """
        self._check(self._worker.state)
        self._worker.stop()

    def _check(self, state: State) -> None:
        if state is not State.RUNNING:
            raise make_end_error(state)


_defaults: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Cooperator] = weakref.WeakKeyDictionary()
_defaults_lock = threading.Lock()  # loops of several threads may ask at once


def _get_default() -> Cooperator:
    """Return the running loop's own cooperator."""
    loop = asyncio.get_running_loop()
    with _defaults_lock:
        found = _defaults.get(loop)
        if found is None:
            # Tasks that never ended hold their loop, so a closed one would stay
            # forever.
            for closed in [old for old in list(_defaults) if old.is_closed()]:
                del _defaults[closed]
            found = _defaults[loop] = Cooperator()
    return found


def cooperate(iterator: I, *, on_error: OnError | None = None) -> CooperativeTask[I]:
    """Call ``Cooperator.cooperate`` of the running loop's own cooperator."""
    return _get_default().cooperate(iterator, on_error=on_error)


def coiterate(iterator: I, *, on_error: OnError | None = None) -> asyncio.Future[I]:
    """Call ``Cooperator.coiterate`` of the running loop's own cooperator."""
    return _get_default().coiterate(iterator, on_error=on_error)
