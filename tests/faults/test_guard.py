"""docs/faults.md, section 3: no server leads a run from a public address to any other, in any spelling or by any name.

No public address can be had in a test, so the hosts of the local web, 127.1.0.0/16, stand for public ones here,
and the rest of 127.0.0.0/8 is loopback as ever. What must not be reached is a listener that counts.
"""

from __future__ import annotations

import pytest

from penstock import fetch
from penstock.core.web import addresses
from penstock.testing.names import NameServer, Says
from penstock.testing.outcomes import in_a_word
from penstock.testing.web import LocalWeb

PUBLIC = "127.1.0.1"
NOBODY = "127.1.255.254"


@pytest.fixture(autouse=True)
def a_public_network(monkeypatch):
    """127.1.0.0/16 is public, as far as the guard knows."""
    kept = [row for row in addresses._IPV4 if row[2] != "loopback"]
    loopback = [(127 << 24 | second << 16, 0xFFFF0000, "loopback") for second in range(256) if second != 1]
    monkeypatch.setattr(addresses, "_IPV4", (*kept, *loopback))


@pytest.fixture(scope="module")
def forbidden():
    """A web that must not be reached, at 127.0.0.1 and ::1 as far as there is one."""
    with LocalWeb() as web:
        yield web


@pytest.fixture(scope="module")
def port(forbidden):
    return forbidden.port()


@pytest.fixture(scope="module")
def web():
    with LocalWeb(hosts=1) as web:
        assert web.host(0) == PUBLIC
        yield web


@pytest.fixture
def untouched(forbidden):
    """Sees to it that not one connection is made to what is forbidden."""
    before = forbidden.traffic().connections
    yield
    assert forbidden.traffic().connections == before


@pytest.fixture
def fetch_all(limits, each_once):
    def fetch_them(*urls, script=(), **changed):
        with NameServer(dict(script)) as dns:
            settings = limits | {"resolver": dns.address, "attempts": 3} | changed
            outcomes = each_once(fetch(urls, **settings), len(urls))
        return sorted(outcomes, key=lambda outcome: outcome.seq)

    return fetch_them


def away(web, where):
    """A URL at a public address that redirects to *where*."""
    return web.url(0, f"/away/{where}")


SPELLED = ["127.0.0.1", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "017700000001", "0", "0.0.0.0"]
SPELLED += ["%31%32%37.0.0.1", "127.0.0.1.", "localhost", "LOCALHOST.", "a.localhost", "169.254.169.254", "10.0.0.1"]
SPELLED += ["[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::127.0.0.1]", "[2002:7f00:1::1]"]
SPELLED += ["[::127.0.0.1]", "[fe80::1]", "[fd00:ec2::254]", "[::ffff:169.254.169.254]", "[ff02::1]", "224.0.0.1"]


@pytest.mark.usefixtures("untouched")
def test_a_redirect_to_an_address_that_is_not_public_is_not_followed_in_any_spelling(web, port, fetch_all):
    outcomes = fetch_all(*(away(web, f"{spelled}:{port}/page") for spelled in SPELLED))
    assert {spelled: in_a_word(outcome) for spelled, outcome in zip(SPELLED, outcomes, strict=True)} == dict.fromkeys(
        SPELLED, "blocked_address"
    )
    assert {(outcome.outcome, outcome.attempts, len(outcome.redirects)) for outcome in outcomes} == {("skipped", 1, 1)}
    assert all(outcome.detail for outcome in outcomes)


NAMES = {
    "v4.test": "127.0.0.1",
    "v6.test": "::1",
    "both.test": Says(("127.0.0.1", "::1")),
    "mapped.test": "::ffff:127.0.0.1",
    "nat64.test": "64:ff9b::7f00:1",
    "6to4.test": "2002:7f00:1::1",
    "metadata.test": Says(("169.254.169.254", "fd00:ec2::254")),
}


@pytest.mark.usefixtures("untouched")
def test_a_redirect_to_a_name_of_such_an_address_is_not_followed(web, port, fetch_all):
    outcomes = fetch_all(*(away(web, f"{name}:{port}/page") for name in NAMES), script=NAMES)
    assert [in_a_word(outcome) for outcome in outcomes] == ["blocked_address"] * len(NAMES)
    assert "127.0.0.1 is loopback" in outcomes[0].detail


@pytest.mark.usefixtures("untouched")
def test_a_name_that_comes_to_something_else_the_second_time_is_looked_at_the_second_time(web, port, fetch_all):
    """DNS rebinding: public for the first hop, and private for the one it leads itself to."""
    rebinding = [Says((PUBLIC,), ttl=0), Says(("127.0.0.1",), ttl=0)]
    outcomes = fetch_all(
        f"http://rebind.test:{web.port(0)}/away/rebind.test:{port}/page",
        script={"rebind.test A": rebinding, "rebind.test AAAA": Says()},
    )
    assert [in_a_word(outcome) for outcome in outcomes] == ["blocked_address"]


