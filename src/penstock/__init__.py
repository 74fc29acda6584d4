"""Penstock: any amount of work from a lazy iterator, N at a time; first of all, fetching URLs.

    import penstock

    for page in penstock.fetch(urls, concurrency=50):       # a script, a notebook
        print(page.url, page.status, len(page.body))

    async for page in penstock.fetch(urls, concurrency=50): # a service
        ...

    async for result in penstock.throttle(work, items, concurrency=50): # any async work at all
        ...

    penstock.run("urls.txt", "pages/")                      # durable: one outcome a line, kill -9 or not

Everything public is named here. Modules load when one of their names is first used, so that
``import penstock`` costs little.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from penstock.version import __version__

if TYPE_CHECKING:
    from penstock.api import fetch, resume, retry, run, verify
    from penstock.cooperation.cooperator import CooperativeTask, Cooperator, coiterate, cooperate
    from penstock.core.results import Summary
    from penstock.core.schedule.calls import Result
    from penstock.core.schedule.frontier import Bottleneck, Waiting
    from penstock.core.schedule.statistics import Statistics
    from penstock.core.schedule.tally import Tally
    from penstock.core.web.model import Failed, Fetched, Outcome, Reason, Skipped
    from penstock.errors import (
        InputChanged,
        NotPaused,
        PenstockError,
        SchedulerStopped,
        TaskDone,
        TaskFailed,
        TaskStopped,
        UsageError,
        WorkCancelled,
    )
    from penstock.loop.flow import Flow
    from penstock.seams import Report
    from penstock.settings import Settings
    from penstock.throttling import throttle

__all__ = [
    "Bottleneck",
    "CooperativeTask",
    "Cooperator",
    "Failed",
    "Fetched",
    "Flow",
    "InputChanged",
    "NotPaused",
    "Outcome",
    "PenstockError",
    "Reason",
    "Report",
    "Result",
    "SchedulerStopped",
    "Settings",
    "Skipped",
    "Statistics",
    "Summary",
    "Tally",
    "TaskDone",
    "TaskFailed",
    "TaskStopped",
    "UsageError",
    "Waiting",
    "WorkCancelled",
    "__version__",
    "coiterate",
    "cooperate",
    "fetch",
    "resume",
    "retry",
    "run",
    "throttle",
    "verify",
]

_HOMES = {
    "penstock.api": ("fetch", "resume", "retry", "run", "verify"),
    "penstock.cooperation.cooperator": ("CooperativeTask", "Cooperator", "coiterate", "cooperate"),
    "penstock.core.schedule.calls": ("Result",),
    "penstock.core.schedule.frontier": ("Bottleneck", "Waiting"),
    "penstock.core.web.model": ("Failed", "Fetched", "Outcome", "Skipped", "Reason"),
    "penstock.core.schedule.statistics": ("Statistics",),
    "penstock.core.schedule.tally": ("Tally",),
    "penstock.errors": (
        "InputChanged",
        "NotPaused",
        "PenstockError",
        "SchedulerStopped",
        "TaskDone",
        "TaskFailed",
        "TaskStopped",
        "UsageError",
        "WorkCancelled",
    ),
    "penstock.loop.flow": ("Flow",),
    "penstock.seams": ("Report",),
    "penstock.settings": ("Settings",),
    "penstock.core.results": ("Summary",),
    "penstock.throttling": ("throttle",),
}


def __getattr__(name: str) -> Any:
    """Load the module that *name* lives in."""
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module 'penstock' has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names."""
    return __all__
