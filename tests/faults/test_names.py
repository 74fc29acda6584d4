"""docs/faults.md, section 3: names that lead nowhere, or too far, through the whole product, asking a real server."""

from __future__ import annotations

import asyncio
import ssl
import time

import pytest
import trustme

from penstock import fetch
from penstock.engine import families
from penstock.testing.names import NXDOMAIN, REFUSED, SERVFAIL, SILENT, NameServer, Says
from penstock.testing.outcomes import in_a_word
from penstock.testing.ports import deaf_sockets, listening_socket
from penstock.testing.web import LocalWeb

HERE = "127.0.0.1"

SCRIPT = {
    "good.test": HERE,
    "absent.test": NXDOMAIN,
    "no-address.test": Says(),
    "broken.test": SERVFAIL,
    "refused.test": REFUSED,
    "silent.test": SILENT,
    "half-absent.test AAAA": HERE,
    "half-broken.test": HERE,
    "half-broken.test AAAA": SERVFAIL,
    "half-refused.test": HERE,
    "half-refused.test AAAA": REFUSED,
    "half-silent.test": HERE,
    "half-silent.test AAAA": SILENT,
    "recovers.test A": [SERVFAIL] * 3 + [HERE],
    "recovers.test AAAA": [SERVFAIL] * 3 + [Says()],
    "cut-off.test": Says((HERE,), truncated=True),
    "many.test": Says(tuple(f"127.0.{number // 250}.{1 + number % 250}" for number in range(500))),
    "dead.test": Says(tuple(f"127.2.{number // 250}.{1 + number % 250}" for number in range(500))),
    "fleeting.test": Says((HERE,), ttl=0),
    "on-both.test": Says((HERE, "::1")),
}

CAME_TO = {
    "absent.test": "dns_not_found",
    "no-address.test": "dns_not_found",
    "ex!ample.test": "dns_not_found",
    f"{'x' * 64}.test": "dns_not_found",
    "broken.test": "dns_temporary",
    "refused.test": "dns_temporary",
    "half-broken.test": "fetched",
    "half-refused.test": "fetched",
    "half-silent.test": "fetched",
    "cut-off.test": "fetched",
    "many.test": "fetched",
    "on-both.test": "fetched",
    "good.test.": "fetched",
    "localhost": "fetched",
}


@pytest.fixture
def dns():
    with NameServer(SCRIPT) as server:
        yield server


@pytest.fixture
def url(web):
    return lambda name, path="/page": f"http://{name}:{web.port()}{path}"


@pytest.fixture
def at_once(dns, limits):
    """Settings that ask the test's name server, without waiting between requests."""
    return limits | {"resolver": dns.address}


def by_seq(outcomes):
    return sorted(outcomes, key=lambda outcome: outcome.seq)


@pytest.mark.parametrize("name", CAME_TO)
def test_a_name_comes_to_what_it_must(name, url, dns, fetch_among_pages):
    [outcome] = fetch_among_pages([url(name)], resolver=dns.address)
    assert in_a_word(outcome) == CAME_TO[name]
    if outcome.error is not None:
        assert name in outcome.detail
        assert (outcome.ip, outcome.status, outcome.times.connect) == (None, None, 0)


def test_a_silent_name_server_is_a_time_out_of_its_own_and_nobody_elses(url, dns, fetch_among_pages):
    [outcome] = fetch_among_pages([url("silent.test")], resolver=dns.address, connect_timeout=0.1)
    assert in_a_word(outcome) == "timeout_dns"
    assert 0.1 <= outcome.times.dns < 0.35


def test_all_of_them_at_once_keep_nobody_waiting(url, at_once, each_once):
    """Good names are looked up and fetched while silent ones run out of time."""
    names = ["silent.test", *CAME_TO, "good.test"] * 5
    began = time.monotonic()
    outcomes = by_seq(each_once(fetch(map(url, names), **at_once | {"connect_timeout": 0.3}), len(names)))
    assert time.monotonic() - began < 5
    wanted = CAME_TO | {"silent.test": "timeout_dns", "good.test": "fetched"}
    assert [in_a_word(outcome) for outcome in outcomes] == [wanted[name] for name in names]


