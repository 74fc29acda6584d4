"""A worker: one iterator stepped on asyncio, what it waits for, how it ends.

Knows iterators, awaitables, their failures and cancellation. Does not know when it is
stepped, or which other workers there are.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from types import CoroutineType
from typing import Any, Final, Generic, TypeVar

from penstock.core.schedule.cooperator import Member, Rota, State
from penstock.errors import (
    CooperationError,
    SchedulerStopped,
    TaskDone,
    TaskFailed,
    TaskStopped,
    UsageError,
    WorkCancelled,
)

__all__ = ["KEPT", "Completion", "I", "OnError", "Worker", "make_end_error"]

KEPT: Final = 100
"""The number of failures that a task keeps to raise at its end; the others are counted, so that
memory is bounded."""

I = TypeVar("I", bound=Iterator[Any])  # noqa: E741 - an iterator's type; it is returned as it came

OnError = Callable[[BaseException], object]

_ENDED: Final[dict[State, tuple[type[CooperationError], str]]] = {
    State.DONE: (TaskDone, "the task is done already"),
    State.FAILED: (TaskFailed, "the task has failed; when_done() raises why"),
    State.STOPPED: (TaskStopped, "the task was stopped"),
    State.SCHEDULER_STOPPED: (SchedulerStopped, "the cooperator was stopped, and the task with it"),
}


def make_end_error(state: State) -> CooperationError:
    """Return the exception for a task that has ended in *state*."""
    kind, said = _ENDED[state]
    return kind(said)


class Worker(Member, Generic[I]):
    """One iterator, what it waits for, and the Futures that wait for its end."""

    __slots__ = (
        "awaited",
        "context",
        "error",
        "failed",
        "iterator",
        "kept",
        "leaving",
        "loop",
        "on_error",
        "own",
        "reschedule",
        "rota",
        "run",
        "unretrieved",
        "watchers",
    )

    def __init__(
        self,
        iterator: I,
        on_error: OnError | None,
        *,
        rota: Rota[Worker[Any]],
        reschedule: Callable[[], None],
        leaving: set[asyncio.Task[Any]],
    ) -> None:
        super().__init__()
        self.iterator = iterator
        self.on_error = on_error
        self.rota = rota
        self.reschedule = reschedule
        self.leaving = leaving
        self.loop = asyncio.get_running_loop()
        # A slice runs in the context in which it was scheduled; steps and coroutines
        # run in the caller's.
        self.context = contextvars.copy_context()
        self.run = self.context.run
        self.awaited: asyncio.Future[Any] | None = None
        self.own: asyncio.Task[Any] | None = None
        self.failed = 0
        self.kept: list[BaseException] = []
        self.error: BaseException | None = None
        self.unretrieved: asyncio.Future[Any] | None = None
        self.watchers: dict[asyncio.Future[I], None] = {}

    def step(self) -> None:
        """Step the iterator once; raises only KeyboardInterrupt and SystemExit."""
        try:
            value = self.run(next, self.iterator)
        except StopIteration:
            self.exhaust()
        except (KeyboardInterrupt, SystemExit) as error:
            self.fail(error)
            raise
        except BaseException as error:  # noqa: BLE001 - the task's Futures raise it
            self.fail(_strip_frame(error))
        else:
            if value is None:
                self.rota.end_step(self)
            elif type(value) is CoroutineType:
                self.begin(value)
            else:
                self.take(value)

    def take(self, value: Any) -> None:
        """Take a yielded *value* that is neither None nor a plain coroutine."""
        if asyncio.isfuture(value):
            if value.get_loop() is self.loop:
                self.wait_for(value)
            else:
                self.handle_failure(UsageError("the iterator yielded a future of another event loop"))
        elif isinstance(value, Coroutine):
            self.begin(value)
        elif inspect.isawaitable(value):
            self.begin(_await(value))
        else:
            self.rota.end_step(self)

    def begin(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Run *coroutine*, unless the step that yielded it has stopped the task."""
        if self.state is not State.RUNNING:
            coroutine.close()
            return
        task = self.run(self.loop.create_task, coroutine)
        if self.state is State.RUNNING:
            self.own = task
            self.wait_for(task)
        else:  # an eager task, which has already run and stopped this worker
            self.dismiss(task)

    def wait_for(self, future: asyncio.Future[Any]) -> None:
        """Do not step the iterator before *future* is done."""
        if self.state is State.RUNNING:
            self.awaited = future
            self.rota.wait(self)
            future.add_done_callback(self.wake, context=self.context)

    def wake(self, future: asyncio.Future[Any]) -> None:
        """Continue after *future*, which is done."""
        if future is not self.awaited:  # the worker was stopped meanwhile, so its error is the caller's
            return
        own, self.own, self.awaited = self.own, None, None
        if not future.cancelled():
            error = future.exception()
            if error is None:
                self.rota.wake(self)
                self.reschedule()
            else:
                self.handle_failure(error)
        elif own is not None and own.cancelling():
            # Only the end of the loop cancels this task. Another step would make a new
            # one while the loop shuts down.
            self.stop()
        else:
            self.handle_failure(_make_cancelled(future))

    def handle_failure(self, error: BaseException) -> None:
        """Handle the *error* of an awaitable, or keep it to raise at the end."""
        if isinstance(error, KeyboardInterrupt | SystemExit):
            self.fail(error)
            return
        if self.on_error is None:
            self.failed += 1
            if len(self.kept) < KEPT:
                self.kept.append(error)
        else:
            try:
                self.on_error(error)
            except (KeyboardInterrupt, SystemExit) as raised:
                self.fail(raised)
                raise
            except BaseException as raised:  # noqa: BLE001 - the task's Futures raise it
                self.fail(_strip_frame(raised))
                return
        self.rota.wake(self)
        self.reschedule()

    def exhaust(self) -> None:
        """End, as the iterator is exhausted."""
        if self.rota.finish(self, State.FAILED if self.failed else State.DONE):
            self.close(self.make_group() if self.failed else None)

    def fail(self, error: BaseException) -> None:
        """End with *error*, which was not handled."""
        if isinstance(error, asyncio.CancelledError):
            error = _convert_cancelled(error)
        elif isinstance(error, StopIteration):  # a Future accepts none, and it would end a coroutine
            error = _set_cause(RuntimeError("on_error raised StopIteration"), error)
        if not self.rota.finish(self, State.FAILED):
            self.report("an iterator failed in the step in which it was stopped", error)
        elif not self.failed:
            self.close(error)
        elif isinstance(error, KeyboardInterrupt | SystemExit):
            self.close(_set_cause(error, self.make_group()))
        else:
            self.close(self.make_group(error))

    def stop(self) -> None:
        """End at the caller's request."""
        if self.rota.finish(self, State.STOPPED):
            self.close()

    def close(self, error: BaseException | None = None) -> None:
        """End with *error* or as the state says, and give that to all Futures."""
        self.error = error
        awaited, own, self.awaited, self.own = self.awaited, self.own, None, None
        if awaited is not None:
            awaited.remove_done_callback(self.wake)
            if own is not None:
                self.dismiss(own)
        watchers, self.watchers = self.watchers, {}
        waiting = [watcher for watcher in watchers if not watcher.done()]
        for watcher in waiting:
            self.deliver(watcher)
        if self.state is State.FAILED and not waiting:
            self.unretrieved = self.loop.create_future()
            self.deliver(self.unretrieved)
        self.reschedule()

    def watch(self, future: asyncio.Future[I]) -> asyncio.Future[I]:
        """Give the end to *future*, now or later, and return it."""
        if self.state is State.RUNNING:
            self.watchers[future] = None
            future.add_done_callback(self.unwatch)
            return future
        if self.unretrieved is not None:
            self.unretrieved.exception()  # *future* has it now, so the loop need not log it
            self.unretrieved = None
        self.deliver(future)
        return future

    def unwatch(self, future: asyncio.Future[I]) -> None:
        """Forget *future*, which is done; the caller may have cancelled it."""
        self.watchers.pop(future, None)

    def deliver(self, future: asyncio.Future[I]) -> None:
        """Give the end to *future*."""
        if self.state is State.DONE:
            future.set_result(self.iterator)
        elif self.error is not None:
            future.set_exception(self.error)
        else:
            future.set_exception(_set_cause(make_end_error(self.state), self.make_group() if self.failed else None))
            future.exception()  # the caller stopped it, so the loop need not log it

    def dismiss(self, task: asyncio.Task[Any]) -> None:
        """Cancel the *task* of a coroutine whose result is not needed any more."""
        self.leaving.add(task)
        task.add_done_callback(self.forget)
        task.cancel()

    def forget(self, task: asyncio.Task[Any]) -> None:
        """Forget a cancelled *task*, which has ended, and report its failure."""
        self.leaving.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.report("a coroutine failed after its cooperative task was stopped", error)

    def report(self, message: str, error: BaseException) -> None:
        """Report to the loop an *error* that no caller waits for."""
        self.loop.call_exception_handler({"message": message, "exception": error})

    def make_group(self, *first: BaseException) -> BaseException:
        """Group all failures; an ExceptionGroup if each of them is an Exception."""
        which = "all are kept" if self.failed == len(self.kept) else f"the first {len(self.kept)} are kept"
        before = "the iterator failed; before, " if first else ""
        text = f"{before}{self.failed} {'awaitable' if self.failed == 1 else 'awaitables'} failed; {which}"
        return BaseExceptionGroup(text, [*first, *self.kept])


