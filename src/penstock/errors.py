"""Every exception Penstock raises.

A bad web is data and never an exception: it arrives as an outcome. What is raised is a mistake of the
caller's, a disk that does not obey, or a bug of ours, and each message says what to do about it.

    PenstockError
    ├── UsageError            a setting or an argument is wrong
    ├── InputError            the input cannot be read as asked
    │   └── InputChanged      it is not the input this run began with
    ├── OutputError           what was asked for cannot be written
    ├── FolderError           the run folder cannot be used
    │   ├── FolderInUse       another process holds it
    │   ├── FolderDamaged     it does not hold what its ledger says
    │   └── FolderMismatch    it belongs to another job, or to a newer Penstock
    ├── NotPaused             there is no pause to take back
    ├── WorkCancelled         what was awaited was cancelled from elsewhere
    └── Stalled               everybody waits and nobody will wake: a bug of ours
"""

from __future__ import annotations

__all__ = [
    "FolderDamaged",
    "FolderError",
    "FolderInUse",
    "FolderMismatch",
    "InputChanged",
    "InputError",
    "NotPaused",
    "OutputError",
    "PenstockError",
    "Stalled",
    "UsageError",
    "WorkCancelled",
]


class PenstockError(Exception):
    """The one base class: ``except PenstockError`` catches all that Penstock raises on purpose."""


class UsageError(PenstockError, ValueError):
    """A setting or an argument is wrong; the message names it, its bounds and what was given."""


class InputError(PenstockError):
    """The input cannot be read as asked: no such file, no such column, a broken archive."""


class InputChanged(InputError):
    """The input is not the one this run began with; the message shows the difference."""


class OutputError(PenstockError):
    """What was asked for cannot be written; what was committed before is safe."""


class FolderError(PenstockError):
    """The run folder cannot be used as asked."""


class FolderInUse(FolderError):
    """Another process is working on this run folder."""


class FolderDamaged(FolderError):
    """The folder's files do not hold what its ledger says they hold."""


class FolderMismatch(FolderError):
    """The folder belongs to another job, other settings, or a newer Penstock."""


class NotPaused(PenstockError):
    """There is no pause to take back: each resume() belongs to one pause()."""


class WorkCancelled(PenstockError):
    """What was awaited was cancelled, and not by whoever gets this: the CancelledError is its cause.

    Raised as itself, that one would look as if the consumer's own task had been cancelled.
    """


class Stalled(PenstockError):
    """Nothing runs, nothing waits for a time, and yet the work is not finished: a bug of ours."""
