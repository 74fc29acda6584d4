"""``twisted.internet.task``'s Cooperator for programs on Twisted, without its bugs.

    from penstock.twisted import Cooperator, cooperate, coiterate

A program written for Twisted's Cooperator runs if its imports are changed. The
exceptions are Twisted's, so that its ``except`` clauses hold. Needs Twisted: ``pip
install 'penstock[twisted]'``.
"""

try:
    import twisted as _installed  # noqa: F401 - the absolute name: the library, not this package
except ModuleNotFoundError as error:
    raise ImportError("penstock.twisted needs Twisted; install it with: pip install 'penstock[twisted]'") from error

from twisted.internet.task import (
    NotPaused,
    SchedulerError,
    SchedulerStopped,
    TaskDone,
    TaskFailed,
    TaskFinished,
    TaskStopped,
)

from penstock.twisted.cooperator import CooperativeTask, Cooperator, coiterate, cooperate
from penstock.twisted.pages import PageError, PageTimeout, fetch, getPage

__all__ = [
    "CooperativeTask",
    "Cooperator",
    "NotPaused",
    "PageError",
    "PageTimeout",
    "SchedulerError",
    "SchedulerStopped",
    "TaskDone",
    "TaskFailed",
    "TaskFinished",
    "TaskStopped",
    "coiterate",
    "cooperate",
    "fetch",
    "getPage",
]
