"""robots.txt by RFC 9309: what an answer to the request for it means, and what its text allows.

Finds the groups for our user agent, and leaves the matching of paths to protego, a pure
parser: docs/decisions/robots.md. Dead hosts: docs/decisions/robots-of-a-dead-host.md.
Does not know how or when the text is requested, or how it is stored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from penstock.core.web.breaker import UNREACHED
from penstock.core.web.hosts import origin
from penstock.core.web.model import Attempt, Headers, Job, Prerequisite, Reason
from penstock.core.web.retry import STATUSES

__all__ = [
    "HOPS",
    "LIFETIME",
    "LONGEST_DELAY",
    "UNAVAILABLE_FOR",
    "RobotsAnswer",
    "Rules",
    "attribute",
    "prerequisite",
    "product",
    "read_answer",
]

HOPS: Final = 5
"""Redirects that are followed for a robots.txt (RFC 9309, section 2.3.1.2)."""

LIFETIME: Final = 86_400.0
"""Seconds for which an answer holds (RFC 9309, section 2.4)."""

UNAVAILABLE_FOR: Final = 600.0
"""Seconds before a robots.txt that could not be fetched is requested again; until then its site's jobs are skipped."""

LONGEST_DELAY: Final = 60.0
"""The most seconds between two starts that a robots.txt can set. StormCrawler skips
hosts that ask for more than 30 s, and Heritrix obeys up to 300 s."""

_SENT: Final = frozenset({"from", "user-agent"})

_NO_SERVER: Final = UNREACHED | {
    Reason.BLOCKED_ADDRESS,
    Reason.DNS_NOT_FOUND,
    Reason.EMPTY_REPLY,
    Reason.RESET,
    Reason.TIMEOUT_TLS,
    Reason.TLS_CERTIFICATE,
    Reason.TLS_HANDSHAKE,
}
"""Failures that the job behind the prerequisite would have met as well: there is no connection, or it breaks."""

_LEADS_NOWHERE: Final = frozenset(
    {Reason.BLOCKED_ADDRESS, Reason.BLOCKED_SCHEME, Reason.REDIRECT_INVALID, Reason.TOO_MANY_REDIRECTS}
)


class RobotsAnswer(Struct, frozen=True):
    """The answer of *origin*: the *text* of its rules, empty if it has none, or *trouble*: why there is no answer."""

    origin: str
    text: bytes = b""
    trouble: str | None = None


def prerequisite(job: Job) -> Prerequisite:
    """Return the request that must succeed before *job*: the robots.txt of its origin, without the job's secrets.

    The bounds on where the job may be redirected hold for it as well.
    """
    headers: Headers = tuple(pair for pair in job.headers if pair[0].lower() in _SENT)
    target = f"{origin(job.target)}/robots.txt"
    return Prerequisite(
        job.seq, job.key, job.url, target, headers=headers, ready=job.ready, public=job.public, behind=job
    )


def attribute(attempt: Attempt) -> Attempt:
    """Return *attempt*, attributed to the job behind its prerequisite if there was no server: the job would fail alike.

    So that job is retried and counted like any other, and the gate is asked about the
    next one meanwhile.
    """
    job = attempt.job
    if type(job) is Prerequisite and attempt.error in _NO_SERVER and not job.hops:
        return replace(attempt, job=job.behind)
    return attempt


def read_answer(attempt: Attempt) -> RobotsAnswer:
    """Return the answer in the last *attempt* at a prerequisite.

    A missing file allows everything, as does a redirect that cannot be followed (RFC
    9309, sections 2.3.1.2 and 2.3.1.3). A server error, or a time-out, allows nothing
    (section 2.3.1.4), for a while. Statuses below 500 that may change with the next
    attempt count as server errors.
    """
    job, error, status = attempt.job, attempt.error, attempt.status
    assert isinstance(job, Prerequisite)
    asked = origin(job.behind.target)
    if error in _LEADS_NOWHERE:
        return RobotsAnswer(asked)
    if error is not None:
        return RobotsAnswer(asked, trouble=f"{error}: {attempt.detail}" if attempt.detail else str(error))
    assert status is not None
    if status in STATUSES or status >= 500:
        return RobotsAnswer(asked, trouble=f"status {status}")
    return RobotsAnswer(asked, _whole_lines(attempt.body, job.enough) if 200 <= status < 300 else b"")


