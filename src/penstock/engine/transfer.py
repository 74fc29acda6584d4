"""One request as libcurl does it: an easy handle, set up for one job after another, and what comes of each.

Knows libcurl's options and what it tells of a transfer. Does not know other transfers, or who waits for what.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pycurl
from msgspec.structs import replace

from penstock.core.web.model import Attempt, Headers, Job, Prerequisite, Reason, Times
from penstock.core.web.retry import IDEMPOTENT
from penstock.engine.codes import TIMED_OUT, reason_for
from penstock.engine.letters import header_lines, unlike_libcurls
from penstock.engine.response import Response
from penstock.engine.route import Pin, Route, spelled
from penstock.machine.memory import Memory
from penstock.settings import HttpSettings

__all__ = ["Transfer"]

NEVER_MS: Final = 7 * 86_400 * 1000
"""libcurl's own connect time-out, out of the way of ours (its default would be 300 s)."""


SUPPRESS_CONNECT_HEADERS: Final = 265
"""libcurl's number of the option (curl.h), for which pycurl 7.49 has no name."""


class Transfer:
    """One easy handle, used again and again, and what it is doing at the moment.

    *cacert* is the file of certificates to trust, as the system spells it. *on_opened* hears of every socket that
    libcurl opens for it. *memory* counts its body.
    """

    __slots__ = (
        "_cacert",
        "_headers",
        "_on_opened",
        "_plain",
        "_settings",
        "_way",
        "begun",
        "connecting",
        "easy",
        "excused",
        "job",
        "led_again",
        "lookup",
        "paused_at",
        "pin",
        "response",
        "route",
        "started",
        "wall",
    )

    _headers: Headers | None
    """The very tuple of headers that the handle is set up with: most jobs of a run share one."""

    _way: str | None
    """What CONNECT_TO says, where it changes from job to job."""

    _plain: bool

    def __init__(
        self, settings: HttpSettings, cacert: bytes, on_opened: Callable[[int, int], int], memory: Memory
    ) -> None:
        self.easy = pycurl.Curl()
        self.response = Response(settings.max_body, memory)
        self.paused_at: float | None = None
        self.job: Job | None = None
        # Where to connect; None where a proxy is told to.
        self.route: Route | None = None
        self.pin: Pin | None = None
        self.led_again = False
        self.connecting = False
        # Monotonic: when the job was started, and when its name, if it has one, was really asked for.
        self.started = self.begun = 0.0
        # Seconds since then in which its sockets were not looked at.
        self.excused = 0.0
        self.wall = 0.0
        # Seconds that the name took.
        self.lookup = 0.0
        self._settings = settings
        self._cacert = cacert
        self._on_opened = on_opened
        self._configure()

    def begin(self, job: Job, now: float, wall: float) -> None:
        """Take *job* at the monotonic time *now*, which is *wall* seconds after 1970."""
        self.job, self.started, self.begun, self.wall = job, now, now, wall
        self.lookup, self.excused, self.led_again, self.route = 0.0, 0.0, False, None
        self._want(job)

    def clear(self) -> None:
        """Make ready for another job."""
        self.response.clear()
        self.job = self.pin = self.paused_at = None

    def address(self) -> None:
        """Tell libcurl what differs from job to job; a plain GET tells it nothing but its URL."""
        job, easy = self.job, self.easy
        assert job is not None
        if not self._plain:
            easy.reset()
            self._configure()
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
        if "%" in job.target and (exact := unlike_libcurls(job.target, self._settings.proxy)):
            self._plain = False
            easy.setopt(pycurl.REQUEST_TARGET, exact)
        if self._settings.cookies and (own := [value for name, value in job.headers if name.lower() == "cookie"]):
            # Together with those of the jar, since a request has one Cookie header at most (RFC 6265, section 5.4).
            self._plain = False
            easy.setopt(pycurl.COOKIE, "; ".join(own).encode("latin-1"))
            job = replace(job, headers=tuple(pair for pair in job.headers if pair[0].lower() != "cookie"))
        if job.headers is not self._headers or not self._plain:
            easy.setopt(pycurl.HTTPHEADER, header_lines(job))
            self._headers = job.headers

    def lead(self, pin: Pin | None, entries: list[str]) -> None:
        """Tell libcurl where to connect; the URL's own host stays what it asks and verifies for.

        *entries* tell it of *pin*. Without one the route leads to an address.
        """
        route, way = self.route, None
        assert route is not None
        if pin is not None:
            self.pin = pin
            self.easy.setopt(pycurl.RESOLVE, entries)
            way = f"::{pin.host}:{pin.port}"
        elif route.elsewhere:
            way = f"::{route.host}:{route.port}"
        if way != self._way:
            self._way = way
            if way is None:
                self.easy.unsetopt(pycurl.CONNECT_TO)
            else:
                self.easy.setopt(pycurl.CONNECT_TO, [way])

    def lead_again(self) -> None:
        """Make ready to be sent once more, and tell libcurl of the pin again."""
        assert self.job is not None
        self.response.clear()
        self._want(self.job)
        if self.pin is not None:
            self.easy.setopt(pycurl.RESOLVE, [self.pin.entry])

    def _want(self, job: Job) -> None:
        # A robots.txt may be elsewhere, whatever is done with the redirects of pages.
        self.response.want(job.enough, follows=self._settings.max_redirects > 0 or type(job) is Prerequisite)

    def go_on(self, now: float) -> None:
        """Take more of a body that had to wait for memory; that time was ours and does not count."""
        assert self.paused_at is not None
        self.started += now - self.paused_at
        self.paused_at = None
        self.response.go_on()
        self.easy.pause(pycurl.PAUSE_CONT)

    def connected(self) -> bool:
        """Whether the connection stands, TLS included."""
        return bool(self.easy.getinfo(pycurl.PRETRANSFER_TIME) > 0)

    def verdict(self, code: int | None, words: str, now: float) -> tuple[Reason | None, str | None]:
        """The reason and the detail of how the transfer ended: with libcurl's error *code* and *words*, or without."""
        response = self.response
        if response.leads_on():
            return None, None
        if code is None:
            response.finish()
        if response.verdict is not None:
            return response.verdict
        if response.sated:
            return None, None
        if code is None:
            return (None, None) if response.head()[1] else (Reason.TRUNCATED, "the header block is cut off")
        if code == TIMED_OUT:
            return self.where_time_went(now)
        reason = reason_for(code, self.easy.getinfo(pycurl.OS_ERRNO), words, answered=bool(response.lines))
        if self.pin is not None:
            words = words.replace(self.pin.host, " or ".join(self.pin.addresses))
        return reason, words or f"libcurl error {code}"

    def where_time_went(self, now: float) -> tuple[Reason, str]:
        """The reason for a request that ran out of time: the first phase that was not over."""
        info, response = self.easy.getinfo, self.response
        assert self.job is not None
        if info(pycurl.PRETRANSFER_TIME):
            reason, doing = response.phase()
        elif not info(pycurl.NAMELOOKUP_TIME):
            reason, doing = Reason.TIMEOUT_DNS, "looking up the name"
        elif not info(pycurl.NUM_CONNECTS):
            # CONNECT_TIME is told only once the whole connection stands, TLS included.
            reason, doing = Reason.TIMEOUT_CONNECT, "connecting"
        elif self.job.target.startswith("https:"):
            reason, doing = Reason.TIMEOUT_TLS, "in the TLS handshake"
        else:
            reason, doing = Reason.TIMEOUT_CONNECT, "connecting through the proxy"
        return reason, f"{doing}, after {now - self.started - self.excused:.1f} s"

    def reaches_ipv4(self) -> bool:
        """Whether it is led to an IPv4 address, among others perhaps."""
        if self.route is None:
            return False
        addresses = (self.route.host,) if self.pin is None else self.pin.addresses
        return any("." in address for address in addresses)

    def attempt(
        self, error: Reason | None, detail: str | None, lacking: str | None = None, *, cut: float | None = None
    ) -> Attempt:
        """What came of the job, by what libcurl tells; *lacking* as of ``Attempt``.

        *cut* is the monotonic time at which our own clock ended it: libcurl's total is that of its last event then.
        """
        info, before = self.easy.getinfo, self.lookup
        job = self._counted()
        total = before + info(pycurl.TOTAL_TIME) if cut is None else cut - self.started
        total = max(0.0, total - self.excused)
        head = self.response.head()[0]
        names, connect, tls = info(pycurl.NAMELOOKUP_TIME), info(pycurl.CONNECT_TIME), info(pycurl.APPCONNECT_TIME)
        return Attempt(
            job,
            error,
            detail,
            info(pycurl.RESPONSE_CODE) or None,
            head,
            self.response.body() if error is None else b"",
            self.wall,
            Times(
                max(0.0, self.started - job.ready),
                # With a proxy libcurl looks names up; else its time is what it takes to find what it was told.
                names if self.route is None else before,
                max(0.0, connect - names),
                max(0.0, tls - connect) if tls else 0.0,
                min(before + info(pycurl.STARTTRANSFER_TIME), total),
                total,
            ),
            info(pycurl.PRIMARY_IP) or None,
            head[5 : head.find(b" ")].decode("latin-1") if head else None,
            lacking,
        )

    def unsent(self, error: Reason, detail: str, lacking: str | None = None) -> Attempt:
        """What came of a job that libcurl never heard of; *lacking* as of ``Attempt``."""
        assert self.job is not None
        times = Times(max(0.0, self.started - self.job.ready), self.lookup, total=self.lookup)
        return Attempt(self.job, error, detail, started=self.wall, times=times, lacking=lacking)

    def _counted(self) -> Job:
        """The job, with those of its sendings that libcurl made by itself counted as attempts.

        Where every sending has a new connection, there are as many as connections. An idempotent request that met with
        a closed connection is sent again silently.
        """
        job = self.job
        assert job is not None
        if job.method in IDEMPOTENT:
            return job
        again = self.easy.getinfo(pycurl.NUM_CONNECTS) - 1
        return replace(job, earlier=job.earlier + again) if again > 0 else job

    def _open(self, fd: int, purpose: int) -> int:
        """Let libcurl use the socket *fd*, unless it means to ask again though a response has begun.

        It does so over HTTP/2 after RST_STREAM with HTTP_1_1_REQUIRED (8.23), and would put the second body behind the
        first.
        """
        if self.response.lines:
            self.response.break_off()
            return int(pycurl.SOCKOPT_ERROR)
        return self._on_opened(fd, purpose)

    def _configure(self) -> None:
        """Set what stays the same from job to job."""
        settings, easy = self._settings, self.easy
        easy.setopt(pycurl.NOSIGNAL, 1)
        easy.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        easy.setopt(pycurl.FOLLOWLOCATION, 0)
        easy.setopt(pycurl.HEADERFUNCTION, self.response.lines.append)
        easy.setopt(pycurl.WRITEFUNCTION, self.response.write)
        easy.setopt(pycurl.SOCKOPTFUNCTION, self._open)
        # libcurl prunes its name cache by walking all of it at the end of every transfer.
        easy.setopt(pycurl.DNS_CACHE_TIMEOUT, 0)
        easy.setopt(pycurl.CONNECTTIMEOUT_MS, NEVER_MS)
        # An empty proxy is none, whatever the environment says. pycurl takes text only if it is ASCII.
        easy.setopt(pycurl.PROXY, (settings.proxy or "").encode("utf-8", "surrogateescape"))
        easy.setopt(pycurl.CAINFO, self._cacert)
        if settings.proxy:
            easy.setopt(pycurl.PROXY_CAINFO, self._cacert)
            # What a proxy says to CONNECT is no response of the site.
            easy.setopt(SUPPRESS_CONNECT_HEADERS, 1)
            if settings.connect_to:
                easy.setopt(pycurl.CONNECT_TO, [spelled(entry) for entry in settings.connect_to])
        if settings.insecure:
            easy.setopt(pycurl.SSL_VERIFYPEER, 0)
            easy.setopt(pycurl.SSL_VERIFYHOST, 0)
        self._headers = self._way = None
        self._plain = True
