"""Whose turn it is: cooperative tasks, round robin.

Knows which tasks take turns, which are paused or wait for something, and how each ended. Does not know
iterators, awaitables, loops, callbacks, or how long a step takes.

A shell asks ``next()`` for the task to step, steps it, and says what came of it: ``stepped``, ``wait`` (and
``wake``, when what it waits for is there), or ``finish``. Between the two, and at any other time, tasks may be
paused, resumed and finished; nothing here calls anybody, so no answer can be overtaken by its consequences.

Who may be stepped stands in line, and nobody else: pausing takes a task out of the line, resuming puts it at the
end. An OrderedDict is a line that one may leave from its middle at no cost, however long it is.
"""

from __future__ import annotations

import enum
from collections import OrderedDict
from typing import Generic, TypeVar

__all__ = ["Member", "Rota", "State"]


class State(enum.Enum):
    """Whether a task still runs, and how it ended if it does not."""

    RUNNING = "running"  # paused and waiting ones too
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"
    SCHEDULER_STOPPED = "scheduler stopped"


class Member:
    """A task, as far as its turns go; shells add to it what they step. All fields are the rota's to write."""

    __slots__ = ("pauses", "state", "waiting")

    def __init__(self) -> None:
        self.pauses = 0
        self.state = State.RUNNING
        self.waiting = False

    def __repr__(self) -> str:
        """What keeps it from its turn, for a debugger."""
        waiting = " waiting" if self.waiting else ""
        return f"<{type(self).__name__} {self.state.value}{waiting} pauses={self.pauses}>"


M = TypeVar("M", bound=Member)


class Rota(Generic[M]):
    """The tasks that take turns. Every answer costs the same, however many they are; only ``stop`` tells all."""

    def __init__(self, *, started: bool = True) -> None:
        """Without *started*, nobody has a turn before ``start``."""
        self._started = started
        self._stopped = False
        self._members: dict[M, None] = {}
        self._line: OrderedDict[M, None] = OrderedDict()

    def __repr__(self) -> str:
        """How many there are, for a debugger."""
        state = "running" if self.running else "not running"
        return f"<Rota {state} members={len(self._members)} in line={len(self._line)}>"

    def __len__(self) -> int:
        """How many tasks have not ended."""
        return len(self._members)

    @property
    def running(self) -> bool:
        """Whether tasks are given turns: started, and not stopped since."""
        return self._started and not self._stopped

    @property
    def due(self) -> bool:
        """Whether ``next`` would name a task."""
        return bool(self._line) and self._started and not self._stopped

    def add(self, member: M) -> State:
        """Take *member* in, at the end of the line; after ``stop`` it is told at once that it is over."""
        if self._stopped:
            member.state = State.SCHEDULER_STOPPED
        else:
            self._members[member] = None
            self._place(member)
        return member.state

    def next(self) -> M | None:
        """The task to step now, which leaves the line until it is said what came of it; None if it is nobody's turn."""
        return self._line.popitem(last=False)[0] if self.due else None

    def stepped(self, member: M) -> None:
        """*member* did a step of work and can do another: it stands at the end of the line."""
        self._place(member)

    def wait(self, member: M) -> None:
        """*member* must not be stepped before it is woken; pauses are counted apart."""
        member.waiting = True
        self._line.pop(member, None)

    def wake(self, member: M) -> None:
        """What *member* waited for is there."""
        member.waiting = False
        self._place(member)

    def pause(self, member: M) -> State:
        """Give *member* no turn before it is resumed as often as paused. Where it has ended, nothing changes."""
        if member.state is State.RUNNING:
            member.pauses += 1
            self._line.pop(member, None)
        return member.state

    def resume(self, member: M) -> bool:
        """Take back one pause; False where there was none. What has ended stays so."""
        if not member.pauses:
            return False
        member.pauses -= 1
        self._place(member)
        return True

    def finish(self, member: M, state: State) -> bool:
        """End *member* as *state* says; False where it had ended before, and then nothing changes."""
        if member.state is not State.RUNNING:
            return False
        member.state = state
        del self._members[member]
        self._line.pop(member, None)
        return True

    def start(self) -> None:
        """Give turns; after ``stop`` too, to those who come then."""
        self._started = True
        self._stopped = False

    def stop(self) -> list[M]:
        """Give no more turns, and end every task, paused and waiting ones too: the answer is all whom to tell."""
        self._stopped = True
        members = list(self._members)
        for member in members:
            member.state = State.SCHEDULER_STOPPED
        self._members.clear()
        self._line.clear()
        return members

    def _place(self, member: M) -> None:
        """Put *member* at the end of the line if it may stand there; whoever stands in it keeps the place."""
        if not member.pauses and not member.waiting and member.state is State.RUNNING:
            self._line[member] = None
