"""How fast a host can be asked, and how many requests at once are worth it, learned from what comes back.

Never faster than the limits. Arithmetic on times that are handed in. Does not know slots, sockets or jobs, or what
time it is.

Each host: whatever says that it is too much (429, 503, a time-out, answers that take far longer than they used to)
doubles the time between two starts; each answer that is fine takes a twentieth of it away. So a host that recovers is
at its limits again within 20 times the time it had been slowed to, 200 s at most (a geometric series); and
one that bears so many requests a second and no more gets between half and all of them. Answers that take long slow a
host down no further than to one request at a time. A host that is busy now and then, however slowly it is asked, is
asked as fast as before: docs/decisions/pace.md.

All hosts: more at once only as long as more comes back for it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from typing import Any, Final, NamedTuple

from penstock.core.web.model import Attempt, Reason

__all__ = ["AT_FIRST", "KNOWN", "LEAST", "LONGEST", "RECOVERY", "AdaptiveDelays", "ConcurrencyProbe", "Learned"]

LEAST: Final = 0.25
"""Seconds between two starts up to which a host that is mostly busy is slowed down in longer steps."""

SOONEST: Final = 0.0005
LATEST: Final = 5.0
"""Seconds between two answers of a host that is not slowed down, as they are reckoned with, at the least and most."""

STEEP: Final = 4.0
"""How many times as much the time between two starts becomes by one of those longer steps."""

MOSTLY: Final = 0.5
"""The share of busy answers, of the last few, from which on a host is slowed down without asking whether it helps."""

RECENT: Final = 1 / 8
"""The weight of one answer in that share: it takes five busy ones in a row, where they are few."""

SLOWED: Final = 1.4
"""How many times as much as before the time between two starts must be for an answer to say whether it helps."""

ON_TRIAL: Final = 2.5
"""How many times as much it may become before that is known."""

FURTHER: Final = 1.2
"""The factor by which that bound grows if a host that is mostly busy is still busy too often there. A host that bears
a request in 2.2 to 2.4 times the delay would else be busy for one answer in three, for good: the bound leaves no room
for answers that are fine before the next busy one."""

ENOUGH: Final = 8.0
"""Busy answers that would have to come of a host that is slowed down, if that did not help, to tell whether it does."""

MEMORY: Final = 512
"""Answers after which what was so before counts half."""

DEAF: Final = 32
DEAFEST: Final = 4_096
"""Answers for which a host goes on as before, if slowing down does not help; each time twice as many, up to a bound."""

LONGEST: Final = 10.0
"""Seconds between two starts at the most. A host that says 503 to everything would keep a run from its end for longer
than anybody waits; one that wants more time can say so (Retry-After, Crawl-delay). lychee stops at 10 s as well, where
it is the server's trouble, and at 30 s where it is the client's."""

RECOVERY: Final = 0.95
"""What an answer that is fine leaves of the time between two starts."""

KNOWN: Final = 10_000
"""Hosts that are remembered, those heard of last. To forget one costs it a few requests, not memory."""

PATIENT: Final = 3.0
"""How many times as long as usual answers must take, of late, to mean that the host is overcharged."""

NOTICED: Final = 0.5
"""Seconds by which they must take longer besides: what is quick has reason to waver."""

USUAL: Final = 1 / 64
LATELY: Final = 1 / 4
"""The weight of one answer in the averages of how long answers take."""

FEW: Final = 8
"""Answers before anything is said of how long they usually take."""

_BUSY: Final = frozenset({429, 503})
_LATE: Final = frozenset({Reason.TIMEOUT, Reason.TIMEOUT_BODY, Reason.TIMEOUT_FIRST_BYTE})


class Learned(NamedTuple):
    """What was learned of hosts and outlives a session.

    *parked* are those to be left alone, and until when, in seconds since 1970; *slowed* those that are slowed down, and
    the seconds between two starts on each; *noted* is when that was so, in seconds since 1970, if it is known.
    """

    parked: Mapping[Any, float] = {}
    slowed: Mapping[Any, float] = {}
    noted: float = float("-inf")

    def left(self, now: float) -> dict[Any, float]:
        """Return the seconds for which each parked host is still to be left alone at *now*, since 1970.

        Never more than there were when it was noted: the clock may have been set back since. Below 0, it is over.
        """
        return {host: min(until - now, until - self.noted) for host, until in self.parked.items()}


class AdaptiveDelays:
    """The seconds between two starts that each host is found to need, beyond those that the limits leave it anyway."""

    def __init__(self, learned: Mapping[Hashable, float] | None = None) -> None:
        """*learned* are the seconds of an earlier session, by host."""
        self._hosts: OrderedDict[Hashable, _Host] = OrderedDict()
        for key, spacing in (learned or {}).items():
            self._host(key).spacing = min(spacing, LONGEST)

    def spacing(self, key: Hashable) -> float:
        """Seconds that starts on *key* should be apart; 0 where nothing is against it."""
        host = self._hosts.get(key)
        return host.spacing if host is not None else 0.0

    def heed(self, attempt: Attempt, now: float) -> None:
        """Learn from *attempt*, finished at *now*."""
        if attempt.error is not None and attempt.error not in _LATE:
            return  # breakers see to hosts that can't be reached
        host = self._host(attempt.job.key)
        if now - attempt.times.total < host.changed:
            return  # it was begun before the last step, and tells of the time before it
        busy = attempt.error is not None or attempt.status in _BUSY
        host.take(attempt.times.total, now, busy=busy)
        if busy:
            host.yield_way(now)
        elif host.lags(attempt.times.first_byte):
            host.slow_down(max(LEAST, host.lately), now)
        elif host.spacing:
            host.spacing *= RECOVERY
            if host.spacing < host.gap:
                host.spacing = 0.0

    def learned(self) -> dict[Hashable, float]:
        """The hosts that are slowed down, and the seconds between two starts on each."""
        return {key: host.spacing for key, host in list(self._hosts.items()) if host.spacing}

    def _host(self, key: Hashable) -> _Host:
        host = self._hosts.get(key)
        if host is None:
            host = self._hosts[key] = _Host()
            if len(self._hosts) > KNOWN:
                self._hosts.popitem(last=False)
        else:
            self._hosts.move_to_end(key)
        return host


class _Host:
    """*spacing* since *changed*; *usual* and *lately* are averages of the seconds until an answer began.

    *gap* is the time between two answers while it is not slowed down, *recent* the share of busy ones among the last.
    """

    __slots__ = (
        "answers",
        "changed",
        "deaf",
        "deafness",
        "gap",
        "gaps",
        "heard",
        "lately",
        "quiet",
        "recent",
        "spacing",
        "trial",
        "usual",
        "whole",
    )

    def __init__(self) -> None:
        self.spacing = 0.0
        self.changed = float("-inf")
        self.answers = 0
        self.usual = self.lately = 0.0
        self.heard: float | None = None
        self.gap = self.recent = 0.0
        self.gaps = 0
        # Answers since the last busy one.
        self.quiet = 0
        # Whether it helps to slow down at all, and beyond what was found to help.
        self.whole: _Trial | None = None
        self.trial: _Trial | None = None
        # For how many answers no busy one counts, and for how many the next time.
        self.deaf, self.deafness = 0, DEAF

    def take(self, total: float, now: float, *, busy: bool) -> None:
        """Count an answer that took *total* seconds; if it settles whether slowing down helps, act on it."""
        if self.heard is None:
            self.gap = min(max(total, SOONEST), LATEST)
        elif not self.spacing:
            gap = now - self.heard
            gap = SOONEST if gap < SOONEST else min(gap, LATEST)
            self.gaps += 1
            self.gap += (gap - self.gap) * (LATELY if self.gaps * LATELY >= 1 else 1 / self.gaps)
        self.heard = now
        self.quiet += 1
        if self.whole is None and not busy:
            return
        self.recent += (busy - self.recent) * RECENT
        if self.deaf:
            self.deaf -= 1
        if self.whole is not None:
            self.whole.base = self.gap
            if self.whole.settles(self.spacing, busy=busy) and not self.whole.helps:
                self._give_back(0.0)
        if self.trial is not None and self.trial.settles(self.spacing, busy=busy):
            if self.trial.helps:
                self.trial, self.deafness = None, DEAF
            else:
                self._give_back(self.trial.base)

    def _give_back(self, spacing: float) -> None:
        """Go back to *spacing*: to wait for longer does not help."""
        self.spacing, self.trial = min(spacing, self.spacing), None
        self.deaf, self.deafness = self.deafness, min(2 * self.deafness, DEAFEST)

    def yield_way(self, now: float) -> None:
        """Slow down after a busy answer, unless that is known not to help."""
        apart = max(self.spacing, self.gap)
        if self.whole is None:
            self.whole = _Trial(self.gap, self.quiet)
        if self.recent >= MOSTLY:
            self.trial, self.deaf = None, 0
            self._wait(min(STEEP * apart, max(2 * self.spacing, LEAST)), now)
        elif not self.deaf:
            most = self.whole.reach * self.gap
            if self.whole.helps or apart > most:
                if self.trial is None or SLOWED * apart < self.trial.base:
                    self.trial = _Trial(min(apart, LONGEST / ON_TRIAL), self.quiet)
                most = self.trial.reach * self.trial.base
            self._wait(min(2 * apart, most), now)
        self.quiet = 0

    def slow_down(self, most: float, now: float) -> None:
        """Double the time between two starts, but to no more than *most* seconds."""
        self._wait(min(max(2 * self.spacing, LEAST), most), now)

    def _wait(self, seconds: float, now: float) -> None:
        wanted = min(seconds, LONGEST)
        if wanted > self.spacing:
            self.spacing, self.changed = wanted, now

    def lags(self, seconds: float) -> bool:
        """Take in how long an answer took; whether they take far longer than they used to."""
        self.answers += 1
        # At first the plain mean, so that the first answer, with its connection, does not count for long.
        self.usual += (seconds - self.usual) * max(USUAL, 1 / self.answers)
        self.lately += (seconds - self.lately) * max(LATELY, 1 / self.answers)
        return self.answers > FEW and self.lately > max(PATIENT * self.usual, self.usual + NOTICED)


class _Trial:
    """Whether fewer answers are busy if starts are further apart than *base* seconds.

    Until that is known they are no more than *reach* times as far apart.
    """

    __slots__ = ("_busy", "_busy_slowed", "_slowed", "_taken", "base", "helps", "reach")

    def __init__(self, base: float, taken: int) -> None:
        """*taken* answers came while they were so far apart, of which the last was busy."""
        self.base = base
        self.helps = False
        self.reach = ON_TRIAL
        self._taken, self._busy = taken, 1.0
        self._slowed = self._busy_slowed = 0

    def settles(self, spacing: float, *, busy: bool) -> bool:
        """Count an answer to a request started after *spacing* seconds; whether *helps* is known by it, or anew."""
        if spacing < SLOWED * self.base:
            if self._taken >= MEMORY:
                self._taken, self._busy = self._taken // 2, self._busy / 2
            self._taken += 1
            self._busy += busy
            return False
        self._slowed += 1
        self._busy_slowed += busy
        share = self._busy / self._taken
        expected = self._slowed * share
        if expected < ENOUGH:
            return False
        self.helps = 2 * self._busy_slowed < expected
        fewer = self._busy_slowed < expected
        self._slowed = self._busy_slowed = 0
        if self.helps or share < MOSTLY:
            return True
        # A host that is busy nearly always is not asked faster for it.
        if fewer:
            self.reach *= FURTHER
        return False


AT_FIRST: Final = 100
"""Requests at once with which a run begins, where more may be."""

PERIOD: Final = 1.0
"""Seconds for which completions are counted at least, and until there were TURNS for each that may run."""

TURNS: Final = 2

WORTH_IT: Final = 1.1
"""How many times as much must come back for it to be worth having had more at once."""

CONTENT: Final = 30.0
"""Seconds after which more at once are tried again, where they were not worth it."""


class ConcurrencyProbe:
    """How many requests at once are worth having: half as many again each time, as long as more comes back for it.

    Where it was not worth it, it is taken back, and tried again after CONTENT seconds.
    """

    __slots__ = ("_back_to", "_before", "_began", "_count", "_full", "_more_at", "allowed")

    def __init__(self, allowed: int = AT_FIRST) -> None:
        """Begin with *allowed* at once."""
        self.allowed = allowed
        self._began: float | None = None
        self._count = 0
        self._full = False
        # Completions a second before the last step, and what was allowed then; None where none is being tried.
        self._before = 0.0
        self._back_to: int | None = None
        self._more_at = float("-inf")

    def ended(self, running: int, now: float) -> bool:
        """One of *running* requests ended at *now*; whether *allowed* is another one now."""
        self._count += 1
        self._full = self._full or running >= self.allowed
        if self._began is None:
            self._began = now
        if now - self._began < PERIOD or self._count < TURNS * self.allowed:
            return False
        speed, full = self._count / (now - self._began), self._full
        self._began, self._count, self._full = now, 0, False
        return self._step(speed, now) if full else False

    def _step(self, speed: float, now: float) -> bool:
        if self._back_to is not None and speed < WORTH_IT * self._before:
            self.allowed, self._back_to, self._more_at = self._back_to, None, now + CONTENT
            return True
        if now < self._more_at:
            return False
        self._before, self._back_to = speed, self.allowed
        self.allowed += max(1, self.allowed // 2)
        return True
