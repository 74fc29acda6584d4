"""One iterator that is stepped on asyncio: what it yields, what it waits for, and who waits for its end.

Knows iterators, awaitables, their failures and cancellation. Does not know when it is stepped, or beside whom.
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

__all__ = ["KEPT", "Completion", "I", "OnError", "Worker", "ended"]

KEPT: Final = 100
"""How many failures a task keeps to raise at its end; the others are only counted, so that memory is bounded."""

I = TypeVar("I", bound=Iterator[Any])  # noqa: E741 - an iterator's type; it is returned as it came

OnError = Callable[[BaseException], object]

_ENDED: Final[dict[State, tuple[type[CooperationError], str]]] = {
    State.DONE: (TaskDone, "the task is done already"),
    State.FAILED: (TaskFailed, "the task has failed; when_done() raises why"),
    State.STOPPED: (TaskStopped, "the task was stopped"),
    State.SCHEDULER_STOPPED: (SchedulerStopped, "the cooperator was stopped, and the task with it"),
}


def ended(state: State) -> CooperationError:
    """The exception that says how a task ended."""
    kind, said = _ENDED[state]
    return kind(said)


class Worker(Member, Generic[I]):
    """One iterator, what it waits for, and who waits for its end."""

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
        "rota",
        "run",
        "settle",
        "unasked",
        "watchers",
    )

    def __init__(
        self,
        iterator: I,
        on_error: OnError | None,
        *,
        rota: Rota[Worker[Any]],
        settle: Callable[[], None],
        leaving: set[asyncio.Task[Any]],
    ) -> None:
        super().__init__()
        self.iterator = iterator
        self.on_error = on_error
        self.rota = rota
        self.settle = settle
        self.leaving = leaving
        self.loop = asyncio.get_running_loop()
        # A slice runs in the context of whoever happened to schedule it; steps and coroutines belong to the caller.
        self.context = contextvars.copy_context()
        self.run = self.context.run
        self.awaited: asyncio.Future[Any] | None = None
        self.own: asyncio.Task[Any] | None = None
        self.failed = 0
        self.kept: list[BaseException] = []
        self.error: BaseException | None = None
        self.unasked: asyncio.Future[Any] | None = None
        self.watchers: dict[asyncio.Future[I], None] = {}

    def step(self) -> None:
        """One step of the iterator, and what comes of it; raises only KeyboardInterrupt and SystemExit."""
        try:
            value = self.run(next, self.iterator)
        except StopIteration:
            self.exhaust()
        except (KeyboardInterrupt, SystemExit) as error:
            self.fail(error)
            raise
        except BaseException as error:  # noqa: BLE001 - it is told to whoever waits for the task
            self.fail(_bare(error))
        else:
            if value is None:
                self.rota.stepped(self)
            elif type(value) is CoroutineType:
                self.begin(value)
            else:
                self.take(value)

    def take(self, value: Any) -> None:
        """What the iterator yielded is not None, and no plain coroutine."""
        if asyncio.isfuture(value):
            if value.get_loop() is self.loop:
                self.wait_for(value)
            else:
                self.miss(UsageError("a future of another event loop was yielded; nobody here can wait for it"))
        elif isinstance(value, Coroutine):
            self.begin(value)
        elif inspect.isawaitable(value):
            self.begin(_until(value))
        else:
            self.rota.stepped(self)

    def begin(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Run *coroutine*, unless the step that yielded it also stopped the task."""
        if self.state is not State.RUNNING:
            coroutine.close()
            return
        task = self.run(self.loop.create_task, coroutine)
        if self.state is State.RUNNING:
            self.own = task
            self.wait_for(task)
        else:  # an eager task, which has run already and has stopped us
            self.dismiss(task)

    def wait_for(self, future: asyncio.Future[Any]) -> None:
        """Let nobody step this before *future* is done."""
        if self.state is State.RUNNING:
            self.awaited = future
            self.rota.wait(self)
            future.add_done_callback(self.woken, context=self.context)

    def woken(self, future: asyncio.Future[Any]) -> None:
        """*future* is done."""
        if future is not self.awaited:  # this was stopped meanwhile, and the future is not ours to look into
            return
        own, self.own, self.awaited = self.own, None, None
        if not future.cancelled():
            error = future.exception()
            if error is None:
                self.rota.wake(self)
                self.settle()
            else:
                self.miss(error)
        elif own is not None and own.cancelling():
            # Nobody but the loop's end has a hand on this task. Going on would begin another one behind its back.
            self.stop()
        else:
            self.miss(_cancelled(future))

    def miss(self, error: BaseException) -> None:
        """An awaitable failed with *error*: go on if that is handled or can be raised later."""
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
            except BaseException as raised:  # noqa: BLE001 - it is told to whoever waits for the task
                self.fail(_bare(raised))
                return
        self.rota.wake(self)
        self.settle()

    def exhaust(self) -> None:
        """The iterator has no more."""
        if self.rota.finish(self, State.FAILED if self.failed else State.DONE):
            self.close(self.group() if self.failed else None)

    def fail(self, error: BaseException) -> None:
        """End with *error*, which nobody handled."""
        if isinstance(error, asyncio.CancelledError):
            error = _work_cancelled(error)
        elif isinstance(error, StopIteration):  # a Future takes none, and in a coroutine it would mean another thing
            error = _caused(RuntimeError("on_error raised StopIteration"), error)
        if not self.rota.finish(self, State.FAILED):
            self.report("an iterator failed in the step in which it was stopped", error)
        elif not self.failed:
            self.close(error)
        elif isinstance(error, KeyboardInterrupt | SystemExit):
            self.close(_caused(error, self.group()))
        else:
            self.close(self.group(error))

    def stop(self) -> None:
        """End because somebody said so."""
        if self.rota.finish(self, State.STOPPED):
            self.close()

    def close(self, error: BaseException | None = None) -> None:
        """It has ended, with *error* or as its state says: tell all who wait, and let go of what it waited for."""
        self.error = error
        awaited, own, self.awaited, self.own = self.awaited, self.own, None, None
        if awaited is not None:
            awaited.remove_done_callback(self.woken)
            if own is not None:
                self.dismiss(own)
        watchers, self.watchers = self.watchers, {}
        waiting = [watcher for watcher in watchers if not watcher.done()]
        for watcher in waiting:
            self.tell(watcher)
        if self.state is State.FAILED and not waiting:
            self.unasked = self.loop.create_future()
            self.tell(self.unasked)
        self.settle()

    def watch(self, future: asyncio.Future[I]) -> asyncio.Future[I]:
        """*future*, which has or will have what comes of the iterator."""
        if self.state is State.RUNNING:
            self.watchers[future] = None
            future.add_done_callback(self.unwatch)
            return future
        if self.unasked is not None:
            self.unasked.exception()  # now somebody asked, so it need not be logged
            self.unasked = None
        self.tell(future)
        return future

    def unwatch(self, future: asyncio.Future[I]) -> None:
        """*future* is done; if somebody cancelled it, it need not be kept for the end."""
        self.watchers.pop(future, None)

    def tell(self, future: asyncio.Future[I]) -> None:
        """Give the end to *future*."""
        if self.state is State.DONE:
            future.set_result(self.iterator)
        elif self.error is not None:
            future.set_exception(self.error)
        else:
            future.set_exception(_caused(ended(self.state), self.group() if self.failed else None))
            future.exception()  # whoever stopped it knows, so it need not be logged

    def dismiss(self, task: asyncio.Task[Any]) -> None:
        """Cancel the task of a coroutine that nobody waits for any more."""
        self.leaving.add(task)
        task.add_done_callback(self.left)
        task.cancel()

    def left(self, task: asyncio.Task[Any]) -> None:
        """A cancelled coroutine has ended, one way or the other."""
        self.leaving.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.report("a coroutine failed after its cooperative task was stopped", error)

    def report(self, message: str, error: BaseException) -> None:
        """Tell the loop of an error that nobody waits for."""
        self.loop.call_exception_handler({"message": message, "exception": error})

    def group(self, *first: BaseException) -> BaseException:
        """All failures as one; an ExceptionGroup, unless one of them is no Exception."""
        which = "all are kept" if self.failed == len(self.kept) else f"the first {len(self.kept)} are kept"
        before = "the iterator failed; before, " if first else ""
        said = f"{before}{self.failed} {'awaitable' if self.failed == 1 else 'awaitables'} failed; {which}"
        return BaseExceptionGroup(said, [*first, *self.kept])


