"""Whether nearly all inputs of a run ended in the same way.

That says more of the run than of the inputs. Knows counts. Does not know what to
suggest to the user, which is in ``report.suggest``. See docs/decisions/failed.md.
"""

from __future__ import annotations

import enum
from typing import Final

from msgspec import Struct

from penstock.core.schedule.tally import Tally
from penstock.core.web.model import Reason
from penstock.core.web.reasons import count_reasons, rank

__all__ = ["FEWEST", "SHARE", "CommonEnding", "Way", "find_common_ending"]

FEWEST: Final = 10
"""With fewer inputs there is no conclusion: three dead hosts in a list of three are
three dead hosts."""

SHARE: Final = 0.95
"""The share of the inputs that counts as nearly all. A name server that filters, or a
proxy, lets some requests through."""


class Way(enum.Enum):
    """A way to end without a page; several reasons may be signs of it."""

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


class CommonEnding(Struct, frozen=True):
    """*count* of *total* inputs ended in one *way*, most by the reason *why*."""

    way: Way
    why: str
    count: int
    total: int

    @property
    def answered(self) -> bool:
        """Whether servers answered; then it is a result like any other."""
        return self.why.isdigit()


def find_common_ending(tally: Tally, fewest: int = FEWEST) -> CommonEnding | None:
    """Return how nearly all inputs of *tally* ended without a page.

    Returns None if there is no such way, or if there are under *fewest* inputs.
    """
    found, total = count_reasons(tally), tally.total
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
    (why, _), *_ = rank(whys)
    return CommonEnding(way if isinstance(way, Way) else Way.OTHER, why, count, total)
