"""Which cooperative task takes the next step: round robin.

Knows which tasks take turns, which are paused or wait for something, and how each
ended. Does not know iterators, awaitables, loops, callbacks, or how long a step takes.

A shell asks ``next()`` for the task to step, steps it, and reports the result:
``stepped``, ``wait`` (and ``wake``, when the task may continue), or ``finish``. Tasks
may be paused, resumed and finished between the two, and at any other time; nothing here
calls back, so no answer is outdated before the shell acts on it.

Only tasks that may be stepped are in the line: pausing takes a task out of it, resuming
puts it at the end. The line is an OrderedDict, which removes an entry from its middle
at no cost, at any length.
"""

from __future__ import annotations

import enum
from collections import OrderedDict
from typing import Generic, TypeVar

__all__ = ["Member", "Rota", "State"]


class State(enum.Enum):
    """Whether a task still runs, and how it ended if it does not."""

    RUNNING = "running"  # also if it is paused or waits
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"
    SCHEDULER_STOPPED = "scheduler stopped"


class Member:
    """A task, as far as its turns are concerned; a shell subclasses it. Only the rota writes its fields."""

    __slots__ = ("pauses", "state", "waiting")

    def __init__(self) -> None:
        self.pauses = 0
        self.state = State.RUNNING
        self.waiting = False

    def __repr__(self) -> str:
        """Show what keeps it from its turn, for a debugger."""
        waiting = " waiting" if self.waiting else ""
        return f"<{type(self).__name__} {self.state.value}{waiting} pauses={self.pauses}>"


M = TypeVar("M", bound=Member)


class Rota(Generic[M]):
    """The tasks that take turns. Every call costs the same, for any number of tasks, except ``stop``."""

    def __init__(self, *, started: bool = True) -> None:
        """Begin without tasks; unless *started*, ``next`` returns none before ``start``."""
        self._started = started
        self._stopped = False
        self._members: dict[M, None] = {}
        self._line: OrderedDict[M, None] = OrderedDict()

    def __repr__(self) -> str:
        """Show the number of tasks, for a debugger."""
        state = "running" if self.running else "not running"
        return f"<Rota {state} members={len(self._members)} in line={len(self._line)}>"

    def __len__(self) -> int:
        """The number of tasks that have not ended."""
        return len(self._members)

    @property
    def running(self) -> bool:
        """Whether tasks take turns: started, and not stopped since."""
        return self._started and not self._stopped

    @property
    def due(self) -> bool:
        """Whether ``next`` would return a task."""
        return bool(self._line) and self._started and not self._stopped

    def add(self, member: M) -> State:
        """Add *member* at the end of the line and return its state, which is an end if ``stop`` was called before."""
        if self._stopped:
            member.state = State.SCHEDULER_STOPPED
        else:
            self._members[member] = None
            self._place(member)
        return member.state

    def next(self) -> M | None:
        """Remove the next task from the line and return it, to be stepped; None if there is none."""
        return self._line.popitem(last=False)[0] if self.due else None

    def end_step(self, member: M) -> None:
        """Put *member*, which did a step and can do another, at the end of the line."""
        self._place(member)

    def wait(self, member: M) -> None:
        """Keep *member* out of the line until ``wake``; pauses are counted separately."""
        member.waiting = True
        self._line.pop(member, None)

    def wake(self, member: M) -> None:
        """Let *member* continue, as the result that it waited for is available."""
        member.waiting = False
        self._place(member)

    def pause(self, member: M) -> State:
        """Keep *member* out of the line until it is resumed as often as paused; do nothing if it has ended."""
        if member.state is State.RUNNING:
            member.pauses += 1
            self._line.pop(member, None)
        return member.state

    def resume(self, member: M) -> bool:
        """Undo one pause and return True; return False if there was none. A task that has ended stays ended."""
        if not member.pauses:
            return False
        member.pauses -= 1
        self._place(member)
        return True

    def finish(self, member: M, state: State) -> bool:
        """End *member* with *state* and return True; return False, and change nothing, if it had ended before."""
        if member.state is not State.RUNNING:
            return False
        member.state = state
        del self._members[member]
        self._line.pop(member, None)
        return True

    def start(self) -> None:
        """Let tasks take turns, also after ``stop``: tasks that are added later."""
        self._started = True
        self._stopped = False

    def stop(self) -> list[M]:
        """End every task, also paused and waiting ones, and return them, so that the shell can notify their owners."""
        self._stopped = True
        members = list(self._members)
        for member in members:
            member.state = State.SCHEDULER_STOPPED
        self._members.clear()
        self._line.clear()
        return members

    def _place(self, member: M) -> None:
        """Put *member* at the end of the line if it may take turns; if it is in the line, it keeps its position."""
        if not member.pauses and not member.waiting and member.state is State.RUNNING:
            self._line[member] = None
