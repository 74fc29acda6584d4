"""Name look-ups as a stage of their own, with a cache of answers.

Knows which transfers wait for which name, how long answers hold, and how many look-ups
run at once. Does not know how addresses are used, nor how to query a name server
(``Resolver``).

Both families are queried at once, unless this machine has no route for one
(``Families``). That one is queried only if a name has no address of the other: an
attempt to connect to the address that exists gives a clearer error than "no address",
and it may be loopback's. An answer with IPv4 addresses waits 50 ms for the addresses of IPv6
(RFC 8305, section 3). One with IPv6 addresses alone waits longer, since IPv4 works
nearly everywhere. See docs/decisions/names.md.
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
from penstock.engine.resolver import IPV4, IPV6, AddressRecords, Resolver

__all__ = ["AT_ONCE", "Answer", "Names", "read_hosts"]

AT_ONCE: Final = 64
"""Look-ups in flight, of two queries each: below the 150 at which dnsmasq, which many
routers use, begins to refuse."""

STUCK_AFTER: Final = 1.0
"""Seconds after which a look-up is stuck and does not count among those any more: names
whose servers are dead must not delay all others."""

IPV6_DELAY: Final = 0.05
IPV4_DELAY: Final = 0.5
"""Seconds for which an answer with addresses of one family waits for the addresses of the
other."""

ENTRIES: Final = 10_000
"""Names in the cache; the oldest is dropped first."""

LONGEST: Final = 3600.0
"""The most seconds for which an answer is cached, whatever its TTL."""

NEGATIVE: Final = 60.0
"""Seconds for which a missing name is cached. RFC 2308 takes the time from the SOA
record, which pycares does not return with such an answer, and recommends a short time
(section 5)."""

PER_FAMILY: Final = 16
"""Addresses kept of one answer for one family."""

HOSTS_FILE: Final = Path("/etc/hosts")
LOOPBACK: Final = ("127.0.0.1", "::1")

T = TypeVar("T")


class Answer(Struct, frozen=True, gc=False):
    """The *addresses* of a name, or the reason and the detail of why it has none."""

    addresses: tuple[str, ...] = ()
    error: Reason | None = None
    detail: str | None = None


class _Lookup(Generic[T]):
    """The look-up of one name."""

    __slots__ = ("answer", "asked", "counts", "families", "heard", "name", "sent", "waiters")

    def __init__(self, name: str) -> None:
        self.name = name
        # Each waiter with the time since which it waits.
        self.waiters: dict[T, float] = {}
        self.asked = False
        self.sent = 0.0
        self.counts = False
        self.families: tuple[int, ...] = ()
        self.heard: dict[int, AddressRecords] = {}
        self.answer: Answer | None = None


class Names(Generic[T]):
    """Finds the addresses of names; waiters for the same name share one look-up.

    ``ask`` returns an answer if it has one. Other answers appear in ``answers``, each
    with its waiter, after ``ask``, ``process`` and ``tick``. ``begun`` has the waiters
    whose look-ups have begun since. *families* returns the families to query at a time.
    *hosts* are names that need no query; by default the names in /etc/hosts.
    """

    def __init__(
        self,
        resolver: Resolver,
        hosts: Mapping[str, tuple[str, ...]] | None = None,
        *,
        families: Callable[[float], tuple[int, ...]] = lambda _now: BOTH,
    ) -> None:
        """Start with an empty cache."""
        self.answers: deque[tuple[T, Answer]] = deque()
        self.begun: deque[T] = deque()
        self._resolver = resolver
        self._hosts = hosts
        self._families = families
        self._lookups: dict[str, _Lookup[T]] = {}
        self._queue: deque[_Lookup[T]] = deque()
        self._counted = 0
        self._delays: Deadlines[_Lookup[T]] = Deadlines()
        # A plain dict finds its first key by walking over all deleted entries before
        # it: 3 µs a name.
        self._known: OrderedDict[str, tuple[float, Answer]] = OrderedDict()

    def ask(self, name: str, waiter: T, now: float) -> Answer | None:
        """Return the answer for *name*, or None and let *waiter* wait.

        *name* is a canonical host name. A dot at its end makes no difference, since the
        search list does not apply to names with a dot.
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
                own = self._find_local(name)
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
        self._process_records(now)
        return None

    def leave(self, name: str, waiter: T) -> None:
        """Remove *waiter* from the waiters for *name*."""
        lookup = self._lookups.get(name.rstrip("."))
        if lookup is not None:
            lookup.waiters.pop(waiter, None)

    def serves(self, fd: int) -> bool:
        """Whether *fd* is a socket to a name server."""
        return fd in self._resolver.fds

    def process(self, fd: int, events: int, now: float) -> None:
        """Read from and write to *fd*, which is ready for *events*."""
        self._resolver.process(fd, events)
        self._process_records(now)

    def tick(self, now: float) -> None:
        """Do the work that is due at *now*."""
        due = self._resolver.deadline()
        if due is not None and due <= now:
            self._resolver.tick()
            self._process_records(now)
        for lookup in self._delays.due(now):
            self._uncount(lookup)
            if any(records.addresses for records in lookup.heard.values()):
                self._deliver(lookup, _merge_records(lookup.heard.values()))
        self._send_queued(now)

    def deadline(self) -> float | None:
        """Return when ``tick`` is due, or None."""
        if not self._lookups:
            return self._resolver.deadline()
        due, nearest = self._resolver.deadline(), self._delays.next()
        return due if nearest is None or (due is not None and due < nearest) else nearest

    def cancel(self) -> None:
        """Drop all waiters and look-ups; the cache stays."""
        self._resolver.cancel()
        self._lookups.clear()
        self._queue.clear()
        self.answers.clear()
        self.begun.clear()
        self._counted = 0
        self._delays = Deadlines()

    def close(self) -> None:
        """Cancel, and close every descriptor."""
        self.cancel()
        self._resolver.close()

    def _find_local(self, name: str) -> tuple[str, ...]:
        """Return the addresses of *name* on this machine.

        localhost is never queried (RFC 6761, section 6.3).
        """
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

    def _process_records(self, now: float) -> None:
        """Process the records that the resolver has received."""
        while (records := self._resolver.take()) is not None:
            lookup = self._lookups.get(records.name)
            if lookup is None or not lookup.asked:
                continue
            lookup.heard[records.family] = records
            self._advance(lookup, records, now)
        self._send_queued(now)

    def _advance(self, lookup: _Lookup[T], records: AddressRecords, now: float) -> None:
        """End *lookup*, let it wait for the other family, or query that after all."""
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
        """End *lookup*, whose records are complete, and cache its answer."""
        del self._lookups[lookup.name]
        self._uncount(lookup)
        self._delays.discard(lookup)
        answer = _merge_records(lookup.heard.values())
        lifetime = min(_find_lifetime(lookup.heard.values()), LONGEST)
        if lifetime > 0:
            if len(self._known) >= ENTRIES:
                self._known.popitem(last=False)
            self._known[lookup.name] = now + lifetime, answer
        if lookup.answer is None:
            late = self._remove_latecomers(lookup, answer)
            self._deliver(lookup, answer)
            for waiter in late:
                self.ask(lookup.name, waiter, now)

    def _remove_latecomers(self, lookup: _Lookup[T], answer: Answer) -> list[T]:
        """Remove and return the waiters that joined a stuck *lookup* late.

        Its failure may be stale for them, so they get a new look-up.
        """
        if answer.error is None or not answer.error.transient:
            return []
        late = [waiter for waiter, since in lookup.waiters.items() if since > lookup.sent + STUCK_AFTER]
        for waiter in late:
            del lookup.waiters[waiter]
        return late

    def _deliver(self, lookup: _Lookup[T], answer: Answer) -> None:
        lookup.answer = answer
        self.answers.extend((waiter, answer) for waiter in lookup.waiters)
        lookup.waiters.clear()

    def _uncount(self, lookup: _Lookup[T]) -> None:
        if lookup.counts:
            lookup.counts = False
            self._counted -= 1


def _merge_records(heard: Iterable[AddressRecords]) -> Answer:
    """Merge the records of both families; a transient error outweighs others."""
    heard = list(heard)
    addresses = tuple(address for records in heard for address in records.addresses[:PER_FAMILY])
    if addresses:
        return Answer(addresses)
    worst = max(heard, key=lambda records: (records.absent, bool(records.error and records.error.transient)))
    return Answer(error=worst.error, detail=worst.detail)


def _find_lifetime(heard: Iterable[AddressRecords]) -> float:
    """Return for how many seconds to cache; 0 after a transient error."""
    ttls = [records.ttl for records in heard if records.addresses]
    if ttls:
        return min(ttls)
    ended = any(records.absent for records in heard) or not any(
        records.error and records.error.transient for records in heard
    )
    return NEGATIVE if ended else 0.0


def read_hosts(file: Path) -> dict[str, tuple[str, ...]]:
    """Return the names in *file* with their addresses (hosts(5)).

    Returns none if it is unreadable. Raises OSError if a descriptor is lacking, since a
    later attempt may succeed.
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
