"""Adaptive delays: how far apart the requests to a host must be, learned from its answers.

They only add to the delay that the user set. Arithmetic on times that the caller gives.
Does not know slots, sockets or jobs, or what time it is.

Every sign of overload (429, 503, a time-out, answers that take far longer than before)
doubles the time between two starts on a host; every good answer takes a twentieth of it
away. So a host that recovers is at its limits again within 20 times the time it had
been slowed to, 200 s at most (a geometric series), and a host with a fixed capacity
gets between half and all of it. Slow answers alone slow a host down no further than to
one request at a time. A host that is busy now and then, at any speed, is asked as fast
as before: docs/decisions/pace.md. Why nothing else is learned:
docs/decisions/learned-delays.md.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from typing import Final

from penstock.core.web.model import Attempt, Reason

__all__ = ["KNOWN", "LEAST", "LONGEST", "RECOVERY", "AdaptiveDelays"]

LEAST: Final = 0.25
"""Seconds between two starts up to which a host that is mostly busy is slowed down in longer steps."""

SOONEST: Final = 0.0005
LATEST: Final = 5.0
"""Bounds, in seconds, of the measured time between two answers of a host that is not slowed down."""

STEEP: Final = 4.0
"""The factor by which one of those longer steps multiplies the time between two starts."""

MOSTLY: Final = 0.5
"""The share of busy answers, of the last few, from which on a host is slowed down without a trial."""

RECENT: Final = 1 / 8
"""The weight of one answer in that share: from none, five busy answers in a row reach it."""

SLOWED: Final = 1.4
"""The factor from which on a longer time between two starts can show whether it helps."""

ON_TRIAL: Final = 2.5
"""The most that this factor may be before that is known."""

FURTHER: Final = 1.2
"""The factor by which that bound grows if a host that is mostly busy is still busy too
often there. Otherwise a host with a capacity of one request in 2.2 to 2.4 times the
delay would always stay busy for one answer in three: the bound leaves no time for answers that are fine
before the next busy one."""

ENOUGH: Final = 8.0
"""Busy answers that must be expected of a slowed host, at the old rate, before the trial is decided."""

MEMORY: Final = 512
"""Answers after which the older ones count half."""

DEAF: Final = 32
DEAFEST: Final = 4_096
"""Answers for which a host keeps its pace after slowing down did not help; each time twice as many, up to a bound."""

LONGEST: Final = 10.0
"""Seconds between two starts at the most. A host that says 503 to everything would
otherwise delay the end of a run for hours; one that wants more time can say so
(Retry-After, Crawl-delay). lychee stops at 10 s as well for errors of the server, and
at 30 s for those of the client."""

RECOVERY: Final = 0.95
"""The share of the time between two starts that remains after a good answer."""

KNOWN: Final = 10_000
"""Hosts that are remembered, the latest ones. To forget one costs it a few requests, not memory."""

PATIENT: Final = 3.0
"""The factor by which the latest answers must be slower than usual to mean that the host is overloaded."""

NOTICED: Final = 0.5
"""Seconds by which they must be slower as well, since short times vary more."""

USUAL: Final = 1 / 64
LATELY: Final = 1 / 4
"""The weight of one answer in the averages of the time that answers take."""

MANY: Final = round(1 / USUAL)
"""Answers from which on both weights hold; before that, the usual time is the plain mean."""

FEW: Final = 8
"""Answers before their usual time is known."""

_BUSY: Final = frozenset({429, 503})
_LATE: Final = frozenset({Reason.TIMEOUT, Reason.TIMEOUT_BODY, Reason.TIMEOUT_FIRST_BYTE})


class AdaptiveDelays:
    """The seconds between two starts that each host needs beyond the delay that the user set. A ``KeyDelays``."""

    def __init__(self, learned: Mapping[Hashable, float] | None = None) -> None:
        """Begin with the *learned* seconds of an earlier session, by host."""
        self._hosts: OrderedDict[Hashable, _Host] = OrderedDict()
        # Hosts with one answer so far, a good one: its seconds in all and to the first
        # byte, and when it came. Most hosts of a wide crawl have no second one.
        self._once: dict[Hashable, tuple[float, float, float]] = {}
        for key, spacing in (learned or {}).items():
            self._add(key).spacing = min(spacing, LONGEST)

    def spacing(self, key: Hashable) -> float:
        """Return the seconds that starts on *key* should be apart; 0 if it is not slowed down."""
        host = self._hosts.get(key)
        return host.spacing if host is not None else 0.0

    def heed(self, attempt: Attempt, now: float) -> None:
        """Learn from *attempt*, finished at *now*."""
        if attempt.error is not None and attempt.error not in _LATE:
            return  # a breaker counts failures to reach a host
        key, times = attempt.job.key, attempt.times
        busy = attempt.error is not None or attempt.status in _BUSY
        host = self._hosts.get(key)
        if host is not None:
            self._hosts.move_to_end(key)
        elif key in self._once or busy:
            host = self._add(key)
        else:
            self._remember(key, times.total, times.first_byte, now)
            return
        if now - times.total < host.changed:
            return  # it began before the last step, and tells about the time before
        host.take(times.total, now, busy=busy)
        if busy:
            host.back_off(now)
        elif host.lags(times.first_byte):
            host.slow_down(max(LEAST, host.lately), now)
        elif host.spacing:
            host.spacing *= RECOVERY
            if host.spacing < host.gap:
                host.spacing = 0.0

    def learned(self) -> dict[Hashable, float]:
        """Return the hosts that are slowed down, and the seconds between two starts on each."""
        return {key: host.spacing for key, host in list(self._hosts.items()) if host.spacing}

    def _remember(self, key: Hashable, total: float, first_byte: float, now: float) -> None:
        """Remember the first answer of *key* until there is another one."""
        if len(self._once) >= KNOWN:
            self._once.clear()
        self._once[key] = total, first_byte, now

    def _add(self, key: Hashable) -> _Host:
        host = self._hosts[key] = _Host()
        if len(self._hosts) > KNOWN:
            self._hosts.popitem(last=False)
        first = self._once.pop(key, None)
        if first is not None:
            total, first_byte, heard = first
            host.take(total, heard, busy=False)
            host.lags(first_byte)
        return host


class _Host:
    """One host: its *spacing* since *changed*; *usual* and *lately* are averages of the seconds to the first byte.

    *gap* is the time between two answers while it is not slowed down, *recent* the
    share of busy ones among the last.
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
        # The trials of slowing down at all, and beyond the pace that was found to help.
        self.whole: _Trial | None = None
        self.trial: _Trial | None = None
        # The number of answers for which busy ones are ignored, and that of the next
        # time.
        self.deaf, self.deafness = 0, DEAF

    def take(self, total: float, now: float, *, busy: bool) -> None:
        """Count an answer that took *total* seconds; if it decides a trial, act on it."""
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
            if self.whole.decides(self.spacing, busy=busy) and not self.whole.helps:
                self._give_back(0.0)
        if self.trial is not None and self.trial.decides(self.spacing, busy=busy):
            if self.trial.helps:
                self.trial, self.deafness = None, DEAF
            else:
                self._give_back(self.trial.base)

    def _give_back(self, spacing: float) -> None:
        """Go back to *spacing*: longer waits do not help."""
        self.spacing, self.trial = min(spacing, self.spacing), None
        self.deaf, self.deafness = self.deafness, min(2 * self.deafness, DEAFEST)

    def back_off(self, now: float) -> None:
        """Slow down after a busy answer, unless a trial has shown that this does not help."""
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
        """Count an answer that took *seconds*; return whether answers take far longer than before."""
        self.answers += 1
        if self.answers < MANY:
            # At first the plain mean, so that the first answer, which includes its
            # connection, soon counts little.
            share = 1 / self.answers
            self.usual += (seconds - self.usual) * share
            self.lately += (seconds - self.lately) * max(LATELY, share)
        else:
            self.usual += (seconds - self.usual) * USUAL
            self.lately += (seconds - self.lately) * LATELY
        # The cheaper question first: nearly always it is enough.
        return self.lately > self.usual + NOTICED and self.lately > PATIENT * self.usual and self.answers > FEW


class _Trial:
    """A trial: whether fewer answers are busy if starts are further apart than *base* seconds.

    Until that is known they are no more than *reach* times as far apart.
    """

    __slots__ = ("_busy", "_busy_slowed", "_slowed", "_taken", "base", "helps", "reach")

    def __init__(self, base: float, taken: int) -> None:
        """Begin after *taken* answers at *base* seconds, of which the last was busy."""
        self.base = base
        self.helps = False
        self.reach = ON_TRIAL
        self._taken, self._busy = taken, 1.0
        self._slowed = self._busy_slowed = 0

    def decides(self, spacing: float, *, busy: bool) -> bool:
        """Count an answer to a request that started after *spacing* seconds; return whether it decides *helps*."""
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
        # A host that is nearly always busy must not be asked faster for that.
        if fewer:
            self.reach *= FURTHER
        return False
