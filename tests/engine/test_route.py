"""Which way a request goes, and how libcurl is told."""

from __future__ import annotations

import pytest

from penstock.core.web.hosts import endpoint
from penstock.engine.route import Pins, Route, Routes, canonicalize, select_addresses


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("http://a.test/", "a.test", 80),
        ("https://a.test/x?y:80@z", "a.test", 443),
        ("http://a.test.:8080/", "a.test.", 8080),
        ("http://127.0.0.1/", "127.0.0.1", 80),
        ("https://[::1]/", "[::1]", 443),
        ("https://[2a00::1]:8443/a:1/", "[2a00::1]", 8443),
    ],
)
def test_the_endpoint_of_a_canonical_url(url, host, port):
    assert endpoint(url) == (host, port)


@pytest.mark.parametrize(
    ("host", "literal"),
    [
        ("a.test", False),
        ("1.2.3.4", True),
        ("[::1]", True),
        ("a1", False),
        ("1.2.3.a4", False),
        ("x.1.2.3.4.a0", False),
    ],
)
def test_an_address_needs_no_looking_up(host, literal):
    assert Routes(()).route(f"http://{host}/").literal is literal


@pytest.mark.parametrize(
    ("entries", "url", "route"),
    [
        ([], "http://a.test/", Route("a.test", 80, literal=False)),
        (["::b.test:8080"], "http://a.test/", Route("b.test", 8080, literal=False, own=True, elsewhere=True)),
        (["::127.0.0.1:"], "http://a.test:81/", Route("127.0.0.1", 81, literal=True, own=True, elsewhere=True)),
        (["A.test:80::8080"], "http://a.test/", Route("a.test", 8080, literal=False, elsewhere=True)),
        (["a.test:80::8080"], "http://a.test./", Route("a.test.", 8080, literal=False, elsewhere=True)),
        (["a.test:81::8080"], "http://a.test/", Route("a.test", 80, literal=False)),
        (["b.test::c.test:"], "http://a.test/", Route("a.test", 80, literal=False)),
        (["a.test:::", "::c.test:"], "http://a.test/", Route("a.test", 80, literal=False)),
        (["[::1]:80:[::2]:8"], "http://[::1]/", Route("[::2]", 8, True, True, True)),
        (["::0x7f.1:"], "http://a.test/", Route("127.0.0.1", 80, literal=True, own=True, elsewhere=True)),
    ],
)
def test_connect_to_leads_as_curls_does(entries, url, route):
    assert Routes(entries).route(url) == route


def test_a_few_addresses_of_each_family_are_tried():
    addresses = [f"1.1.1.{number}" for number in range(9)] + [f"2a00::{number}" for number in range(9)]
    allowed, _ = select_addresses(addresses, public_only=False)
    assert allowed == (*(f"2a00::{number}" for number in range(4)), *(f"1.1.1.{number}" for number in range(4)))


def test_of_the_public_ones_as_many_as_there_are_even_behind_others():
    addresses = [*(f"10.0.0.{number}" for number in range(9)), "1.1.1.1", "::1"]
    assert select_addresses(addresses, public_only=True) == (("1.1.1.1",), "")


def test_where_none_is_public_it_says_of_each_what_it_is():
    assert select_addresses(["10.0.0.1", "::1"], public_only=True) == ((), "10.0.0.1 is private; ::1 is loopback")


@pytest.mark.parametrize(("address", "host"), [("1.1.1.1", "1.1.1.1"), ("2a00::1", "[2a00::1]")])
def test_a_route_to_one_address_is_the_same_route_as_libcurl_takes_it(address, host):
    there = Route("a.test", 8080, literal=False, own=True).at(address)
    assert there == Route(host, 8080, literal=True, own=True, elsewhere=True)


def test_a_pin_is_known_by_its_addresses_in_any_order_and_nothing_else():
    pins = Pins()
    first, _ = pins.take(("1.1.1.1", "2a00::1"), 80)
    assert pins.take(("2a00::1", "1.1.1.1"), 80)[0].host == first.host
    assert pins.take(("1.1.1.1",), 80)[0].host != first.host
    assert first.host.endswith(".invalid")


def test_an_entry_is_as_libcurl_takes_it():
    pin, entries = Pins().take(("2a00::1", "1.1.1.1"), 8080)
    assert entries == [f"{pin.host}:8080:[2a00::1],1.1.1.1"]


def test_all_entries_can_be_taken_away():
    """Of those in use and of those that were."""
    pins = Pins()
    one, _ = pins.take(("1.1.1.1",), 80)
    two, _ = pins.take(("1.1.1.2",), 80)
    pins.drop(two)
    assert pins.clear() == [f"-{one.key}", f"-{two.key}"]


def test_entries_that_nobody_uses_any_more_are_taken_away_with_the_next():
    pins = Pins()
    one, _ = pins.take(("1.1.1.1",), 80)
    pins.take(("1.1.1.1",), 80)
    two, _ = pins.take(("1.1.1.2",), 80)
    pins.drop(one)
    pins.drop(two)
    three, entries = pins.take(("1.1.1.3",), 80)
    assert entries == [f"-{two.key}", three.entry], "one user of the first is left"
    pins.drop(one)
    assert pins.take(("1.1.1.1",), 80)[1] == [one.entry], "what comes back is not taken away"
    assert pins.take(("1.1.1.3",), 80)[1] == [three.entry]


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("b\u00fccher.example:80:d\u00f6ner.example:", "xn--bcher-kva.example:80:xn--dner-5qa.example:"),
        ("::127.0.0.1:8080", "::127.0.0.1:8080"),
        ("[::1]:80:[::1]:8080", "[::1]:80:[::1]:8080"),
    ],
)
def test_libcurl_is_told_of_connect_to_in_ascii(entry, told):
    assert canonicalize(entry) == told