def test_what_does_not_exist_is_asked_for_once_and_never_tried_again(url, dns, fetch_eagerly):
    outcomes = fetch_eagerly([url("absent.test", f"/{page}") for page in range(20)], resolver=dns.address, attempts=3)
    assert {(in_a_word(outcome), outcome.attempts) for outcome in outcomes} == {("dns_not_found", 1)}
    assert dns.questions("absent.test", "A") == 1
    assert dns.questions("absent.test", "AAAA") <= 1, "its answer is not waited for"


@pytest.mark.parametrize("name", ["broken.test", "refused.test"])
def test_what_may_be_better_next_time_is_tried_again(name, url, dns, fetch_eagerly):
    [outcome] = fetch_eagerly([url(name)], resolver=dns.address, attempts=2)
    assert (in_a_word(outcome), outcome.attempts) == ("dns_temporary", 2)


def test_a_name_that_recovers_within_the_attempts_gives_its_page(url, dns, fetch_eagerly):
    [outcome] = fetch_eagerly([url("recovers.test")], resolver=dns.address, attempts=2)
    assert (in_a_word(outcome), outcome.attempts) == ("fetched", 2)


def test_a_name_that_many_wait_for_is_asked_for_once(url, dns, at_once, each_once):
    outcomes = each_once(fetch([url("good.test", f"/{page}") for page in range(100)], **at_once), 100)
    assert {in_a_word(outcome) for outcome in outcomes} == {"fetched"}
    assert (dns.questions("good.test", "A"), dns.questions("good.test", "AAAA")) == (1, 1)


def test_a_machine_without_ipv6_asks_for_no_addresses_of_it(url, dns, at_once, each_once, monkeypatch):
    """But where a name has no others, since ::1 is there all the same."""
    monkeypatch.setattr(families, "has_route", lambda family: family == families.IPV4)
    dns.script["only-v6.test"] = "::1"
    outcomes = by_seq(each_once(fetch([url("good.test"), "http://only-v6.test:1/"], **at_once), 2))
    assert in_a_word(outcomes[0]) == "fetched"
    assert in_a_word(outcomes[1]) in ("connect_refused", "connect_unreachable")
    assert "::1" in outcomes[1].detail
    assert (dns.questions("good.test", "A"), dns.questions("good.test", "AAAA")) == (1, 0)


def test_what_is_known_takes_no_time_and_its_connection_is_kept(dns, at_once, each_once):
    with LocalWeb() as web:
        urls = [f"http://good.test:{web.port()}/{page}" for page in range(5)]
        outcomes = by_seq(each_once(fetch(urls, **at_once | {"concurrency": 1}), 5))
        assert web.traffic().connections == 1
    assert outcomes[0].times.dns > 0
    assert [outcome.times.dns for outcome in outcomes[1:]] == [0.0] * 4
    for outcome in outcomes:
        assert outcome.times.dns <= outcome.times.first_byte <= outcome.times.total
    assert dns.questions() == 2


def test_an_answer_without_a_life_is_used_once_and_the_connection_kept_all_the_same(dns, at_once, each_once):
    with LocalWeb() as web:
        urls = [f"http://fleeting.test:{web.port()}/{page}" for page in range(3)]
        each_once(fetch(urls, **at_once | {"concurrency": 1}), 3)
        assert web.traffic().connections == 1
    assert dns.questions("fleeting.test", "A") == 3


def test_an_answer_that_is_cut_off_is_asked_for_by_tcp(url, dns, at_once, each_once):
    each_once(fetch([url("cut-off.test")], **at_once), 1)
    assert dns.questions_by_tcp == 2


def test_a_silent_half_of_an_answer_costs_less_than_a_tenth_of_a_second_more(url, at_once, each_once):
    [outcome] = each_once(fetch([url("half-silent.test")], **at_once), 1)
    assert in_a_word(outcome) == "fetched"
    assert 0.05 <= outcome.times.dns < 0.25


