"""docs/faults.md, section 3: connections that do not come about, on real sockets, through the whole product."""

from __future__ import annotations

import time

import pytest
from tests.faults.conftest import GRACE
from tests.faults.listener import Listener

from penstock import fetch
from penstock.testing.hostile import FAULTS
from penstock.testing.outcomes import in_a_word
from penstock.testing.web import LocalWeb

CONNECTIONS = {name: fault for name, fault in FAULTS.items() if fault.has_port and fault.scheme == "http"}


@pytest.mark.parametrize("name", CONNECTIONS)
def test_a_connection_that_goes_wrong_comes_to_what_it_must(name, server, fetch_among_pages):
    [outcome] = fetch_among_pages([server.url(name)], connect_timeout=0.1)
    assert in_a_word(outcome) == CONNECTIONS[name].outcome
    assert outcome.detail
    assert outcome.status is None


def test_connecting_ends_by_its_own_time_and_not_by_the_whole(server, limits, each_once):
    settings = limits | {"timeout": 60, "connect_timeout": 0.05}
    [outcome] = each_once(fetch([server.url("never_accepted")], **settings), 1)
    assert in_a_word(outcome) == "timeout_connect"


def test_connecting_ends_by_the_whole_time_where_that_is_shorter(server, limits, each_once):
    settings = limits | {"timeout": 0.05, "connect_timeout": 60}
    [outcome] = each_once(fetch([server.url("never_accepted")], **settings), 1)
    assert in_a_word(outcome) == "timeout_connect"


def test_the_connect_timeout_spares_a_connection_that_stands(web, limits, each_once):
    """A new one, whose reply takes longer than connecting may, and then the same one again."""
    settings = limits | {"connect_timeout": 0.05, "concurrency": 1}
    outcomes = each_once(fetch([web.url(0, "/slow/0.1/page")] * 2, **settings), 2)
    assert [in_a_word(outcome) for outcome in outcomes] == ["fetched"] * 2


def test_a_proxy_that_refuses_fails_every_request_and_sends_none(server, limits, each_once):
    with LocalWeb() as web:
        settings = limits | {"proxy": server.url("refused")}
        outcomes = each_once(fetch([web.url(0, "/page")] * 3, **settings), 3)
    assert [in_a_word(outcome) for outcome in outcomes] == ["connect_refused"] * 3
    assert web.traffic().connections == 0


def test_what_is_refused_is_tried_as_often_as_it_may_be(server, fetch_eagerly):
    [outcome] = fetch_eagerly([server.url("refused")], attempts=3)
    assert (in_a_word(outcome), outcome.attempts) == ("connect_refused", 3)


def test_what_a_proxy_says_to_connect_is_no_page_and_no_redirect(each_once, limits):
    """A proxy may answer with a login page, or lead to one."""

    def refuse(line):
        line.recv(65536)
        line.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://login.test/\r\nContent-Length: 0\r\n\r\n")

    proxy = Listener(refuse)
    try:
        for robots in (True, False):
            settings = limits | {"proxy": proxy.url("").rstrip("/"), "robots": robots}
            [outcome] = each_once(fetch(["https://a.test/"], **settings), 1)
            assert (in_a_word(outcome), outcome.status, outcome.redirects) == ("connect_unreachable", None, ())
    finally:
        proxy.close()


def test_redirects_whose_bodies_stall_share_the_time_of_one_attempt(each_once, limits):
    """Each is followed by its header block, after a look at it; that time counts."""

    def stall(line):
        number = int(line.recv(65536).split()[1][1:])
        line.sendall(b"HTTP/1.1 302 Found\r\nLocation: /%d\r\nContent-Length: 9\r\n\r\n" % (number + 1))
        line.recv(1)

    server = Listener(stall)
    began = time.monotonic()
    try:
        [outcome] = each_once(fetch([server.url("1")], **limits | {"timeout": 1.5}), 1)
    finally:
        server.close()
    assert in_a_word(outcome) == "timeout"
    assert time.monotonic() - began < 1.5 + 2 * GRACE + 0.5


def test_the_time_that_a_request_took_is_told_though_nothing_came(server, fetch_among_pages):
    [outcome] = fetch_among_pages([server.url("silent")], timeout=0.4)
    assert 0.4 <= outcome.times.total < 0.4 + GRACE
