"""Which families of addresses this machine has a way out for, so that no name is asked for others in vain.

Knows routes, as the kernel tells them without a packet being sent. Does not know names, or what is connected to.

As getaddrinfo's AI_ADDRCONFIG has it (RFC 3493, section 6.1), loopback does not count; nor do link-local addresses,
which lead nowhere further. It goes by the route and not by the interfaces' addresses: a machine may have an address of
a family and no way out.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import ip_address
from typing import Final

from penstock.engine.resolver import IPV4, IPV6

__all__ = ["BOTH", "HOLDS", "Families", "routed"]

BOTH: Final = (IPV4, IPV6)

HOLDS: Final = 10.0
"""Seconds until the kernel is asked again, at the next look-up: a laptop changes networks. It takes 45 µs."""

SOMEWHERE: Final = {
    IPV4: (socket.AF_INET, "193.0.14.129"),
    IPV6: (socket.AF_INET6, "2001:7fd::1"),
}
"""An address that goes by the same route as most do: k.root-servers.net. Those for documentation may have none."""

DISCARD: Final = 9
"""The port that nothing is sent to."""


class Families:
    """The families worth asking for, looked at anew where that was HOLDS seconds ago.

    *way_out* says whether there is one for a family. Where there is none at all both are worth it: a network of
    loopback alone is a network.
    """

    def __init__(self, way_out: Callable[[int], bool] | None = None) -> None:
        """Nothing is looked at yet."""
        self._way_out = way_out or routed
        self._until = float("-inf")
        self._families: tuple[int, ...] = BOTH

    def __call__(self, now: float) -> tuple[int, ...]:
        """The families, IPv4 first, at the monotonic time *now*."""
        if now >= self._until:
            self._until = now + HOLDS
            self._families = tuple(family for family in BOTH if self._way_out(family)) or BOTH
        return self._families


def routed(family: int) -> bool:
    """Whether this machine has a route for *family*: to connect a UDP socket looks for one, and sends nothing."""
    kind, address = SOMEWHERE[family]
    try:
        with socket.socket(kind, socket.SOCK_DGRAM) as unsent:
            unsent.connect((address, DISCARD))
            ours = unsent.getsockname()[0]
    except OSError:
        return False
    return not ip_address(ours.partition("%")[0]).is_link_local
