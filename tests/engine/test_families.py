"""Which families are worth asking for: by the way out, looked at now and then; and what the kernel says of it."""

from __future__ import annotations

import ipaddress
import socket

import pytest

from penstock.engine.families import BOTH, HOLDS, SOMEWHERE, Families, has_route
from penstock.engine.resolver import IPV4, IPV6


class Kernel:
    """Has routes for *ways*, and counts who wants to know."""

    def __init__(self, *ways):
        self.ways = ways
        self.questions = 0

    def __call__(self, family):
        self.questions += 1
        return family in self.ways


@pytest.mark.parametrize("ways", [(IPV4,), (IPV6,), BOTH])
def test_those_are_worth_it_that_there_is_a_way_out_for(ways):
    assert Families(Kernel(*ways))(0.0) == ways


def test_without_any_way_out_both_are():
    """A network of loopback alone is a network."""
    assert Families(Kernel())(0.0) == BOTH


def test_the_kernel_is_asked_anew_once_in_a_while_and_not_before():
    kernel = Kernel(IPV4)
    families = Families(kernel)
    families(100.0)
    kernel.ways = BOTH
    assert families(100.0 + HOLDS - 0.1) == (IPV4,)
    assert kernel.questions == 2
    assert families(100.0 + HOLDS) == BOTH
    assert kernel.questions == 4


class Unsent:
    """A UDP socket of a machine that has the address *ours*, or no route; it must not send anything."""

    def __init__(self, ours):
        self.ours = ours

    def __call__(self, _family, kind):
        assert kind == socket.SOCK_DGRAM
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def connect(self, _address):
        if self.ours is None:
            raise OSError(101, "Network is unreachable")

    def getsockname(self):
        return self.ours, 12345


@pytest.mark.parametrize(
    ("family", "ours", "is_there"),
    [
        (IPV4, "192.168.1.7", True),
        (IPV4, None, False),
        (IPV4, "169.254.3.4", False),
        (IPV6, "2001:db8::7", True),
        (IPV6, "fd00::7", True),
        (IPV6, "fe80::7%eth0", False),
        (IPV6, None, False),
    ],
)
def test_a_link_local_address_is_no_way_out(monkeypatch, family, ours, is_there):
    monkeypatch.setattr(socket, "socket", Unsent(ours))
    assert has_route(family) is is_there


@pytest.mark.parametrize("family", BOTH)
def test_the_kernel_is_asked_about_an_address_that_is_public(family):
    kind, address = SOMEWHERE[family]
    assert ipaddress.ip_address(address).is_global
    assert has_route(family) in (True, False)
    assert kind == (socket.AF_INET if family == IPV4 else socket.AF_INET6)
