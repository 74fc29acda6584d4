"""Verdicts on attempts, and decisions on whether a job may start at all.

Knows the shapes that the frontier and the loop understand. Does not know how a judge or
a gate reaches them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

from msgspec import Struct

__all__ = [
    "Again",
    "Allow",
    "Decision",
    "Defer",
    "Deny",
    "Done",
    "Duplicate",
    "Ending",
    "EndingOf",
    "Redirected",
    "Satisfied",
    "Verdict",
]


class Ending(Struct, frozen=True):
    """The end of one input of any work: nothing more is to be done for it.

    *seq* is the input's; a negative one is that of work which is no input itself.
    """

    seq: int


class Duplicate(Ending, frozen=True, gc=False):
    """An input that asks for the same as an earlier one, whose outcome it shares: it has none of its own."""


EndingOf = Callable[[Any], Ending]
"""Makes the ending of a job that is abandoned, which means that it is not tried."""


# The meaning of an attempt


@final
class Done(Struct, frozen=True, gc=False):
    """The input has its outcome.

    *park*: nothing of the job's key may start before that time. *rest*: abandon every
    other waiting job of the key, and each one that is offered before *park*; it makes
    their endings.
    """

    outcome: Ending
    park: float | None = None
    rest: EndingOf | None = None


@final
class Again(Struct, frozen=True, gc=False):
    """Start *job*, another attempt at the same work, not before *until*; *park* as in ``Done``.

    *hold*: nothing at all may start before that time, and then only a few jobs at a
    time until one of them ends without a *hold*.
    """

    job: Any
    until: float
    park: float | None = None
    hold: float | None = None


@final
class Redirected(Struct, frozen=True, gc=False):
    """The work continues as *job*, which takes its turn among the jobs of its own key."""

    job: Any


@final
class Satisfied(Struct, frozen=True, gc=False):
    """A prerequisite succeeded with *result*: ask about the job behind it again. *park* as in ``Done``.

    The *result* goes to the gate, which asked for it, and not to the delivery.
    """

    result: Any
    park: float | None = None


Verdict = Done | Again | Redirected | Satisfied


# Whether a job may start


@final
class Allow(Struct, frozen=True, gc=False):
    """The job may start; starts on its key must be *spacing* seconds apart at least."""

    spacing: float = 0.0


@final
class Deny(Struct, frozen=True, gc=False):
    """The job is not tried: this is its *ending*. *spacing* as in ``Allow``, for the other jobs of its key."""

    ending: Ending
    spacing: float = 0.0


@final
class Defer(Struct, frozen=True, gc=False):
    """Run *prerequisite* first: a job with the one that was asked about ``behind`` it."""

    prerequisite: Any


Decision = Allow | Deny | Defer
