"""Pages on a Twisted reactor: ``getPage`` for one, ``fetch`` for many.

Knows Deferreds, and which errors programs on Twisted expect. Does not know how pages
are fetched.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final, Unpack

from twisted.internet import error as failures
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.python.failure import Failure
from twisted.web.error import Error

from penstock.core.schedule.frontier import Frontier
from penstock.core.schedule.statistics import Statistics
from penstock.core.schedule.tally import Tally
from penstock.core.schedule.verdicts import Ending
from penstock.core.web.judge import judge_once
from penstock.core.web.model import Fetched, Job, Outcome, Reason
from penstock.core.web.requests import Requests
from penstock.engine.curl import CurlEngine
from penstock.errors import PenstockError, UsageError
from penstock.loop.delivery import Delivery
from penstock.loop.driver import Driver, Stages
from penstock.seams import Signal
from penstock.settings import Settings
from penstock.settings.keywords import FetchOptions
from penstock.settings.listing import append_names
from penstock.settings.names import check_names
from penstock.source.rows import Shape
from penstock.streaming import fetch as flow_of
from penstock.twisted.shell import ReactorShell, get_reactor

__all__ = ["PageError", "PageTimeout", "fetch", "getPage"]

AT_ONCE: Final = 10_000
"""Pages that ``getPage`` fetches at once. The caller limits them; this is only an upper
bound."""

Each = Callable[[Outcome], Any]


class PageTimeout(failures.TimeoutError, DeferredTimeout):
    """A page took too long; both of Twisted's time-out errors."""


class PageError(PenstockError):
    """No complete response came, for a ``reason`` unknown to Twisted."""


_KINDS: Final[Mapping[Reason, type[Exception]]] = {
    Reason.DNS_NOT_FOUND: failures.DNSLookupError,
    Reason.DNS_TEMPORARY: failures.DNSLookupError,
    Reason.CONNECT_REFUSED: failures.ConnectionRefusedError,
    Reason.CONNECT_UNREACHABLE: failures.NoRouteError,
    Reason.RESET: failures.ConnectionLost,
    Reason.TRUNCATED: failures.ConnectionLost,
    Reason.EMPTY_REPLY: failures.ConnectionLost,
    Reason.TLS_CERTIFICATE: failures.SSLError,
    Reason.TLS_HANDSHAKE: failures.SSLError,
    Reason.TIMEOUT_DNS: PageTimeout,
    Reason.TIMEOUT_CONNECT: PageTimeout,
    Reason.TIMEOUT_TLS: PageTimeout,
    Reason.TIMEOUT_FIRST_BYTE: PageTimeout,
    Reason.TIMEOUT_BODY: PageTimeout,
    Reason.TIMEOUT: PageTimeout,
}


def getPage(
    url: str | bytes,
    contextFactory: Any = None,  # noqa: ARG001 - Twisted's second argument; certificates are verified here
    *,
    method: str | bytes = "GET",
    headers: Mapping[Any, Any] | None = None,
    postdata: str | bytes | None = None,
    agent: str | bytes | None = None,
    timeout: float = 0,
) -> Deferred[bytes]:
    """Fetch one page at once, as Twisted's ``getPage`` did.

    The Deferred fires with the body. No limit of Penstock applies (but 10,000 at once),
    and a failed request is not retried: limit the requests in flight with a Cooperator.
    *timeout* is in seconds, besides the 30 that end every request; 0 for only those.
    *contextFactory* is not used. Cancelling the Deferred drops the request.

    The Deferred fails with ``twisted.web.error.Error`` if the status is not 2xx; it has
    ``status``, ``message`` and ``response`` as in Twisted. It fails with Twisted's
    DNSLookupError, ConnectionRefusedError, NoRouteError, ConnectionLost, SSLError or
    PageTimeout (a TimeoutError) if there is no response, and else with PageError, for
    an invalid URL or header too. Each one except the first has a ``reason``.

    Raises UsageError if *timeout* is negative.
    """
    if not timeout >= 0:
        raise UsageError(f"timeout is {timeout}; it is a number of seconds, 0 for none")
    given = {_decode(name): _decode(value) for name, value in (headers or {}).items()}
    if agent is not None:
        given = {name: value for name, value in given.items() if name.lower() != "user-agent"}
        given["User-Agent"] = _decode(agent)
    body = postdata.encode() if isinstance(postdata, str) else postdata
    reactor = get_reactor()
    page = _get_pages(reactor).get({"url": _decode(url), "method": _decode(method), "headers": given, "body": body})
    if timeout:
        page.addTimeout(timeout, reactor, _convert_timeout)
    return page


