"""The HTTP engine: libcurl's multi interface.

Knows how to make one request: bytes out, bytes in, within bounds. Does not know other
jobs, hosts' limits, retries, the rules of redirects, or files.

libcurl reports which descriptors it wants watched (``Multi``), and one selector watches
them (``Sockets``); an event loop sees only the selector's own descriptor. The engine
bounds what libcurl does not: decoded size, coded bodies and header blocks cut short,
and time (``Timeouts``).

Names are looked up before libcurl gets a request (``Names``). libcurl connects only to
addresses that were checked. With a proxy, the proxy resolves names.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final

import certifi
import pycurl

from penstock.core.schedule.answers import Bottleneck
from penstock.core.schedule.shortage import Shortage
from penstock.core.web.model import Attempt, Job, Reason
from penstock.engine.codes import BEGINNING, COULDNT_RESOLVE
from penstock.engine.cookies import Cookies
from penstock.engine.deadlines import GRACE
from penstock.engine.dns import Answer, Names
from penstock.engine.encoding import encode_path
from penstock.engine.families import Families
from penstock.engine.handles import identify_trust
from penstock.engine.multi import Multi
from penstock.engine.pausing import pause_or_resume
from penstock.engine.renewal import Renewals
from penstock.engine.resolver import Resolver
from penstock.engine.resources import Resources
from penstock.engine.route import Pins, Routes, select_addresses
from penstock.engine.sessions import Sessions
from penstock.engine.sockets import Sockets
from penstock.engine.timeouts import Timeouts
from penstock.engine.transfer import Transfer
from penstock.settings import HttpSettings, check_guard

__all__ = ["CurlEngine"]

CONNECTIONS_PER_SLOT: Final = 2
"""Connections kept open for each request that may run: one in use, and one idle for a
host that may come again."""

STOPPED: Final = 1.0
"""Seconds that libcurl never needs for the bytes of one wait: after so long, the
process was stopped meanwhile (SIGSTOP, Ctrl-Z). See
docs/decisions/stopped-processes.md."""


class CurlEngine:
    """Fetches over HTTP/1.1 and HTTP/2. An ``Engine``; see its methods.

    Raises UsageError if libcurl refuses a setting, if ``cacert`` can't be read, or if
    ``public_only`` can't be guaranteed.
    """

    def __init__(
        self,
        settings: HttpSettings,
        clock: Callable[[], float] = time.monotonic,
        *,
        resources: Resources | None = None,
        connections: int | None = None,
    ) -> None:
        """Make the multi handle; easy handles are made when needed, and reused.

        *resources* counts memory and descriptors, *connections* is how many may be
        kept.
        """
        # A resumed run may have got its proxy later than its other settings.
        check_guard(public_only=settings.public_only, proxy=settings.proxy)
        self._settings = settings
        self._clock = clock
        self._cacert = encode_path(settings.cacert) if settings.cacert else os.fsencode(certifi.where())
        self._cookies = Cookies() if settings.cookies else None
        # A handle has one share, and with cookies that is the jar.
        self._sessions = None if settings.cookies else Sessions()
        self._sockets = Sockets()
        self._timeouts = Timeouts(settings)
        resolver = Resolver(self._sockets, settings.resolver, clock)
        self._names: Names[Transfer] = Names(resolver, families=Families())
        self._routes = None if settings.proxy else Routes(settings.connect_to)
        self._pins = Pins()
        self._renewals = Renewals()
        self._asking: set[Transfer] = set()
        self._running: dict[pycurl.Curl, Transfer] = {}
        self._free: list[Transfer] = []
        self._transfers: list[Transfer] = []
        self._finished: list[Attempt] = []
        # Bytes of their bodies.
        self._finished_size = 0
        self._closed = False
        trust = None if settings.insecure else identify_trust(self._cacert, settings.proxy)
        self._multi = Multi(self._sockets, clock, trust)
        self._resources = resources or Resources()
        self._connections = connections or CONNECTIONS_PER_SLOT * settings.concurrency
        self._keep(self._connections)

    def start(self, job: Job, now: float) -> None:
        """Start *job* at *now*."""
        transfer = self._free.pop() if self._free else self._new_transfer()
        transfer.begin(job, now, time.time())
        left = self._settings.timeout - job.spent
        if left <= 0:
            detail = f"{self._settings.timeout:g} s were over before the last redirect could be followed"
            self._end_unsent(transfer, Reason.TIMEOUT, detail)
            return
        route = transfer.route = self._routes.route(job.target) if self._routes else None
        if route is None:
            self._send(transfer, ())
        elif route.literal:
            self._connect(transfer, (route.host,))
        else:
            answer = self._names.ask(route.host, transfer, now)
            if answer is not None:
                self._take_answer(transfer, answer)
                return
            self._asking.add(transfer)
            self._take_answers(now)
            if transfer in self._asking and not self._timeouts.has(transfer):
                # Its look-up is queued.
                self._timeouts.set(transfer, now + left)

    def collect(self, timeout: float | None) -> list[Attempt]:
        """Return the attempts that have ended, after at most *timeout* seconds."""
        now = self._clock()
        self._extend_deadlines(now)
        until = None if timeout is None else now + timeout
        while True:
            if self._multi.act_if_due(now):
                self._harvest()
            self._adapt(now)
            self._timeouts.touch(now)
            wait = self._find_wait(now, until)
            ready = self._sockets.wait(wait)
            woke = self._clock()
            late = not ready and wait is not None and woke - now > wait + GRACE
            self._serve(ready)
            now = self._clock()
            if late or now - woke > STOPPED:
                self._extend_deadlines(now)
                if not ready:
                    # An interrupted wait returns no sockets, but sockets must be served
                    # before deadlines are checked.
                    continue
            # After the sockets are served: a response may have come in time, and have
            # waited to be read.
            self._run_due(now)
            if self._finished or self._sockets.take_wake() or (until is not None and now >= until):
                break
        self._adapt(now)
        self._timeouts.touch(now)
        return self._take_finished()

    def fileno(self) -> int:
        """Return the selector's descriptor."""
        return self._sockets.fileno()

    def deadline(self) -> float | None:
        """Return when ``collect`` is due: now if an attempt has ended."""
        if self._finished:
            return self._clock()
        duties = (self._timeouts.next(), self._multi.due, self._names.deadline(), self._renewals.due)
        return min((duty for duty in duties if duty is not None), default=None)

    def bound(self) -> Bottleneck | None:
        """Return descriptors or names, whichever limits the speed, or None."""
        most_ask = 2 * len(self._asking) > len(self._asking) + len(self._running)
        return self._resources.bound or (Bottleneck.NAMES if most_ask else None)

    def shortage(self) -> Shortage:
        """Return what the machine has run out of, if anything."""
        return self._resources.shortage

    def wake(self) -> None:
        """End the current wait or the next one."""
        self._sockets.wake()

    def cancel(self) -> None:
        """Drop what runs, and close its connections."""
        self._names.cancel()
        for transfer in self._asking:
            self._timeouts.drop(transfer)
            self._free_up(transfer)
        self._asking.clear()
        for transfer in list(self._running.values()):
            self._timeouts.discard(transfer)
            self._retire(transfer)
        self._take_finished()

    def inside(self) -> bool:
        """Return False: no code of the caller runs in here."""
        return False

    def give_up(self, seq: int, detail: str) -> None:
        """End what runs for input *seq*, if anything, as a time-out."""
        for transfer in [*self._asking, *self._running.values()]:
            if transfer.job is None or transfer.job.seq != seq:
                continue
            if transfer in self._asking:
                self._stop_asking(transfer, self._clock())
                self._end_unsent(transfer, Reason.TIMEOUT, detail)
            else:
                self._timeouts.discard(transfer)
                self._finished.append(transfer.make_attempt(Reason.TIMEOUT, detail, cut=self._clock()))
                self._retire(transfer)
        self.wake()

    async def join_cancelled(self) -> None:
        """Return at once: a dropped transfer has ended."""

    def close(self) -> None:
        """Close every connection.

        Easy handles are closed after the multi handle, whose connections point into
        them.
        """
        if self._closed:
            return
        self._closed = True
        self.cancel()
        self._names.close()
        self._multi.close(self._pins.clear())
        for transfer in self._transfers:
            transfer.easy.close()
        self._transfers.clear()
        self._free.clear()
        if self._cookies is not None:
            self._cookies.close()
        self._sockets.close()

    # -- name look-ups

    def _take_answers(self, now: float) -> None:
        """Continue the transfers whose look-ups have begun or ended."""
        names = self._names
        while names.begun:
            transfer = names.begun.popleft()
            if transfer in self._asking:
                transfer.connect_from = now
                self._timeouts.start_connecting(transfer)
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
        """Abandon the look-up of *transfer*, and return its host."""
        assert transfer.route is not None
        self._asking.remove(transfer)
        self._names.leave(transfer.route.host, transfer)
        transfer.lookup = max(0.0, now - transfer.started)
        return transfer.route.host

    def _connect(self, transfer: Transfer, addresses: tuple[str, ...]) -> None:
        """Send the request to the *addresses* that the job may connect to."""
        job, route = transfer.job, transfer.route
        assert job is not None
        assert route is not None
        # The user's own connect_to may name any address.
        public_only = (job.public or self._settings.public_only) and not route.own
        if route.literal and not public_only:
            self._send(transfer, addresses)
            return
        allowed, why_not = select_addresses(addresses, public_only=public_only)
        if allowed:
            self._send(transfer, allowed)
        else:
            self._end_unsent(transfer, Reason.BLOCKED_ADDRESS, why_not)

    def _end_unsent(self, transfer: Transfer, reason: Reason, detail: str) -> None:
        """End *transfer*, which libcurl has not got."""
        lacking = self._find_lack(transfer, None) if reason in (Reason.DNS_TEMPORARY, Reason.TIMEOUT_DNS) else None
        self._finished.append(transfer.make_unsent_attempt(reason, detail, lacking))
        self._timeouts.discard(transfer)
        self._free_up(transfer)

    # -- libcurl

    def _new_transfer(self) -> Transfer:
        transfer = Transfer(self._settings, self._cacert, self._sockets.add, self._resources.memory)
        if self._cookies is not None:
            self._cookies.attach(transfer.easy)
        self._transfers.append(transfer)
        return transfer

    def _send(self, transfer: Transfer, addresses: tuple[str, ...]) -> None:
        """Give *transfer* to libcurl, to connect to *addresses* or the proxy."""
        transfer.configure()
        if self._sessions is not None and transfer.job is not None and transfer.job.target.startswith("https:"):
            transfer.share_sessions(self._sessions.find(transfer.job.target))
        route = transfer.route
        if route is not None and not route.literal and len(addresses) == 1:
            # One address needs no list in libcurl's cache.
            route = transfer.route = route.at(addresses[0])
        if route is not None and route.literal:
            transfer.set_destination(None, [])
        elif route is not None:
            transfer.set_destination(*self._pins.take(addresses, route.port))
        if not self._timeouts.has(transfer):
            self._timeouts.start_connecting(transfer)
        self._running[transfer.easy] = transfer
        self._multi.add(transfer.easy)

    def _extend_deadlines(self, now: float) -> None:
        """Extend all deadlines if the sockets were not served for long before *now*."""
        gap = self._timeouts.extend(now)
        if gap:
            self._timeouts.excuse(gap, (*self._asking, *self._running.values()))

    def _serve(self, ready: list[tuple[int, int]]) -> None:
        """Act on the descriptors that are *ready*."""
        serves, act = self._names.serves, self._multi.act
        for fd, events in ready:
            if serves(fd):
                self._names.process(fd, events, self._clock())
            else:
                act(fd, events)
        if ready:
            self._harvest()

    def _run_due(self, now: float) -> None:
        """Do the work that is due at *now*: look-ups, deadlines, requests to send again."""
        if (names_due := self._names.deadline()) is not None and names_due <= now:
            self._names.tick(now)
        self._take_answers(now)
        for transfer in self._timeouts.due(now):
            self._expire(transfer, now)
        if self._renewals.due is not None and self._renewals.due <= now:
            for transfer in self._renewals.find_left_behind(self._running.values(), now):
                self._send_again(transfer)

    def _find_wait(self, now: float, until: float | None) -> float | None:
        """Return the seconds to wait for sockets, or None for no limit."""
        if self._finished:
            return 0
        duty = self.deadline()
        if until is None or (duty is not None and duty < until):
            until = duty
        return None if until is None else max(0.0, until - now)

    def _take_finished(self) -> list[Attempt]:
        finished, self._finished, self._finished_size = self._finished, [], 0
        return finished

    def _harvest(self) -> None:
        while True:
            queued, whole, broken = self._multi.read_ended()
            for easy in whole:
                self._end(self._running[easy], None, "")
            for easy, code, words in broken:
                self._end(self._running[easy], code, words)
            if not queued:
                return

    def _end(self, transfer: Transfer, code: int | None, words: str, *, cut: float | None = None) -> None:
        """End *transfer* with libcurl's *code* or None, or at *cut* by the engine."""
        if code == COULDNT_RESOLVE and transfer.pin is not None and not transfer.resent:
            # The end of another transfer removed the pin while this one replaced a
            # closed connection by a new one.
            transfer.resent = True
            self._send_again(transfer)
            return
        now = self._clock()
        if code is not None and self._renewals.should_resend(transfer, code, words, now):
            self._send_again(transfer)
            return
        lacking = self._find_lack(transfer, transfer.easy.getinfo(pycurl.OS_ERRNO)) if code in BEGINNING else None
        reason, detail = transfer.judge(code, words, now)
        attempt = transfer.make_attempt(reason, detail, lacking, cut=cut)
        if attempt.http == "2":
            self._renewals.note_answer(transfer, now)
        size = len(attempt.body)
        self._finished_size += size
        self._resources.memory.waiting += size
        if self._cookies is not None:
            self._cookies.count(transfer.easy, attempt.head)
        self._finished.append(attempt)
        self._timeouts.discard(transfer)
        self._retire(transfer)

    def _send_again(self, transfer: Transfer) -> None:
        self._multi.remove(transfer.easy)
        transfer.prepare_resend()
        self._multi.add(transfer.easy)

    def _find_lack(self, transfer: Transfer, os_errno: int | None) -> str | None:
        """Return what the machine lacked for *transfer*; if any, let fewer run."""
        now = self._clock()
        lacking = self._resources.find_lack(now, os_errno, ipv4=transfer.reaches_ipv4())
        if lacking is not None:
            running = len(self._running) + len(self._asking) - (transfer.easy in self._running)
            self._resources.lower(lacking, running, now)
        return lacking

    def _keep(self, connections: int) -> None:
        """Keep at most *connections*, including those in use."""
        self._multi.keep(connections, bound_all=self._resources.most > 0)

    def _adapt(self, now: float) -> None:
        """Adapt to the memory and the descriptors that are left."""
        self._resources.count(now, self._finished_size)
        if (connections := self._resources.connections(self._connections)) != self._multi.kept:
            self._keep(connections)
        if self._resources.memory.paused:
            pause_or_resume(
                self._running.values(),
                now,
                memory=self._resources.memory,
                timeouts=self._timeouts,
                sockets=self._sockets,
            )

    def _expire(self, transfer: Transfer, now: float) -> None:
        """Handle a deadline: of the connect phase, of the attempt, or of a check."""
        running = transfer not in self._asking
        if running and transfer.connecting and transfer.is_connected():
            transfer.connecting = False
        limit = self._timeouts.find_limit(transfer)
        if running and transfer.response.is_redirect():
            # Its body does not come; docs/decisions/redirects.md.
            self._end(transfer, None, "", cut=now)
        elif now < limit:
            self._timeouts.set(transfer, min(limit, 2 * now - transfer.started) if running else limit)
            self._renewals.schedule(now)
        elif running:
            self._finished.append(transfer.make_attempt(*transfer.explain_timeout(now), cut=now))
            self._retire(transfer)
        else:
            host = self._stop_asking(transfer, now)
            self._end_unsent(transfer, Reason.TIMEOUT_DNS, f"looking up {host}, after {transfer.lookup:.1f} s")

    def _retire(self, transfer: Transfer) -> None:
        """Free the handle for another job; if it runs, close its connection."""
        del self._running[transfer.easy]
        self._multi.remove(transfer.easy)
        self._free_up(transfer)

    def _free_up(self, transfer: Transfer) -> None:
        """Prepare *transfer*, which libcurl has not got any more, for another job."""
        self._renewals.forget(transfer)
        if transfer.pin is not None:
            self._pins.drop(transfer.pin)
        transfer.clear()
        self._free.append(transfer)
