"""Retries: which attempts are followed by another, and after how long.

Arithmetic only: no clock, no randomness. *draw* is the caller's random number in [0,
1).
"""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from msgspec import Struct

from penstock.core.schedule.backoff import BASE, CAP, backoff
from penstock.core.web.model import Attempt, Reason, split_head

__all__ = ["ERRORS", "IDEMPOTENT", "LATER", "LONGEST_PARK", "STATUSES", "Retry", "reason", "retry_after"]

ERRORS: Final = 400
"""The first status that may ask for another attempt, or for a pause."""

STATUSES: Final = frozenset({408, 425, 429, 500, 502, 503, 504, 522, 524})
"""Statuses that may change with the next attempt. 522 and 524 are Cloudflare's for an origin it cannot reach."""

IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
"""Methods that have the same effect if they are sent twice (RFC 9110, section 9.2.2)."""

NOT_ACTED_UPON: Final = frozenset({429, 503})
"""Statuses that, with Retry-After, say that the server did nothing and wants the
request later, for any method (RFC 6585, section 4; RFC 9110, section 15.6.4)."""

LATER: Final = frozenset({*(reason.value for reason in Reason if reason.later), *map(str, STATUSES)})
"""The reasons for which a later pass retries an input that has its outcome, unless the user names others."""

LONGEST_PARK: Final = 3_600.0
"""Seconds for which a Retry-After may park a host. A longer one is nearly always a
mistake, or a way to say never; its jobs would delay the end of a run for days:
docs/decisions/retry-after.md."""


def reason(error: str | None, status: int | None) -> str | None:
    """Return why an input with this *error* and *status* may be tried again (``core.reasons``); None for a page."""
    if error is not None:
        return str(error)
    return None if status is None or 200 <= status < 300 else str(status)


def retry_after(attempt: Attempt) -> float | None:
    """Return the seconds for which the server asked to be left alone, LONGEST_PARK at most; None if it did not.

    Any status from 400 on may ask for it, also one that is not retried (GitHub's 403,
    LinkedIn's 999), and also if the body breaks off. Retry-After is a number of seconds
    or a date (RFC 9110, section 10.2.3); a date counts from the arrival of the answer
    by our clock. Of several the longest holds; any other value is ignored.
    """
    if attempt.status is None or attempt.status < ERRORS:
        return None
    answered = attempt.started + attempt.times.total
    wishes = [_seconds(value, answered) for name, value in split_head(attempt.head) if name.lower() == "retry-after"]
    return max((min(max(wish, 0.0), LONGEST_PARK) for wish in wishes if wish is not None), default=None)


def _seconds(value: str, answered: float) -> float | None:
    if value.isascii() and value.isdigit():
        return float(value[:9])  # nine digits are 31 years already
    try:
        date = parsedate_to_datetime(value)
        # A date without a zone is in GMT (RFC 9110, section 5.6.7).
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - answered
    except (ValueError, OverflowError):
        return None


class Retry(Struct, frozen=True, gc=False):
    """The rules for retries: at most *attempts* at a request; ``backoff`` gives the waits.

    *methods* may be sent again after any failure; others only if the server says that
    it did nothing.
    """

    attempts: int = 3
    base: float = BASE
    cap: float = CAP
    methods: frozenset[str] = IDEMPOTENT

    def delay(self, attempt: Attempt, draw: float) -> float | None:
        """Return the seconds before the next attempt at the job; None if there is none."""
        made = attempt.job.earlier + 1
        if made >= self.attempts or not (attempt.job.method in self.methods or _was_refused(attempt)):
            return None
        if not (attempt.status in STATUSES if attempt.error is None else attempt.error.transient):
            return None
        return backoff(made, draw, self.base, self.cap)


def _was_refused(attempt: Attempt) -> bool:
    return attempt.error is None and attempt.status in NOT_ACTED_UPON and retry_after(attempt) is not None
