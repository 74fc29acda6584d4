"""Cooperative tasks on Deferreds and any reactor, with the interface of Twisted's.

Knows Deferreds, Failures and the reactor's delayed calls. Does not know whose turn it
is (``core/schedule/cooperator.py``).

It behaves as the original does: a Deferred that fails ends its task, unless there is an
*on_error*. It differs from the original only in these bugs, which it does not have:

- ``Cooperator.stop()`` ends every task; the original skips about half of them, and all
  that are paused or waiting;
- a task that ends does not cost the next one its turn, and a new task waits for its
  turn;
- ``resume()`` of a task that waits for a Deferred without being paused raises
  NotPaused; the original steps it too early;
- a task may be stopped in its own step or while it waits, whatever the step or the
  Deferred then does; the original stops all stepping, or loses the failure;
- pausing takes the same time however many tasks there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, Generic, TypeVar, cast

from twisted.internet.defer import Deferred
from twisted.internet.task import NotPaused, SchedulerError, SchedulerStopped, TaskDone, TaskFailed, TaskStopped
from twisted.logger import Logger
from twisted.python.failure import Failure

from penstock.cooperation.time_slices import Predicate, Scheduled, Scheduler, Slices, ten_milliseconds
from penstock.core.schedule.cooperator import Member, Rota, State
from penstock.twisted.shell import get_reactor

__all__ = ["CooperativeTask", "Cooperator", "coiterate", "cooperate"]

I = TypeVar("I", bound=Iterator[Any])  # noqa: E741 - an iterator's type; it is returned as it came

OnError = Callable[[Failure], object]


log = Logger("penstock")

_ENDED: Final[dict[State, type[SchedulerError]]] = {
    State.DONE: TaskDone,
    State.FAILED: TaskFailed,
    State.STOPPED: TaskStopped,
    State.SCHEDULER_STOPPED: SchedulerStopped,
}


def _call_soon(call: Callable[[], None]) -> Scheduled:
    return cast("Scheduled", get_reactor().callLater(0, call))


class Cooperator:
    """Steps iterators in turn.

    *terminationPredicateFactory* is called at the start of each slice and returns a
    predicate, which says after each step whether the slice is over (10 ms by default).
    *scheduler* takes a callable, calls it later, and returns an object with
    ``cancel()`` (by default the global reactor's ``callLater``). If *started* is false,
    no iterator is stepped before ``start()``.
    """

    def __init__(
        self,
        terminationPredicateFactory: Callable[[], Predicate] = ten_milliseconds,
        scheduler: Scheduler = _call_soon,
        started: bool = True,
    ) -> None:
        self._rota: Rota[_Worker[Any]] = Rota(started=started)
        self._slices = Slices(self._rota, terminationPredicateFactory, scheduler, self.stop)

    @property
    def running(self) -> bool:
        """Whether tasks are stepped: it was started, and not stopped since."""
        return self._rota.running

    def start(self) -> None:
        """Step the tasks; after ``stop()``, only those added from now on."""
        self._rota.start()
        self._slices.reschedule()

    def stop(self) -> None:
        """End every task; its Deferreds fail with SchedulerStopped."""
        workers = self._rota.stop()
        self._slices.reschedule()
        for worker in workers:
            worker.close(Failure(SchedulerStopped()))

    def cooperate(self, iterator: I, *, on_error: OnError | None = None) -> CooperativeTask[I]:
        """Step *iterator* in turn with the others, waiting for its Deferreds.

        If a Deferred fails, so does the task, unless there is an *on_error*. That is
        called with the Failure. If it returns, the iteration continues; if it raises,
        the task fails with that exception.
        """
        return CooperativeTask(iterator, self, on_error=on_error)

    def coiterate(
        self,
        iterator: I,
        doneDeferred: Deferred[I] | None = None,
        *,
        on_error: OnError | None = None,
    ) -> Deferred[I]:
        """Step *iterator* as ``cooperate`` does; return a Deferred of it.

        The Deferred, *doneDeferred* if given, fires when the iterator is exhausted.
        """
        done: Deferred[I] = Deferred() if doneDeferred is None else doneDeferred
        self.cooperate(iterator, on_error=on_error).whenDone().chainDeferred(done)
        return done

    def _enter(self, iterator: I, on_error: OnError | None) -> _Worker[I]:
        worker = _Worker(iterator, on_error, rota=self._rota, reschedule=self._slices.reschedule)
        if self._rota.add(worker) is State.RUNNING:
            self._slices.reschedule()
        else:
            worker.close(Failure(SchedulerStopped()))
        return worker


class CooperativeTask(Generic[I]):
    """An iterator that is being stepped; ``Cooperator.cooperate`` makes it."""

    def __init__(self, iterator: I, cooperator: Cooperator, *, on_error: OnError | None = None) -> None:
        self._worker = cooperator._enter(iterator, on_error)  # noqa: SLF001 - the original's signature joins them here

    def whenDone(self) -> Deferred[I]:
        """Return a new Deferred of the exhausted iterator or its Failure."""
        return self._worker.watch(Deferred())

    def pause(self) -> None:
        """Do not step until ``resume()`` has been called as often as ``pause()``.

        Raises TaskDone, TaskFailed, TaskStopped or SchedulerStopped if the task has
        ended.
        """
        self._check(self._worker.rota.pause(self._worker))
        self._worker.reschedule()

    def resume(self) -> None:
        """Undo one ``pause()``; a task that has ended stays so.

        Raises NotPaused if the task is not paused.
        """
        if not self._worker.rota.resume(self._worker):
            raise NotPaused
        self._worker.reschedule()

    def stop(self) -> None:
        """End the task; its Deferreds fail with TaskStopped.

        A Deferred that the iterator waits for is not cancelled. Raises TaskDone,
        TaskFailed, TaskStopped or SchedulerStopped if the task has ended.
        """
        self._check(self._worker.state)
        self._worker.end(State.STOPPED, Failure(TaskStopped()))

    def _check(self, state: State) -> None:
        if state is not State.RUNNING:
            raise _ENDED[state]


class _Worker(Member, Generic[I]):
    """One iterator, and the Deferreds that wait for its end."""

    __slots__ = ("iterator", "on_error", "reschedule", "result", "rota", "watchers")

    def __init__(
        self,
        iterator: I,
        on_error: OnError | None,
        *,
        rota: Rota[_Worker[Any]],
        reschedule: Callable[[], None],
    ) -> None:
        super().__init__()
        self.iterator = iterator
        self.on_error = on_error
        self.rota = rota
        self.reschedule = reschedule
        self.result: I | Failure | None = None
        self.watchers: list[Deferred[I]] = []

    def step(self) -> None:
        """Step the iterator once."""
        try:
            value = next(self.iterator)
        except StopIteration:
            self.end(State.DONE, self.iterator)
        except BaseException:  # noqa: BLE001 - as in the original, the task's Deferreds get it
            self.fail(Failure())
        else:
            if not isinstance(value, Deferred):
                self.rota.end_step(self)
            elif self.state is State.RUNNING:
                self.rota.wait(self)
                value.addCallbacks(self.wake, self.handle_failure)

    def wake(self, _result: object) -> None:
        """Continue, as the Deferred has fired."""
        self.rota.wake(self)
        self.reschedule()

    def handle_failure(self, failure: Failure) -> Failure | None:
        """Handle the *failure* of the Deferred; if stopped, return it."""
        if self.state is not State.RUNNING:
            return failure
        if self.on_error is None:
            self.fail(failure)
            return None
        try:
            self.on_error(failure)
        except BaseException:  # noqa: BLE001 - as what an iterator raises
            self.fail(Failure())
        else:
            self.wake(None)
        return None

    def fail(self, failure: Failure) -> None:
        """End with *failure*, or log it if the task had ended before."""
        if not self.end(State.FAILED, failure):
            log.failure("a cooperative task failed after it was stopped", failure=failure)

    def end(self, state: State, result: I | Failure) -> bool:
        """End in *state*; return False if the task had ended before."""
        if not self.rota.finish(self, state):
            return False
        self.reschedule()
        self.close(result)
        return True

    def close(self, result: I | Failure) -> None:
        """Give *result* to all Deferreds, whose callbacks may use any task."""
        self.result = result
        watchers, self.watchers = self.watchers, []
        for watcher in watchers:
            if not watcher.called:  # the caller may have cancelled or fired it
                watcher.callback(cast("I", result))

    def watch(self, deferred: Deferred[I]) -> Deferred[I]:
        """Fire *deferred* at the end of the iteration, now or later, and return it."""
        if self.result is None:
            self.watchers.append(deferred)
        else:
            deferred.callback(cast("I", self.result))
        return deferred


_the_cooperator = Cooperator()


def coiterate(iterator: I, *, on_error: OnError | None = None) -> Deferred[I]:
    """Call ``Cooperator.coiterate`` of the global reactor's cooperator."""
    return _the_cooperator.coiterate(iterator, on_error=on_error)


def cooperate(iterator: I, *, on_error: OnError | None = None) -> CooperativeTask[I]:
    """Call ``Cooperator.cooperate`` of the global reactor's cooperator."""
    return _the_cooperator.cooperate(iterator, on_error=on_error)
