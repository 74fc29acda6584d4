"""What it suggests if nearly all inputs ended in the same way, and what may work later, in words.

Knows the ways and the settings in force. Does not know counts beyond those it is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from penstock.core.schedule.tally import Tally
from penstock.core.web.alike import Way, alike
from penstock.core.web.reasons import covers, is_failure, ranked, reasons_in
from penstock.core.web.retry import LATER
from penstock.remedies import Remedy, keyword
from penstock.settings import Settings

__all__ = ["later", "listed", "nothing_to_try", "suggestion"]

FEWEST_OF_A_STOPPED_RUN: Final = 5
"""Outcomes of a run that was stopped below which nothing is concluded."""

MOST: Final = 6
"""Reasons that are named; the rest is counted together."""

_THROUGH_A_PROXY: Final = frozenset({Way.NAMES, Way.CONNECTIONS, Way.CERTIFICATES, Way.TIME})

_SUGGESTED: Final = {
    Way.NAMES: "no network, or a name server that does not answer for these names (--resolver ADDRESS asks another)",
    Way.CONNECTIONS: "no network, a firewall, or a proxy that must be named (--proxy URL)",
    Way.CERTIFICATES: "certificates that something on the way replaces (--cacert FILE names whom to trust)",
    Way.TIME: "a network that is too slow, or overloaded by this run (lower --concurrency, or a longer --timeout)",
    Way.LIST: "another input format (--input-format, --column), or a --url-template that is missing: "
    "--url-template 'https://{}/' makes URLs of host names",
    Way.ADDRESSES: "names that lead to addresses that are not public, as a name server that filters gives them",
    Way.ROBOTS: "a site that wants no robots; --no-robots is for sites of your own",
    Way.CREDENTIALS: "credentials that are missing or wrong (-H 'Authorization: ...')",
    Way.PROXY: "a proxy that wants credentials (--proxy http://USER:PASSWORD@HOST:PORT)",
    Way.REFUSED: "a site that refuses this client or wants credentials (--contact, --user-agent, -H)",
    Way.BUSY: "a site that is asked too often (a longer --delay, --per-host 1)",
    Way.MISSING: "URLs that are wrong in the same way (--url-template, --column)",
}


def suggestion(tally: Tally, settings: Settings, *, complete: bool = True) -> str | None:
    """Return one sentence on what it suggests that nearly all inputs ended alike; None if they did not.

    Of a run that is not *complete* fewer are enough: a cut-off network stops it before there are many.
    """
    found = alike(tally) if complete else alike(tally, FEWEST_OF_A_STOPPED_RUN)
    if found is None:
        return None
    which = "All" if found.count == found.total else f"{found.count:,} of"
    said = f"{which} {found.total:,} outcomes are alike ({found.why})"
    suggested = _SUGGESTED.get(found.way)
    if settings.proxy is not None and found.way in _THROUGH_A_PROXY:
        suggested = "a proxy that is down, or that lets nothing through (--proxy)"
    return f"{said}." if suggested is None else f"{said}, which suggests {suggested}."


def later(tally: Tally) -> dict[str, int]:
    """Return what of *tally* may work another time, by reason."""
    return {why: count for why, count in reasons_in(tally).items() if covers(LATER, why)}


def nothing_to_try(tally: Tally, only: frozenset[str]) -> tuple[str | Remedy, ...]:
    """Return why nothing of *tally* is tried again for the reasons *only*, or by default, and what can be named."""
    failed = {why: count for why, count in reasons_in(tally).items() if is_failure(why)}
    if not failed:
        return ("Nothing to try again: no input has failed.",)
    if only:
        return (f"Nothing to try again for {', '.join(sorted(only))}: what has failed is {listed(failed)}.",)
    final, them = ("are final", "them ") if len(failed) > 1 else ("is final", "")
    return (
        f"Nothing to try again: {listed(failed)} {final}; to try {them}anyway: ",
        keyword("only", ",".join(why for why, _ in ranked(failed))),
    )


def listed(counts: Mapping[str, int], form: str = "{why} ({count:,})") -> str:
    """Return *counts* as ``dns_not_found (407), 404 (3)``, largest first, each in this *form*."""
    entries = ranked(counts)
    shown = [form.format(why=why, count=count) for why, count in entries[:MOST]]
    rest = sum(count for _, count in entries[MOST:])
    return ", ".join([*shown, *([form.format(why="others", count=rest)] if rest else [])])
