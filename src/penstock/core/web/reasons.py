"""Reasons: the words for what became of an input that has no page, and which of them are failures.

A reason is a reason (``timeout``) or a status outside 2xx (``404``); ``4xx`` stands for all statuses from 400 to 499.
``--fail-on``, ``--max-failures`` and ``--only`` all go by these words. Knows counts and words; does not know where
they are kept. docs/decisions/failed.md says why each word counts as it does.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from penstock.core.schedule.tally import Tally
from penstock.core.web.model import Reason

__all__ = ["REASONS", "UNTRIED", "covers", "is_failure", "ranked", "read_reasons", "reasons_in"]

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
"""Reasons that are no failures: the list has no request there, or a rule that holds for this run forbids it."""

_STATUS: Final = re.compile(r"[1-9](?:[0-9][0-9]|xx)", re.ASCII)


def read_reasons(words: str | int | Iterable[str | int]) -> frozenset[str]:
    """Return the reasons that *words* name: one or several, also with commas between them, in capitals or not.

    Raises ValueError if one is no reason, or if there is none.
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
    """Whether the reason *why* is among those that *words*, of ``read_reasons``, stand for."""
    return why in words or (why.isdigit() and f"{why[0]}xx" in words)


def is_failure(why: str) -> bool:
    """Whether an input that ended for the reason *why* has failed."""
    return int(why) >= 400 if why.isdigit() else why not in UNTRIED


def reasons_in(tally: Tally) -> dict[str, int]:
    """How many outcomes of *tally* there are of each reason."""
    found = {str(status): count for status, count in tally.statuses.items() if not 200 <= status < 300}
    found |= {str(reason): count for reason, count in tally.reasons.items()}
    return {why: count for why, count in found.items() if count}


def ranked(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """*counts*, largest first; equal ones by name, so that the same counts always look the same."""
    return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
