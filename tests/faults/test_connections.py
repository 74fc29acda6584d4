"""FAULTS.md, section 3: connections that do not come about, on real sockets, through the whole product."""

from __future__ import annotations

import pytest

from penstock.api import fetch
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
    assert web.seen().connections == 0


def test_what_is_refused_is_tried_as_often_as_it_may_be(server, fetch_eagerly):
    [outcome] = fetch_eagerly([server.url("refused")], attempts=3)
    assert (in_a_word(outcome), outcome.attempts) == ("connect_refused", 3)
