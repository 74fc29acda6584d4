"""robots.txt, as RFC 9309 has it: what an answer to it means, and what its text lets us do.

Knows the rules through protego, a pure parser. Does not know how the text is asked for, when, or where it is kept.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from penstock.core.breaker import UNREACHED
from penstock.core.hosts import origin
from penstock.core.model import Attempt, Errand, Headers, Job, Slug
from penstock.core.retry import STATUSES

__all__ = ["HOPS", "LIFETIME", "LONGEST_DELAY", "UNAVAILABLE_FOR", "Heard", "Rules", "errand", "hear", "own"]

HOPS: Final = 5
"""Redirects that are followed on the way to a robots.txt (RFC 9309, section 2.3.1.2)."""

LIFETIME: Final = 86_400.0
"""Seconds for which an answer holds (RFC 9309, section 2.4)."""

UNAVAILABLE_FOR: Final = 600.0
"""Seconds after which a robots.txt that could not be had is asked for again; until then its site's jobs are skipped."""

LONGEST_DELAY: Final = 60.0
"""Seconds between two starts that a robots.txt gets at most. Of the neighbours StormCrawler passes over hosts that ask
for more than 30 s, and Heritrix obeys up to 300 s."""

_SENT: Final = frozenset({"from", "user-agent"})

_NOBODY_THERE: Final = UNREACHED | {
    Slug.BLOCKED_ADDRESS,
    Slug.DNS_NOT_FOUND,
    Slug.EMPTY_REPLY,
    Slug.RESET,
    Slug.TIMEOUT_TLS,
    Slug.TLS_CERTIFICATE,
    Slug.TLS_HANDSHAKE,
}
"""What the job behind the errand would have met with as well: its connection does not stand, or does not hold."""

_LEADS_NOWHERE: Final = frozenset(
    {Slug.BLOCKED_ADDRESS, Slug.BLOCKED_SCHEME, Slug.REDIRECT_INVALID, Slug.TOO_MANY_REDIRECTS}
)


class Heard(Struct, frozen=True):
    """What *origin* answered: the *text* of its rules, empty where it has none, or *trouble*: why it gave no answer."""

    origin: str
    text: bytes = b""
    trouble: str | None = None


def errand(job: Job) -> Errand:
    """What must be asked before *job* can be: the robots.txt of its origin, with none of the job's secrets.

    Where the job may not be led, it may not be either.
    """
    headers: Headers = tuple(pair for pair in job.headers if pair[0].lower() in _SENT)
    target = f"{origin(job.target)}/robots.txt"
    return Errand(job.seq, job.key, job.url, target, headers=headers, ready=job.ready, public=job.public, behind=job)


def own(attempt: Attempt) -> Attempt:
    """*attempt*, as one at the job behind its errand where nobody was there: the job would have met with the same.

    So it is tried again and counted like any other, and what waits behind it is asked about meanwhile.
    """
    job = attempt.job
    if type(job) is Errand and attempt.error in _NOBODY_THERE and not job.hops:
        return replace(attempt, job=job.behind)
    return attempt


def hear(attempt: Attempt) -> Heard:
    """What the last *attempt* at an errand says.

    A file that is not there lets everything be fetched, as does a redirect that leads nowhere (RFC 9309, sections
    2.3.1.2 and 2.3.1.3). A server in trouble, or none in time, lets nothing (section 2.3.1.4), for a while. Of statuses
    below 500 those that may be others the next time are trouble as well.
    """
    job, error, status = attempt.job, attempt.error, attempt.status
    assert isinstance(job, Errand)
    asked = origin(job.behind.target)
    if error in _LEADS_NOWHERE:
        return Heard(asked)
    if error is not None:
        return Heard(asked, trouble=f"{error}: {attempt.detail}" if attempt.detail else str(error))
    assert status is not None
    if status in STATUSES or status >= 500:
        return Heard(asked, trouble=f"status {status}")
    return Heard(asked, _whole_lines(attempt.body, job.enough) if 200 <= status < 300 else b"")


def _whole_lines(text: bytes, most: int | None) -> bytes:
    """*text* without its last line where that was cut off after *most* bytes: half a rule is another rule."""
    return text if len(text) != most else text[: max(text.rfind(b"\n"), text.rfind(b"\r")) + 1]


class Rules:
    """What the *text* of a robots.txt lets one do who calls themselves *user_agent* (the whole header)."""

    __slots__ = ("_parsed", "_user_agent", "delay", "wish")

    def __init__(self, text: bytes, user_agent: str) -> None:
        """Read leniently: what is no rule is none. Bytes that are not UTF-8 are replaced (RFC 9309, section 2.3)."""
        from protego import Protego  # noqa: PLC0415 - logging comes with it, for which no help page should have to wait

        self._parsed = Protego.parse(text.decode("utf-8-sig", "replace"))
        self._user_agent = user_agent
        rate = self._parsed.request_rate(user_agent)
        # Seconds between two starts that it asks for, and those it gets.
        self.wish = max(self._parsed.crawl_delay(user_agent) or 0.0, rate.seconds / rate.requests if rate else 0.0)
        self.delay = min(self.wish, LONGEST_DELAY)

    def allow(self, url: str) -> bool:
        """Whether the canonical *url* may be fetched."""
        return self._parsed.can_fetch(url, self._user_agent)
