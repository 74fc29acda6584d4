"""What a list would come to before anything is sent: what is in it, and the least time that the limits allow.

Knows counts and limits. Does not know how a list is read, nor how fast anybody answers: what depends on that is left
out of the bound rather than guessed. So the bound is one from below: answers, retries and redirects only add to it.
Only a host that can't be reached takes less, since its inputs are given up together.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Final, Protocol

from msgspec import Struct

from penstock.core.schedule.limits import least_time
from penstock.core.web.model import Reason, Skipped

__all__ = ["Cause", "Hosts", "Limits", "Load", "LowerBound", "Plan", "Refusal", "Survey", "lower_bound"]

LINES_SHOWN: Final = 5
"""Lines that are named of those refused for one reason."""


class Limits(Struct, frozen=True):
    """The limits that a list is held against; times in seconds, *rate* in starts a second."""

    concurrency: int
    per_host: int
    delay: float
    rate: float | None


class Load(Struct, frozen=True):
    """One *host*: the *requests* for it, and the *seconds* it needs at least, were it alone."""

    host: str
    requests: int
    seconds: float


class Refusal(Struct, frozen=True):
    """Inputs that ask for nothing possible: why, how many, *first* the (seq, line) of some, *detail* of the first."""

    reason: Reason
    count: int
    first: tuple[tuple[int, int], ...]
    detail: str | None


class Cause(enum.StrEnum):
    """What sets a lower bound."""

    NOTHING = "nothing"
    DELAY = "delay"
    RATE = "rate"


class LowerBound(Struct, frozen=True):
    """The *seconds* that the work takes at least, and what sets them; *host* is whose delay it is."""

    seconds: float
    cause: Cause
    host: str | None = None


class Plan(Struct, frozen=True, kw_only=True):
    """What a list would come to. All counts are exact.

    *inputs* = *refused* + *requests*, and where duplicates are left out (*unique*), + *duplicates*; else those are
    among the requests. *loads* are the hosts with most requests, most first, of *hosts*. *bound* holds for all
    of the list, *rest* for what is left of it without the host that has most requests.
    """

    inputs: int
    refusals: tuple[Refusal, ...]
    requests: int
    duplicates: int
    unique: bool
    hosts: int
    loads: tuple[Load, ...]
    limits: Limits
    bound: LowerBound
    rest: LowerBound

    @property
    def refused(self) -> int:
        """How many inputs ask for nothing possible."""
        return sum(refusal.count for refusal in self.refusals)


class Hosts(Protocol):
    """Counts hosts, however many there are."""

    def add(self, name: str, /) -> None:
        """One more request for that host."""

    def names(self) -> int:
        """How many hosts came."""

    def largest(self, most: int, /) -> Sequence[tuple[str, int]]:
        """The hosts with most requests, and how many, most first."""


class Survey:
    """Counts the inputs of a list one after the other. Where *unique*, duplicates are not requested."""

    def __init__(self, hosts: Hosts, *, unique: bool = False) -> None:
        """*hosts* has counted nothing yet."""
        self._hosts = hosts
        self._unique = unique
        self._requests = 0
        self._duplicates = 0
        self._refused: dict[Reason, _Refused] = {}

    def request(self, host: str, *, again: bool) -> None:
        """An input that asks for something of *host*; *again*: as an earlier one did."""
        if again:
            self._duplicates += 1
            if self._unique:
                return
        self._requests += 1
        self._hosts.add(host)

    def refuse(self, skipped: Skipped, line: int) -> None:
        """An input on that *line* that asks for nothing possible."""
        assert skipped.error is not None
        refused = self._refused.get(skipped.error)
        if refused is None:
            refused = self._refused[skipped.error] = _Refused(skipped.detail)
        refused.count += 1
        if len(refused.first) < LINES_SHOWN:
            refused.first.append((skipped.seq, line))

    def plan(self, limits: Limits, most: int = 10) -> Plan:
        """What it comes to within *limits*; the *most* hosts with most requests are named."""
        largest = self._hosts.largest(max(most, 2))
        first, second = (*largest, None, None)[:2]
        refusals = [
            Refusal(reason, refused.count, tuple(refused.first), refused.detail)
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
                Load(host, number, lower_bound(number, (host, number), limits).seconds)
                for host, number in largest[:most]
            ),
            limits=limits,
            bound=lower_bound(self._requests, first, limits),
            rest=lower_bound(self._requests - (first[1] if first else 0), second, limits),
        )


class _Refused:
    """Those refused for one reason so far."""

    __slots__ = ("count", "detail", "first")

    def __init__(self, detail: str | None) -> None:
        self.count = 0
        self.first: list[tuple[int, int]] = []
        self.detail = detail


def lower_bound(requests: int, largest: tuple[str, int] | None, limits: Limits) -> LowerBound:
    """The least time in which so many *requests* can be started, *largest* being the host with most, and how many.

    The starts for one host are ``delay`` seconds apart, and those for all as far as ``rate`` wants them. How many
    may run at once bounds nothing as long as nobody knows how long one takes.
    """
    bound = LowerBound(0.0, Cause.NOTHING)
    if largest is not None and (seconds := (largest[1] - 1) * limits.delay) > bound.seconds:
        bound = LowerBound(seconds, Cause.DELAY, largest[0])
    if (seconds := least_time(requests, limits.rate)) > bound.seconds:
        bound = LowerBound(seconds, Cause.RATE)
    return bound
