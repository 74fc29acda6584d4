"""The name servers, through c-ares: the only file that imports pycares.

Knows how to ask for the addresses of one family, and what c-ares says of it. Does not know who wants to
know, for how long an answer holds, or what is connected to.

c-ares asks the servers of resolv.conf, or the one it is told; by UDP, and by TCP where an answer is cut off. It
opens its sockets as it needs them and says so; the engine's selector watches them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import cache, partial
from typing import Any, Final

from msgspec import Struct

from penstock.core.web.model import Reason
from penstock.engine.sockets import READ, WRITE, Sockets

__all__ = ["IPV4", "IPV6", "Records", "Resolver"]

IPV4: Final = 1
"""The record type A (RFC 1035)."""

IPV6: Final = 28
"""The record type AAAA (RFC 3596)."""

TRY: Final = 1.0
"""Seconds until a server is asked again; c-ares doubles them each time, and learns how fast a server is."""

TRIES: Final = 3
"""How often each server is asked: with one of them, silence is over after 7 seconds."""

RECEIVE_BUFFER: Final = 1 << 20
"""Bytes of answers that may wait while nobody looks, as far as the system allows."""

FLUSH_AFTER: Final = 1_000
"""c-ares keeps answers of its own by their TTL, as many as there are: 2.4 kB a name, 48 MB after 20,000 names.
pycares has no switch for it, but c-ares forgets them when its list of servers changes (ares_init_options(3)),
so after so many questions one is added and taken away again: 3 MB."""

NOBODY: Final = "127.0.0.1:1"
"""The server that is added, and never asked: it is gone before the next question."""

NO_SOCKET: Final = -1

# fmt: off
REASONS: Final[dict[int, Reason]] = {
    1: Reason.DNS_NOT_FOUND,   # ARES_ENODATA: the name is there, but has no address of this family
    4: Reason.DNS_NOT_FOUND,   # ARES_ENOTFOUND: NXDOMAIN
    8: Reason.DNS_NOT_FOUND,   # ARES_EBADNAME: no name can look like that
    12: Reason.TIMEOUT_DNS,    # ARES_ETIMEOUT
}
# fmt: on
"""What c-ares's statuses (ares.h) mean; any other is dns_temporary: SERVFAIL, REFUSED, an answer nobody can read."""

CANNOT_OPEN: Final = 14
"""ARES_EFILE: resolv.conf can't be read; so for all else that can't be opened."""

NOT_FOUND: Final = frozenset({4, 8})
CANCELLED: Final = frozenset({16, 24})
"""ARES_EDESTRUCTION and ARES_ECANCELLED: nobody wants to know any more."""


class Records(Struct, frozen=True, gc=False):
    """What came of a question for *name* and *family*: *addresses* that hold for *ttl* seconds, or a reason of why not.

    *absent* says that the name does not exist at all, so that the other family has none either.
    """

    name: str
    family: int
    addresses: tuple[str, ...] = ()
    ttl: int = 0
    error: Reason | None = None
    detail: str | None = None
    absent: bool = False


class Resolver:
    """Asks *server* (``address:port``), or those of resolv.conf, through sockets that *sockets* watches.

    Answers come out of ``take``, after ``ask``, ``process`` or ``tick``. c-ares and pycares are loaded, and
    resolv.conf is read, with the first question: many runs ask none.
    """

    def __init__(self, sockets: Sockets, server: str | None, clock: Callable[[], float]) -> None:
        """Nothing is opened yet."""
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
        """Ask for the addresses of *name*. One without a dot is tried within resolv.conf's search list, too."""
        if self._channel is None and (reason := self._opened()) is not None:
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
            # Of a name that cannot be, the callback has told already.
            if len(self._heard) == before:
                self._hear(name, family, None, error.args[0])

    def take(self) -> Records | None:
        """The next answer; None where there is none yet."""
        while self._heard:
            name, family, result, status = self._heard.popleft()
            if status is None:
                return _records(name, family, result)
            if status not in CANCELLED:
                return _refusal(name, family, status)
        return None

    def process(self, fd: int, events: int) -> None:
        """Read and write what *fd* is ready for."""
        self._due = None
        self._channel.process_fd(fd if events & READ else NO_SOCKET, fd if events & WRITE else NO_SOCKET)

    def tick(self) -> None:
        """Time has passed: ask again, or give up."""
        self._due = None
        self._channel.process_fd(NO_SOCKET, NO_SOCKET)

    def deadline(self) -> float | None:
        """When ``tick`` is due; None where nothing has been asked."""
        if not self._outstanding:
            return None
        if self._due is None:
            self._due = self._clock() + float(self._channel.timeout())
        return self._due

    def cancel(self) -> None:
        """Forget every question; the sockets are closed."""
        if self._channel is not None:
            self._channel.cancel()
        self._heard.clear()

    def close(self) -> None:
        """Cancel, and give everything back."""
        self.cancel()
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _opened(self) -> int | None:
        """Load c-ares and open the channel; why not, as a status, where there is nothing left to do it with."""
        try:
            from pycares import AresError, Channel  # noqa: PLC0415 - it takes 20 ms, which many runs need not spend
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
        self._channel.servers = [*servers, NOBODY]
        self._channel.servers = servers

    def _on_socket(self, fd: int, readable: bool, writable: bool) -> None:  # noqa: FBT001 - c-ares calls it so
        if readable or writable:
            self.fds.add(fd)
            self._sockets.attend(fd, (READ if readable else 0) | (WRITE if writable else 0))
        else:
            self.fds.discard(fd)
            self._sockets.leave(fd)

    def _hear(self, name: str, family: int, result: Any, status: int | None) -> None:
        self._outstanding -= 1
        self._heard.append((name, family, result, status))


def _records(name: str, family: int, result: Any) -> Records:
    """The addresses at the end of any aliases; all of it holds as long as its shortest-lived record."""
    addresses = tuple(record.data.addr for record in result.answer if record.type == family)
    if not addresses:
        return _refusal(name, family, 1)
    return Records(name, family, addresses, min(record.ttl for record in result.answer))


def _refusal(name: str, family: int, status: int) -> Records:
    if status == CANNOT_OPEN:
        return Records(name, family, error=Reason.DNS_TEMPORARY, detail="c-ares could not be opened")
    reason = REASONS.get(status, Reason.DNS_TEMPORARY)
    return Records(name, family, error=reason, detail=_words(status), absent=status in NOT_FOUND)


@cache
def _words(status: int) -> str:
    """c-ares's own words for *status*; most names have no address of IPv6, so they are asked for with each."""
    from pycares.errno import strerror  # noqa: PLC0415 - as above

    return str(strerror(status))
