"""Names as a stage of their own: who wants to know which name's addresses, and what is known already.

Knows look-ups, how long answers hold, and how many questions may be out at once. Does not know what is done
with an address, nor how a name server is spoken to (``Resolver``).

A family that this machine has no way out for (``Families``) is asked for only where a name has no address of the other:
to fail by the address that there is tells more than to say that there is none, and it may be loopback's. Otherwise both
are asked for at once. An answer with IPv4 addresses waits 50 ms for those of IPv6, as RFC 8305,
section 3, has it; one with IPv6 addresses alone waits longer, since IPv4 is what works nearly everywhere.
"""

from __future__ import annotations

import errno
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final, Generic, TypeVar

from msgspec import Struct

from penstock.core.web.addresses import is_address
from penstock.core.web.model import Reason
from penstock.engine.deadlines import Deadlines
from penstock.engine.families import BOTH
from penstock.engine.resolver import IPV4, IPV6, Records, Resolver

__all__ = ["AT_ONCE", "Answer", "Names", "read_hosts"]

AT_ONCE: Final = 64
"""Look-ups under way, of two questions each: below the 150 at which dnsmasq, in many a router, begins to refuse."""

STUCK_AFTER: Final = 1.0
"""Seconds after which a look-up does not count among those any more: names whose servers are dead, asked for
again once in a while, must not keep all others waiting."""

IPV6_DELAY: Final = 0.05
IPV4_DELAY: Final = 0.5
"""Seconds that an answer with addresses of one family waits for those of the other."""

ENTRIES: Final = 10_000
"""Names remembered, the oldest forgotten first."""

LONGEST: Final = 3600.0
"""Seconds for which an answer holds at most, whatever its TTL."""

NEGATIVE: Final = 60.0
"""Seconds for which a name that does not exist is not asked for again. RFC 2308 takes the time from the SOA record,
which pycares does not hand out with such an answer; negative ones are best kept short (section 5)."""

PER_FAMILY: Final = 16
"""Addresses kept of one answer and one family."""

HOSTS_FILE: Final = Path("/etc/hosts")
LOOPBACK: Final = ("127.0.0.1", "::1")

T = TypeVar("T")


class Answer(Struct, frozen=True, gc=False):
    """What a name came to: its *addresses*, or the reason and the words of why it has none."""

    addresses: tuple[str, ...] = ()
    error: Reason | None = None
    detail: str | None = None


class _Lookup(Generic[T]):
    """One name being asked for."""

    __slots__ = ("answer", "asked", "counts", "families", "heard", "name", "sent", "waiters")

    def __init__(self, name: str) -> None:
        self.name = name
        # And since when each waits.
        self.waiters: dict[T, float] = {}
        self.asked = False
        self.sent = 0.0
        self.counts = False
        self.families: tuple[int, ...] = ()
        self.heard: dict[int, Records] = {}
        self.answer: Answer | None = None


