"""Penstock: any amount of work from a lazy iterator, N at a time; above all, URLs.

    import penstock

    for page in penstock.fetch(urls, concurrency=50):       # a script, a notebook
        print(page.url, page.status, len(page.body))

    async for page in penstock.fetch(urls, concurrency=50): # a service
        ...

    async for result in penstock.throttle(work, items, concurrency=50):  # any work
        ...

    penstock.run("urls.txt", "pages/")                      # durable, kill -9 or not

Everything public is named here, once; ``__init__.pyi`` says the same to type checkers.
A module loads when one of its names is first used, so that ``import penstock`` costs
little (docs/decisions/public-names.md).
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "penstock.cooperation.cooperator": "CooperativeTask Cooperator coiterate cooperate",
    "penstock.core.results": "Progress Summary",
    "penstock.core.schedule.answers": "Bottleneck Waiting",
    "penstock.core.schedule.calls": "Result",
    "penstock.core.schedule.statistics": "Statistics",
    "penstock.core.schedule.tally": "Tally",
    "penstock.core.web.model": "Failed Fetched Outcome Reason Skipped",
    "penstock.errors": (
        "CooperationError FolderDamaged FolderError FolderInUse FolderMismatch InputChanged InputError "
        "NotPaused OutputError PenstockError SchedulerStopped Stalled TaskDone TaskFailed TaskFinished "
        "TaskStopped UsageError WorkCancelled"
    ),
    "penstock.loop.flow": "Flow",
    "penstock.reading.export": "export",
    "penstock.reading.run": "Run open",
    "penstock.running": "resume retry run verify",
    "penstock.seams": "Report",
    "penstock.settings": "Settings",
    "penstock.streaming": "fetch",
    "penstock.throttling": "throttle",
    "penstock.version": "__version__",
}
_HOME = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = [*sorted(_HOME)]  # noqa: PLE0604 - computed


def __getattr__(name: str) -> Any:
    """Load the module that *name* lives in."""
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'penstock' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the public names."""
    return __all__
