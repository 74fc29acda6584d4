"""Every exception Penstock raises.

A bad web is data and never an exception: it arrives as an outcome. Exceptions are for
mistakes of the caller, a disk that fails, or a bug in Penstock, and each message says
how to fix it.

    PenstockError
    ├── UsageError            a setting or an argument is wrong
    ├── InputError            the input cannot be read as asked
    │   └── InputChanged      it is not the input this run began with
    ├── OutputError           the output cannot be written
    ├── FolderError           the run folder cannot be used
    │   ├── FolderInUse       another process holds it
    │   ├── FolderDamaged     it does not hold what its ledger says
    │   └── FolderMismatch    it belongs to another job, or to a newer Penstock
    ├── CooperationError      a task, its cooperator or a flow is in no state for this
    │   ├── SchedulerStopped  the cooperator was stopped
    │   ├── TaskFinished      the task has ended
    │   │   ├── TaskDone      its iterator is exhausted
    │   │   ├── TaskFailed    with an error
    │   │   └── TaskStopped   the program stopped it
    │   └── NotPaused         it was resumed more often than paused
    ├── WorkCancelled         the work that a consumer waits for was cancelled
    └── Stalled               nothing can ever finish the work: a bug in Penstock
"""

from __future__ import annotations

from penstock.remedies import spell_for_python, spell_for_shell

__all__ = [
    "CooperationError",
    "FolderDamaged",
    "FolderError",
    "FolderInUse",
    "FolderMismatch",
    "InputChanged",
    "InputError",
    "NotPaused",
    "OutputError",
    "PenstockError",
    "SchedulerStopped",
    "Stalled",
    "TaskDone",
    "TaskFailed",
    "TaskFinished",
    "TaskStopped",
    "UsageError",
    "WorkCancelled",
]


class PenstockError(Exception):
    """The base class: ``except PenstockError`` catches all that Penstock raises.

    Its arguments make up the message: texts, and remedies, which ``str`` spells as
    Python does.
    """

    def __str__(self) -> str:
        """Return the message for a program."""
        return spell_for_python(self.args)

    def spell_for_shell(self) -> str:
        """Return the message for the command line."""
        return spell_for_shell(self.args)


class UsageError(PenstockError, ValueError):
    """A setting or an argument is wrong.

    The message names it, its bounds and the value given.
    """


class InputError(PenstockError):
    """The input cannot be read: no such file, no such column, a broken archive."""


class InputChanged(InputError):
    """The input is not the one this run began with.

    The message shows the difference.
    """


class OutputError(PenstockError):
    """The output cannot be written; outcomes committed before are safe."""


class FolderError(PenstockError):
    """The run folder cannot be used as asked."""


class FolderInUse(FolderError):
    """Another process is working on this run folder."""


class FolderDamaged(FolderError):
    """The folder's files do not hold what its ledger says they hold."""


class FolderMismatch(FolderError):
    """The folder belongs to another job, other settings, or a newer Penstock."""


class CooperationError(PenstockError):
    """A cooperative task, or its cooperator, is not in a state for this."""


class SchedulerStopped(CooperationError):
    """The cooperator was stopped, and every task with it.

    No task is stepped until it is started again.
    """


class TaskFinished(CooperationError):
    """The task has ended, so it can be neither paused nor stopped.

    The class says how it ended.
    """


class TaskDone(TaskFinished):
    """The task's iterator is exhausted."""


class TaskFailed(TaskFinished):
    """The task ended with an error, which ``when_done()`` raises."""


class TaskStopped(TaskFinished):
    """The task was stopped.

    ``__cause__`` is the error that it had until then, if any.
    """


class NotPaused(CooperationError):
    """The task, or the flow, was resumed more often than it was paused.

    Waiting for an awaitable is no pause.
    """


class WorkCancelled(PenstockError):
    """The work that a consumer waits for was cancelled.

    ``__cause__`` is the CancelledError.

    The CancelledError itself would look as if the consumer had been cancelled.
    """


class Stalled(PenstockError):
    """Nothing runs or waits for a time, but work is unfinished: a bug in Penstock."""
