"""Breakers: what it means that a host, or everything, cannot be reached.

Knows which failures say so, and counts them. Does not know jobs, slots or sockets, or what time it is.

A host that could not be reached FEW times in a row is left alone for a while, tried again, and left alone for
longer. If it still can't be reached after its grace, its jobs that wait are given up, all at once, rather than by a
time-out for each. If many hosts that have nothing to do with each other cannot be reached, one after the other, it
is not they who are down. Nor is it if many names cannot be looked up, one after the other, though pages of hosts
whose names are remembered still come: then it is the resolver. Dead hosts can look like that; what such a mistake may
cost is bounded: docs/decisions/outages.md.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

from penstock.core.web.model import Attempt, Reason

__all__ = [
    "FEW",
    "GRACE",
    "LONGEST",
    "MANY",
    "NEW",
    "PATIENCE",
    "UNREACHED",
    "Breakers",
    "OutageBudget",
    "OutageDetector",
    "OutageDetectors",
    "looked_up",
    "reached",
]

FEW: Final = 5
"""Failures in a row after which a host is left alone. One more than the attempts that one input gets, and another."""

FIRST: Final = 5.0
"""Seconds for which a host is left alone at first; each time twice as long."""

LONGEST: Final = 300.0
"""Seconds for which a host is left alone at most."""

GRACE: Final = 30.0
"""Seconds after which the waiting jobs of a host that answered before are given up; a restart takes less."""

NEW: Final = 5.0
"""Seconds after which those of a host that never answered are: there is no sign that it is only being restarted."""

KNOWN: Final = 10_000
"""Hosts of a kind that are remembered. To forget one costs a few more failures, or some patience, not memory."""

MANY: Final = 10
"""Hosts that cannot be reached, with none in between that can, before it is us and not them."""

SURER: Final = 4
"""How many times as many it takes after a mistake."""

PROBE: Final = 1.0
"""Seconds from when it is us to the first try; each time twice as long."""

STEP: Final = 5.0
"""Seconds between two tries, at most, while it is us."""

PATIENCE: Final = 90.0
"""Seconds that all mistakes of one run may cost: beyond them it is the hosts. Enough for an outage of a minute."""

UNREACHED: Final = frozenset(
    {
        Reason.DNS_TEMPORARY,
        Reason.TIMEOUT_DNS,
        Reason.CONNECT_REFUSED,
        Reason.CONNECT_UNREACHABLE,
        Reason.TIMEOUT_CONNECT,
    }
)


def reached(attempt: Attempt) -> bool | None:
    """Whether the host of *attempt* was there at all; None where the attempt tells nothing about that."""
    if attempt.error in UNREACHED:
        return False
    # A name that does not exist is the resolver's answer; what was blocked was never tried.
    return None if attempt.error in (Reason.DNS_NOT_FOUND, Reason.BLOCKED_ADDRESS) else True


def looked_up(attempt: Attempt) -> bool | None:
    """Whether a name server answered for *attempt*, be it that there is no such name; None where none was asked."""
    if attempt.error in (Reason.DNS_TEMPORARY, Reason.TIMEOUT_DNS):
        return False
    return True if attempt.times.dns else None


class Breakers:
    """One breaker a host; those of hosts without trouble take no memory."""

    def __init__(self) -> None:
        """No host is in trouble."""
        self._troubled: OrderedDict[Hashable, _Trouble] = OrderedDict()
        self._answered: OrderedDict[Hashable, None] = OrderedDict()

    def good(self, key: Hashable) -> None:
        """*key* was reached."""
        if self._troubled:
            self._troubled.pop(key, None)
        if key not in self._answered:
            _remember(self._answered, key)

    def bad(self, key: Hashable, now: float) -> tuple[float | None, int]:
        """*key* could not be reached: until when to leave it alone, and the failures for which to give up its jobs.

        None if it is not to be left alone, 0 if its jobs are not to be given up.
        """
        trouble = self._troubled.pop(key, None) or _Trouble(now)
        self._troubled[key] = trouble
        if len(self._troubled) > KNOWN:
            self._troubled.popitem(last=False)
        trouble.failures += 1
        if trouble.failures < FEW:
            return None, 0
        # What was under way when it was left alone says nothing new.
        if now >= trouble.until:
            trouble.until, trouble.wait = now + trouble.wait, min(2 * trouble.wait, LONGEST)
        grace = GRACE if key in self._answered else NEW
        return trouble.until, trouble.failures if now - trouble.began >= grace else 0


class _Trouble:
    """*failures* in a row since *began*; left alone *until* then, and for *wait* seconds after the next."""

    __slots__ = ("began", "failures", "until", "wait")

    def __init__(self, now: float) -> None:
        self.failures = 0
        self.began = now
        self.until = now
        self.wait = FIRST


def _remember(keys: OrderedDict[Hashable, None], key: Hashable) -> None:
    keys[key] = None
    if len(keys) > KNOWN:
        keys.popitem(last=False)


class OutageBudget:
    """The seconds that all mistakes of a run may still cost, whichever storm makes them."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        """None was made."""
        self.left = PATIENCE


class OutageDetector:
    """Whether it is us: MANY hosts in a row, each another one, could not be reached, or be looked up.

    A host counts once until it is reached, and not at all if another one was reached while it was being tried.
    A mistake is paid for with *patience*, and the next storm takes SURER times as many hosts. It was no mistake if most
    of the hosts that were held back can be reached afterwards. If no patience is left, it is never us.
    """

    def __init__(self, patience: OutageBudget) -> None:
        """All is well."""
        self._patience = patience
        self._many = MANY
        # Those that failed since something was reached last, and those whose failure is their own.
        self._failing: OrderedDict[Hashable, None] = OrderedDict()
        self._blamed: OrderedDict[Hashable, None] = OrderedDict()
        self._last_good = float("-inf")
        self._began: float | None = None
        self._until = 0.0
        self._wait = PROBE
        self._held: set[Hashable] = set()
        self._past: _Past | None = None

    @property
    def raging(self) -> bool:
        """Whether it is us."""
        return self._began is not None

    def good(self, key: Hashable, now: float) -> None:
        """*key* was reached, or looked up, at *now*: whatever was wrong is over."""
        self._last_good = now
        if self._failing:
            if self._began is not None:
                self._end(now - self._began)
            for failing in self._failing:
                _remember(self._blamed, failing)
            self._failing.clear()
        if self._blamed:
            self._blamed.pop(key, None)
        if self._past is not None and self._past.back(key):
            # It was us indeed.
            self._patience.left, self._many, self._past = self._patience.left + self._past.cost, MANY, None

    def bad(self, key: Hashable, now: float, took: float = 0.0) -> float | None:
        """*key* could not be reached, after *took* seconds of trying: until when nothing that may end so should start.

        None if it is not us.
        """
        if self._began is None:
            if self._patience.left <= 0.0 or key in self._blamed:
                return None
            if self._last_good > now - took:
                _remember(self._blamed, key)
                return None
            _remember(self._failing, key)
            if len(self._failing) < self._many:
                return None
            self._began, self._wait = now, PROBE
            self._until = now + self._wait
        elif now >= self._until:
            if now - self._began >= self._patience.left:
                self._end(now - self._began)
                return None
            self._wait = min(2 * self._wait, STEP)
            self._until = min(now + self._wait, self._began + self._patience.left)
        _remember(self._failing, key)
        self._held.add(key)
        return self._until

    def _end(self, cost: float) -> None:
        """Take the storm for a mistake, until the hosts that it held back say otherwise."""
        self._began = None
        self._patience.left -= cost
        if cost >= PROBE:
            self._many *= SURER
        self._past, self._held = _Past(self._held, cost), set()


class _Past:
    """A storm that is over: the *hosts* that it held back, and the seconds that it cost."""

    __slots__ = ("_hosts", "_most", "cost")

    def __init__(self, hosts: set[Hashable], cost: float) -> None:
        self.cost = cost
        self._hosts = hosts
        self._most = len(hosts) / 2

    def back(self, key: Hashable) -> bool:
        """*key* can be reached; whether most of the hosts can by now."""
        self._hosts.discard(key)
        return len(self._hosts) < self._most


class OutageDetectors:
    """Whether *everything* is out of reach, or only *names* cannot be looked up; their mistakes share one patience."""

    __slots__ = ("everything", "names")

    def __init__(self) -> None:
        """All is well."""
        patience = OutageBudget()
        self.everything = OutageDetector(patience)
        self.names = OutageDetector(patience)