@append_names(FetchOptions.__annotations__, "The settings, which ``help(penstock.fetch)`` describes")
def fetch(
    urls: Iterable[Any],
    each: Each | None = None,
    *,
    on_page: Callable[[Fetched], Any] | None = None,
    ordered: bool = False,
    **settings: Unpack[FetchOptions],
) -> Deferred[Any]:
    """Fetch *urls*, read lazily, as ``penstock.fetch`` does.

    Each outcome is passed to *each* as it completes. While a Deferred that *each*
    returned has not fired, no further outcome is passed, and so no further request
    starts. At the end the Deferred fires with the ``Statistics``. Without *each* it
    fires with the list of all outcomes in the order of the URLs; use that for lists
    that fit into memory. ``penstock.fetch`` describes *on_page* and *ordered*.

    A failed request is an outcome, not an error. The Deferred fails if the iterator or
    *each* raises. Cancelling it drops the requests that run.

    Raises UsageError if an argument is wrong.
    """
    check_names(fetch, settings, FetchOptions)
    reactor, flow = get_reactor(), flow_of(urls, on_page=on_page, ordered=ordered, **settings)
    if each is not None:
        return _Consumer(flow, each, reactor).done
    outcomes: list[Outcome] = []
    done = _Consumer(flow, outcomes.append, reactor).done
    return done.addCallback(lambda _: sorted(outcomes, key=lambda outcome: outcome.seq))


class _Consumer:
    """Takes a flow's outcomes, each after the last one's Deferred has fired."""

    def __init__(self, flow: Any, each: Each, reactor: Any) -> None:
        self.done: Deferred[Statistics] = Deferred(self._cancel)
        self._taken: Deferred[Any] | None = None
        self._flow = flow
        self._each = each
        self._driver: Driver[Outcome] = flow.begin(None)
        self._busy = False
        self._ended = False
        self._reactor = reactor
        self._shell = ReactorShell(self._driver, reactor, self._take)
        self._trigger = reactor.addSystemEventTrigger("before", "shutdown", self._shut_down)
        self._shell.plug()

    def _take(self) -> None:
        """Take outcomes until one has to be waited for.

        Deferreds that have fired already do not call this again.
        """
        if self._busy or self._ended:
            return
        if self._shell.turns.failure is not None:
            self._end(Failure(self._shell.turns.failure))
            return
        self._busy = True
        while self._driver.outcomes and not self._ended:
            taken = self._taken = maybeDeferred(self._each, self._driver.outcomes.popleft())
            taken.addErrback(self._end)
            if not taken.called or taken.paused:
                taken.addCallback(self._resume)
                return
        self._busy = False
        if self._ended:
            return
        if self._driver.finished:
            failure = self._driver.failure
            self._end(None if failure is None else Failure(failure))
        else:
            self._driver.engine.wake()  # there is room again, so take another turn

    def _resume(self, _result: Any) -> None:
        self._busy = False
        self._take()

    def _end(self, failure: Failure | None) -> None:
        if self._ended:
            return
        statistics = self._flow.statistics()
        self._close()
        self.done.callback(statistics) if failure is None else self.done.errback(failure)

    def _cancel(self, _done: Deferred[Statistics]) -> None:
        self._close()
        if self._taken is not None:
            self._taken.cancel()

    def _close(self) -> None:
        if not self._ended:
            self._reactor.removeSystemEventTrigger(self._trigger)
            self._shut_down()

    def _shut_down(self) -> None:
        self._ended = True
        self._shell.unplug()
        self._flow.close()


