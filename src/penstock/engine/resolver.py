"""Queries name servers through c-ares: the only file that imports pycares.

Knows how to query the addresses of one family, and what c-ares's statuses mean. Does
not know which transfers wait, for how long an answer is cached, or which hosts are
connected to.

c-ares queries the servers of resolv.conf, or the one given, by UDP, and by TCP if an
answer is cut off. It opens its sockets as it needs them and reports them; the engine's
selector watches them. See docs/decisions/names.md.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import cache, partial
from typing import Any, Final

from msgspec import Struct

from penstock.core.web.model import Reason
from penstock.engine.sockets import READ, WRITE, Sockets

__all__ = ["IPV4", "IPV6", "AddressRecords", "Resolver"]

IPV4: Final = 1
"""The record type A (RFC 1035)."""

IPV6: Final = 28
"""The record type AAAA (RFC 3596)."""

TRY: Final = 1.0
"""Seconds until a server is queried again; c-ares doubles them each time, and adapts
them to the server's speed."""

TRIES: Final = 3
"""How often each server is queried; a single silent one times out after 7 seconds."""

RECEIVE_BUFFER: Final = 1 << 20
"""Bytes of answers that the socket may hold until they are read, if the system allows
it."""

FLUSH_AFTER: Final = 1_000
"""c-ares caches all answers by their TTL: 2.4 kB a name, 48 MB after 20,000 names.
pycares has no switch for that, but c-ares empties its cache if its list of servers
changes (ares_init_options(3)). So after this many queries a server is added and
removed: 3 MB."""

EXTRA_SERVER: Final = "127.0.0.1:1"
"""The server that is added; it is removed before the next query, so never queried."""

NO_SOCKET: Final = -1

# fmt: off
REASONS: Final[dict[int, Reason]] = {
    1: Reason.DNS_NOT_FOUND,   # ARES_ENODATA: the name is there, but has no address of this family
    4: Reason.DNS_NOT_FOUND,   # ARES_ENOTFOUND: NXDOMAIN
    8: Reason.DNS_NOT_FOUND,   # ARES_EBADNAME: no name can look like that
    12: Reason.TIMEOUT_DNS,    # ARES_ETIMEOUT
}
# fmt: on
"""The reasons for c-ares's statuses (ares.h). Any other is dns_temporary: SERVFAIL,
REFUSED, an unreadable answer."""

CANNOT_OPEN: Final = 14
"""ARES_EFILE: resolv.conf can't be read; used here too if c-ares can't be opened."""

NOT_FOUND: Final = frozenset({4, 8})
CANCELLED: Final = frozenset({16, 24})
"""ARES_EDESTRUCTION and ARES_ECANCELLED: the query was cancelled."""


class AddressRecords(Struct, frozen=True, gc=False):
    """The answer to a query: *addresses* that hold for *ttl* seconds, or an *error*.

    *absent* says that the name does not exist, so that the other family has none
    either.
    """

    name: str
    family: int
    addresses: tuple[str, ...] = ()
    ttl: int = 0
    error: Reason | None = None
    detail: str | None = None
    absent: bool = False


