"""The HTTP engine: libcurl's multi interface, and the only file that imports it.

Knows how to do one request: bytes out, bytes in, within bounds. Does not know other jobs, hosts' limits,
retries, redirects' rules or files.

libcurl tells which descriptors it wants watched, and one selector of our own watches them (``Sockets``);
the selector's own descriptor is all that an event loop sees. What libcurl does not bound, this does:
decoded size, coded bodies cut short, header blocks cut short, and time (``Deadlines``).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import certifi
import pycurl

from penstock.core.codings import ACCEPTED
from penstock.core.model import Attempt, Job, Slug, Times
from penstock.engine.codes import TIMED_OUT, slug_of
from penstock.engine.deadlines import Deadlines
from penstock.engine.response import Response
from penstock.engine.sockets import READ, WRITE, Sockets
from penstock.errors import UsageError
from penstock.settings import HttpSettings

__all__ = ["CurlEngine"]

CONNECTIONS_PER_SLOT: Final = 2
"""Connections kept open for each request that may run: one in use, one idle for a host met again."""

NEVER_MS: Final = 7 * 86_400 * 1000
"""libcurl's own connect time-out, out of the way of ours (its default would be 300 s)."""

_EVENTS: Final = {
    pycurl.POLL_IN: READ,
    pycurl.POLL_OUT: WRITE,
    pycurl.POLL_INOUT: READ | WRITE,
}
_ACTIONS: Final = {
    READ: pycurl.CSELECT_IN,
    WRITE: pycurl.CSELECT_OUT,
    READ | WRITE: pycurl.CSELECT_IN | pycurl.CSELECT_OUT,
}


class _Transfer:
    """One easy handle, used again and again, and what it is doing at the moment."""

    __slots__ = ("connecting", "easy", "headers", "job", "plain", "response", "started", "wall")

    def __init__(self, bound: int) -> None:
        self.easy = pycurl.Curl()
        self.response = Response(bound)
        self.job: Job | None = None
        # The tuple of headers the handle is set up with: most jobs of a run share one.
        self.headers: object = None
        self.plain = True
        self.connecting = False
        self.started = 0.0
        self.wall = 0.0