class Names(Generic[T]):
    """Finds addresses for whoever waits; a name that several wait for is asked for once.

    ``ask`` answers at once where it can. Other answers come out of ``answers``, each with its waiter, after
    ``ask``, ``process`` and ``tick``; ``begun`` has the waiters whose names are being asked for now, after a
    time in which there was no room. *families* tells at a time which families are worth asking for. *hosts* are names
    that *resolver* need not be asked for: those of /etc/hosts, unless told otherwise.
    """

    def __init__(
        self,
        resolver: Resolver,
        hosts: Mapping[str, tuple[str, ...]] | None = None,
        *,
        families: Callable[[float], tuple[int, ...]] = lambda _now: BOTH,
    ) -> None:
        """Nothing is asked or read yet."""
        self.answers: deque[tuple[T, Answer]] = deque()
        self.begun: deque[T] = deque()
        self._resolver = resolver
        self._hosts = hosts
        self._families = families
        self._lookups: dict[str, _Lookup[T]] = {}
        self._queue: deque[_Lookup[T]] = deque()
        self._counted = 0
        self._delays: Deadlines[_Lookup[T]] = Deadlines()
        # A plain dict's first key is found by walking over all that were taken away before it: 3 µs a name.
        self._known: OrderedDict[str, tuple[float, Answer]] = OrderedDict()

    def ask(self, name: str, waiter: T, now: float) -> Answer | None:
        """What *name* came to, if that is known; else *waiter* waits.

        *name* is a canonical host name; a dot at its end makes no difference, since names with a dot in them
        are never completed.
        """
        name = name.rstrip(".")
        known = self._known.get(name)
        if known is not None:
            if known[0] > now:
                return known[1]
            del self._known[name]
        lookup = self._lookups.get(name)
        if lookup is None:
            try:
                own = self._own(name)
            except OSError as error:
                return Answer(error=Reason.DNS_TEMPORARY, detail=f"{HOSTS_FILE}: {error.strerror}")
            if own:
                return Answer(own)
            lookup = self._lookups[name] = _Lookup(name)
            if self._counted < AT_ONCE:
                self._send(lookup, now)
            else:
                self._queue.append(lookup)
        elif lookup.answer is not None:
            return lookup.answer
        lookup.waiters[waiter] = now
        if lookup.asked:
            self.begun.append(waiter)
        self._digest(now)
        return None

    def leave(self, name: str, waiter: T) -> None:
        """*waiter* does not wait for *name* any more."""
        lookup = self._lookups.get(name.rstrip("."))
        if lookup is not None:
            lookup.waiters.pop(waiter, None)

    def serves(self, fd: int) -> bool:
        """Whether *fd* is a socket to a name server."""
        return fd in self._resolver.fds

    def process(self, fd: int, events: int, now: float) -> None:
        """Read and write what *fd* is ready for."""
        self._resolver.process(fd, events)
        self._digest(now)

    def tick(self, now: float) -> None:
        """Do what is due at *now*."""
        due = self._resolver.deadline()
        if due is not None and due <= now:
            self._resolver.tick()
            self._digest(now)
        for lookup in self._delays.due(now):
            self._uncount(lookup)
            if any(records.addresses for records in lookup.heard.values()):
                self._tell(lookup, _answer(lookup.heard.values()))
        self._send_queued(now)

    def deadline(self) -> float | None:
        """When ``tick`` is due."""
        if not self._lookups:
            return self._resolver.deadline()
        due, nearest = self._resolver.deadline(), self._delays.next()
        return due if nearest is None or (due is not None and due < nearest) else nearest

    def cancel(self) -> None:
        """Forget who waits, and every question; what is known stays."""
        self._resolver.cancel()
        self._lookups.clear()
        self._queue.clear()
        self.answers.clear()
        self.begun.clear()
        self._counted = 0
        self._delays = Deadlines()

    def close(self) -> None:
        """Cancel, and give every descriptor back."""
        self.cancel()
        self._resolver.close()

    def _own(self, name: str) -> tuple[str, ...]:
        """The addresses of *name* on this machine; localhost never goes out (RFC 6761, section 6.3)."""
        if self._hosts is None:
            self._hosts = read_hosts(HOSTS_FILE)
        return self._hosts.get(name) or (LOOPBACK if name == "localhost" or name.endswith(".localhost") else ())

    def _send(self, lookup: _Lookup[T], now: float) -> None:
        lookup.asked = lookup.counts = True
        lookup.sent = now
        self._counted += 1
        self._delays.set(lookup, now + STUCK_AFTER)
        lookup.families = self._families(now)
        for family in lookup.families:
            self._resolver.ask(lookup.name, family)

    def _send_queued(self, now: float) -> None:
        while self._queue and self._counted < AT_ONCE:
            lookup = self._queue.popleft()
            if lookup.waiters:
                self.begun.extend(lookup.waiters)
                self._send(lookup, now)
            else:
                del self._lookups[lookup.name]

    def _digest(self, now: float) -> None:
        """Take in what the resolver has heard."""
        while (records := self._resolver.take()) is not None:
            lookup = self._lookups.get(records.name)
            if lookup is None or not lookup.asked:
                continue
            lookup.heard[records.family] = records
            self._weigh(lookup, records, now)
        self._send_queued(now)

    def _weigh(self, lookup: _Lookup[T], records: Records, now: float) -> None:
        """Conclude, wait for the other half of the answer, or ask for a half that was not thought worth it."""
        if records.absent:
            self._conclude(lookup, now)
        elif len(lookup.heard) < len(lookup.families):
            if records.addresses:
                self._delays.set(lookup, now + (IPV6_DELAY if records.family == IPV4 else IPV4_DELAY))
        elif len(lookup.heard) == 1 and records.error is Reason.DNS_NOT_FOUND:
            lookup.families = BOTH
            self._resolver.ask(lookup.name, IPV6 if records.family == IPV4 else IPV4)
        else:
            self._conclude(lookup, now)

    def _conclude(self, lookup: _Lookup[T], now: float) -> None:
        """All is heard that will be."""
        del self._lookups[lookup.name]
        self._uncount(lookup)
        self._delays.discard(lookup)
        answer = _answer(lookup.heard.values())
        holds = min(_holds(lookup.heard.values()), LONGEST)
        if holds > 0:
            if len(self._known) >= ENTRIES:
                self._known.popitem(last=False)
            self._known[lookup.name] = now + holds, answer
        if lookup.answer is None:
            late = self._came_late(lookup, answer)
            self._tell(lookup, answer)
            for waiter in late:
                self.ask(lookup.name, waiter, now)

    def _came_late(self, lookup: _Lookup[T], answer: Answer) -> list[T]:
        """Those whom *answer* does not concern: it failed by what was so before they came, and may be no more."""
        if answer.error is None or not answer.error.transient:
            return []
        late = [waiter for waiter, since in lookup.waiters.items() if since > lookup.sent + STUCK_AFTER]
        for waiter in late:
            del lookup.waiters[waiter]
        return late

    def _tell(self, lookup: _Lookup[T], answer: Answer) -> None:
        lookup.answer = answer
        self.answers.extend((waiter, answer) for waiter in lookup.waiters)
        lookup.waiters.clear()

    def _uncount(self, lookup: _Lookup[T]) -> None:
        if lookup.counts:
            lookup.counts = False
            self._counted -= 1


