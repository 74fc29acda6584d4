"""Whether nearly all inputs of a run ended in one and the same way, which says more of the run than of the inputs.

Knows counts. Does not know words for what that suggests: ``report.suggest`` has them. docs/decisions/failed.md.
"""

from __future__ import annotations

import enum
from typing import Final

from msgspec import Struct

from penstock.core.schedule.tally import Tally
from penstock.core.web.model import Reason
from penstock.core.web.reasons import ranked, reasons_in

__all__ = ["FEWEST", "SHARE", "Alike", "Way", "alike"]

FEWEST: Final = 10
"""Inputs below which nothing is concluded: three dead hosts in a list of three are three dead hosts."""

SHARE: Final = 0.95
"""The share of all inputs that are nearly all. A name server that filters, or a proxy, lets some through."""


class Way(enum.Enum):
    """A way to end without a page, of which several reasons may be signs."""

    NAMES = "names"
    CONNECTIONS = "connections"
    CERTIFICATES = "certificates"
    TIME = "time"
    LIST = "list"
    ADDRESSES = "addresses"
    ROBOTS = "robots"
    CREDENTIALS = "credentials"
    PROXY = "proxy"
    REFUSED = "refused"
    BUSY = "busy"
    MISSING = "missing"
    OTHER = "other"


_WAYS: Final = {
    Way.NAMES: (Reason.DNS_NOT_FOUND, Reason.DNS_TEMPORARY, Reason.TIMEOUT_DNS),
    Way.CONNECTIONS: (
        Reason.CONNECT_REFUSED,
        Reason.CONNECT_UNREACHABLE,
        Reason.TIMEOUT_CONNECT,
        Reason.HOST_DOWN,
        Reason.ROBOTS_UNAVAILABLE,
    ),
    Way.CERTIFICATES: (Reason.TLS_CERTIFICATE, Reason.TLS_HANDSHAKE, Reason.TIMEOUT_TLS),
    Way.TIME: (Reason.TIMEOUT, Reason.TIMEOUT_FIRST_BYTE, Reason.TIMEOUT_BODY),
    Way.LIST: (Reason.INVALID_URL, Reason.INVALID_REQUEST, Reason.BLOCKED_SCHEME),
    Way.ADDRESSES: (Reason.BLOCKED_ADDRESS,),
    Way.ROBOTS: (Reason.ROBOTS_DISALLOWED,),
    Way.CREDENTIALS: ("401",),
    Way.PROXY: ("407",),
    Way.REFUSED: ("403",),
    Way.BUSY: ("429", "503"),
    Way.MISSING: ("404", "410"),
}
_WAY_OF: Final = {str(why): way for way, whys in _WAYS.items() for why in whys}


class Alike(Struct, frozen=True):
    """Of *total* inputs *count* ended in one *way*, most of them for the reason *why*."""

    way: Way
    why: str
    count: int
    total: int

    @property
    def answered(self) -> bool:
        """Whether servers answered: then it is a result like any other."""
        return self.why.isdigit()


def alike(tally: Tally, fewest: int = FEWEST) -> Alike | None:
    """Return the way in which nearly all inputs of *tally* ended without a page; None if there is none, or too few."""
    found, total = reasons_in(tally), tally.total
    if total < fewest:
        return None
    groups: dict[Way | str, dict[str, int]] = {}
    for why, count in found.items():
        if not why.startswith("3"):
            groups.setdefault(_WAY_OF.get(why, why), {})[why] = count
    way, whys = max(groups.items(), key=lambda group: sum(group[1].values()), default=(Way.OTHER, {}))
    count = sum(whys.values())
    if count < SHARE * total:
        return None
    (why, _), *_ = ranked(whys)
    return Alike(way if isinstance(way, Way) else Way.OTHER, why, count, total)
