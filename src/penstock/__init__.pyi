# The public names as type checkers see them; __init__.py loads each when it is first used.

from penstock.cooperation.cooperator import CooperativeTask, Cooperator, coiterate, cooperate
from penstock.core.results import Progress, Summary
from penstock.core.schedule.answers import Bottleneck, Waiting
from penstock.core.schedule.calls import Result
from penstock.core.schedule.statistics import Statistics
from penstock.core.schedule.tally import Tally
from penstock.core.web.model import Failed, Fetched, Outcome, Reason, Skipped
from penstock.errors import (
    CooperationError,
    FolderDamaged,
    FolderError,
    FolderInUse,
    FolderMismatch,
    InputChanged,
    InputError,
    NotPaused,
    OutputError,
    PenstockError,
    SchedulerStopped,
    Stalled,
    TaskDone,
    TaskFailed,
    TaskFinished,
    TaskStopped,
    UsageError,
    WorkCancelled,
)
from penstock.loop.flow import Flow
from penstock.reading.export import export
from penstock.reading.run import Run
from penstock.reading.run import open as open  # noqa: A004 - penstock.open
from penstock.running import resume, retry, run, verify
from penstock.seams import Report
from penstock.settings import Settings
from penstock.streaming import fetch
from penstock.throttling import throttle
from penstock.version import __version__

__all__ = [
    "Bottleneck",
    "CooperationError",
    "CooperativeTask",
    "Cooperator",
    "Failed",
    "Fetched",
    "Flow",
    "FolderDamaged",
    "FolderError",
    "FolderInUse",
    "FolderMismatch",
    "InputChanged",
    "InputError",
    "NotPaused",
    "Outcome",
    "OutputError",
    "PenstockError",
    "Progress",
    "Reason",
    "Report",
    "Result",
    "Run",
    "SchedulerStopped",
    "Settings",
    "Skipped",
    "Stalled",
    "Statistics",
    "Summary",
    "Tally",
    "TaskDone",
    "TaskFailed",
    "TaskFinished",
    "TaskStopped",
    "UsageError",
    "Waiting",
    "WorkCancelled",
    "__version__",
    "coiterate",
    "cooperate",
    "export",
    "fetch",
    "open",
    "resume",
    "retry",
    "run",
    "throttle",
    "verify",
]
