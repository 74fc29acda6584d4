"""Cooperative tasks on Deferreds and any reactor: the interface of ``twisted.internet.task``, name for name.

Knows Deferreds, Failures and the reactor's delayed calls. Does not know whose turn it is
(``core/schedule/cooperation/cooperator.py``).

What a program may rely on is as in the original: a Deferred that fails ends its task, unless there is an
*on_error*. These faults of the original are mended, and nothing else differs:

- ``Cooperator.stop()`` tells every task, where the original tells about half of them and no paused or waiting one;
- a task that leaves does not cost the one behind it its turn, and a newcomer waits for its turn as others do;
- ``resume()`` of a task that merely waits for a Deferred raises NotPaused, where the original steps it too early;
- a task may be stopped in its own step or while it waits, whatever then comes of the step or the Deferred, where
  the original stops all stepping, or loses the failure;
- pausing costs the same however many tasks there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, Generic, TypeVar, cast

from twisted.internet.defer import Deferred
from twisted.internet.task import NotPaused, SchedulerError, SchedulerStopped, TaskDone, TaskFailed, TaskStopped
from twisted.logger import Logger
from twisted.python.failure import Failure

from penstock.cooperation.slices import Predicate, Scheduled, Scheduler, Slices, ten_milliseconds
from penstock.core.schedule.cooperator import Member, Rota, State
from penstock.twisted.shell import the_reactor

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


def _soon(call: Callable[[], None]) -> Scheduled:
    return cast("Scheduled", the_reactor().callLater(0, call))


class Cooperator:
    """Steps iterators in turn.

    *terminationPredicateFactory* is called at the start of each slice; what it returns says after each step
    whether the slice is over (10 ms by the clock). *scheduler* takes a callable, calls it some time later, and
    returns something with ``cancel()`` (the global reactor's ``callLater``). Without *started*, nothing is
    stepped before ``start()``.
    """

    def __init__(
        self,
        terminationPredicateFactory: Callable[[], Predicate] = ten_milliseconds,
        scheduler: Scheduler = _soon,
        started: bool = True,
    ) -> None:
        self._rota: Rota[_Lane[Any]] = Rota(started=started)
        self._slices = Slices(self._rota, terminationPredicateFactory, scheduler, self.stop)

    @property
    def running(self) -> bool:
        """Whether tasks are stepped: started, and not stopped since."""
        return self._rota.running

    def start(self) -> None:
        """Step the tasks; after ``stop()``, those that come from now on."""
        self._rota.start()
        self._slices.settle()

    def stop(self) -> None:
        """Step nothing any more; every task ends, and its Deferreds fail with SchedulerStopped."""
        lanes = self._rota.stop()
        self._slices.settle()
        for lane in lanes:
            lane.close(Failure(SchedulerStopped()))

    def cooperate(self, iterator: I, *, on_error: OnError | None = None) -> CooperativeTask[I]:
        """Step *iterator* in turn with the others; a Deferred that it yields is waited for.

        If that Deferred fails, so does the task, unless there is an *on_error*: it is called with the Failure,
        and if it returns, the iteration goes on; if it raises, the task fails with what it raised.
        """
        return CooperativeTask(iterator, self, on_error=on_error)

    def coiterate(
        self,
        iterator: I,
        doneDeferred: Deferred[I] | None = None,
        *,
        on_error: OnError | None = None,
    ) -> Deferred[I]:
        """``cooperate``, and a Deferred that has the iterator when it is done: *doneDeferred* if given."""
        done: Deferred[I] = Deferred() if doneDeferred is None else doneDeferred
        self.cooperate(iterator, on_error=on_error).whenDone().chainDeferred(done)
        return done

    def _enter(self, iterator: I, on_error: OnError | None) -> _Lane[I]:
        lane = _Lane(iterator, on_error, rota=self._rota, settle=self._slices.settle)
        if self._rota.add(lane) is State.RUNNING:
            self._slices.settle()
        else:
            lane.close(Failure(SchedulerStopped()))
        return lane


class CooperativeTask(Generic[I]):
    """An iterator that is being stepped; ``Cooperator.cooperate`` makes it."""

    def __init__(self, iterator: I, cooperator: Cooperator, *, on_error: OnError | None = None) -> None:
        self._lane = cooperator._enter(iterator, on_error)  # noqa: SLF001 - the original's signature joins them here

    def whenDone(self) -> Deferred[I]:
        """A Deferred, another each time, that has the iterator when it is exhausted, or the Failure that ended it."""
        return self._lane.watch(Deferred())

    def pause(self) -> None:
        """Do not step before ``resume()`` was called as often as this; raises how the task ended, if it has."""
        self._check(self._lane.rota.pause(self._lane))
        self._lane.settle()

    def resume(self) -> None:
        """Take back one ``pause()``; raises NotPaused if there was none. What has ended stays so."""
        if not self._lane.rota.resume(self._lane):
            raise NotPaused
        self._lane.settle()

    def stop(self) -> None:
        """End it: its Deferreds fail with TaskStopped. Raises how the task ended, if it has.

        A Deferred that the iterator waits for is left alone.
        """
        self._check(self._lane.state)
        self._lane.end(State.STOPPED, Failure(TaskStopped()))

    def _check(self, state: State) -> None:
        if state is not State.RUNNING:
            raise _ENDED[state]


class _Lane(Member, Generic[I]):
    """One iterator, and who waits for its end."""

    __slots__ = ("iterator", "on_error", "result", "rota", "settle", "watchers")

    def __init__(
        self,
        iterator: I,
        on_error: OnError | None,
        *,
        rota: Rota[_Lane[Any]],
        settle: Callable[[], None],
    ) -> None:
        super().__init__()
        self.iterator = iterator
        self.on_error = on_error
        self.rota = rota
        self.settle = settle
        self.result: I | Failure | None = None
        self.watchers: list[Deferred[I]] = []

    def step(self) -> None:
        """One step of the iterator, and what comes of it."""
        try:
            value = next(self.iterator)
        except StopIteration:
            self.end(State.DONE, self.iterator)
        except BaseException:  # noqa: BLE001 - as in the original, all is for who waits for the task
            self.fail(Failure())
        else:
            if not isinstance(value, Deferred):
                self.rota.stepped(self)
            elif self.state is State.RUNNING:
                self.rota.wait(self)
                value.addCallbacks(self.woken, self.miss)

    def woken(self, _result: object) -> None:
        """The Deferred has fired."""
        self.rota.wake(self)
        self.settle()

    def miss(self, failure: Failure) -> Failure | None:
        """The Deferred has failed; once this was stopped, that is for whoever else has the Deferred."""
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
            self.woken(None)
        return None

    def fail(self, failure: Failure) -> None:
        """End with *failure*; if this had ended before, nobody waits for it, so the log has it."""
        if not self.end(State.FAILED, failure):
            log.failure("a cooperative task failed after it was stopped", failure=failure)

    def end(self, state: State, result: I | Failure) -> bool:
        """End as *state* says; False where this had ended before."""
        if not self.rota.finish(self, state):
            return False
        self.settle()
        self.close(result)
        return True

    def close(self, result: I | Failure) -> None:
        """It has ended: tell all who wait. They may do with this and other tasks as they like."""
        self.result = result
        watchers, self.watchers = self.watchers, []
        for watcher in watchers:
            if not watcher.called:  # somebody cancelled it, or could not wait
                watcher.callback(cast("I", result))

    def watch(self, deferred: Deferred[I]) -> Deferred[I]:
        """*deferred*, which has or will have what comes of the iterator."""
        if self.result is None:
            self.watchers.append(deferred)
        else:
            deferred.callback(cast("I", self.result))
        return deferred


_the_cooperator = Cooperator()


def coiterate(iterator: I, *, on_error: OnError | None = None) -> Deferred[I]:
    """``Cooperator.coiterate`` of the one cooperator of the global reactor."""
    return _the_cooperator.coiterate(iterator, on_error=on_error)


def cooperate(iterator: I, *, on_error: OnError | None = None) -> CooperativeTask[I]:
    """``Cooperator.cooperate`` of the one cooperator of the global reactor."""
    return _the_cooperator.cooperate(iterator, on_error=on_error)
