"""Check of the keywords that a public function was given.

Knows which settings a flow without a run folder does not use. Does not know their
values.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection

from penstock.errors import UsageError
from penstock.remedies import name_nearest
from penstock.settings.table import SETTINGS

__all__ = ["check_names"]


def check_names(function: Callable[..., object], given: Collection[str], options: type) -> None:
    """Raise UsageError if *function*, whose settings are *options*, has no use for a name in *given*.

    A setting that a resume cannot change is no matter of its name: the value may be the
    run's own.
    """
    for name in sorted(given):
        if name not in SETTINGS:
            known = [*inspect.signature(function).parameters][:-1] + sorted(options.__annotations__)
            raise UsageError(f"{function.__name__} has no argument {name!r}; {name_nearest(name, known)}")
        if SETTINGS[name].spec.run_only and name not in options.__annotations__:
            raise UsageError(f"{function.__name__} does not use {name}; penstock.run does")