@pytest.mark.usefixtures("untouched")
def test_what_was_looked_at_is_what_is_connected_to(web, port, fetch_all):
    """However the name would change: nobody is asked for it again between the look at it and the connection."""
    outcomes = fetch_all(
        away(web, f"rebind.test:{port}/page"),
        script={"rebind.test A": [Says((NOBODY,), ttl=0), "127.0.0.1"], "rebind.test AAAA": Says()},
        attempts=1,
        connect_timeout=0.1,
    )
    assert in_a_word(outcomes[0]) in ("connect_refused", "timeout_connect", "connect_unreachable")


def test_of_a_mixed_answer_only_what_is_public_is_tried(web, fetch_all):
    script = {"mixed.test": Says(("127.0.0.1", PUBLIC, "::1"))}
    with LocalWeb(hosts=0, port=web.port(0)) as private:
        outcomes = fetch_all(away(web, f"mixed.test:{web.port(0)}/page"), script=script)
        assert (in_a_word(outcomes[0]), outcomes[0].ip) == ("fetched", PUBLIC)
        assert private.traffic().connections == 0


def test_a_kept_connection_to_a_name_leads_nowhere_else_once_the_name_does(web, limits, each_once):
    """Private when it was an input, which is the user's own word, and public when a redirect leads to it.

    libcurl knows kept connections by host name: it would send the second request to where the first went.
    """
    script = {"swap.test A": [Says(("127.0.0.1",), ttl=0), Says((PUBLIC,), ttl=0)], "swap.test AAAA": Says()}
    with LocalWeb(hosts=0, port=web.port(0)) as private, NameServer(script) as dns:
        settings = limits | {"resolver": dns.address, "concurrency": 1}
        urls = [f"http://swap.test:{web.port(0)}/page/1", away(web, f"swap.test:{web.port(0)}/page/2")]
        outcomes = sorted(each_once(fetch(urls, **settings), 2), key=lambda outcome: outcome.seq)
        assert [outcome.ip for outcome in outcomes] == ["127.0.0.1", PUBLIC]
        assert [path for _, path in private.traffic().paths] == ["/page/1"]


def test_an_input_may_be_anywhere_and_lead_anywhere_else_that_is_not_public(forbidden, port, fetch_all):
    """What the user lists is the user's word; within a network of one's own, redirects are no escape."""
    outcomes = fetch_all(
        forbidden.url(0, "/page"),
        f"http://127.0.0.1:{port}/away/v4.test:{port}/page",
        f"http://v4.test:{port}/away/127.0.0.1:{port}/page",
        script=NAMES,
    )
    assert [in_a_word(outcome) for outcome in outcomes] == ["fetched"] * 3


@pytest.mark.usefixtures("untouched")
def test_a_chain_that_was_public_once_stays_public(web, port, fetch_all):
    outcomes = fetch_all(away(web, f"{PUBLIC}:{web.port(0)}/away/127.0.0.1:{port}/page"))
    assert (in_a_word(outcomes[0]), len(outcomes[0].redirects)) == ("blocked_address", 2)


@pytest.mark.usefixtures("untouched")
def test_nobody_is_asked_for_the_robots_txt_of_what_must_not_be_reached_either(web, port, fetch_all):
    outcomes = fetch_all(
        away(web, f"127.0.0.1:{port}/page"), away(web, f"v4.test:{port}/page"), script=NAMES, robots=True
    )
    assert [in_a_word(outcome) for outcome in outcomes] == ["blocked_address"] * 2
    assert [len(outcome.redirects) for outcome in outcomes] == [1, 1]


@pytest.mark.usefixtures("untouched")
def test_with_public_only_no_input_may_be_elsewhere_either(web, port, fetch_all):
    urls = [f"http://{spelled}:{port}/page" for spelled in (*SPELLED, *NAMES)]
    outcomes = fetch_all(*urls, web.url(0, "/page"), script=NAMES, public_only=True)
    assert [in_a_word(outcome) for outcome in outcomes] == ["blocked_address"] * len(urls) + ["fetched"]


def test_where_the_users_own_connect_to_leads_is_the_users_word(web, forbidden, fetch_all):
    outcomes = fetch_all(
        away(web, "inner.test/page"),
        "http://other.test/page",
        connect_to=(f"inner.test:80:127.0.0.1:{forbidden.port()}", forbidden.connect_to[1]),
        public_only=True,
    )
    assert [in_a_word(outcome) for outcome in outcomes] == ["fetched"] * 2


@pytest.mark.usefixtures("untouched")
def test_a_connect_to_that_changes_the_port_alone_is_no_such_word(web, port, fetch_all):
    outcomes = fetch_all(away(web, "v4.test/page"), connect_to=f"v4.test:80::{port}", script=NAMES)
    assert in_a_word(outcomes[0]) == "blocked_address"


def test_the_guard_has_been_seen_to_catch(web, forbidden, port, fetch_all, monkeypatch):
    """With the guard's table gone, each of these redirects gets where it must not: the listener does count."""
    monkeypatch.setattr("penstock.engine.route.is_public", lambda address: True)
    before = forbidden.traffic().connections
    outcomes = fetch_all(away(web, f"127.1:{port}/page"), away(web, f"v4.test:{port}/page"), script=NAMES)
    assert [in_a_word(outcome) for outcome in outcomes] == ["fetched"] * 2
    assert forbidden.traffic().connections > before
