"""Which addresses belong to the public internet, in every spelling that can be routed.

Knows IANA's registries of special addresses, and the forms of IPv6 that embed an IPv4
address. Does not know names, nor whether a server answers.

The standard library's ``is_global`` is no guard: it accepts multicast, and the
spellings of loopback by NAT64 and 6to4 (``64:ff9b::7f00:1``, ``2002:7f00:1::``). This
table is stricter. An IPv6 address is public only if IANA has allocated it. A form that
embeds an IPv4 address is public only if that address is. No table can know a network's
own NAT64 prefix (RFC 6052, section 2.2).

Sources: the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and its
updates), the IPv4 and IPv6 multicast registries, and the vendors' pages for metadata
services. See docs/decisions/public-addresses.md.
"""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

__all__ = ["is_address", "is_public", "why_not_public"]

METADATA: Final = {
    int(IPv4Address("168.63.129.16")): "the address of Azure's host",
    int(IPv4Address("169.254.169.254")): "the address of cloud metadata",
    int(IPv4Address("169.254.170.2")): "the address of cloud metadata",
    int(IPv4Address("100.100.100.200")): "the address of cloud metadata",
    int(IPv4Address("192.0.0.192")): "the address of cloud metadata",
    int(IPv6Address("fd00:ec2::254")): "the address of cloud metadata",
    int(IPv6Address("fd20:ce::254")): "the address of cloud metadata",
}
"""Metadata services of clouds. Except for Azure's, they lie in ranges below; here they get a
name."""

_IPV4: Final = tuple(
    (int(network.network_address), int(network.netmask), said)
    for network, said in (
        (IPv4Network("0.0.0.0/8"), "this host"),  # RFC 791
        (IPv4Network("10.0.0.0/8"), "private"),  # RFC 1918
        (IPv4Network("100.64.0.0/10"), "shared by carriers"),  # RFC 6598
        (IPv4Network("127.0.0.0/8"), "loopback"),  # RFC 1122
        (IPv4Network("169.254.0.0/16"), "link-local"),  # RFC 3927
        (IPv4Network("172.16.0.0/12"), "private"),  # RFC 1918
        # Two anycast addresses in here are global (RFC 7723, RFC 8155), and neither
        # serves HTTP.
        (IPv4Network("192.0.0.0/24"), "for protocols"),  # RFC 6890
        (IPv4Network("192.0.2.0/24"), "for documentation"),  # RFC 5737
        (IPv4Network("192.88.99.0/24"), "a relay to 6to4"),  # RFC 7526
        (IPv4Network("192.168.0.0/16"), "private"),  # RFC 1918
        (IPv4Network("198.18.0.0/15"), "for benchmarks"),  # RFC 2544
        (IPv4Network("198.51.100.0/24"), "for documentation"),  # RFC 5737
        (IPv4Network("203.0.113.0/24"), "for documentation"),  # RFC 5737
        (IPv4Network("224.0.0.0/4"), "multicast"),  # RFC 5771
        (IPv4Network("240.0.0.0/4"), "reserved"),  # RFC 1112, RFC 8190; broadcast is one of them
    )
)

_GLOBAL: Final = IPv6Network("2000::/3")
"""The IPv6 range from which IANA allocates global unicast (RFC 4291, section 2.4)."""

_IPV6: Final = tuple(
    (int(network.network_address), int(network.netmask), said)
    for network, said in (
        # Everything outside of 2000::/3 is refused; these ranges get a name.
        (IPv6Network("::1/128"), "loopback"),  # RFC 4291
        (IPv6Network("::/128"), "unspecified"),  # RFC 4291
        (IPv6Network("64:ff9b:1::/48"), "translated to IPv4 within a network"),  # RFC 8215
        (IPv6Network("100::/64"), "for discarding"),  # RFC 6666
        (IPv6Network("fc00::/7"), "private"),  # RFC 4193
        (IPv6Network("fe80::/10"), "link-local"),  # RFC 4291
        (IPv6Network("fec0::/10"), "site-local"),  # RFC 3879
        (IPv6Network("ff00::/8"), "multicast"),  # RFC 4291
        # The first includes Teredo, which tunnels to any IPv4 address and has no
        # servers.
        (IPv6Network("2001::/23"), "for protocols"),  # RFC 2928
        (IPv6Network("2001:db8::/32"), "for documentation"),  # RFC 3849
        (IPv6Network("3fff::/20"), "for documentation"),  # RFC 9637
    )
)

_LOW_32: Final = 0xFFFF_FFFF


def is_address(text: str) -> bool:
    """Whether *text* is an IPv4 or IPv6 address without brackets, zone or port."""
    try:
        return bool(IPv6Address(text).scope_id is None if ":" in text else IPv4Address(text))
    except AddressValueError:
        return False


def is_public(address: str) -> bool:
    """Whether *address* is public, spelled as ``why_not_public`` takes it."""
    return why_not_public(address) is None


def why_not_public(address: str) -> str | None:
    """Return in a word or two why *address* is not public, or None if it is.

    *address* is an IPv4 address in four decimal numbers, or an IPv6 address with or
    without brackets, as a resolver, a socket or a canonical URL spells it. Anything
    else is not public, an address with a zone (``fe80::1%eth0``) included.
    """
    text = address[1:-1] if address.startswith("[") and address.endswith("]") else address
    try:
        if ":" in text:
            return _why_not_ipv6(text)
        return _why_not_ipv4(int(IPv4Address(text)))
    except AddressValueError:
        return "not an address"


def _why_not_ipv4(number: int) -> str | None:
    if number in METADATA:
        return METADATA[number]
    return next((said for network, mask, said in _IPV4 if number & mask == network), None)


def _why_not_ipv6(text: str) -> str | None:
    parsed = IPv6Address(text)
    if parsed.scope_id is not None:
        return "of one link"
    number = int(parsed)
    if number in METADATA:
        return METADATA[number]
    within = _extract_ipv4(number)
    if within is not None:
        said = _why_not_ipv4(within)
        if said is not None:
            return f"{IPv4Address(within)}, {said}"
        if number >> 32 in (0xFFFF, 0x64_FF9B << 64):
            return None
    named = next((said for network, mask, said in _IPV6 if number & mask == network), None)
    return named or (None if parsed in _GLOBAL else "not allocated")


def _extract_ipv4(number: int) -> int | None:
    """Return the IPv4 address embedded in the IPv6 address *number*, or None."""
    high = number >> 32
    if high == 0xFFFF:  # ::ffff:a.b.c.d, IPv4-mapped (RFC 4291)
        return number & _LOW_32
    if high == 0x64_FF9B << 64:  # 64:ff9b::a.b.c.d, NAT64 (RFC 6052)
        return number & _LOW_32
    if number >> 112 == 0x2002:  # 2002:aabb:ccdd::, 6to4 (RFC 3056)
        return (number >> 80) & _LOW_32
    if (number >> 32) & 0xFCFF_FFFF == 0x0000_5EFE:  # …:0:5efe:a.b.c.d, ISATAP (RFC 5214); u and g bits aside
        return number & _LOW_32
    return None
