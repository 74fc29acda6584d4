"""One request as libcurl does it: an easy handle, set up for one job after another, and what comes of each.

Knows libcurl's options and what it tells of a transfer. Does not know other transfers, or who waits for what.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pycurl

from penstock.core.codings import ACCEPTED
from penstock.core.model import Attempt, Headers, Job, Slug, Times
from penstock.engine.codes import TIMED_OUT, slug_of
from penstock.engine.means import Memory
from penstock.engine.response import Response
from penstock.engine.route import Pin, Route
from penstock.settings import HttpSettings

__all__ = ["Transfer"]

NEVER_MS: Final = 7 * 86_400 * 1000
"""libcurl's own connect time-out, out of the way of ours (its default would be 300 s)."""


class Transfer:
    """One easy handle, used again and again, and what it is doing at the moment.

    *cacert* is the file of certificates to trust. *on_opened* hears of every socket that libcurl opens for it.
    *memory* counts its body.
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
        self, settings: HttpSettings, cacert: str, on_opened: Callable[[int, int], int], memory: Memory
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
        self.lookup, self.led_again, self.route = 0.0, False, None
        self.response.want(job.enough)

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
        if job.headers is not self._headers or not self._plain:
            easy.setopt(pycurl.HTTPHEADER, _header_lines(job))
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
        self.response.want(self.job.enough)
        if self.pin is not None:
            self.easy.setopt(pycurl.RESOLVE, [self.pin.entry])

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

    def verdict(self, code: int | None, words: str, now: float) -> tuple[Slug | None, str | None]:
        """The slug and the detail of how the transfer ended: with libcurl's error *code* and *words*, or without."""
        response = self.response
        if code is None:
            response.finish()
        if response.verdict is not None:
            return response.verdict
        if response.sated:
            return None, None
        if code is None:
            return (None, None) if response.head()[1] else (Slug.TRUNCATED, "the header block is cut off")
        if code == TIMED_OUT:
            return self.where_time_went(now)
        slug = slug_of(code, self.easy.getinfo(pycurl.OS_ERRNO), words, answered=bool(response.lines))
        if self.pin is not None:
            words = words.replace(self.pin.host, " or ".join(self.pin.addresses))
        return slug, words or f"libcurl error {code}"

    def where_time_went(self, now: float) -> tuple[Slug, str]:
        """The slug for a request that ran out of time: the first phase that was not over."""
        info, response = self.easy.getinfo, self.response
        assert self.job is not None
        if info(pycurl.PRETRANSFER_TIME):
            slug, doing = response.phase()
        elif not info(pycurl.NAMELOOKUP_TIME):
            slug, doing = Slug.TIMEOUT_DNS, "looking up the name"
        elif not info(pycurl.NUM_CONNECTS):
            # CONNECT_TIME is told only once the whole connection stands, TLS included.
            slug, doing = Slug.TIMEOUT_CONNECT, "connecting"
        elif self.job.target.startswith("https:"):
            slug, doing = Slug.TIMEOUT_TLS, "in the TLS handshake"
        else:
            slug, doing = Slug.TIMEOUT_CONNECT, "connecting through the proxy"
        return slug, f"{doing}, after {now - self.started:.1f} s"

    def reaches_ipv4(self) -> bool:
        """Whether it is led to an IPv4 address, among others perhaps."""
        if self.route is None:
            return False
        addresses = (self.route.host,) if self.pin is None else self.pin.addresses
        return any("." in address for address in addresses)

    def attempt(self, error: Slug | None, detail: str | None, lacking: str | None = None) -> Attempt:
        """What came of the job, by what libcurl tells; *lacking* as of ``Attempt``."""
        job, info, before = self.job, self.easy.getinfo, self.lookup
        assert job is not None
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
                before + info(pycurl.STARTTRANSFER_TIME),
                before + info(pycurl.TOTAL_TIME),
            ),
            info(pycurl.PRIMARY_IP) or None,
            head[5 : head.find(b" ")].decode("latin-1") if head else None,
            lacking,
        )

    def unsent(self, error: Slug, detail: str, lacking: str | None = None) -> Attempt:
        """What came of a job that libcurl never heard of; *lacking* as of ``Attempt``."""
        assert self.job is not None
        times = Times(max(0.0, self.started - self.job.ready), self.lookup, total=self.lookup)
        return Attempt(self.job, error, detail, started=self.wall, times=times, lacking=lacking)

    def _configure(self) -> None:
        """Set what stays the same from job to job."""
        settings, easy = self._settings, self.easy
        easy.setopt(pycurl.NOSIGNAL, 1)
        easy.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        easy.setopt(pycurl.FOLLOWLOCATION, 0)
        easy.setopt(pycurl.HEADERFUNCTION, self.response.lines.append)
        easy.setopt(pycurl.WRITEFUNCTION, self.response.write)
        easy.setopt(pycurl.SOCKOPTFUNCTION, self._on_opened)
        # libcurl prunes its name cache by walking all of it at the end of every transfer.
        easy.setopt(pycurl.DNS_CACHE_TIMEOUT, 0)
        easy.setopt(pycurl.CONNECTTIMEOUT_MS, NEVER_MS)
        # An empty proxy is none, whatever the environment says.
        easy.setopt(pycurl.PROXY, settings.proxy or "")
        easy.setopt(pycurl.CAINFO, self._cacert)
        if settings.proxy:
            easy.setopt(pycurl.PROXY_CAINFO, self._cacert)
            if settings.connect_to:
                easy.setopt(pycurl.CONNECT_TO, list(settings.connect_to))
        if settings.insecure:
            easy.setopt(pycurl.SSL_VERIFYPEER, 0)
            easy.setopt(pycurl.SSL_VERIFYHOST, 0)
        self._headers = self._way = None
        self._plain = True


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
