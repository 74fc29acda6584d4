"""One request by libcurl: an easy handle, configured for one job after another.

Knows libcurl's options, and what it reports of a transfer. Does not know other
transfers, deadlines or name look-ups.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pycurl
from msgspec.structs import replace

from penstock.core.web.model import Attempt, Headers, Job, Prerequisite, Reason, Times
from penstock.core.web.retry import IDEMPOTENT
from penstock.engine.codes import TIMED_OUT, find_reason
from penstock.engine.encoding import encode_headers, find_exact_target
from penstock.engine.response import Response
from penstock.engine.route import Pin, Route, canonicalize
from penstock.machine.memory import Memory
from penstock.settings import HttpSettings

__all__ = ["Transfer"]

NEVER_MS: Final = 7 * 86_400 * 1000
"""libcurl's own connect time-out, so long that only ours counts (its default is 300
s)."""

SUPPRESS_CONNECT_HEADERS: Final = 265
"""libcurl's number of an option (curl.h) that pycurl 7.49 has no name for."""

SOCKOPT_OK: Final = int(pycurl.SOCKOPT_OK)


class Transfer:
    """One easy handle, used for one job after another, and its state.

    *cacert* is the encoded path of the trusted certificates. *on_open* is called for
    each socket that libcurl opens for it. *memory* counts its body.
    """

    __slots__ = (
        "_cacert",
        "_destination",
        "_follows",
        "_headers",
        "_kind",
        "_on_open",
        "_plain",
        "_settings",
        "_share",
        "connect_from",
        "connecting",
        "easy",
        "excused",
        "job",
        "lookup",
        "opened",
        "paused_at",
        "pin",
        "resent",
        "response",
        "route",
        "started",
        "wall",
    )

    _headers: Headers | None
    """The tuple of headers that the handle is configured with; most jobs share it."""

    _destination: str | None
    """The handle's CONNECT_TO."""

    _plain: bool

    _kind: type[Job] | None
    """The type of the job before, for whose limits the response is set."""

    def __init__(self, settings: HttpSettings, cacert: bytes, on_open: Callable[[int], None], memory: Memory) -> None:
        self.easy = pycurl.Curl()
        self.response = Response(settings.max_body, memory)
        self.paused_at: float | None = None
        self.job: Job | None = None
        # Where to connect; None if a proxy connects.
        self.route: Route | None = None
        self.pin: Pin | None = None
        self.resent = False
        # Whether libcurl opened a socket for it: without one, it has a kept connection.
        self.opened = False
        self.connecting = False
        # Monotonic: when the job was started, and from when its connect time-out
        # counts, which is when its name look-up began.
        self.started = self.connect_from = 0.0
        # Seconds since then in which its sockets were not read.
        self.excused = 0.0
        self.wall = 0.0
        # Seconds that the name look-up took.
        self.lookup = 0.0
        self._settings = settings
        self._cacert = cacert
        self._on_open = on_open
        self._share: pycurl.CurlShare | None = None
        self._follows = settings.max_redirects > 0
        self._kind = None
        self._configure_handle()

    def begin(self, job: Job, now: float, wall: float) -> None:
        """Take *job* at the monotonic time *now*, the Unix time *wall*."""
        self.job, self.started, self.connect_from, self.wall = job, now, now, wall
        self.lookup, self.excused, self.resent, self.opened, self.route = 0.0, 0.0, False, False, None
        if type(job) is not self._kind:
            self._kind = type(job)
            # The redirects of a robots.txt are followed even if redirects of pages are not.
            self.response.limit(job.enough, follows=self._follows or type(job) is Prerequisite)

    def clear(self) -> None:
        """Prepare for another job."""
        self.response.clear()
        self.job = self.pin = self.paused_at = None

    def configure(self) -> None:
        """Set the options that differ from job to job: often only the URL."""
        job, easy = self.job, self.easy
        assert job is not None
        if not self._plain:
            easy.reset()
            self._configure_handle()
        easy.setopt(pycurl.URL, job.target)
        if job.method != "GET" or job.body is not None:
            self._plain = False
            if job.method == "HEAD":
                easy.setopt(pycurl.NOBODY, 1)
            elif job.body is not None or job.method in ("POST", "PUT", "PATCH"):
                easy.setopt(pycurl.POSTFIELDS, job.body or b"")
            easy.setopt(pycurl.CUSTOMREQUEST, job.method)
            if job.method not in IDEMPOTENT:
                # docs/decisions/sent-once.md
                easy.setopt(pycurl.FRESH_CONNECT, 1)
                easy.setopt(pycurl.FORBID_REUSE, 1)
        if "%" in job.target and (exact := find_exact_target(job.target, self._settings.proxy)):
            self._plain = False
            easy.setopt(pycurl.REQUEST_TARGET, exact)
        if self._settings.cookies and (own := [value for name, value in job.headers if name.lower() == "cookie"]):
            # libcurl adds the cookies of the jar, since a request has at most one Cookie
            # header (RFC 6265, section 5.4).
            self._plain = False
            easy.setopt(pycurl.COOKIE, "; ".join(own).encode("latin-1"))
            job = replace(job, headers=tuple(pair for pair in job.headers if pair[0].lower() != "cookie"))
        if job.headers is not self._headers or not self._plain:
            easy.setopt(pycurl.HTTPHEADER, encode_headers(job))
            self._headers = job.headers

    def set_destination(self, pin: Pin | None, entries: list[str]) -> None:
        """Set where libcurl connects; it still requests and verifies the URL's host.

        *entries* enter *pin* into libcurl's cache. If *pin* is None, the route has an
        address.
        """
        route, destination = self.route, None
        assert route is not None
        if pin is not None:
            self.pin = pin
            self.easy.setopt(pycurl.RESOLVE, entries)
            destination = f"::{pin.host}:{pin.port}"
        elif route.elsewhere:
            destination = f"::{route.host}:{route.port}"
        if destination != self._destination:
            self._destination = destination
            if destination is None:
                self.easy.unsetopt(pycurl.CONNECT_TO)
            else:
                self.easy.setopt(pycurl.CONNECT_TO, [destination])

    def share_sessions(self, share: pycurl.CurlShare) -> None:
        """Resume a TLS session that *share* has, and keep new ones there."""
        if share is not self._share:
            if self._share is not None:
                # pycurl refuses to replace a share.
                self.easy.unsetopt(pycurl.SHARE)
            self.easy.setopt(pycurl.SHARE, share)
            self._share = share

    def prepare_resend(self) -> None:
        """Prepare to send the job once more, and set the pin again."""
        assert self.job is not None
        self.response.clear()
        if self.pin is not None:
            self.easy.setopt(pycurl.RESOLVE, [self.pin.entry])

    def resume(self, now: float) -> None:
        """Resume a transfer that waited for memory; its wait does not count."""
        assert self.paused_at is not None
        self.started += now - self.paused_at
        self.paused_at = None
        self.response.resume()
        self.easy.pause(pycurl.PAUSE_CONT)

    def is_connected(self) -> bool:
        """Whether the connection is established, TLS included."""
        return bool(self.easy.getinfo(pycurl.PRETRANSFER_TIME) > 0)

    def find_socket(self) -> int:
        """Return the descriptor of the connection, -1 if there is none."""
        return int(self.easy.getinfo(pycurl.ACTIVESOCKET))

    def judge(self, code: int | None, words: str, now: float) -> tuple[Reason | None, str | None]:
        """Return the reason and the detail of a failed transfer, or two None.

        *code* and *words* are libcurl's error and message; *code* is None if it has
        none.
        """
        response = self.response
        if (code is None and response.is_plain()) or response.is_redirect():
            return None, None
        if code is None:
            response.finish()
        if response.verdict is not None:
            return response.verdict
        if response.capped:
            return None, None
        if code is None:
            return (None, None) if response.head()[1] else (Reason.TRUNCATED, "the header block is cut off")
        if code == TIMED_OUT:
            return self.explain_timeout(now)
        reason = find_reason(code, self.easy.getinfo(pycurl.OS_ERRNO), words, answered=bool(response.lines))
        if self.pin is not None:
            words = words.replace(self.pin.host, " or ".join(self.pin.addresses))
        return reason, words or f"libcurl error {code}"

    def explain_timeout(self, now: float) -> tuple[Reason, str]:
        """Return the reason and detail of a time-out: its unfinished phase."""
        info, response = self.easy.getinfo, self.response
        assert self.job is not None
        if info(pycurl.PRETRANSFER_TIME):
            reason, doing = response.describe_phase()
        elif not info(pycurl.NAMELOOKUP_TIME):
            reason, doing = Reason.TIMEOUT_DNS, "looking up the name"
        elif not info(pycurl.NUM_CONNECTS):
            # CONNECT_TIME is set only once the connection is established, TLS included.
            reason, doing = Reason.TIMEOUT_CONNECT, "connecting"
        elif self.job.target.startswith("https:"):
            reason, doing = Reason.TIMEOUT_TLS, "in the TLS handshake"
        else:
            reason, doing = Reason.TIMEOUT_CONNECT, "connecting through the proxy"
        return reason, f"{doing}, after {now - self.started - self.excused:.1f} s"

    def reaches_ipv4(self) -> bool:
        """Whether an IPv4 address is among those it connects to."""
        if self.route is None:
            return False
        addresses = (self.route.host,) if self.pin is None else self.pin.addresses
        return any("." in address for address in addresses)

    def make_attempt(
        self, error: Reason | None, detail: str | None, lacking: str | None = None, *, cut: float | None = None
    ) -> Attempt:
        """Return the attempt, with libcurl's times; *lacking* as in ``Attempt``.

        *cut* is the monotonic time at which the engine ended the transfer. Then
        libcurl's total is that of its last event, and not used.
        """
        info, before = self.easy.getinfo, self.lookup
        job = self.job
        assert job is not None
        if job.method not in IDEMPOTENT:
            job = self._count_sendings(job)
        total = before + info(pycurl.TOTAL_TIME) if cut is None else cut - self.started
        if self.excused:
            total = max(0.0, total - self.excused)
        first = before + info(pycurl.STARTTRANSFER_TIME)
        head = self.response.head()[0]
        dns, connect, tls = self._time_phases() if self.opened or self.route is None else (before, 0.0, 0.0)
        return Attempt(
            job,
            error,
            detail,
            info(pycurl.RESPONSE_CODE) or None,
            head,
            self.response.body() if error is None else b"",
            self.wall,
            Times(max(0.0, self.started - job.ready), dns, connect, tls, min(first, total), total),
            info(pycurl.PRIMARY_IP) or None,
            _read_version(head),
            lacking,
        )

    def _time_phases(self) -> tuple[float, float, float]:
        """Return the seconds of the name look-up, of connecting and of the TLS handshake."""
        info = self.easy.getinfo
        names, connect, tls = info(pycurl.NAMELOOKUP_TIME), info(pycurl.CONNECT_TIME), info(pycurl.APPCONNECT_TIME)
        # With a proxy libcurl resolves names; else its time is that of reading its
        # cache.
        dns = names if self.route is None else self.lookup
        return dns, max(0.0, connect - names), max(0.0, tls - connect) if tls else 0.0

    def make_unsent_attempt(self, error: Reason, detail: str, lacking: str | None = None) -> Attempt:
        """Return the attempt of a job that libcurl never got.

        *lacking* is as in ``Attempt``.
        """
        assert self.job is not None
        times = Times(max(0.0, self.started - self.job.ready), self.lookup, total=self.lookup)
        return Attempt(self.job, error, detail, started=self.wall, times=times, lacking=lacking)

    def _count_sendings(self, job: Job) -> Job:
        """Return *job*, with libcurl's own retries of it counted as attempts.

        If the method is not idempotent, each sending has a new connection, so their
        numbers are equal. An idempotent request that meets a closed connection is sent
        again without being counted.
        """
        again = self.easy.getinfo(pycurl.NUM_CONNECTS) - 1
        return replace(job, earlier=job.earlier + again) if again > 0 else job

    def _open(self, fd: int, _purpose: int) -> int:
        """Let libcurl use the socket *fd*, unless a response has begun.

        libcurl 8.23 sends a request again over HTTP/2 after RST_STREAM with
        HTTP_1_1_REQUIRED, and would append the second body to the first.
        """
        if self.response.lines:
            self.response.mark_truncated()
            return int(pycurl.SOCKOPT_ERROR)
        self.opened = True
        self._on_open(fd)
        return SOCKOPT_OK

    def _configure_handle(self) -> None:
        """Set the options that stay the same from job to job."""
        settings, easy = self._settings, self.easy
        easy.setopt(pycurl.NOSIGNAL, 1)
        easy.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        easy.setopt(pycurl.FOLLOWLOCATION, 0)
        easy.setopt(pycurl.HEADERFUNCTION, self.response.lines.append)
        easy.setopt(pycurl.WRITEFUNCTION, self.response.write)
        easy.setopt(pycurl.SOCKOPTFUNCTION, self._open)
        # libcurl prunes its name cache by walking all of it at each transfer's end.
        easy.setopt(pycurl.DNS_CACHE_TIMEOUT, 0)
        easy.setopt(pycurl.CONNECTTIMEOUT_MS, NEVER_MS)
        # An empty proxy means none, whatever the environment says. pycurl accepts only
        # ASCII text, so this is bytes.
        easy.setopt(pycurl.PROXY, (settings.proxy or "").encode("utf-8", "surrogateescape"))
        easy.setopt(pycurl.CAINFO, self._cacert)
        if settings.proxy:
            easy.setopt(pycurl.PROXY_CAINFO, self._cacert)
            # A proxy's reply to CONNECT is no response of the site.
            easy.setopt(SUPPRESS_CONNECT_HEADERS, 1)
            if settings.connect_to:
                easy.setopt(pycurl.CONNECT_TO, [canonicalize(entry) for entry in settings.connect_to])
        if settings.insecure:
            easy.setopt(pycurl.SSL_VERIFYPEER, 0)
            easy.setopt(pycurl.SSL_VERIFYHOST, 0)
        self._headers = self._destination = None
        self._plain = True


def _read_version(head: bytes) -> str | None:
    """Return the HTTP version that a header block names; None if it is empty."""
    if head[:9] == b"HTTP/1.1 ":
        return "1.1"
    return head[5 : head.find(b" ")].decode("latin-1") if head else None
