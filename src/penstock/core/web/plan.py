"""The plan of a run: what the list contains, and the least time that the limits allow.

Knows counts and limits. Does not know how a list is read, nor how fast servers answer.
It guesses no answer times, so the time is a lower bound: answers, retries and redirects
only add to it. Only a host that can't be reached takes less, since its inputs are
abandoned together. See docs/decisions/plan.md.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Final, Protocol

from msgspec import Struct

from penstock.core.schedule.limits import least_time
from penstock.core.web.model import Reason, Skipped

__all__ = [
    "Cause",
    "HostCounter",
    "Load",
    "LowerBound",
    "Plan",
    "PlanLimits",
    "RejectedInputs",
    "Survey",
    "compute_lower_bound",
]

LINES_SHOWN: Final = 5
"""The number of lines that a plan names for each reason of rejection."""


class PlanLimits(Struct, frozen=True):
    """The limits that bound a run; times in seconds, *rate* in starts a second."""

    concurrency: int
    per_host: int
    delay: float
    rate: float | None


class Load(Struct, frozen=True):
    """The *requests* for one *host*, and the least *seconds* they take alone."""

    host: str
    requests: int
    seconds: float


class RejectedInputs(Struct, frozen=True):
    """Inputs that can't be requested for one *reason*.

    *first* has the (seq, line) of some of them, *detail* belongs to the first.
    """

    reason: Reason
    count: int
    first: tuple[tuple[int, int], ...]
    detail: str | None


class Cause(enum.StrEnum):
    """The limit that sets a lower bound."""

    NOTHING = "nothing"
    DELAY = "delay"
    RATE = "rate"


class LowerBound(Struct, frozen=True):
    """The least *seconds* of the work; *host* is the one whose delay sets it."""

    seconds: float
    cause: Cause
    host: str | None = None


class Plan(Struct, frozen=True, kw_only=True):
    """The contents of a list and the least time it takes. All counts are exact.

    *inputs* = *refused* + *requests*, and + *duplicates* if these are skipped
    (*unique*); else the duplicates are among the requests. *loads* describe the
    *hosts* with the most requests, largest first. *bound* holds for the whole list,
    *rest* for the list without its largest host.
    """

    inputs: int
    refusals: tuple[RejectedInputs, ...]
    requests: int
    duplicates: int
    unique: bool
    hosts: int
    loads: tuple[Load, ...]
    limits: PlanLimits
    bound: LowerBound
    rest: LowerBound

    @property
    def refused(self) -> int:
        """The number of inputs that can't be requested."""
        return sum(refusal.count for refusal in self.refusals)


class HostCounter(Protocol):
    """Counts requests by host, in bounded memory."""

    def add(self, name: str, /) -> None:
        """Count one request for the host *name*."""

    def names(self) -> int:
        """Return the number of hosts."""

    def largest(self, most: int, /) -> Sequence[tuple[str, int]]:
        """Return the *most* hosts with the most requests, largest first."""


class Survey:
    """Counts the inputs of a list; if *unique*, skips duplicates."""

    def __init__(self, hosts: HostCounter, *, unique: bool = False) -> None:
        """Start with *hosts* empty."""
        self._hosts = hosts
        self._unique = unique
        self._requests = 0
        self._duplicates = 0
        self._refused: dict[Reason, _Rejects] = {}

    def request(self, host: str, *, again: bool) -> None:
        """Count a request to *host*; *again* if an earlier input made the same one."""
        if again:
            self._duplicates += 1
            if self._unique:
                return
        self._requests += 1
        self._hosts.add(host)

    def refuse(self, skipped: Skipped, line: int) -> None:
        """Count the input on *line*, which can't be requested."""
        assert skipped.error is not None
        refused = self._refused.get(skipped.error)
        if refused is None:
            refused = self._refused[skipped.error] = _Rejects(skipped.detail)
        refused.count += 1
        if len(refused.first) < LINES_SHOWN:
            refused.first.append((skipped.seq, line))

    def plan(self, limits: PlanLimits, most: int = 10) -> Plan:
        """Return the plan within *limits*, which names the *most* largest hosts."""
        largest = self._hosts.largest(max(most, 2))
        first, second = (*largest, None, None)[:2]
        refusals = [
            RejectedInputs(reason, refused.count, tuple(refused.first), refused.detail)
            for reason, refused in self._refused.items()
        ]
        inputs = sum(refusal.count for refusal in refusals) + self._requests
        return Plan(
            inputs=inputs + self._duplicates if self._unique else inputs,
            refusals=tuple(sorted(refusals, key=lambda refusal: -refusal.count)),
            requests=self._requests,
            duplicates=self._duplicates,
            unique=self._unique,
            hosts=self._hosts.names(),
            loads=tuple(
                Load(host, number, compute_lower_bound(number, (host, number), limits).seconds)
                for host, number in largest[:most]
            ),
            limits=limits,
            bound=compute_lower_bound(self._requests, first, limits),
            rest=compute_lower_bound(self._requests - (first[1] if first else 0), second, limits),
        )


class _Rejects:
    """The inputs rejected for one reason so far."""

    __slots__ = ("count", "detail", "first")

    def __init__(self, detail: str | None) -> None:
        self.count = 0
        self.first: list[tuple[int, int]] = []
        self.detail = detail


def compute_lower_bound(requests: int, largest: tuple[str, int] | None, limits: PlanLimits) -> LowerBound:
    """Return the least time in which that number of *requests* can start.

    *largest* is the host with the most requests, and their number. The starts for one
    host are ``delay`` seconds apart, and ``rate`` spaces the starts of all hosts. The
    concurrency bounds nothing as long as the time of one request is unknown.
    """
    bound = LowerBound(0.0, Cause.NOTHING)
    if largest is not None and (seconds := (largest[1] - 1) * limits.delay) > bound.seconds:
        bound = LowerBound(seconds, Cause.DELAY, largest[0])
    if (seconds := least_time(requests, limits.rate)) > bound.seconds:
        bound = LowerBound(seconds, Cause.RATE)
    return bound