class CurlEngine:
    """Fetches over HTTP/1.1 and HTTP/2. An ``Engine``; see there for what each method promises.

    Raises UsageError where a setting is one that libcurl refuses, or ``cacert`` can't be read.
    """

    def __init__(self, settings: HttpSettings, clock: Callable[[], float] = time.monotonic) -> None:
        """Make the multi handle; easy handles are made as they are needed, and kept."""
        self._settings = settings
        self._clock = clock
        self._cacert = _readable(settings.cacert) if settings.cacert else certifi.where()
        self._sockets = Sockets()
        self._deadlines: Deadlines[_Transfer] = Deadlines()
        self._running: dict[pycurl.Curl, _Transfer] = {}
        self._free: list[_Transfer] = []
        self._transfers: list[_Transfer] = []
        self._finished: deque[Attempt] = deque()
        self._timer: float | None = None
        self._closed = False
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._on_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._on_timer)
        self._multi.setopt(pycurl.M_MAXCONNECTS, CONNECTIONS_PER_SLOT * settings.concurrency)

    def start(self, job: Job, now: float) -> None:
        """Begin *job* at *now*."""
        transfer = self._free.pop() if self._free else self._new_transfer()
        transfer.job, transfer.started, transfer.wall = job, now, time.time()
        left = self._settings.timeout - job.spent
        if left <= 0:
            detail = f"{self._settings.timeout:g} s were over before the last redirect could be followed"
            self._finished.append(Attempt(job, Slug.TIMEOUT, detail, started=transfer.wall))
            self._free.append(transfer)
            return
        self._address(transfer, job)
        connect = self._settings.connect_timeout
        transfer.connecting = connect < left
        self._deadlines.set(transfer, now + min(connect, left))
        self._running[transfer.easy] = transfer
        self._multi.add_handle(transfer.easy)

    def collect(self, timeout: float | None) -> list[Attempt]:
        """What has finished, after at most *timeout* seconds."""
        now = self._clock()
        self._deadlines.look(now)
        until = None if timeout is None else now + timeout
        while True:
            if self._timer is not None and self._timer <= now:
                self._act(pycurl.SOCKET_TIMEOUT, 0)
                self._harvest()
            ready = self._sockets.wait(self._how_long(now, until))
            for fd, events in ready:
                self._multi.socket_action(fd, _ACTIONS[events])
            if ready:
                self._harvest()
            now = self._clock()
            for transfer in self._deadlines.due(now):
                self._expire(transfer, now)
            if self._finished or self._sockets.take_wake() or (until is not None and now >= until):
                break
        self._deadlines.look_away(now)
        attempts = list(self._finished)
        self._finished.clear()
        return attempts

    def fileno(self) -> int:
        """The selector's descriptor."""
        return self._sockets.fileno()

    def deadline(self) -> float | None:
        """The nearest of libcurl's timer and our deadlines; at once where something has finished."""
        if self._finished:
            return self._clock()
        nearest = self._deadlines.next()
        if self._timer is None:
            return nearest
        return self._timer if nearest is None else min(nearest, self._timer)

    def wake(self) -> None:
        """End a wait."""
        self._sockets.wake()

    def cancel(self) -> None:
        """Drop what runs; its connections are closed."""
        for transfer in list(self._running.values()):
            self._deadlines.drop(transfer)
            self._retire(transfer)
        self._finished.clear()

    def inside(self) -> bool:
        """Never: what runs is no code of the caller's."""
        return False

    def give_up(self, seq: int, detail: str) -> None:
        """Drop what runs for the input *seq*, if anything does; it comes to a time-out with this *detail*."""
        for transfer in list(self._running.values()):
            if transfer.job is not None and transfer.job.seq == seq:
                self._deadlines.drop(transfer)
                self._finished.append(self._attempt(transfer, Slug.TIMEOUT, detail))
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
        self._multi.close()
        for transfer in self._transfers:
            transfer.easy.close()
        self._transfers.clear()
        self._free.clear()
        self._sockets.close()

    # -- towards libcurl

    def _new_transfer(self) -> _Transfer:
        transfer = _Transfer(self._settings.max_body)
        self._transfers.append(transfer)
        self._configure(transfer)
        return transfer

    def _configure(self, transfer: _Transfer) -> None:
        """Set what stays the same from job to job."""
        settings, easy = self._settings, transfer.easy
        easy.setopt(pycurl.NOSIGNAL, 1)
        easy.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        easy.setopt(pycurl.FOLLOWLOCATION, 0)
        easy.setopt(pycurl.HEADERFUNCTION, transfer.response.lines.append)
        easy.setopt(pycurl.WRITEFUNCTION, transfer.response.write)
        easy.setopt(pycurl.SOCKOPTFUNCTION, self._on_opened)
        # libcurl prunes its name cache by walking all of it at the end of every transfer.
        easy.setopt(pycurl.DNS_CACHE_TIMEOUT, 0)
        easy.setopt(pycurl.CONNECTTIMEOUT_MS, NEVER_MS)
        # An empty proxy is none, whatever the environment says.
        easy.setopt(pycurl.PROXY, settings.proxy or "")
        easy.setopt(pycurl.CAINFO, self._cacert)
        if settings.proxy:
            easy.setopt(pycurl.PROXY_CAINFO, self._cacert)
        if settings.insecure:
            easy.setopt(pycurl.SSL_VERIFYPEER, 0)
            easy.setopt(pycurl.SSL_VERIFYHOST, 0)
        if settings.connect_to:
            easy.setopt(pycurl.CONNECT_TO, list(settings.connect_to))
        transfer.headers = None
        transfer.plain = True

    def _address(self, transfer: _Transfer, job: Job) -> None:
        """Set what differs from job to job; a plain GET sets nothing but its URL."""
        easy = transfer.easy
        if not transfer.plain:
            easy.reset()
            self._configure(transfer)
        easy.setopt(pycurl.URL, job.target)
        if job.method != "GET" or job.body is not None:
            transfer.plain = False
            if job.method == "HEAD":
                easy.setopt(pycurl.NOBODY, 1)
            elif job.body is not None or job.method in ("POST", "PUT", "PATCH"):
                easy.setopt(pycurl.POSTFIELDS, job.body or b"")
            easy.setopt(pycurl.CUSTOMREQUEST, job.method)
        if job.headers is not transfer.headers or not transfer.plain:
            easy.setopt(pycurl.HTTPHEADER, _header_lines(job))
            transfer.headers = job.headers

    def _act(self, fd: int, events: int) -> None:
        # Cleared first: libcurl says when it wants the next one while it acts.
        self._timer = None
        self._multi.socket_action(fd, events)

    def _on_timer(self, milliseconds: int) -> None:
        self._timer = None if milliseconds < 0 else self._clock() + milliseconds / 1000

    def _on_socket(self, what: int, fd: int, _multi: Any, _data: Any) -> None:
        if what == pycurl.POLL_REMOVE:
            self._sockets.release(fd)
        elif what != pycurl.POLL_NONE:
            self._sockets.watch(fd, _EVENTS[what])

    def _on_opened(self, fd: int, _purpose: int) -> int:
        self._sockets.opened(fd)
        return int(pycurl.SOCKOPT_OK)

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

    def _end(self, transfer: _Transfer, code: int | None, words: str) -> None:
        """libcurl is done with a transfer: with error *code*, or without any."""
        error, detail = self._verdict(transfer, code, words)
        self._finished.append(self._attempt(transfer, error, detail))
        self._deadlines.drop(transfer)
        self._retire(transfer)

    def _verdict(self, transfer: _Transfer, code: int | None, words: str) -> tuple[Slug | None, str | None]:
        response = transfer.response
        if code is None:
            response.finish()
        if response.verdict is not None:
            return response.verdict
        if code is None:
            return (None, None) if response.head()[1] else (Slug.TRUNCATED, "the header block is cut off")
        if code == TIMED_OUT:
            return self._where_time_went(transfer)
        slug = slug_of(code, transfer.easy.getinfo(pycurl.OS_ERRNO), words, answered=bool(response.lines))
        return slug, words or f"libcurl error {code}"

    def _expire(self, transfer: _Transfer, now: float) -> None:
        """A deadline has come: the connect time-out's, which may have been kept, or the attempt's."""
        assert transfer.job is not None
        if transfer.connecting and transfer.easy.getinfo(pycurl.PRETRANSFER_TIME) > 0:
            transfer.connecting = False
            whole = transfer.started + self._settings.timeout - transfer.job.spent
            self._deadlines.set(transfer, max(whole, now))
        else:
            self._finished.append(self._attempt(transfer, *self._where_time_went(transfer)))
            self._retire(transfer)

    def _where_time_went(self, transfer: _Transfer) -> tuple[Slug, str]:
        """The slug for a request that ran out of time: the first phase that was not over."""
        info, response = transfer.easy.getinfo, transfer.response
        assert transfer.job is not None
        if info(pycurl.PRETRANSFER_TIME):
            slug, doing = response.phase()
        elif not info(pycurl.NAMELOOKUP_TIME):
            slug, doing = Slug.TIMEOUT_DNS, "looking up the name"
        elif not info(pycurl.NUM_CONNECTS):
            # CONNECT_TIME is told only once the whole connection stands, TLS included.
            slug, doing = Slug.TIMEOUT_CONNECT, "connecting"
        elif transfer.job.target.startswith("https:"):
            slug, doing = Slug.TIMEOUT_TLS, "in the TLS handshake"
        else:
            slug, doing = Slug.TIMEOUT_CONNECT, "connecting through the proxy"
        return slug, f"{doing}, after {self._clock() - transfer.started:.1f} s"

    def _attempt(self, transfer: _Transfer, error: Slug | None, detail: str | None) -> Attempt:
        job, info = transfer.job, transfer.easy.getinfo
        assert job is not None
        head = transfer.response.head()[0]
        names, connect, tls = info(pycurl.NAMELOOKUP_TIME), info(pycurl.CONNECT_TIME), info(pycurl.APPCONNECT_TIME)
        return Attempt(
            job,
            error,
            detail,
            info(pycurl.RESPONSE_CODE) or None,
            head,
            transfer.response.body() if error is None else b"",
            transfer.wall,
            Times(
                max(0.0, transfer.started - job.ready),
                names,
                max(0.0, connect - names),
                max(0.0, tls - connect) if tls else 0.0,
                info(pycurl.STARTTRANSFER_TIME),
                info(pycurl.TOTAL_TIME),
            ),
            info(pycurl.PRIMARY_IP) or None,
            head[5 : head.find(b" ")].decode("latin-1") if head else None,
        )

    def _retire(self, transfer: _Transfer) -> None:
        """Make the handle free for another job; in the middle of a transfer this closes its connection."""
        del self._running[transfer.easy]
        self._multi.remove_handle(transfer.easy)
        transfer.response.clear()
        transfer.job = None
        self._free.append(transfer)


def _header_lines(job: Job) -> list[str]:
    """The request's headers as libcurl takes them: an empty value is written with a semicolon.

    Empty ones after a colon switch off what libcurl would add by itself: a form's Content-Type to any
    body, and Expect, which costs a second wherever a server does not know it.
    """
    given = {name.lower() for name, _ in job.headers}
    lines = [f"{name}: {value}" if value else f"{name};" for name, value in job.headers]
    if "accept-encoding" not in given:
        lines.append(f"Accept-Encoding: {ACCEPTED}")
    if job.method not in ("GET", "HEAD") or job.body is not None:
        lines += [f"{name}:" for name in ("Content-Type", "Expect") if name.lower() not in given]
    return lines


def _readable(cacert: str) -> str:
    try:
        with Path(cacert).open("rb"):
            return cacert
    except OSError as error:
        raise UsageError(f"cacert {cacert!r} cannot be read: {error.strerror}") from None