def _answer(heard: Iterable[Records]) -> Answer:
    """One answer of what was heard of both families, or of one; what may be better next time outweighs a no."""
    heard = list(heard)
    addresses = tuple(address for records in heard for address in records.addresses[:PER_FAMILY])
    if addresses:
        return Answer(addresses)
    worst = max(heard, key=lambda records: (records.absent, bool(records.error and records.error.transient)))
    return Answer(error=worst.error, detail=worst.detail)


def _holds(heard: Iterable[Records]) -> float:
    """Seconds for which that may be remembered: not at all where something failed that may not fail again."""
    ttls = [records.ttl for records in heard if records.addresses]
    if ttls:
        return min(ttls)
    ended = any(records.absent for records in heard) or not any(
        records.error and records.error.transient for records in heard
    )
    return NEGATIVE if ended else 0.0


def read_hosts(file: Path) -> dict[str, tuple[str, ...]]:
    """The names in *file* and their addresses, as hosts(5) says; none where it cannot be read.

    OSError where that is for want of a descriptor, and may be possible later.
    """
    found: dict[str, dict[str, None]] = {}
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise
        return {}
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        if is_address(address):
            for name in names:
                found.setdefault(name.lower().rstrip("."), {})[address] = None
    return {name: tuple(addresses) for name, addresses in found.items()}
