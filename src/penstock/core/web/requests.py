"""From a row of the input to its first job, and from a redirect to the next one.

Knows which headers a request carries, and which must not cross an origin. Does not know
how or when requests are sent. See docs/decisions/headers-across-origins.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from penstock.core.web.addresses import is_public
from penstock.core.web.hosts import Place, RejectedUrl, locate, origin, redact
from penstock.core.web.model import Attempt, Headers, Hop, Job, Reason, Row, Skipped, split_head

__all__ = ["REDIRECTS", "RejectedRedirect", "Requests", "follow", "identity", "is_redirect"]

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
"""Statuses with a Location to follow (RFC 9110, section 15.4); not 300, 304 and 305."""

_REDIRECTS: Final = frozenset(b"%d" % status for status in REDIRECTS)

CROSSES_ORIGINS: Final = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "from",
        "if-modified-since",
        "if-none-match",
        "pragma",
        "range",
        "user-agent",
    },
)
"""Headers that a redirect keeps to another origin. Any other may be a credential
(X-Api-Key)."""

ELSEWHERE: Final = (
    "the Host header is not the URL's; to send a request to another server, use connect_to (--connect-to)"
)
"""The setting has both spellings, since an outcome is stored for Python and for the command line."""

DESCRIBES_BODY: Final = frozenset(
    {"content-encoding", "content-language", "content-length", "content-location", "content-type"},
)
"""Headers dropped with the body if a redirect turns a POST into a GET (RFC 9110,
section 15.4)."""


class Requests(Struct, frozen=True):
    """Makes the requests of a run, which share *headers*."""

    headers: Headers = ()

    def prepare(self, row: Row, now: float) -> Job | Skipped:
        """Return the job for *row*, ready at *now*, or why it is skipped."""
        if row.fault is not None:
            return _skip(row, row.reason, row.fault)
        place = locate(row.url)
        if type(place) is RejectedUrl:
            return _skip(row, place.reason, place.detail)
        assert isinstance(place, Place)
        url, headers, via = row.url, self.headers, row.via
        if via is not None:
            headers = _limit_to_origin(headers, via.origin, place.url)
        if row.headers:
            if not all(_is_host_of(place.url, value) for name, value in row.headers if name.lower() == "host"):
                return _skip(row, Reason.INVALID_REQUEST, ELSEWHERE)
            # A Host that matches the URL is written for every hop anyway.
            headers = _merge(headers, _filter(row.headers, lambda name: name != "host"))
        if place.authorization is not None:
            url = redact(url)
            headers = _merge(headers, (("Authorization", place.authorization),))
        job = Job(row.seq, place.key, url, place.url, row.method, headers, row.body, row.fields, now)
        return replace(job, public=True) if via is not None and via.public else job


def _skip(row: Row, reason: Reason, detail: str) -> Skipped:
    return Skipped(row.seq, redact(row.url), reason, f"line {row.line}: {detail}", input=row.fields)


def _is_host_of(url: str, value: str) -> bool:
    """Whether a Host field of *value* means the origin of the canonical *url*."""
    scheme = url.partition(":")[0]
    there = locate(f"{scheme}://{value}/")
    return isinstance(there, Place) and origin(there.url) == origin(url)


def identity(job: Job) -> bytes:
    """Return the bytes that two duplicate requests have in common.

    They hold the method, the canonical URL and the body. Headers make no difference,
    nor do credentials, which are a header, nor a fragment, which is never sent.
    """
    # Neither a method nor a canonical URL contains a space or a line feed, so different
    # requests have different bytes.
    return b"%b %b\n%b" % (job.method.encode(), job.target.encode(), job.body or b"")


class RejectedRedirect(Struct, frozen=True, gc=False):
    """Why a redirect is not followed."""

    reason: Reason
    detail: str


def is_redirect(head: bytes) -> bool:
    """Whether a response with the header block *head* is a redirect to follow."""
    at = head.find(b" ") + 1
    return head[at : at + 3] in _REDIRECTS and bool(_read_locations(head))


def follow(attempt: Attempt, limit: int, now: float) -> Job | RejectedRedirect | None:
    """Return the job for the next hop of a complete response, or None.

    At most *limit* hops are followed; if *limit* is 0, a redirect is a result like any
    other. 303, and 301 or 302 after POST, turn the request into a GET without a body
    (the Fetch standard, HTTP-redirect fetch, step 12).
    """
    if not limit or attempt.status not in REDIRECTS:
        return None
    locations = _read_locations(attempt.head)
    if not locations:
        return None
    job = attempt.job
    if len(job.hops) >= limit:
        return RejectedRedirect(Reason.TOO_MANY_REDIRECTS, f"more than {limit} redirects")
    place = _locate_next(locations, attempt)
    if type(place) is RejectedRedirect:
        return place
    assert isinstance(place, Place)
    hop = _make_hop(attempt, place, now)
    last = job.hops[-1] if job.hops else None
    if last is not None and _is_same(hop, job) and (last.url, last.method) == (job.target, job.method):
        said = "redirected twice to the very same request, as a site does that wants cookies; use cookies (--cookies)"
        return RejectedRedirect(Reason.TOO_MANY_REDIRECTS, said)
    return hop


def _locate_next(locations: list[str], attempt: Attempt) -> Place | RejectedRedirect:
    """Return the place that *locations* name; there should be one location."""
    if len(set(locations)) != 1 or not locations[0]:
        said = "an empty Location" if not any(locations) else "more than one Location"
        return RejectedRedirect(Reason.REDIRECT_INVALID, f"status {attempt.status} with {said}")
    place = locate(_decode_location(locations[0]), attempt.job.target)
    if isinstance(place, Place):
        return place
    reason = place.reason if place.reason is Reason.BLOCKED_SCHEME else Reason.REDIRECT_INVALID
    return RejectedRedirect(reason, f"redirect: {place.detail}")


def _read_locations(head: bytes) -> list[str]:
    return [value for name, value in split_head(head) if name.lower() == "location"]


def _is_same(one: Job, other: Job) -> bool:
    """Whether the server gets the same request for both."""
    return (one.target, one.method, one.headers, one.body) == (other.target, other.method, other.headers, other.body)


def _make_hop(attempt: Attempt, place: Place, now: float) -> Job:
    job = attempt.job
    headers, method, body = _limit_to_origin(job.headers, origin(job.target), place.url), job.method, job.body
    if place.authorization is not None:
        headers = _merge(headers, (("Authorization", place.authorization),))
    if method not in ("GET", "HEAD") and (attempt.status == 303 or (attempt.status in (301, 302) and method == "POST")):
        method, body = "GET", None
        headers = _filter(headers, lambda name: name not in DESCRIBES_BODY)
    return replace(
        job,
        key=place.key,
        target=place.url,
        method=method,
        headers=headers,
        body=body,
        ready=now,
        spent=job.spent + attempt.times.total,
        hops=(*job.hops, Hop(job.target, attempt.status or 0, job.method)),
        # If the address of the answer is unknown, it may have been a public one.
        public=job.public or attempt.ip is None or is_public(attempt.ip),
    )


def _limit_to_origin(headers: Headers, home: str, url: str) -> Headers:
    """Return the *headers* meant for the origin *home* that may be sent to *url*, which a server chose."""
    return headers if origin(url) == home else _filter(headers, lambda name: name in CROSSES_ORIGINS)


def _merge(headers: Headers, more: Headers) -> Headers:
    """Return *headers* and *more*, which replaces headers of the same names."""
    names = {name.lower() for name, _ in more}
    return (*_filter(headers, lambda name: name not in names), *more)


def _filter(headers: Headers, wanted: Callable[[str], bool]) -> Headers:
    return tuple(pair for pair in headers if wanted(pair[0].lower()))


def _decode_location(location: str) -> str:
    """Decode a Location: servers send raw UTF-8, which was read as Latin-1.

    As browsers do, keep bytes in any other charset, percent-encoded.
    """
    raw = location.encode("latin-1")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return "".join(chr(byte) if byte < 0x80 else f"%{byte:02X}" for byte in raw)