def _whole_lines(text: bytes, most: int | None) -> bytes:
    """Return *text* without its last line if that was cut off after *most* bytes: half a rule is another rule."""
    return text if len(text) != most else text[: max(text.rfind(b"\n"), text.rfind(b"\r")) + 1]


_RECORD: Final = re.compile(
    r"(user[- ]?agent|allow|disallow|dissallow|dissalow|disalow|diasllow|disallaw|crawl[- ]delay|request[- ]rate)"
    r"(?:\s*:|\s)\s*(.*)",
    re.IGNORECASE | re.DOTALL,
)
"""A known record, in the spellings that Google's parser and protego know; all others are ignored."""

_TOKEN: Final = re.compile(r"[\w!#$%&'+.^`|~-]+", re.ASCII)
_BREAKS: Final = re.compile("[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
"""Characters that end a line for Python and for protego, but not in a robots.txt."""


def product(user_agent: str) -> str:
    """Return the product token that *user_agent* begins with, in lower case; empty if there is none.

    So "penstock/1.0 (+https://example.org/bot)" is penstock and nothing else. RFC 9309,
    section 2.2.1, has no digits in a product token, but RFC 9110 does; a token with one
    is taken whole, not up to the digit.
    """
    found = _TOKEN.match(user_agent.strip())
    return found[0].lower() if found else ""


def _records(text: str) -> Iterator[tuple[str, str]]:
    """Yield the known records of *text*, each as its field's first letter and its value."""
    for line in re.split("[\r\n]+", text):
        record = _RECORD.match(line.partition("#")[0].strip())
        if record is not None:
            yield record[1][0].lower(), record[2]


def _groups(text: str) -> Iterator[tuple[set[str], list[tuple[str, str]]]]:
    """Yield the groups of *text*: the user agents of each, and its records.

    A group is for all user agents that are named before its first rule, also if other
    records are between them; it ends with the first user agent that is named after a
    rule (RFC 9309, section 2.2.4).
    """
    names: set[str] = set()
    records: list[tuple[str, str]] = []
    has_rules = False
    for field, value in _records(text):
        if field == "u":
            if has_rules:
                yield names, records
                names, records, has_rules = set(), [], False
            names.add("*" if value.split()[:1] == ["*"] else product(value))
        elif names:
            has_rules = has_rules or field in "ad"
            records.append((field, value))
    yield names, records


def _ours(text: str, name: str) -> list[tuple[str, str]]:
    """Return the records of all groups for *name* together, or of the groups for * if there is none (section 2.2.1)."""
    groups = list(_groups(text))
    wanted = name if name and any(name in names for names, _ in groups) else "*"
    return [record for names, records in groups if wanted in names for record in records]


class Rules:
    """The rules in the *text* of a robots.txt for a client with this *user_agent* (the whole header)."""

    __slots__ = ("_parsed", "delay", "wish")

    def __init__(self, text: bytes, user_agent: str) -> None:
        """Parse leniently: other lines are ignored, and bytes that are not UTF-8 replaced (RFC 9309, section 2.3)."""
        from protego import Protego  # noqa: PLC0415 - it loads logging, for which no help page should wait

        records = _ours(text.decode("utf-8-sig", "replace"), product(user_agent))
        names = {"a": "Allow", "d": "Disallow", "r": "Request-rate"}
        lines = [f"{names[field]}: {_BREAKS.sub(_quoted, value)}" for field, value in records if field in names]
        self._parsed = Protego.parse("\n".join(("User-agent: *", *lines)))
        rate = self._parsed.request_rate("*")
        # Seconds between two starts that it asks for, and the seconds that it gets.
        waits = [_seconds(value) for field, value in records if field == "c"]
        self.wish = max([*waits, rate.seconds / rate.requests if rate else 0.0])
        self.delay = min(self.wish, LONGEST_DELAY)

    def allow(self, url: str) -> bool:
        """Return whether the canonical *url* may be fetched."""
        return self._parsed.can_fetch(url, "*")


def _quoted(found: re.Match[str]) -> str:
    return quote(found[0])


def _seconds(value: str) -> float:
    """Return the seconds of a Crawl-delay; 0 if it is none."""
    try:
        seconds = float(value)
    except ValueError:
        return 0.0
    return seconds if 0.0 <= seconds < float("inf") else 0.0
