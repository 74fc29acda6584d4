"""Breakers: what it means that a host, or everything, cannot be reached.

Knows which failures say so, and counts them. Does not know jobs, slots or sockets, or what time it is.

A host that could not be reached FEW times in a row is left alone for a while, tried again, and left alone for
longer. When it still can't be reached after GRACE its jobs that wait are given up, all at once, rather than by a
time-out for each. Where many hosts that have nothing to do with each other cannot be reached, one after the other, it
is not they who are down. Nor is it where many names cannot be looked up, one after the other, though pages of hosts
whose names are remembered still come: then it is the resolver.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

from penstock.core.model import Attempt, Slug

__all__ = ["FEW", "GRACE", "LONGEST", "MANY", "PATIENCE", "UNREACHED", "Breakers", "Storm", "looked_up", "reached"]

FEW: Final = 5
"""Failures in a row after which a host is left alone. One more than the attempts that one input gets, and another."""

FIRST: Final = 5.0
"""Seconds for which a host, or the network, is left alone at first; each time twice as long."""

LONGEST: Final = 300.0
"""Seconds for which a host is left alone at most."""

GRACE: Final = 30.0
"""Seconds after which the waiting jobs of a host that still can't be reached are given up; a restart takes less."""

KNOWN: Final = 10_000
"""Hosts in trouble that are remembered. To forget one costs a few more failures, not memory."""

MANY: Final = 10
"""Hosts that cannot be reached, with none in between that can, before it is us and not them."""

STEP: Final = 30.0
"""Seconds between two tries, at most, while it is us."""

PATIENCE: Final = 120.0
"""Seconds after which it is them after all: a list may really have none but dead hosts."""

UNREACHED: Final = frozenset(
    {
        Slug.DNS_TEMPORARY,
        Slug.TIMEOUT_DNS,
        Slug.CONNECT_REFUSED,
        Slug.CONNECT_UNREACHABLE,
        Slug.TIMEOUT_CONNECT,
    }
)


def reached(attempt: Attempt) -> bool | None:
    """Whether the host of *attempt* was there at all; None where the attempt tells nothing about that."""
    if attempt.error in UNREACHED:
        return False
    # A name that does not exist is the resolver's answer; what was blocked was never tried.
    return None if attempt.error in (Slug.DNS_NOT_FOUND, Slug.BLOCKED_ADDRESS) else True


def looked_up(attempt: Attempt) -> bool | None:
    """Whether a name server answered for *attempt*, be it that there is no such name; None where none was asked."""
    if attempt.error in (Slug.DNS_TEMPORARY, Slug.TIMEOUT_DNS):
        return False
    return True if attempt.times.dns else None


class Breakers:
    """One breaker a host; those of hosts without trouble take no memory."""

    def __init__(self) -> None:
        """No host is in trouble."""
        self._troubled: OrderedDict[Hashable, _Trouble] = OrderedDict()

    def good(self, key: Hashable) -> None:
        """*key* was reached."""
        if self._troubled:
            self._troubled.pop(key, None)

    def down(self, key: Hashable) -> bool:
        """Whether *key* is known to be down: left alone, or just tried again."""
        trouble = self._troubled.get(key) if self._troubled else None
        return trouble is not None and trouble.failures >= FEW

    def bad(self, key: Hashable, now: float) -> tuple[float | None, int]:
        """*key* could not be reached: until when to leave it alone, and the failures for which to give up its jobs.

        None where it is not to be left alone, 0 where its jobs are not to be given up.
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
        return trouble.until, trouble.failures if now - trouble.began >= GRACE else 0


class _Trouble:
    """*failures* in a row since *began*; left alone *until* then, and for *wait* seconds after the next."""

    __slots__ = ("began", "failures", "until", "wait")

    def __init__(self, now: float) -> None:
        self.failures = 0
        self.began = now
        self.until = now
        self.wait = FIRST


class Storm:
    """Whether it is us: MANY hosts in a row, each another one, could not be reached, or be looked up."""

    def __init__(self) -> None:
        """All is well."""
        self._clear()

    @property
    def raging(self) -> bool:
        """Whether it is us."""
        return self._began is not None

    def good(self) -> None:
        """Something was reached, or looked up: whatever was wrong is over."""
        if self._failing:
            self._clear()

    def _clear(self) -> None:
        self._failing: set[Hashable] = set()
        self._began: float | None = None
        self._until = 0.0
        self._wait = FIRST
        self._over = False

    def bad(self, key: Hashable, now: float) -> float | None:
        """*key* could not be reached: until when nothing that may end so should start; None where it is not us."""
        if self._over:
            return None
        if self._began is None:
            self._failing.add(key)
            if len(self._failing) < MANY:
                return None
            self._began, self._until = now, now + self._wait
        elif now >= self._until:
            if now - self._began >= PATIENCE:
                self._over, self._began = True, None
                return None
            self._wait = min(2 * self._wait, STEP)
            self._until = now + self._wait
        return self._until
