"""Suggestions if nearly all inputs ended alike, and failures that may work later.

Knows the ways in which inputs end alike, and the settings in force. Counts nothing
itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from penstock.core.schedule.tally import Tally
from penstock.core.web.common_ending import Way, find_common_ending
from penstock.core.web.reasons import count_reasons, covers, is_failure, rank
from penstock.core.web.retry import LATER
from penstock.remedies import Remedy, keyword
from penstock.settings import Settings

__all__ = ["find_retryable", "list_reasons", "nothing_to_try", "suggestion"]

FEWEST_OF_A_STOPPED_RUN: Final = 5
"""The fewest outcomes of a stopped run that allow a conclusion."""

MOST: Final = 6
"""Reasons that are named; the others are counted together."""

_THROUGH_A_PROXY: Final = frozenset({Way.NAMES, Way.CONNECTIONS, Way.CERTIFICATES, Way.TIME})

_SUGGESTED: Final = {
    Way.NAMES: "no network, or a name server that does not answer for these names (--resolver ADDRESS asks another)",
    Way.CONNECTIONS: "no network, a firewall, or a proxy that must be named (--proxy URL)",
    Way.CERTIFICATES: "certificates that something on the way replaces (--cacert FILE names the authorities to trust)",
    Way.TIME: "a network that is too slow, or overloaded by this run (lower --concurrency, or a longer --timeout)",
    Way.LIST: "another input format (--input-format, --column), or a --url-template that is missing: "
    "--url-template 'https://{}/' makes URLs of host names",
    Way.ADDRESSES: "names with addresses that are not public, as a filtering name server answers",
    Way.ROBOTS: "a site that wants no robots; --no-robots is for sites of your own",
    Way.CREDENTIALS: "credentials that are missing or wrong (-H 'Authorization: ...')",
    Way.PROXY: "a proxy that wants credentials (--proxy http://USER:PASSWORD@HOST:PORT)",
    Way.REFUSED: "a site that refuses this client or wants credentials (--contact, --user-agent, -H)",
    Way.BUSY: "a site that is asked too often (a longer --delay, --per-host 1)",
    Way.MISSING: "URLs that are wrong in the same way (--url-template, --column)",
}


def suggestion(tally: Tally, settings: Settings, *, complete: bool = True) -> str | None:
    """Return the likely cause if nearly all inputs ended alike, else None.

    Of a run that is not *complete*, fewer outcomes are enough: without a network it
    stops before there are many.
    """
    found = find_common_ending(tally) if complete else find_common_ending(tally, FEWEST_OF_A_STOPPED_RUN)
    if found is None:
        return None
    which = "All" if found.count == found.total else f"{found.count:,} of"
    said = f"{which} {found.total:,} outcomes are alike ({found.why})"
    suggested = _SUGGESTED.get(found.way)
    if settings.proxy is not None and found.way in _THROUGH_A_PROXY:
        suggested = "a proxy that is down, or that lets nothing through (--proxy)"
    return f"{said}." if suggested is None else f"{said}, which suggests {suggested}."


def find_retryable(tally: Tally) -> dict[str, int]:
    """Return the failures in *tally* that may work another time, by reason."""
    return {why: count for why, count in count_reasons(tally).items() if covers(LATER, why)}


def nothing_to_try(tally: Tally, only: frozenset[str]) -> tuple[str | Remedy, ...]:
    """Return why a retry for the reasons *only*, or by default, would do nothing."""
    failed = {why: count for why, count in count_reasons(tally).items() if is_failure(why)}
    if not failed:
        return ("Nothing to try again: no input has failed.",)
    if only:
        return (f"Nothing to try again for {', '.join(sorted(only))}: the failures are {list_reasons(failed)}.",)
    final, them = ("are final", "them ") if len(failed) > 1 else ("is final", "")
    return (
        f"Nothing to try again: {list_reasons(failed)} {final}; to try {them}anyway: ",
        keyword("only", ",".join(why for why, _ in rank(failed))),
    )


def list_reasons(counts: Mapping[str, int], form: str = "{why} ({count:,})") -> str:
    """Return *counts*, largest first, each in *form*: ``dns_not_found (407), 404 (3)``."""
    entries = rank(counts)
    shown = [form.format(why=why, count=count) for why, count in entries[:MOST]]
    rest = sum(count for _, count in entries[MOST:])
    return ", ".join([*shown, *([form.format(why="others", count=rest)] if rest else [])])
