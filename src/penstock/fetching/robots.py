"""Between the frontier's word and the engine: whether a host's robots.txt lets a job start.

Knows the rules of the origins that were asked, in memory those that were needed last. Does not know how they are asked,
nor whose turn it is.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from penstock.core.web.hosts import origin
from penstock.core.web.model import Ending, Job, Prerequisite, Reason, Skipped
from penstock.core.web.robots import LIFETIME, LONGEST_DELAY, UNAVAILABLE_FOR, Heard, Rules, prerequisite
from penstock.scratch.rules import CachedRules, RulesStore

__all__ = ["Robots"]

HELD: Final = 5_000_000
"""Bytes of rules, roughly, that are held in memory; the others are read from the disk and parsed again."""

A_RULE: Final = 3_000
"""Bytes that the rules of one origin take, parsed, beside ten times their text (tracemalloc, protego 0.7)."""

NO_RULE: Final = 300


class _Known(Struct, frozen=True, gc=False):
    until: float
    rules: Rules | None
    trouble: str | None
    size: int

    @property
    def lifetime(self) -> float:
        """Seconds for which it may hold, whatever the clock says: it may have been set back."""
        return LIFETIME if self.trouble is None else UNAVAILABLE_FOR


class Robots:
    """A ``Gate``: lets a job pass, refuses it, or asks for its origin's robots.txt first, once in a day at most.

    *user_agent* is what the requests carry. *clock* gives seconds since 1970: what was heard outlives the process.
    ``capped`` are the keys that ask for more time between two starts than they get, and how much they ask for; of
    more than a few the first few. ``LONGEST_DELAY`` is what they get.
    """

    MOST_NAMED: Final = 100

    def __init__(self, user_agent: str, store: RulesStore, clock: Callable[[], float] = time.time) -> None:
        """Nothing is known but what *store* has."""
        self.capped: dict[str, float] = {}
        self._user_agent = user_agent
        self._store = store
        self._clock = clock
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._held = 0

    def look(self, job: Job) -> float | Ending | Prerequisite:
        """Whether *job* may start; see ``Gate``."""
        place = origin(job.target)
        known = self._known.get(place) or self._recall(place)
        if known is None or not 0 < known.until - self._clock() <= known.lifetime:
            return prerequisite(job)
        self._known.move_to_end(place)
        if known.trouble is not None:
            return _skipped(job, Reason.ROBOTS_UNAVAILABLE, f"{place}/robots.txt could not be had: {known.trouble}")
        if known.rules is not None and not known.rules.allow(job.target):
            return _skipped(job, Reason.ROBOTS_DISALLOWED, f"{place}/robots.txt does not allow it")
        return self._spacing(job.key, known.rules)

    def spacing(self, job: Job) -> float:
        """The seconds between two starts that *job*'s host gets; see ``Gate``."""
        known = self._known.get(origin(job.target))
        return 0.0 if known is None else self._spacing(job.key, known.rules)

    def _spacing(self, key: str, rules: Rules | None) -> float:
        if rules is None:
            return 0.0
        if rules.wish > LONGEST_DELAY and len(self.capped) < self.MOST_NAMED:
            self.capped[key] = rules.wish
        return rules.delay

    def learn(self, heard: Heard) -> None:
        """Remember what an origin answered, here and on the disk."""
        until = self._clock() + (LIFETIME if heard.trouble is None else UNAVAILABLE_FOR)
        kept = CachedRules(heard, until)
        self._store.put(kept)
        self._remember(kept)

    def close(self) -> None:
        """Let go of the file."""
        self._store.close()

    def _recall(self, place: str) -> _Known | None:
        kept = self._store.get(place)
        return None if kept is None else self._remember(kept)

    def _remember(self, kept: CachedRules) -> _Known:
        heard, known = kept.heard, self._known
        rules = Rules(heard.text, self._user_agent) if heard.text else None
        size = A_RULE + 10 * len(heard.text) if rules else NO_RULE
        before = known.pop(heard.origin, None)
        self._held += size - (before.size if before else 0)
        entry = known[heard.origin] = _Known(kept.until, rules, heard.trouble, size)
        while self._held > HELD and len(known) > 1:
            self._held -= known.popitem(last=False)[1].size
        return entry


def _skipped(job: Job, reason: Reason, detail: str) -> Skipped:
    return Skipped(job.seq, job.url, reason, detail, redirects=job.hops, attempts=job.earlier, input=job.fields)