class Completion(asyncio.Future[I], Generic[I]):
    """The end of a coiteration. Cancelling it stops the iteration there and then, not a turn of the loop later."""

    def __init__(self, lane: Worker[I]) -> None:
        super().__init__(loop=lane.loop)
        self._lane = lane

    def cancel(self, msg: Any | None = None) -> bool:
        """Cancel the Future, and stop the iteration; False if it was done already."""
        cancelled = super().cancel(msg)
        if cancelled:
            self._lane.stop()
        return cancelled


async def _until(awaitable: Awaitable[Any]) -> None:
    await awaitable


def _bare(error: BaseException) -> BaseException:
    """*error* without the frame that caught it, which holds the lane, which holds the error."""
    return error.with_traceback(error.__traceback__.tb_next if error.__traceback__ else None)


def _cancelled(future: asyncio.Future[Any]) -> WorkCancelled:
    try:
        future.result()
    except asyncio.CancelledError as error:
        return _work_cancelled(error)
    raise AssertionError("it was cancelled")


def _work_cancelled(error: asyncio.CancelledError) -> WorkCancelled:
    made = WorkCancelled("somebody cancelled the awaitable that a cooperative task waited for")
    made.__cause__ = error
    return made


E = TypeVar("E", bound=BaseException)


def _caused(error: E, cause: BaseException | None) -> E:
    """*error* because of *cause*, unless it has a cause of its own."""
    if error.__cause__ is None:
        error.__cause__ = cause
    return error
