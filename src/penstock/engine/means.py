"""What the machine gives for requests: memory for bodies, and descriptors for connections.

Knows how much of it is taken, and the limits that are lowered where it gives out. Does not know libcurl, or requests.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import Final, Protocol

from penstock.core.schedule.answers import Bottleneck
from penstock.core.schedule.limits import Limits
from penstock.core.schedule.shortage import Allowance

__all__ = ["Means", "Memory", "no_descriptors"]

AGAIN: Final = 0.75
"""The share of the bound below which there is room again. Room and none in turn at each chunk would cost a walk over
all keys each time."""

FLEETING: Final = 1.0
"""Seconds after a shortage in which what looks like one is one, though another request's end has left a descriptor."""

_GONE: Final = (errno.EMFILE, errno.ENFILE)


class Paused(Protocol):
    """A response that has refused to take more."""


class Memory:
    """Counts the bytes of bodies: *held* by responses under way, and *waiting* to be taken as outcomes.

    *most* is the bound, None for no limit, and *body* the most that one body may take. While ``full``, a response takes
    no more, but for the *first*: that one may come to its end, within *body*, so that there is room again; where
    outcomes wait to be taken it is they that make room. So what all hold is at most *most*, or half of it and one
    *body*, and a piece of 64 KiB at most for each of the others. What the process takes is at most twice that, and what
    it takes without any body: see docs/decisions/memory.md.
    """

    __slots__ = ("_enough", "_most", "first", "held", "paused", "waiting")

    def __init__(self, most: int | None = None, body: int = 0) -> None:
        """Nothing is held."""
        self.held = 0
        self.waiting = 0
        self.first: Paused | None = None
        # How many responses have been told to wait.
        self.paused = 0
        self._enough = float("inf") if most is None else max(most - body, most // 2, 1)
        self._most = self._enough + body

    @property
    def full(self) -> bool:
        """Whether as much is held as may be."""
        return self.held + self.waiting >= self._enough

    @property
    def roomy(self) -> bool:
        """Whether there is room again that is worth a start."""
        return self.held + self.waiting < self._enough * AGAIN

    def leave(self, response: Paused) -> None:
        """*response* is over."""
        if response is self.first:
            self.first = None

    def refuses(self, response: Paused) -> bool:
        """Whether *response* is to take no more for now."""
        total = self.held + self.waiting
        return total >= self._enough and (response is not self.first or (self.waiting > 0 and total >= self._most))


class Means:
    """Sees that *limits* are within what there is, and says so by *tell*, once.

    *undelivered* counts the bytes of outcomes that wait to be taken. *memory* and *body* are as of ``Memory``.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        undelivered: Callable[[], int] = int,
        memory: int | None = None,
        body: int = 0,
        tell: Callable[[str], object] = str,
    ) -> None:
        """There is enough of everything."""
        self.memory = Memory(memory, body)
        self._limits = limits
        self._undelivered = undelivered
        self._tell = tell
        self._told = False
        self._allowance = Allowance()
        self._short_at = float("-inf")

    @property
    def bound(self) -> Bottleneck | None:
        """What of it keeps more from starting, if anything does; the frontier itself says so of memory."""
        return Bottleneck.DESCRIPTORS if self._allowance.lowered else None

    @property
    def most(self) -> int:
        """How many requests may run; 0 where nobody limits them here."""
        return 0 if self._limits is None else self._limits.concurrency

    def look(self, now: float, finished: int) -> int | None:
        """Count again, and let the limits be what there is room for at *now*; how many may run, where that is more.

        *finished* bytes are on their way to be outcomes.
        """
        memory, limits = self.memory, self._limits
        memory.waiting = self._undelivered() + finished
        if limits is None:
            return None
        if memory.roomy if limits.full else memory.full:
            limits.full = not limits.full
        if self._allowance.lowered and (most := self._allowance.look(limits.concurrency, now)) != limits.concurrency:
            limits.concurrency = most
            return most
        return None

    def lack(self, now: float, os_errno: int | None, *, ipv4: bool) -> str | None:
        """What a request lacked that could not be begun at *now*, if it is that: it failed for want of *os_errno*.

        libcurl and c-ares do not say when a socket could not be made (libcurl's OS_ERRNO is 0 then), so it is tried.
        EADDRNOTAVAIL means that no port is left where it comes with an *ipv4* address; with IPv6 it says as well that
        the machine has none.
        """
        if os_errno == errno.EADDRNOTAVAIL and ipv4:
            lacking = "ports for connections"
        elif no_descriptors() or (not os_errno and now - self._short_at < FLEETING):
            lacking = "file descriptors"
        else:
            return None
        self._short_at = now
        return lacking

    def lower(self, lacking: str, running: int, now: float) -> int | None:
        """Let no more than some of *running* requests run, as there were none *lacking* for another; how many.

        None where there are no limits to be lowered.
        """
        limits = self._limits
        if limits is None:
            return None
        most = self._allowance.short(limits.concurrency, running, now)
        if most != limits.concurrency:
            limits.concurrency = most
        if not self._told:
            self._told = True
            self._tell(f"there are no {lacking} left; fewer requests run at once, until there are. Nothing is lost")
        return most


def no_descriptors() -> bool:
    """Whether this process, or the machine, has no descriptor left."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        return error.errno in _GONE
    return False
