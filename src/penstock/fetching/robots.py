"""The robots.txt gate: whether a host lets a job start.

Knows the rules of the origins that answered, the latest ones in memory. Does not know
how a robots.txt is requested, or whose turn it is.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from penstock.core.schedule.verdicts import Allow, Decision, Defer, Deny
from penstock.core.web.hosts import origin
from penstock.core.web.model import Job, Reason, Skipped
from penstock.core.web.robots import LIFETIME, LONGEST_DELAY, UNAVAILABLE_FOR, RobotsAnswer, Rules, prerequisite
from penstock.scratch.rules import Kept, RulesStore

__all__ = ["Robots"]

HELD: Final = 5_000_000
"""Bytes of rules, roughly, in memory; all others are read from the disk and parsed again."""

A_RULE: Final = 3_000
"""Bytes that the parsed rules of one origin take, plus ten times their text (tracemalloc, protego 0.7)."""

NO_RULE: Final = 300


class _Known(Struct, frozen=True, gc=False):
    until: float
    rules: Rules | None
    trouble: str | None
    size: int

    @property
    def lifetime(self) -> float:
        """Seconds for which it may hold at most, as the clock may have been set back."""
        return LIFETIME if self.trouble is None else UNAVAILABLE_FOR


class Robots:
    """A ``Gate`` that obeys robots.txt, and requests that of each origin at most once a day.

    *user_agent* is that of the requests. *clock* gives seconds since 1970, as answers
    outlive the process. ``capped`` maps the first few keys that ask for more seconds
    between two starts than ``LONGEST_DELAY``, which they get, to the seconds that they
    ask for.
    """

    MOST_NAMED: Final = 100

    def __init__(self, user_agent: str, store: RulesStore, clock: Callable[[], float] = time.time) -> None:
        """Start with what *store* has."""
        self.capped: dict[str, float] = {}
        self._user_agent = user_agent
        self._store = store
        self._clock = clock
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._held = 0

    def decide(self, job: Job) -> Decision:
        """Return whether *job* may start; see ``Gate``."""
        place = origin(job.target)
        known = self._known.get(place) or self._recall(place)
        if known is None or not 0 < known.until - self._clock() <= known.lifetime:
            return Defer(prerequisite(job))
        self._known.move_to_end(place)
        if known.trouble is not None:
            detail = f"{place}/robots.txt could not be had: {known.trouble}"
            return Deny(_skipped(job, Reason.ROBOTS_UNAVAILABLE, detail))
        spacing = self._spacing(job.key, known.rules)
        if known.rules is not None and not known.rules.allow(job.target):
            return Deny(_skipped(job, Reason.ROBOTS_DISALLOWED, f"{place}/robots.txt does not allow it"), spacing)
        return Allow(spacing)

    def _spacing(self, key: str, rules: Rules | None) -> float:
        if rules is None:
            return 0.0
        if rules.wish > LONGEST_DELAY and len(self.capped) < self.MOST_NAMED:
            self.capped[key] = rules.wish
        return rules.delay

    def learn(self, result: RobotsAnswer) -> None:
        """Remember the answer of an origin, in memory and on the disk."""
        until = self._clock() + (LIFETIME if result.trouble is None else UNAVAILABLE_FOR)
        kept = Kept(result, until)
        self._store.put(kept)
        self._remember(kept)

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def _recall(self, place: str) -> _Known | None:
        kept = self._store.get(place)
        return None if kept is None else self._remember(kept)

    def _remember(self, kept: Kept) -> _Known:
        answer, known = kept.heard, self._known
        rules = Rules(answer.text, self._user_agent) if answer.text else None
        size = A_RULE + 10 * len(answer.text) if rules else NO_RULE
        before = known.pop(answer.origin, None)
        self._held += size - (before.size if before else 0)
        entry = known[answer.origin] = _Known(kept.until, rules, answer.trouble, size)
        while self._held > HELD and len(known) > 1:
            self._held -= known.popitem(last=False)[1].size
        return entry


def _skipped(job: Job, reason: Reason, detail: str) -> Skipped:
    return Skipped(job.seq, job.url, reason, detail, redirects=job.hops, attempts=job.earlier, input=job.fields)
