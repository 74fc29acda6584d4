"""Cooperative tasks on asyncio: iterators stepped in turn, none for long, as Twisted's ``task.Cooperator`` has them.

    work = (get(url) for url in urls)  # creates nothing yet
    await asyncio.gather(*[coiterate(work) for _ in range(50)])

That is the whole throttle: fifty lanes share one generator, and each takes the next awaitable only when its last
one is done. Iterators that yield None or any other value work without waiting; they share the loop in slices of
10 ms, so that it stays responsive.

Knows one event loop and its slices. Does not know whose turn it is
(``core/schedule/cooperation/cooperator.py``), or what comes of a step (``cooperation/workers.py``).

It differs from the original where that would lose something. An awaitable that fails does not end its task; all
failures are raised at the end (see ``Cooperator.cooperate``). A task that waits cannot be resumed before its time.
``stop()`` tells every task. What is stopped in its own step is stopped, and nothing else happens to it.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Callable
from typing import Any, Generic

from penstock.cooperation.slices import Predicate, Scheduled, Scheduler, Slices, ten_milliseconds
from penstock.cooperation.workers import Completion, I, OnError, Worker, ended
from penstock.core.schedule.cooperator import Rota, State
from penstock.errors import NotPaused, UsageError

__all__ = ["CooperativeTask", "Cooperator", "coiterate", "cooperate"]


def _soon(call: Callable[[], None]) -> Scheduled:
    return asyncio.get_running_loop().call_soon(call)


class Cooperator:
    """Steps iterators in turn, on one event loop.

    *termination_predicate_factory* is called at the start of each slice; what it returns says after each step
    whether the slice is over (10 ms by the clock). *scheduler* takes a callable, calls it some time later, and
    returns something with ``cancel()`` (the running loop's ``call_soon``). Without *started*, nothing is stepped
    before ``start()``.
    """

    def __init__(
        self,
        *,
        termination_predicate_factory: Callable[[], Predicate] = ten_milliseconds,
        scheduler: Scheduler = _soon,
        started: bool = True,
    ) -> None:
        self._rota: Rota[Worker[Any]] = Rota(started=started)
        self._slices = Slices(self._rota, termination_predicate_factory, scheduler, self.stop)
        # The loop holds tasks weakly. Those that were cancelled and need a while are held here.
        self._leaving: set[asyncio.Task[Any]] = set()
        # Weak, since a default cooperator lives as long as its loop, and must not keep it alive.
        self._home: Callable[[], asyncio.AbstractEventLoop | None] = lambda: None

    def __repr__(self) -> str:
        """How many tasks it has, for a debugger."""
        return f"<Cooperator {'running' if self.running else 'not running'} tasks={len(self._rota)}>"

    @property
    def running(self) -> bool:
        """Whether tasks are stepped: started, and not stopped since."""
        return self._rota.running

    def start(self) -> None:
        """Step the tasks; after ``stop()``, those that come from now on."""
        self._rota.start()
        self._slices.settle()

    def stop(self) -> None:
        """Step nothing any more; every task ends, and its ``when_done()`` raises SchedulerStopped.

        Coroutines that tasks are waiting for are cancelled; futures and tasks of the caller's own are left alone.
        """
        for lane in self._rota.stop():
            lane.close()
        self._slices.settle()

    def cooperate(self, iterator: I, *, on_error: OnError | None = None) -> CooperativeTask[I]:
        """Step *iterator* in turn with the others, from a later turn of the loop on; call it inside the loop.

        If the iterator yields an awaitable, it is not stepped before that is done. A coroutine is run in a task,
        in the context that ``cooperate`` was called in, and cancelled if the iteration is stopped. Anything else
        that is yielded is a step of work. The iterator is never closed, since others may share it.

        An awaitable that fails is given to *on_error*. If that returns, all is well; if it raises, the task ends
        with what it raised. Without *on_error* the iteration goes on, and the task ends with an ExceptionGroup of
        the failures: the first 100, and a message that says how many there were. An awaitable that was
        cancelled has failed with WorkCancelled. But who cancels the very task that runs a yielded coroutine, as
        ``asyncio.run`` does at its end, stops the iteration.

        If the iterator itself raises, the task ends with that exception, or, where awaitables had failed before,
        with a group that has it first. KeyboardInterrupt and SystemExit end the task, and go on to the loop.

        Raises UsageError where it is no iterator, or the cooperator is busy in another loop.
        """
        return CooperativeTask(self._enter(iterator, on_error))

    def coiterate(self, iterator: I, *, on_error: OnError | None = None) -> asyncio.Future[I]:
        """``cooperate``, and a Future that has the iterator when it is done; cancelling it stops the iteration."""
        lane = self._enter(iterator, on_error)
        return lane.watch(Completion(lane))

    def _enter(self, iterator: I, on_error: OnError | None) -> Worker[I]:
        if not hasattr(type(iterator), "__next__"):
            raise UsageError(f"it takes an iterator to step, not {type(iterator).__name__}: give it iter(...) of that")
        loop = asyncio.get_running_loop()
        if self._home() is not loop:
            if len(self._rota):
                raise UsageError("this cooperator has tasks in another event loop: make a cooperator for each loop")
            self._home = weakref.ref(loop)
        lane = Worker(iterator, on_error, rota=self._rota, settle=self._slices.settle, leaving=self._leaving)
        if self._rota.add(lane) is State.RUNNING:
            self._slices.settle()
        return lane


class CooperativeTask(Generic[I]):
    """An iterator that is being stepped; ``Cooperator.cooperate`` makes it."""

    __slots__ = ("__weakref__", "_lane")

    def __init__(self, lane: Worker[I]) -> None:
        self._lane = lane

    def __repr__(self) -> str:
        """What keeps it from its turn, for a debugger."""
        return f"<CooperativeTask {self._lane!r}>"

    def when_done(self) -> asyncio.Future[I]:
        """A Future, another each time, that has the iterator when it is exhausted.

        It raises what ended the task otherwise: TaskStopped, SchedulerStopped, or the errors as ``cooperate`` has
        them. Cancelling it changes nothing but the Future. An error that nobody asks for is logged, as asyncio
        does with exceptions that were never retrieved.
        """
        return self._lane.watch(self._lane.loop.create_future())

    def pause(self) -> None:
        """Do not step before ``resume()`` was called as often as this. An awaitable that runs goes on.

        Raises TaskDone, TaskFailed, TaskStopped or SchedulerStopped if the task has ended.
        """
        self._check(self._lane.rota.pause(self._lane))
        self._lane.settle()

    def resume(self) -> None:
        """Take back one ``pause()``; raises NotPaused if there was none. What has ended stays so."""
        if not self._lane.rota.resume(self._lane):
            raise NotPaused("the task is not paused: resume() takes back one pause(), and there is none")
        self._lane.settle()

    def stop(self) -> None:
        """End it; ``when_done()`` raises TaskStopped. The coroutine it waits for is cancelled.

        Raises TaskDone, TaskFailed, TaskStopped or SchedulerStopped if the task has ended.
        """
        self._check(self._lane.state)
        self._lane.stop()

    def _check(self, state: State) -> None:
        if state is not State.RUNNING:
            raise ended(state)


_defaults: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Cooperator] = weakref.WeakKeyDictionary()
_defaults_lock = threading.Lock()  # loops of several threads may come at once


def _default() -> Cooperator:
    """The running loop's own cooperator."""
    loop = asyncio.get_running_loop()
    with _defaults_lock:
        found = _defaults.get(loop)
        if found is None:
            # Tasks that never ended hold their loop, so a closed one would stay for ever.
            for closed in [old for old in list(_defaults) if old.is_closed()]:
                del _defaults[closed]
            found = _defaults[loop] = Cooperator()
    return found


def cooperate(iterator: I, *, on_error: OnError | None = None) -> CooperativeTask[I]:
    """``Cooperator.cooperate`` of the running loop's own cooperator."""
    return _default().cooperate(iterator, on_error=on_error)


def coiterate(iterator: I, *, on_error: OnError | None = None) -> asyncio.Future[I]:
    """``Cooperator.coiterate`` of the running loop's own cooperator."""
    return _default().coiterate(iterator, on_error=on_error)
