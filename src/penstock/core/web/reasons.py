"""Reasons: the words for why an input has no page, and which of them are failures.

A word is an error (``timeout``) or a status outside 2xx (``404``); ``4xx`` stands for
all statuses from 400 to 499. ``--fail-on``, ``--max-failures`` and ``--only`` accept
these words. Knows counts and words; does not know their files.
docs/decisions/failed.md says why each word counts as it does.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from penstock.core.schedule.tally import Tally
from penstock.core.web.model import Reason

__all__ = ["REASONS", "UNTRIED", "count_reasons", "covers", "is_failure", "rank", "read_reasons"]

REASONS: Final = tuple(reason.value for reason in Reason)

UNTRIED: Final = frozenset(
    reason.value
    for reason in (
        Reason.INVALID_URL,
        Reason.INVALID_REQUEST,
        Reason.BLOCKED_SCHEME,
        Reason.BLOCKED_ADDRESS,
        Reason.ROBOTS_DISALLOWED,
    )
)
"""Reasons that are no failures: the input asks for no request, or a rule of this run
forbids it."""

_STATUS: Final = re.compile(r"[1-9](?:[0-9][0-9]|xx)", re.ASCII)


def read_reasons(words: str | int | Iterable[str | int]) -> frozenset[str]:
    """Return the reasons that *words* name, separated by commas, in any case.

    Raises ValueError if a word is no reason, or if there is no word.
    """
    texts = [words] if isinstance(words, str | int) else words
    parts = [part.strip().lower() for text in texts for part in str(text).split(",")]
    found = frozenset(filter(None, parts))
    for word in sorted(found):
        if word not in REASONS and not _STATUS.fullmatch(word):
            raise ValueError(f"{word!r} is no reason; name statuses, as 404 and 5xx, or errors: {', '.join(REASONS)}")
    if parts and not found:
        raise ValueError(f"there is no reason; name statuses, as 404 and 5xx, or errors: {', '.join(REASONS)}")
    return found


def covers(words: Collection[str], why: str) -> bool:
    """Whether *words*, as ``read_reasons`` returns them, include the reason *why*."""
    return why in words or (why.isdigit() and f"{why[0]}xx" in words)


def is_failure(why: str) -> bool:
    """Whether the reason *why* is a failure."""
    return int(why) >= 400 if why.isdigit() else why not in UNTRIED


def count_reasons(tally: Tally) -> dict[str, int]:
    """Count the outcomes of *tally* by reason."""
    found = {str(status): count for status, count in tally.statuses.items() if not 200 <= status < 300}
    found |= {str(reason): count for reason, count in tally.reasons.items()}
    return {why: count for why, count in found.items() if count}


def rank(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Sort *counts*, largest first, equal ones by name."""
    return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
