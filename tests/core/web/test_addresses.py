"""Which addresses are public: the registries, range by range, and every spelling that hides one."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.web.addresses import is_public, why_not_public
from penstock.core.web.hosts import Place, locate

RANGES_4 = {
    "0.0.0.0/8": "this host",
    "10.0.0.0/8": "private",
    "100.64.0.0/10": "shared by carriers",
    "127.0.0.0/8": "loopback",
    "169.254.0.0/16": "link-local",
    "172.16.0.0/12": "private",
    "192.0.0.0/24": "for protocols",
    "192.0.2.0/24": "for documentation",
    "192.88.99.0/24": "a relay to 6to4",
    "192.168.0.0/16": "private",
    "198.18.0.0/15": "for benchmarks",
    "198.51.100.0/24": "for documentation",
    "203.0.113.0/24": "for documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved",
}

RANGES_6 = {
    "64:ff9b:1::/48": "translated to IPv4 within a network",
    "100::/64": "for discarding",
    "fc00::/7": "private",
    "fe80::/10": "link-local",
    "fec0::/10": "site-local",
    "ff00::/8": "multicast",
    "2001::/23": "for protocols",
    "2001:db8::/32": "for documentation",
    "3fff::/20": "for documentation",
    "5f00::/16": "not allocated",
    "4000::/3": "not allocated",
    "1000::/4": "not allocated",
}

STRICTER_4 = [IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"), IPv4Network("224.0.0.0/4")]
"""What the standard library takes for global, in one version or another, and this table does not; RFC by RFC above."""

STRICTER_6 = [
    *map(IPv6Network, ("2001::/23", "2002::/16", "3fff::/20", "64:ff9b::/96", "::ffff:0:0/96", "ff00::/8")),
    *map(IPv6Network, ("::/8", "100::/8", "fec0::/10", "5f00::/16")),
]

PUBLIC = ["1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0"]
PUBLIC += ["192.0.1.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255"]


def ends(network):
    return [str(network[0]), str(network[1]), str(network[-1])]


@pytest.mark.parametrize(("network", "said"), RANGES_4.items())
def test_every_special_range_of_ipv4_is_refused_from_end_to_end(network, said):
    for address in ends(IPv4Network(network)):
        assert why_not_public(address) == said


@pytest.mark.parametrize(("network", "said"), RANGES_6.items())
def test_every_special_range_of_ipv6_is_refused_from_end_to_end(network, said):
    for address in ends(IPv6Network(network)):
        assert why_not_public(address) == said


@pytest.mark.parametrize("address", PUBLIC)
def test_what_lies_beside_them_is_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    ["2606:4700::1111", "2a00:1450:4001:80b::200e", "2000::1", "2003::1", "[2a00::1]", "2001:4860:4860::8888"],
)
def test_global_unicast_is_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "168.63.129.16",
        "169.254.169.254",
        "169.254.170.2",
        "100.100.100.200",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd20:ce::254",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "::ffff:168.63.129.16",
    ],
)
def test_the_addresses_of_cloud_metadata_are_refused_by_name(address):
    assert "metadata" in why_not_public(address) or "Azure" in why_not_public(address)


SPELLINGS = {
    "mapped": lambda number: (0xFFFF << 32) | number,
    "NAT64": lambda number: (0x64_FF9B << 96) | number,
    "6to4": lambda number: (0x2002 << 112) | (number << 80) | 1,
    "ISATAP, local": lambda number: (0x2A00_1450 << 96) | (0x5EFE << 32) | number,
    "ISATAP, universal": lambda number: (0x2A00_1450 << 96) | (0x0200_5EFE << 32) | number,
}

DEAD_SPELLINGS = {
    "compatible": lambda number: number,
    "translated": lambda number: (0xFFFF << 48) | number,
    "NAT64, local": lambda number: (0x0064_FF9B_0001 << 80) | number,
    "Teredo, client": lambda number: (0x2001_0000 << 96) | (number ^ 0xFFFF_FFFF),
    "Teredo, server": lambda number: (0x2001_0000 << 96) | (number << 64) | 0x1234,
}


@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(SPELLINGS)))
def test_an_address_within_another_is_as_public_as_it_is_by_itself(number, spelling):
    address = IPv6Address(SPELLINGS[spelling](number))
    assert is_public(str(address)) == is_public(str(IPv4Address(number)))
    assert is_public(address.exploded) == is_public(str(address)) == is_public(f"[{address}]")


@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(DEAD_SPELLINGS)))
def test_spellings_that_lead_to_no_server_are_never_public(number, spelling):
    assert not is_public(str(IPv6Address(DEAD_SPELLINGS[spelling](number))))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " a.example",
        "127.1",
        "0x7f.0.0.1",
        "2130706433",
        "127.0.0.1.",
        "01.1.1.1",
        " 1.1.1.1",
        "1.1.1.1%eth0",
        "[]",
        "fe80::1%eth0",
        "2a00::1%1",
        "2a00:::1",
        "[1.1.1.1",
        "::ffff:1.1.1",
        "1.1.1.1:80",
        "[2a00::1]:80",
    ],
)
def test_what_is_not_an_address_is_not_a_public_one(text):
    assert not is_public(text)


@given(st.integers(0, 2**32 - 1))
def test_the_standard_library_agrees_on_ipv4_but_for_what_is_named(number):
    address = IPv4Address(number)
    if any(address in network for network in STRICTER_4) or str(address) == "168.63.129.16":
        assert not is_public(str(address))
    else:
        assert is_public(str(address)) == address.is_global


@given(st.integers(0, 2**128 - 1) | st.integers(2**125, 2**126 - 1))
def test_the_standard_library_agrees_on_ipv6_but_for_what_is_named(number):
    address = IPv6Address(number)
    if not any(address in network for network in STRICTER_6) and (number >> 32) & 0xFCFF_FFFF != 0x5EFE:
        in_use = address in IPv6Network("2000::/3")
        assert is_public(str(address)) == (address.is_global and in_use)


@given(st.ip_addresses())
def test_nothing_is_public_that_the_standard_library_knows_to_be_private(address):
    if is_public(str(address)) and not getattr(address, "ipv4_mapped", None):
        assert not address.is_private
        assert not address.is_multicast
        assert not address.is_reserved or address in IPv6Network("64:ff9b::/96")
        assert not address.is_loopback
        assert not address.is_link_local


@pytest.mark.parametrize(
    "host",
    [
        "127.1",
        "0x7f.1",
        "0x7F000001",
        "2130706433",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.1.",
        "127\u30020\u30020\u30021",
        "\uff11\uff12\uff17.\uff10.\uff10.\uff11",
        "\u2460\u2461\u2466.0.0.1",
        "%31%32%37.0.0.1",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
        "[::127.0.0.1]",
        "[::]",
        "0",
        "0.0.0.0",
    ],
)
def test_every_spelling_in_a_url_comes_to_an_address_that_is_refused(host):
    """A canonical URL has one spelling for each address, and that is what is looked at."""
    place = locate(f"http://{host}/")
    assert isinstance(place, Place)
    canonical = place.url.split("/")[2]
    ip_address(canonical.strip("[]"))
    assert not is_public(canonical)
