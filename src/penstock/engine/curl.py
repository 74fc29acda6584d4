"""The HTTP engine: libcurl's multi interface.

Knows how to do one request: bytes out, bytes in, within bounds. Does not know other jobs, hosts' limits,
retries, redirects' rules or files.

libcurl tells which descriptors it wants watched, and one selector of our own watches them (``Sockets``);
the selector's own descriptor is all that an event loop sees. What libcurl does not bound, this does:
decoded size, coded bodies cut short, header blocks cut short, and time (``Deadlines``).

Names are looked up before libcurl is asked (``Names``), and libcurl gets the addresses to connect to: those
that were looked at, and no others. With a proxy, names are the proxy's business.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import certifi
import pycurl

from penstock.core.schedule.answers import Bottleneck
from penstock.core.schedule.shortage import Shortage
from penstock.core.web.model import Attempt, Job, Reason
from penstock.engine.codes import BEGINNING, COULDNT_RESOLVE
from penstock.engine.cookies import Cookies
from penstock.engine.deadlines import GRACE, Deadlines
from penstock.engine.dns import Answer, Names
from penstock.engine.families import Families
from penstock.engine.letters import readable
from penstock.engine.renewal import Renewals
from penstock.engine.resolver import Resolver
from penstock.engine.resources import Resources
from penstock.engine.route import Pins, Routes, permitted
from penstock.engine.sockets import READ, WRITE, Sockets
from penstock.engine.transfer import Transfer
from penstock.settings import HttpSettings, check_guard

__all__ = ["CurlEngine"]

CONNECTIONS_PER_SLOT: Final = 2
"""Connections kept open for each request that may run: one in use, one idle for a host met again."""

STOPPED: Final = 1.0
"""Seconds that libcurl does not take for what has arrived: the process was stopped meanwhile (SIGSTOP, Ctrl-Z).
See docs/decisions/stopped-processes.md."""

LOOK: Final = 1.0
"""Seconds after which a request is looked at, whether it is a redirect whose body does not come; then each time it has
taken twice as long."""

# libcurl has the selector's numbers for reading and writing, so no event is translated.
assert (pycurl.POLL_IN, pycurl.POLL_OUT, pycurl.CSELECT_IN, pycurl.CSELECT_OUT) == (READ, WRITE, READ, WRITE)


class CurlEngine:
    """Fetches over HTTP/1.1 and HTTP/2. An ``Engine``; see there for what each method promises.

    Raises UsageError where a setting is one that libcurl refuses, ``cacert`` can't be read, or ``public_only`` can't be
    held to.
    """

    def __init__(
        self,
        settings: HttpSettings,
        clock: Callable[[], float] = time.monotonic,
        *,
        resources: Resources | None = None,
        connections: int | None = None,
    ) -> None:
        """Make the multi handle; easy handles are made as they are needed, and kept.

        *resources* is what there is of memory and descriptors, *connections* how many may be kept.
        """
        # A resumed run may have got its proxy later than the rest of its settings.
        check_guard(public_only=settings.public_only, proxy=settings.proxy)
        self._settings = settings
        self._clock = clock
        self._cacert = readable(settings.cacert) if settings.cacert else os.fsencode(certifi.where())
        self._cookies = Cookies() if settings.cookies else None
        self._sockets = Sockets()
        self._deadlines: Deadlines[Transfer] = Deadlines()
        resolver = Resolver(self._sockets, settings.resolver, clock)
        self._names: Names[Transfer] = Names(resolver, families=Families())
        self._routes = None if settings.proxy else Routes(settings.connect_to)
        self._pins = Pins()
        self._renewals = Renewals()
        self._asking: set[Transfer] = set()
        self._running: dict[pycurl.Curl, Transfer] = {}
        self._free: list[Transfer] = []
        self._transfers: list[Transfer] = []
        self._finished: deque[Attempt] = deque()
        self._timer: float | None = None
        self._closed = False
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._on_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._on_timer)
        self._resources = resources or Resources()
        self._connections = connections or CONNECTIONS_PER_SLOT * settings.concurrency
        self._keep(self._connections)

    def start(self, job: Job, now: float) -> None:
        """Begin *job* at *now*."""
        transfer = self._free.pop() if self._free else self._new_transfer()
        transfer.begin(job, now, time.time())
        left = self._settings.timeout - job.spent
        if left <= 0:
            detail = f"{self._settings.timeout:g} s were over before the last redirect could be followed"
            self._end_unsent(transfer, Reason.TIMEOUT, detail)
            return
        route = transfer.route = self._routes.route(job.target) if self._routes else None
        if route is None:
            self._begin(transfer, ())
        elif route.literal:
            self._connect(transfer, (route.host,))
        else:
            answer = self._names.ask(route.host, transfer, now)
            if answer is not None:
                self._take_answer(transfer, answer)
                return
            self._asking.add(transfer)
            self._take_answers(now)
            if transfer in self._asking and transfer not in self._deadlines:
                # There is no room to ask for its name yet.
                self._deadlines.set(transfer, now + left)

    def collect(self, timeout: float | None) -> list[Attempt]:
        """What has finished, after at most *timeout* seconds."""
        now = self._clock()
        self._look(now)
        until = None if timeout is None else now + timeout
        while True:
            self._act_if_due(now)
            self._make_do(now)
            self._deadlines.look_away(now)
            wait = self._how_long(now, until)
            ready = self._sockets.wait(wait)
            woke = self._clock()
            late = not ready and wait is not None and woke - now > wait + GRACE
            self._serve(ready)
            now = self._clock()
            if late or now - woke > STOPPED:
                self._look(now)
                if not ready:
                    # A wait that was interrupted tells of no socket, and sockets come before deadlines.
                    continue
            # After what has arrived: it may have waited longer than its time because nobody looked.
            self._keep_time(now)
            if self._finished or self._sockets.take_wake() or (until is not None and now >= until):
                break
        self._make_do(now)
        self._deadlines.look_away(now)
        attempts = list(self._finished)
        self._finished.clear()
        return attempts

    def fileno(self) -> int:
        """The selector's descriptor."""
        return self._sockets.fileno()

    def deadline(self) -> float | None:
        """The nearest of libcurl's timer, the names' and our deadlines; at once where something has finished."""
        if self._finished:
            return self._clock()
        duties = (self._deadlines.next(), self._timer, self._names.deadline(), self._renewals.due)
        return min((duty for duty in duties if duty is not None), default=None)

    def bound(self) -> Bottleneck | None:
        """Descriptors where they gave out, names where most requests wait for theirs; None else."""
        most_ask = 2 * len(self._asking) > len(self._asking) + len(self._running)
        return self._resources.bound or (Bottleneck.NAMES if most_ask else None)

    def shortage(self) -> Shortage:
        """What the machine has run out of, if anything."""
        return self._resources.shortage

    def wake(self) -> None:
        """End a wait."""
        self._sockets.wake()

    def cancel(self) -> None:
        """Drop what runs; its connections are closed."""
        self._names.cancel()
        for transfer in self._asking:
            self._deadlines.drop(transfer)
            self._free_up(transfer)
        self._asking.clear()
        for transfer in list(self._running.values()):
            self._deadlines.discard(transfer)
            self._retire(transfer)
        self._finished.clear()

    def inside(self) -> bool:
        """Never: what runs is no code of the caller's."""
        return False

    def give_up(self, seq: int, detail: str) -> None:
        """Drop what runs for the input *seq*, if anything does; it comes to a time-out with this *detail*."""
        for transfer in [*self._asking, *self._running.values()]:
            if transfer.job is None or transfer.job.seq != seq:
                continue
            if transfer in self._asking:
                self._stop_asking(transfer, self._clock())
                self._end_unsent(transfer, Reason.TIMEOUT, detail)
            else:
                self._deadlines.discard(transfer)
                self._finished.append(transfer.attempt(Reason.TIMEOUT, detail, cut=self._clock()))
                self._retire(transfer)
        self.wake()

    async def settle(self) -> None:
        """Nothing to wait for: a transfer that was dropped is over."""

    def close(self) -> None:
        """Close every connection. Easy handles outlive the multi handle: connections point into them."""
        if self._closed:
            return
        self._closed = True
        self.cancel()
        self._names.close()
        self._multi.close()
        for transfer in self._transfers:
            transfer.easy.close()
        self._transfers.clear()
        self._free.clear()
        if self._cookies is not None:
            self._cookies.close()
        self._sockets.close()

    # -- towards the names

    def _take_answers(self, now: float) -> None:
        """Go on with transfers whose names are being asked for, or are known."""
        names = self._names
        while names.begun:
            transfer = names.begun.popleft()
            if transfer in self._asking:
                transfer.begun = now
                self._allow_to_connect(transfer)
        while names.answers:
            transfer, answer = names.answers.popleft()
            self._asking.remove(transfer)
            transfer.lookup = max(0.0, now - transfer.started)
            self._take_answer(transfer, answer)

    def _take_answer(self, transfer: Transfer, answer: Answer) -> None:
        if answer.error is None:
            self._connect(transfer, answer.addresses)
            return
        assert transfer.route is not None
        self._end_unsent(transfer, answer.error, f"{transfer.route.host}: {answer.detail}")

    def _stop_asking(self, transfer: Transfer, now: float) -> str:
        """*transfer* does not wait for its name any more; which one that was."""
        assert transfer.route is not None
        self._asking.remove(transfer)
        self._names.leave(transfer.route.host, transfer)
        transfer.lookup = max(0.0, now - transfer.started)
        return transfer.route.host

    def _connect(self, transfer: Transfer, addresses: tuple[str, ...]) -> None:
        """Begin at one of *addresses*, those aside that the job may not be led to."""
        job, route = transfer.job, transfer.route
        assert job is not None
        assert route is not None
        # Where the user's own connect_to leads is the user's word.
        public_only = (job.public or self._settings.public_only) and not route.own
        if route.literal and not public_only:
            self._begin(transfer, addresses)
            return
        allowed, why_not = permitted(addresses, public_only=public_only)
        if allowed:
            self._begin(transfer, allowed)
        else:
            self._end_unsent(transfer, Reason.BLOCKED_ADDRESS, why_not)

    def _allow_to_connect(self, transfer: Transfer) -> None:
        """Give *transfer* the time to connect, name included, within what is left of its whole time."""
        transfer.connecting = True
        self._deadlines.set(transfer, min(self._over(transfer), transfer.begun + LOOK))

    def _over(self, transfer: Transfer) -> float:
        """When the time is over for what *transfer* does: to connect, or the whole."""
        whole = self._end_of(transfer)
        soon = transfer.begun + transfer.excused + self._settings.connect_timeout
        return min(soon, whole) if transfer.connecting else whole

    def _end_of(self, transfer: Transfer) -> float:
        """When the time of *transfer* is over, less the time in which its sockets were not read."""
        assert transfer.job is not None
        return transfer.started + transfer.excused + self._settings.timeout - transfer.job.spent

    def _look(self, now: float) -> None:
        """Look after a time in which nothing of this process may have run: it is held against no transfer."""
        gap = self._deadlines.look(now)
        if gap:
            for transfer in (*self._asking, *self._running.values()):
                if transfer in self._deadlines:
                    transfer.excused += gap

    def _end_unsent(self, transfer: Transfer, reason: Reason, detail: str) -> None:
        """End *transfer* before libcurl has heard of it."""
        lacking = self._lack(transfer, None) if reason in (Reason.DNS_TEMPORARY, Reason.TIMEOUT_DNS) else None
        self._finished.append(transfer.unsent(reason, detail, lacking))
        self._deadlines.discard(transfer)
        self._free_up(transfer)

    # -- towards libcurl

    def _new_transfer(self) -> Transfer:
        transfer = Transfer(self._settings, self._cacert, self._on_opened, self._resources.memory)
        if self._cookies is not None:
            self._cookies.give(transfer.easy)
        self._transfers.append(transfer)
        return transfer

    def _begin(self, transfer: Transfer, addresses: tuple[str, ...]) -> None:
        """Hand *transfer* to libcurl, to connect to one of *addresses*; through the proxy where there are none."""
        transfer.address()
        route = transfer.route
        if route is not None and not route.literal and len(addresses) == 1:
            # There is nothing to race, and libcurl need not be told of a list.
            route = transfer.route = route.at(addresses[0])
        if route is not None and route.literal:
            transfer.lead(None, [])
        elif route is not None:
            transfer.lead(*self._pins.take(addresses, route.port))
        if transfer not in self._deadlines:
            self._allow_to_connect(transfer)
        self._running[transfer.easy] = transfer
        self._multi.add_handle(transfer.easy)

    def _act_if_due(self, now: float) -> None:
        if self._timer is None or self._timer > now:
            return
        # Cleared first: libcurl says when it wants the next one while it acts.
        self._timer = None
        self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        self._harvest()

    def _on_timer(self, milliseconds: int) -> None:
        self._timer = None if milliseconds < 0 else self._clock() + milliseconds / 1000

    def _on_socket(self, what: int, fd: int, _multi: Any, _data: Any) -> None:
        if what == pycurl.POLL_REMOVE:
            self._sockets.release(fd)
        elif what != pycurl.POLL_NONE:
            self._sockets.watch(fd, what)

    def _on_opened(self, fd: int, _purpose: int) -> int:
        self._sockets.opened(fd)
        return int(pycurl.SOCKOPT_OK)

    def _serve(self, ready: list[tuple[int, int]]) -> None:
        """Act on the descriptors that are *ready*."""
        for fd, events in ready:
            if self._names.serves(fd):
                self._names.process(fd, events, self._clock())
            else:
                self._multi.socket_action(fd, events)
        if ready:
            self._harvest()

    def _keep_time(self, now: float) -> None:
        """Do what is due at *now*."""
        if (names_due := self._names.deadline()) is not None and names_due <= now:
            self._names.tick(now)
        self._take_answers(now)
        for transfer in self._deadlines.due(now):
            self._expire(transfer, now)
        if self._renewals.due is not None and self._renewals.due <= now:
            for transfer in self._renewals.left_behind(self._running.values(), now):
                self._send_again(transfer)

    # -- towards the driver

    def _how_long(self, now: float, until: float | None) -> float | None:
        """Seconds to wait for sockets: until *until*, our next duty, or not at all."""
        if self._finished:
            return 0
        duty = self.deadline()
        if until is None or (duty is not None and duty < until):
            until = duty
        return None if until is None else max(0.0, until - now)

    def _harvest(self) -> None:
        while True:
            queued, whole, broken = self._multi.info_read()
            for easy in whole:
                self._end(self._running[easy], None, "")
            for easy, code, words in broken:
                self._end(self._running[easy], code, words)
            if not queued:
                return

    def _end(self, transfer: Transfer, code: int | None, words: str, *, cut: float | None = None) -> None:
        """libcurl is done with a transfer: with error *code*, or without any; or we are, and *cut* it."""
        if code == COULDNT_RESOLVE and transfer.pin is not None and not transfer.led_again:
            # Another transfer's end took the entry away while this one gave up a closed connection for a new one.
            transfer.led_again = True
            self._send_again(transfer)
            return
        now = self._clock()
        if code is not None and self._renewals.refused(transfer, code, words, now):
            self._send_again(transfer)
            return
        lacking = self._lack(transfer, transfer.easy.getinfo(pycurl.OS_ERRNO)) if code in BEGINNING else None
        attempt = transfer.attempt(*transfer.verdict(code, words, now), lacking, cut=cut)
        if attempt.http == "2":
            self._renewals.heard(transfer, now)
        self._resources.memory.waiting += len(attempt.body)
        if self._cookies is not None:
            self._cookies.heed(transfer.easy, attempt.head)
        self._finished.append(attempt)
        self._deadlines.discard(transfer)
        self._retire(transfer)

    def _send_again(self, transfer: Transfer) -> None:
        self._multi.remove_handle(transfer.easy)
        transfer.lead_again()
        self._multi.add_handle(transfer.easy)

    def _lack(self, transfer: Transfer, os_errno: int | None) -> str | None:
        """What this machine had none left of when *transfer* was to begin, if that was it; then fewer may run."""
        now = self._clock()
        lacking = self._resources.find_lack(now, os_errno, ipv4=transfer.reaches_ipv4())
        if lacking is not None:
            running = len(self._running) + len(self._asking) - (transfer.easy in self._running)
            self._resources.lower(lacking, running, now)
        return lacking

    def _keep(self, connections: int) -> None:
        """Keep so many *connections* at most, those in use among them."""
        self._kept = connections
        self._multi.setopt(pycurl.M_MAXCONNECTS, connections)
        # The one before bounds what is kept when a transfer ends, this one what is open when another begins.
        self._multi.setopt(pycurl.M_MAX_TOTAL_CONNECTIONS, connections if self._resources.most else 0)

    def _make_do(self, now: float) -> None:
        """Keep to what there is of memory and descriptors."""
        self._resources.count(now, sum(len(attempt.body) for attempt in self._finished))
        if (connections := self._resources.connections(self._connections)) != self._kept:
            self._keep(connections)
        if self._resources.memory.paused:
            self._pause_or_go_on(now)

    def _pause_or_go_on(self, now: float) -> None:
        """Let those transfers wait whose bodies have no room, but for the oldest; or go on, where there is room."""
        memory = self._resources.memory
        first = next(iter(self._running.values()))
        memory.first = first.response
        for transfer in self._running.values():
            if not transfer.response.paused:
                continue
            if transfer.paused_at is None:
                transfer.paused_at = now
                self._deadlines.discard(transfer)
            if memory.roomy or (transfer is first and not memory.refuses(first.response)):
                transfer.go_on(now)
                self._deadlines.set(transfer, max(self._end_of(transfer), now))
        for transfer in self._running.values():
            if transfer.response.paused:
                # libcurl wants no news of its socket now, as of one that is idle.
                self._sockets.hush(transfer.easy.getinfo(pycurl.ACTIVESOCKET))

    def _expire(self, transfer: Transfer, now: float) -> None:
        """A deadline has come: the connect time-out's, which may have been kept, the attempt's, or a look's."""
        running = transfer not in self._asking
        if running and transfer.connecting and transfer.connected():
            transfer.connecting = False
        over = self._over(transfer)
        if running and transfer.response.leads_on():
            # Its body does not come; docs/decisions/redirects.md.
            self._end(transfer, None, "", cut=now)
        elif now < over:
            self._deadlines.set(transfer, min(over, 2 * now - transfer.started) if running else over)
            self._renewals.watch(now)
        elif running:
            self._finished.append(transfer.attempt(*transfer.where_time_went(now), cut=now))
            self._retire(transfer)
        else:
            host = self._stop_asking(transfer, now)
            self._end_unsent(transfer, Reason.TIMEOUT_DNS, f"looking up {host}, after {transfer.lookup:.1f} s")

    def _retire(self, transfer: Transfer) -> None:
        """Make the handle free for another job; in the middle of a transfer this closes its connection."""
        del self._running[transfer.easy]
        self._multi.remove_handle(transfer.easy)
        self._free_up(transfer)

    def _free_up(self, transfer: Transfer) -> None:
        """Make ready for another job what libcurl does not hold."""
        self._renewals.forget(transfer)
        if transfer.pin is not None:
            self._pins.drop(transfer.pin)
        transfer.clear()
        self._free.append(transfer)
