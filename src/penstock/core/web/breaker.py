"""Circuit breakers and outage detectors: what it means that a host, or everything, cannot be reached.

Knows which failures say so, and counts them. Does not know jobs, slots or sockets, or
what time it is.

A host that could not be reached FEW times in a row is parked for a while, tried again,
and parked for longer. If it still cannot be reached after its grace, its waiting jobs
are abandoned, all at once, rather than by a time-out for each. If many unrelated hosts
in a row cannot be reached, this machine is cut off: an outage. If many names in a row
cannot be looked up, though pages of hosts with known names still come, the resolver is
down. Dead hosts can look like an outage; what such a mistake may cost is bounded:
docs/decisions/outages.md. Why the frontier need not know: docs/decisions/breakers.md.
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
    "was_looked_up",
    "was_reached",
]

FEW: Final = 5
"""Failures in a row after which a host is parked: two more than the attempts of one input."""

FIRST: Final = 5.0
"""Seconds for which a host is parked at first; each time twice as long."""

LONGEST: Final = 300.0
"""Seconds for which a host is parked at most."""

GRACE: Final = 30.0
"""Seconds after which the waiting jobs of a host that answered before are abandoned; a restart takes less."""

NEW: Final = 5.0
"""The same for a host that never answered: there is no sign that it is only being restarted."""

KNOWN: Final = 10_000
"""Hosts of a kind that are remembered. To forget one costs a few more failures, or some patience, not memory."""

MANY: Final = 10
"""Hosts in a row that cannot be reached before that is an outage."""

SURER: Final = 4
"""The factor by which that number grows after a false alarm."""

PROBE: Final = 1.0
"""Seconds from the start of an outage to the first probe; each time twice as long."""

STEP: Final = 5.0
"""Seconds between two probes, at most."""

PATIENCE: Final = 90.0
"""Seconds that all false alarms of one run may cost; after that the hosts are blamed.
Enough for an outage of a minute."""

UNREACHED: Final = frozenset(
    {
        Reason.DNS_TEMPORARY,
        Reason.TIMEOUT_DNS,
        Reason.CONNECT_REFUSED,
        Reason.CONNECT_UNREACHABLE,
        Reason.TIMEOUT_CONNECT,
    }
)


def was_reached(attempt: Attempt) -> bool | None:
    """Return whether *attempt* reached its host; None if it tells nothing about that."""
    if attempt.error in UNREACHED:
        return False
    # A name that does not exist is the resolver's answer; a blocked address was never
    # tried.
    return None if attempt.error in (Reason.DNS_NOT_FOUND, Reason.BLOCKED_ADDRESS) else True


def was_looked_up(attempt: Attempt) -> bool | None:
    """Return whether a name server answered, also that there is no such name; None if none was asked."""
    if attempt.error in (Reason.DNS_TEMPORARY, Reason.TIMEOUT_DNS):
        return False
    return True if attempt.times.dns else None


class Breakers:
    """One circuit breaker a host; hosts without trouble take no memory."""

    def __init__(self) -> None:
        """Start with no host in trouble."""
        self._troubled: OrderedDict[Hashable, _Trouble] = OrderedDict()
        # The hosts that answered last, and the KNOWN before them.
        self._answered: set[Hashable] = set()
        self._answered_before: set[Hashable] = set()

    def good(self, key: Hashable) -> None:
        """Note that *key* was reached."""
        if self._troubled:
            self._troubled.pop(key, None)
        if key not in self._answered:
            if len(self._answered) >= KNOWN:
                self._answered_before, self._answered = self._answered, set()
            self._answered.add(key)

    def bad(self, key: Hashable, now: float) -> tuple[float | None, int]:
        """Note that *key* could not be reached; return when its park ends, and the failures so far.

        None if it is not parked, 0 failures if its jobs are not to be abandoned.
        """
        trouble = self._troubled.pop(key, None) or _Trouble(now)
        self._troubled[key] = trouble
        if len(self._troubled) > KNOWN:
            self._troubled.popitem(last=False)
        trouble.failures += 1
        if trouble.failures < FEW:
            return None, 0
        # An attempt that was in flight when it was parked says nothing new.
        if now >= trouble.until:
            trouble.until, trouble.wait = now + trouble.wait, min(2 * trouble.wait, LONGEST)
        answered = key in self._answered or key in self._answered_before
        grace = GRACE if answered else NEW
        return trouble.until, trouble.failures if now - trouble.began >= grace else 0


class _Trouble:
    """*failures* in a row since *began*; parked *until* then, and for *wait* seconds after the next."""

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
    """The seconds that false alarms may still cost in this run, of both detectors together."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        """Start with PATIENCE."""
        self.left = PATIENCE


class OutageDetector:
    """Detects an outage of our own: MANY different hosts in a row could not be reached, or looked up.

    A host counts once until it is reached, and not at all if another one was reached
    during its attempt. Every outage is charged to *budget* until most of the hosts that
    were held back are reached: then it was real, and the seconds are refunded.
    Otherwise it was a false alarm, and the next one takes SURER times as many hosts.
    With nothing left in the budget no outage is detected.
    """

    def __init__(self, budget: OutageBudget) -> None:
        """Start without an outage."""
        self._budget = budget
        self._many = MANY
        # Hosts that failed since one was reached last, and hosts whose failure is their
        # own.
        self._failing: OrderedDict[Hashable, None] = OrderedDict()
        self._blamed: OrderedDict[Hashable, None] = OrderedDict()
        self._last_good = float("-inf")
        self._began: float | None = None
        self._until = 0.0
        self._wait = PROBE
        self._held: set[Hashable] = set()
        self._past: _Past | None = None

    @property
    def active(self) -> bool:
        """Whether there is an outage."""
        return self._began is not None

    def good(self, key: Hashable, now: float) -> None:
        """Note that *key* was reached, or looked up, at *now*: an outage is over."""
        self._last_good = now
        if self._failing:
            if self._began is not None:
                self._end(now - self._began)
            for failing in self._failing:
                _remember(self._blamed, failing)
            self._failing.clear()
        if self._blamed:
            self._blamed.pop(key, None)
        if self._past is not None and self._past.count_back(key):
            # It was a real outage.
            self._budget.left, self._many, self._past = self._budget.left + self._past.cost, MANY, None

    def bad(self, key: Hashable, now: float, took: float = 0.0) -> float | None:
        """Note that an attempt of *took* seconds did not reach *key*; return when the next probe may start.

        None if there is no outage.
        """
        if self._began is None:
            if self._budget.left <= 0.0 or key in self._blamed:
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
            if now - self._began >= self._budget.left:
                self._end(now - self._began)
                return None
            self._wait = min(2 * self._wait, STEP)
            self._until = min(now + self._wait, self._began + self._budget.left)
        _remember(self._failing, key)
        self._held.add(key)
        return self._until

    def _end(self, cost: float) -> None:
        """Take the outage for a false alarm, until the hosts that it held back prove otherwise."""
        self._began = None
        self._budget.left -= cost
        if cost >= PROBE:
            self._many *= SURER
        self._past, self._held = _Past(self._held, cost), set()


class _Past:
    """An outage that is over: the *hosts* that it held back, and the seconds that it cost."""

    __slots__ = ("_hosts", "_most", "cost")

    def __init__(self, hosts: set[Hashable], cost: float) -> None:
        self.cost = cost
        self._hosts = hosts
        self._most = len(hosts) / 2

    def count_back(self, key: Hashable) -> bool:
        """Note that *key* can be reached; return whether most of the hosts can by now."""
        self._hosts.discard(key)
        return len(self._hosts) < self._most


class OutageDetectors:
    """Detect whether *everything* is out of reach, or only *names* cannot be looked up; both share one budget."""

    __slots__ = ("everything", "names")

    def __init__(self) -> None:
        """Start without an outage."""
        budget = OutageBudget()
        self.everything = OutageDetector(budget)
        self.names = OutageDetector(budget)
