"""Which address families this machine has a route for, so that no others are looked up.

Knows routes, which the kernel reports without sending a packet. Does not know names, or
which hosts are connected to.

As with getaddrinfo's AI_ADDRCONFIG (RFC 3493, section 6.1), loopback does not count;
nor do link-local addresses, which reach no other network. The route counts and not the
addresses of the interfaces: a machine may have an address of a family and no route. See
docs/decisions/names.md.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import ip_address
from typing import Final

from penstock.engine.resolver import IPV4, IPV6

__all__ = ["BOTH", "HOLDS", "Families", "has_route"]

BOTH: Final = (IPV4, IPV6)

HOLDS: Final = 10.0
"""Seconds until the next look-up asks the kernel again, since a laptop changes
networks. It takes 45 µs."""

SOMEWHERE: Final = {
    IPV4: (socket.AF_INET, "193.0.14.129"),
    IPV6: (socket.AF_INET6, "2001:7fd::1"),
}
"""An address with the same route as most others: k.root-servers.net. Addresses for
documentation may have none."""

DISCARD: Final = 9
"""A port for the socket, to which no packet is sent."""


class Families:
    """The families to look up, checked again after HOLDS seconds.

    *routes* says whether a family has a route. If none has, both are looked up: a
    network of loopback alone is a network.
    """

    def __init__(self, routes: Callable[[int], bool] | None = None) -> None:
        """Start without having checked."""
        self._has_route = routes or has_route
        self._until = float("-inf")
        self._families: tuple[int, ...] = BOTH

    def __call__(self, now: float) -> tuple[int, ...]:
        """Return the families, IPv4 first, at the monotonic time *now*."""
        if now >= self._until:
            self._until = now + HOLDS
            self._families = tuple(family for family in BOTH if self._has_route(family)) or BOTH
        return self._families


def has_route(family: int) -> bool:
    """Whether this machine has a route for *family*.

    Connecting a UDP socket looks for a route and sends no packet.
    """
    kind, address = SOMEWHERE[family]
    try:
        with socket.socket(kind, socket.SOCK_DGRAM) as unsent:
            unsent.connect((address, DISCARD))
            ours = unsent.getsockname()[0]
    except OSError:
        return False
    return not ip_address(ours.partition("%")[0]).is_link_local
