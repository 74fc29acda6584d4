"""From a row of the input to the first job, and from a redirect to the next one.

Knows which headers a request carries and which of them must not cross an origin. Does not know how
requests are sent or when.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from penstock.core.web.addresses import is_public
from penstock.core.web.hosts import Place, Refusal, blot, locate, origin
from penstock.core.web.model import Attempt, Headers, Hop, Job, Reason, Row, Skipped, split_head

__all__ = ["REDIRECTS", "Refused", "Requests", "follow", "identity", "leads_on"]

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
"""Statuses that name another place to go (RFC 9110, section 15.4); 300, 304 and 305 do not."""

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
"""The headers a redirect may take to another origin. Every other may be a credential (X-Api-Key)."""

ELSEWHERE: Final = (
    "the Host header is not the URL's; to send a request to another server, use connect_to (--connect-to)"
)
"""The setting stands there in both spellings, since an outcome is stored for Python and for the command line."""

DESCRIBES_BODY: Final = frozenset(
    {"content-encoding", "content-language", "content-length", "content-location", "content-type"},
)
"""What goes away with the body when a redirect turns a POST into a GET (RFC 9110, section 15.4)."""


class Requests(Struct, frozen=True):
    """What every request of a run has in common: its *headers*."""

    headers: Headers = ()

    def first(self, row: Row, now: float) -> Job | Skipped:
        """The job that *row* asks for, ready at *now*; Skipped where it asks for nothing possible."""
        if row.fault is not None:
            return _skipped(row, row.reason, row.fault)
        place = locate(row.url)
        if type(place) is Refusal:
            return _skipped(row, place.reason, place.detail)
        assert isinstance(place, Place)
        url, headers = row.url, self.headers
        if row.headers:
            if not all(_is_host_of(place.url, value) for name, value in row.headers if name.lower() == "host"):
                return _skipped(row, Reason.INVALID_REQUEST, ELSEWHERE)
            # One that says what the URL says is written for every hop anyway.
            headers = _merged(headers, _kept(row.headers, lambda name: name != "host"))
        if place.authorization is not None:
            url = blot(url)
            headers = _merged(headers, (("Authorization", place.authorization),))
        return Job(row.seq, place.key, url, place.url, row.method, headers, row.body, row.fields, now)


def _skipped(row: Row, reason: Reason, detail: str) -> Skipped:
    return Skipped(row.seq, blot(row.url), reason, f"line {row.line}: {detail}", input=row.fields)


def _is_host_of(url: str, value: str) -> bool:
    """Whether the *value* of a Host field says what the canonical *url* says, in whatever spelling."""
    scheme = url.partition(":")[0]
    there = locate(f"{scheme}://{value}/")
    return isinstance(there, Place) and origin(there.url) == origin(url)


def identity(job: Job) -> bytes:
    """What a request asks for: its method, its canonical URL and its body; two that agree in these are one.

    Headers make no difference, nor do credentials, which are one, nor a fragment, which is never sent.
    """
    # Neither a method nor a canonical URL has a space or a line feed in it, so no two ways lead to one text.
    return b"%b %b\n%b" % (job.method.encode(), job.target.encode(), job.body or b"")


class Refused(Struct, frozen=True, gc=False):
    """Why a redirect is not followed."""

    reason: Reason
    detail: str


def leads_on(head: bytes) -> bool:
    """Whether a response with the header block *head* is a redirect, so that its body is of no interest."""
    status = head[head.find(b" ") + 1 :][:3]
    return status in _REDIRECTS and bool(_locations(head))


def follow(attempt: Attempt, limit: int, now: float) -> Job | Refused | None:
    """Where a complete response sends its job next: None if it sends it nowhere.

    At most *limit* hops are followed; a *limit* of 0 follows nothing, and each redirect is an answer. 303, and 301 or
    302 after POST, turn the request into a GET without a body (the Fetch standard, HTTP-redirect fetch, step 12).
    """
    if not limit or attempt.status not in REDIRECTS:
        return None
    locations = _locations(attempt.head)
    if not locations:
        return None
    job = attempt.job
    if len(job.hops) >= limit:
        return Refused(Reason.TOO_MANY_REDIRECTS, f"more than {limit} redirects")
    place = _place(locations, attempt)
    if type(place) is Refused:
        return place
    assert isinstance(place, Place)
    hop = _next_hop(attempt, place, now)
    last = job.hops[-1] if job.hops else None
    if last is not None and _is_same(hop, job) and (last.url, last.method) == (job.target, job.method):
        said = "redirected twice to the very same request, as a site does that wants cookies (--cookies)"
        return Refused(Reason.TOO_MANY_REDIRECTS, said)
    return hop


def _place(locations: list[str], attempt: Attempt) -> Place | Refused:
    """Where *locations* lead, which should be one."""
    if len(set(locations)) != 1 or not locations[0]:
        said = "an empty Location" if not any(locations) else "more than one Location"
        return Refused(Reason.REDIRECT_INVALID, f"status {attempt.status} with {said}")
    place = locate(_as_text(locations[0]), attempt.job.target)
    if isinstance(place, Place):
        return place
    reason = place.reason if place.reason is Reason.BLOCKED_SCHEME else Reason.REDIRECT_INVALID
    return Refused(reason, f"redirect: {place.detail}")


def _locations(head: bytes) -> list[str]:
    return [value for name, value in split_head(head) if name.lower() == "location"]


def _is_same(one: Job, other: Job) -> bool:
    """Whether the server gets the same request for both."""
    return (one.target, one.method, one.headers, one.body) == (other.target, other.method, other.headers, other.body)


def _next_hop(attempt: Attempt, place: Place, now: float) -> Job:
    job = attempt.job
    headers, method, body = job.headers, job.method, job.body
    if origin(place.url) != origin(job.target):
        headers = _kept(headers, lambda name: name in CROSSES_ORIGINS)
    if place.authorization is not None:
        headers = _merged(headers, (("Authorization", place.authorization),))
    if method not in ("GET", "HEAD") and (attempt.status == 303 or (attempt.status in (301, 302) and method == "POST")):
        method, body = "GET", None
        headers = _kept(headers, lambda name: name not in DESCRIBES_BODY)
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
        # Where nobody knows who answered, it may have been anybody.
        public=job.public or attempt.ip is None or is_public(attempt.ip),
    )


def _merged(headers: Headers, more: Headers) -> Headers:
    """*headers* with those of *more* in place of their namesakes."""
    names = {name.lower() for name, _ in more}
    return (*_kept(headers, lambda name: name not in names), *more)


def _kept(headers: Headers, wanted: Callable[[str], bool]) -> Headers:
    return tuple(pair for pair in headers if wanted(pair[0].lower()))


def _as_text(location: str) -> str:
    """A Location as text: servers send raw UTF-8 there, which a header block reads as Latin-1.

    Bytes in any other charset stay the bytes they are, percent-encoded, as in browsers.
    """
    raw = location.encode("latin-1")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return "".join(chr(byte) if byte < 0x80 else f"%{byte:02X}" for byte in raw)