class _PageSource:
    """A source of the pages that ``getPage`` is called for. It never ends."""

    def __init__(self) -> None:
        self.items: dict[int, Job | Ending] = {}

    def pull(self) -> Job | Ending | Signal:
        return self.items.pop(next(iter(self.items))) if self.items else Signal.NOT_YET

    def request(self, room: int) -> None:
        """Make nothing: ``getPage`` does."""

    def close(self) -> None:
        self.items.clear()

    async def aclose(self) -> None:
        self.close()


class _Pages:
    """All pages that ``getPage`` fetches on one reactor."""

    def __init__(self, reactor: Any) -> None:
        settings = Settings.of(concurrency=AT_ONCE)
        frontier = Frontier(window=AT_ONCE, concurrency=AT_ONCE, per_key=AT_ONCE)
        judge = partial(judge_once, settings.max_redirects)
        self._source = _PageSource()
        self._row = Shape().row
        self._prepare = Requests(settings.request_headers()).prepare
        self._engine = CurlEngine(settings.http())
        stages = Stages(self._source, frontier, self._engine, judge, Delivery[Outcome](Tally()))
        self._driver = Driver(stages)
        self._shell = ReactorShell(self._driver, reactor, self._hand_out)
        self._waiting: dict[int, Deferred[bytes]] = {}
        self._number = 0
        reactor.addSystemEventTrigger("after", "shutdown", self._close)

    def get(self, asked: Mapping[str, Any]) -> Deferred[bytes]:
        """Fetch the page that *asked* describes; the Deferred has any error."""
        number, self._number = self._number, self._number + 1
        self._source.items[number] = self._prepare(self._row(number, 1, asked), time.monotonic())
        page: Deferred[bytes] = Deferred(lambda _: self._drop(number))
        self._waiting[number] = page
        self._shell.plug()
        return page

    def _drop(self, number: int) -> None:
        """Drop the request of a cancelled Deferred, which fires by itself."""
        if self._source.items.pop(number, None) is None:
            self._engine.give_up(number, "cancelled")
        else:
            del self._waiting[number]

    def _hand_out(self) -> None:
        if self._shell.turns.failure is not None:
            failure = Failure(self._shell.turns.failure)
            waiting, self._waiting = self._waiting, {}
            for page in waiting.values():
                page.errback(failure)
        outcomes = self._driver.outcomes
        while outcomes:
            outcome = outcomes.popleft()
            if outcome.seq not in self._waiting:  # all of them have failed above
                continue
            page = self._waiting.pop(outcome.seq)
            error = _convert(outcome)
            if page.called:  # it was cancelled
                continue
            if error is None:
                page.callback(outcome.body)
            else:
                page.errback(error)
        if not self._waiting:
            self._shell.unplug()

    def _close(self) -> None:
        self._shell.unplug()
        self._driver.close()


_BY_REACTOR: dict[int, _Pages] = {}


def _get_pages(reactor: Any) -> _Pages:
    """Return the pages of *reactor*; a process has one reactor, except in tests."""
    key = id(reactor)
    if key not in _BY_REACTOR:
        _BY_REACTOR[key] = _Pages(reactor)
    return _BY_REACTOR[key]


def _convert(outcome: Outcome) -> Exception | None:
    """Return Twisted's error for *outcome*, or None for a page."""
    if outcome.error is None:
        status = outcome.status or 0
        if 200 <= status < 300:
            return None
        line = outcome.head.split(b"\r\n", 1)[0].split(b" ", 2)
        return Error(str(status).encode(), line[2] if len(line) > 2 else b"", outcome.body)
    return _make_error(outcome.error, f"{outcome.error}: {outcome.detail} ({outcome.url})")


def _make_error(reason: Reason, detail: str) -> Exception:
    error = _KINDS.get(reason, PageError)(detail)
    vars(error)["reason"] = reason  # most of the classes are Twisted's, without this attribute
    return error


def _convert_timeout(result: Any, seconds: float) -> Any:
    """Return PageTimeout for a page that was cancelled after *seconds*."""
    if isinstance(result, Failure) and result.check(CancelledError):
        return Failure(_make_error(Reason.TIMEOUT, f"timeout: not there after {seconds:g} s"))
    return result


def _decode(given: str | bytes) -> str:
    return given.decode("latin-1") if isinstance(given, bytes) else given