def test_of_five_hundred_addresses_only_a_few_are_tried(dns, at_once, each_once):
    """All of them refuse, and the words for it name those that were tried."""
    [outcome] = each_once(fetch(["http://dead.test:1/"], **at_once), 1)
    assert in_a_word(outcome) == "connect_refused"
    assert outcome.detail.count("127.2.") == 4


def test_an_address_that_is_dead_gives_way_to_one_that_is_not(dns, at_once, each_once):
    """Within happy-eyeballs time (RFC 8305, section 5: a quarter of a second), and not only when time is up."""
    deaf = deaf_sockets("127.3.0.1")
    port = deaf[0].getsockname()[1]
    dns.script["half-dead.test"] = Says(("127.3.0.1", HERE))
    dns.script["no-v6.test"] = Says(("2001:db8::1", HERE))
    try:
        with LocalWeb(hosts=0, port=port):
            urls = [f"http://{name}:{port}/page" for name in ("half-dead.test", "no-v6.test")]
            outcomes = each_once(fetch(urls, **at_once), 2)
    finally:
        for each in deaf:
            each.close()
    assert [(in_a_word(outcome), outcome.ip) for outcome in outcomes] == [("fetched", HERE)] * 2
    assert all(outcome.times.connect < 1.0 for outcome in outcomes)


def test_the_name_is_what_is_asked_and_verified_for_whatever_the_address(tmp_path, dns, at_once, each_once):
    """Host header, SNI and certificate go by the name; another name's certificate does not do."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("good.test").configure_cert(context)
    named = []
    context.sni_callback = lambda _socket, name, _context: named.append(name)
    cacert = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(cacert)
    with LocalWeb(tls=context) as web:
        urls = [f"https://{name}:{web.port()}/echo" for name in ("good.test", "on-both.test")]
        outcomes = by_seq(each_once(fetch(urls, **at_once | {"cacert": str(cacert)}), 2))
        assert [in_a_word(outcome) for outcome in outcomes] == ["fetched", "tls_certificate"]
        assert f'"good.test:{web.port()}"' in outcomes[0].text()
    assert set(named) == {"good.test", "on-both.test"}


def test_connect_to_is_looked_up_too_and_asks_for_the_first_name(web, dns, at_once, each_once):
    settings = at_once | {"connect_to": f"far.test:80:good.test:{web.port()}"}
    [outcome] = each_once(fetch(["http://far.test/echo"], **settings), 1)
    assert '"far.test"' in outcome.text()
    assert (dns.questions("far.test"), dns.questions("good.test")) == (0, 2)


def test_with_a_proxy_no_name_is_looked_up(web, dns, at_once, each_once):
    settings = at_once | {"proxy": web.url(0, "")}
    [outcome] = each_once(fetch(["http://absent.test/page"], **settings), 1)
    assert (in_a_word(outcome), dns.questions()) == ("fetched", 0)


def test_a_name_server_that_is_not_there_is_a_temporary_failure(limits, each_once):
    with listening_socket(HERE) as nobody:
        address = f"{HERE}:{nobody.getsockname()[1]}"
    [outcome] = each_once(fetch(["http://good.test/"], **limits | {"resolver": address}), 1)
    assert in_a_word(outcome) == "dns_temporary"


def test_inside_of_an_event_loop_names_come_to_the_same(url, at_once, each_once):
    """The loop sees one descriptor, the name server's sockets behind it too."""
    names = ["good.test", "silent.test", "absent.test", "half-silent.test", "cut-off.test"]

    async def gather():
        flow = fetch(map(url, names), **at_once | {"connect_timeout": 0.2})
        return [outcome async for outcome in flow]

    outcomes = by_seq(each_once(asyncio.run(gather()), len(names)))
    assert [in_a_word(outcome) for outcome in outcomes] == [
        "fetched",
        "timeout_dns",
        "dns_not_found",
        "fetched",
        "fetched",
    ]


def test_a_run_may_be_stopped_while_names_are_asked_for(url, at_once):
    flow = fetch((url(name) for name in ("silent.test", "good.test")), **at_once)
    for outcome in flow:
        assert in_a_word(outcome) == "fetched"
        break
    flow.close()