class Resolver:
    """Queries *server* (``address:port``), or the servers of resolv.conf.

    *sockets* watches its sockets. ``take`` returns the answers, after ``ask``,
    ``process`` or ``tick``. c-ares and pycares are loaded, and resolv.conf is read,
    with the first query, since many runs make none.
    """

    def __init__(self, sockets: Sockets, server: str | None, clock: Callable[[], float]) -> None:
        """Start without a channel; the first query opens it."""
        self.fds: set[int] = set()
        self._sockets = sockets
        self._server = server
        self._clock = clock
        self._channel: Any = None
        self._error: type[Exception] = Exception
        self._heard: deque[tuple[str, int, Any, int | None]] = deque()
        self._asked = 0
        self._outstanding = 0
        self._due: float | None = None

    def ask(self, name: str, family: int) -> None:
        """Query the addresses of *name*.

        The search list of resolv.conf applies if it has no dot.
        """
        if self._channel is None and (reason := self._open()) is not None:
            self._heard.append((name, family, None, reason))
            return
        self._asked += 1
        if self._asked % FLUSH_AFTER == 0:
            self._flush()
        self._outstanding += 1
        self._due = None
        question = self._channel.query if "." in name else self._channel.search
        before = len(self._heard)
        try:
            question(name, family, callback=partial(self._hear, name, family))
        except self._error as error:
            # For an impossible name c-ares has already called the callback.
            if len(self._heard) == before:
                self._hear(name, family, None, error.args[0])

    def take(self) -> AddressRecords | None:
        """Return the next answer, or None if there is none yet."""
        while self._heard:
            name, family, result, status = self._heard.popleft()
            if status is None:
                return _read_records(name, family, result)
            if status not in CANCELLED:
                return _make_failure(name, family, status)
        return None

    def process(self, fd: int, events: int) -> None:
        """Read from and write to *fd*, which is ready for *events*."""
        self._due = None
        self._channel.process_fd(fd if events & READ else NO_SOCKET, fd if events & WRITE else NO_SOCKET)

    def tick(self) -> None:
        """Query again or time out, as time has passed."""
        self._due = None
        self._channel.process_fd(NO_SOCKET, NO_SOCKET)

    def deadline(self) -> float | None:
        """Return when ``tick`` is due, or None if no query is in flight."""
        if not self._outstanding:
            return None
        if self._due is None:
            self._due = self._clock() + float(self._channel.timeout())
        return self._due

    def cancel(self) -> None:
        """Cancel every query, and close the sockets."""
        if self._channel is not None:
            self._channel.cancel()
        self._heard.clear()

    def close(self) -> None:
        """Cancel, and close the channel."""
        self.cancel()
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _open(self) -> int | None:
        """Load c-ares and open the channel; return a status if that fails."""
        try:
            from pycares import AresError, Channel  # noqa: PLC0415 - it takes 20 ms, which many runs save
        except OSError:  # no descriptor to read it with
            return CANNOT_OPEN
        self._error = AresError
        try:
            self._channel = Channel(
                servers=[self._server] if self._server else None,
                timeout=TRY,
                tries=TRIES,
                socket_receive_buffer_size=RECEIVE_BUFFER,
                sock_state_cb=self._on_socket,
            )
        except AresError:
            return CANNOT_OPEN
        return None

    def _flush(self) -> None:
        servers = self._channel.servers
        self._channel.servers = [*servers, EXTRA_SERVER]
        self._channel.servers = servers

    def _on_socket(self, fd: int, readable: bool, writable: bool) -> None:  # noqa: FBT001 - c-ares calls it so
        if readable or writable:
            self.fds.add(fd)
            self._sockets.subscribe(fd, (READ if readable else 0) | (WRITE if writable else 0))
        else:
            self.fds.discard(fd)
            self._sockets.unsubscribe(fd)

    def _hear(self, name: str, family: int, result: Any, status: int | None) -> None:
        self._outstanding -= 1
        self._heard.append((name, family, result, status))


def _read_records(name: str, family: int, result: Any) -> AddressRecords:
    """Read the addresses of *result*; their TTL is the shortest of all its records."""
    addresses = tuple(record.data.addr for record in result.answer if record.type == family)
    if not addresses:
        return _make_failure(name, family, 1)
    return AddressRecords(name, family, addresses, min(record.ttl for record in result.answer))


def _make_failure(name: str, family: int, status: int) -> AddressRecords:
    if status == CANNOT_OPEN:
        return AddressRecords(name, family, error=Reason.DNS_TEMPORARY, detail="c-ares could not be opened")
    reason = REASONS.get(status, Reason.DNS_TEMPORARY)
    return AddressRecords(name, family, error=reason, detail=_describe(status), absent=status in NOT_FOUND)


@cache
def _describe(status: int) -> str:
    """Return c-ares's message for *status*.

    It is cached, since most names have no IPv6 address and need it.
    """
    from pycares.errno import strerror  # noqa: PLC0415 - as above

    return str(strerror(status))
