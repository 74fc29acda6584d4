"""The route of a request: its host, and the addresses it may connect to.

Knows ``connect_to``, the rule for addresses that are not public, and how libcurl's
options spell them. Does not know how a name is looked up, nor libcurl itself. See
docs/decisions/pinned-addresses.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

from msgspec import Struct

from penstock.core.web.addresses import is_public, why_not_public
from penstock.core.web.hosts import Place, endpoint, locate

__all__ = ["Pin", "Pins", "Route", "Routes", "canonicalize", "select_addresses"]

PER_FAMILY: Final = 4
"""The most addresses of each family that a request tries."""

_IPV4: Final = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+")
_CONNECT_TO: Final = re.compile(r"(\[.*?\]|[^:]*):([0-9]*):(\[.*?\]|[^:]*):([0-9]*)")


KNOWN: Final = 1_000
"""Origins whose routes are cached: parsing one takes 1.5 µs, and most URLs have the
same origin as the one before."""


class Route(Struct, frozen=True, gc=False):
    """Where to connect for a URL: *host* (an address if *literal*) and *port*.

    *own* says that the user's ``connect_to`` names that host, *elsewhere* that host or
    port differ from the URL's.
    """

    host: str
    port: int
    literal: bool
    own: bool = False
    elsewhere: bool = False

    def at(self, address: str) -> Route:
        """Return the route to the one *address* of its host."""
        return Route(
            f"[{address}]" if ":" in address else address, self.port, literal=True, own=self.own, elsewhere=True
        )


class Pin(Struct, frozen=True, gc=False):
    """A made-up *host* name, by which libcurl knows a list of *addresses* at *port*."""

    host: str
    port: int
    addresses: tuple[str, ...]

    @property
    def key(self) -> str:
        """Its key in libcurl's cache."""
        return f"{self.host}:{self.port}"

    @property
    def entry(self) -> str:
        """The entry for CURLOPT_RESOLVE."""
        return f"{self.key}:{','.join(f'[{each}]' if ':' in each else each for each in self.addresses)}"


class Routes:
    """Applies *connect_to* (HOST1:PORT1:HOST2:PORT2); the first match counts."""

    def __init__(self, connect_to: Iterable[str]) -> None:
        self._entries = [_parse_entry(entry) for entry in connect_to]
        self._known: dict[str, Route] = {}

    def route(self, url: str) -> Route:
        """Return where to connect for the canonical *url*."""
        origin = url[: url.find("/", len("https://"))]
        route = self._known.get(origin)
        if route is None:
            if len(self._known) >= KNOWN:
                self._known.clear()
            route = self._known[origin] = self._read(origin)
        return route

    def _read(self, url: str) -> Route:
        host, port = endpoint(url)
        bare = host.rstrip(".")
        for host_1, port_1, host_2, port_2 in self._entries:
            if host_1 in ("", bare) and port_1 in ("", str(port)):
                there, at = host_2 or host, int(port_2 or port)
                return Route(there, at, _is_literal(there), own=bool(host_2), elsewhere=(there, at) != (host, port))
        return Route(host, port, _is_literal(host))


class Pins:
    """Lists of addresses that libcurl knows by made-up names.

    The name is made from the addresses. So libcurl, which finds a kept connection by
    that name, reuses it only if its address was checked, whatever the host resolves to
    by now.
    """

    def __init__(self) -> None:
        self._users: dict[str, int] = {}
        self._stale: dict[str, None] = {}

    def take(self, addresses: tuple[str, ...], port: int) -> tuple[Pin, list[str]]:
        """Return the pin for *addresses*, and the entries to set in libcurl's cache.

        They also remove pins that no transfer uses any more.
        """
        digest = blake2b(",".join(sorted(addresses)).encode(), digest_size=15).hexdigest()
        pin = Pin(f"{digest}.invalid", port, addresses)  # no resolver knows such a name (RFC 6761, section 6.4)
        self._stale.pop(pin.key, None)
        self._users[pin.key] = self._users.get(pin.key, 0) + 1
        entries = [f"-{key}" for key in self._stale]
        self._stale.clear()
        return pin, [*entries, pin.entry]

    def drop(self, pin: Pin) -> None:
        """Release *pin* for one transfer."""
        left = self._users.pop(pin.key) - 1
        if left:
            self._users[pin.key] = left
        else:
            self._stale[pin.key] = None

    def clear(self) -> list[str]:
        """Return the entries that remove every pin from libcurl's cache."""
        return [f"-{key}" for key in (*self._users, *self._stale)]


def select_addresses(addresses: Iterable[str], *, public_only: bool) -> tuple[tuple[str, ...], str]:
    """Select the addresses to connect to, a few of each family.

    If *public_only*, only public ones are selected. Returns no address and the detail
    if none may be connected to.
    """
    wanted = [address for address in addresses if not public_only or is_public(address)]
    few = [address for address in wanted if ":" in address][:PER_FAMILY]
    few += [address for address in wanted if ":" not in address][:PER_FAMILY]
    if few:
        return tuple(few), ""
    return (), "; ".join(f"{address} is {why_not_public(address)}" for address in [*addresses][:PER_FAMILY])


def canonicalize(entry: str) -> str:
    """Return the *entry* of ``connect_to`` in ASCII, its hosts in the form of URLs."""
    return ":".join(_parse_entry(entry))


def _parse_entry(entry: str) -> tuple[str, str, str, str]:
    found = _CONNECT_TO.fullmatch(entry)
    assert found is not None, "the settings have checked it"
    host_1, port_1, host_2, port_2 = found.groups()
    return _canonicalize_host(host_1), port_1, _canonicalize_host(host_2), port_2


def _canonicalize_host(host: str) -> str:
    place = locate(f"http://{host}/") if host else None
    return place.key if isinstance(place, Place) else host.lower()


def _is_literal(host: str) -> bool:
    return host[:1] == "[" or (host[-1:].isdigit() and _IPV4.fullmatch(host) is not None)