class Completion(asyncio.Future[I], Generic[I]):
    """The end of a coiteration. Cancelling it stops the iteration at once.

    A plain Future would stop it a turn of the loop later.
    """

    def __init__(self, worker: Worker[I]) -> None:
        super().__init__(loop=worker.loop)
        self._worker = worker

    def cancel(self, msg: Any | None = None) -> bool:
        """Cancel the Future and stop the iteration; return False if it was done."""
        cancelled = super().cancel(msg)
        if cancelled:
            self._worker.stop()
        return cancelled


async def _await(awaitable: Awaitable[Any]) -> None:
    await awaitable


def _strip_frame(error: BaseException) -> BaseException:
    """Return *error* without the frame that caught it, to break a reference cycle.

    That frame holds the worker, which holds the error.
    """
    return error.with_traceback(error.__traceback__.tb_next if error.__traceback__ else None)


def _make_cancelled(future: asyncio.Future[Any]) -> WorkCancelled:
    try:
        future.result()
    except asyncio.CancelledError as error:
        return _convert_cancelled(error)
    raise AssertionError("the future was cancelled")


def _convert_cancelled(error: asyncio.CancelledError) -> WorkCancelled:
    made = WorkCancelled("the awaitable that a cooperative task waited for was cancelled")
    made.__cause__ = error
    return made


E = TypeVar("E", bound=BaseException)


def _set_cause(error: E, cause: BaseException | None) -> E:
    """Set the *cause* of *error*, unless it has one, and return it."""
    if error.__cause__ is None:
        error.__cause__ = cause
    return error
