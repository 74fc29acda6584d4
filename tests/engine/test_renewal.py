"""RFC 9113, section 6.8: a server renews its connections, and what it leaves behind is sent again, if it may be."""

from __future__ import annotations

from types import SimpleNamespace

import pycurl
import pytest
from tests.engine.http2 import Http2Server

import penstock
from penstock.engine import renewal
from penstock.engine.renewal import MOVES, Renewals

MANY = {"concurrency": 8, "per_host": 8, "delay": 0, "pace": "fixed", "attempts": 1}


@pytest.fixture(autouse=True)
def little_patience(monkeypatch):
    monkeypatch.setattr(renewal, "PATIENCE", 0.05)
    monkeypatch.setattr(renewal, "TRIAL", 0.08)


def test_a_request_that_a_renewed_connection_refuses_is_sent_again(tmp_path, each_once):
    with Http2Server(tmp_path, renew=60) as server:
        urls = [server.url(f"/{number}") for number in range(600)]
        pages = each_once(penstock.fetch(urls, cacert=server.cacert, timeout=5.0, **MANY), 600)
    assert {(page.error, page.status, page.attempts, page.http) for page in pages} == {(None, 200, 1, "2")}
    assert server.connections > 8, "nothing was renewed"


def test_if_all_that_run_are_left_behind_together_they_are_sent_again_too(tmp_path, each_once):
    """No other request can show it then: one of them is sent again on trial."""
    with Http2Server(tmp_path, renew=30, tell=False, late=8) as server:
        urls = [server.url(f"/{number}") for number in range(50)]
        pages = each_once(penstock.fetch(urls, cacert=server.cacert, timeout=5.0, **MANY), 50)
    assert {(page.error, page.status, page.attempts) for page in pages} == {(None, 200, 1)}
    assert (server.connections, max(server.seen.values())) == (2, 2)


def test_what_is_not_idempotent_is_never_sent_again(tmp_path, each_once):
    """The server may have acted upon it; it gets its whole time, and a time-out."""
    with Http2Server(tmp_path, renew=5, tell=False) as server:
        rows = [{"url": server.url(f"/{n}"), "method": "POST", "body": "x"} for n in range(60)]
        each_once(penstock.fetch(rows, cacert=server.cacert, timeout=0.5, **MANY), 60)
    assert set(server.seen.values()) == {1}


def test_a_page_that_takes_long_is_asked_for_once(tmp_path, each_once):
    """A connection that others are answered on has left nothing behind."""
    with Http2Server(tmp_path) as server:
        paths = ["/first", "/slow", *(f"/{number}" for number in range(300)), "/last"]
        few = MANY | {"concurrency": 2, "per_host": 2}
        pages = each_once(penstock.fetch([server.url(path) for path in paths], cacert=server.cacert, **few), len(paths))
    assert {page.error for page in pages} == {None}
    assert set(server.seen.values()) == {1}


# Which one was left behind: by the transfers of one origin, and what libcurl says of each


class Sent:
    def __init__(self, started, connection, *, method="GET", opened=0, lasted=0.0, connect=0.0, path="/"):
        self.started = started
        self.job = SimpleNamespace(method=method, target=f"https://a.test{path}")
        self.response = SimpleNamespace(lines=[])
        known = {pycurl.CONN_ID: connection, pycurl.NUM_CONNECTS: opened}
        known |= {pycurl.TOTAL_TIME: lasted, pycurl.CONNECT_TIME: connect}
        self.known = known
        self.easy = SimpleNamespace(getinfo=lambda what: self.known[what])


@pytest.fixture
def renewals(monkeypatch):
    """One request was answered at 10.0 on connection 1, and one on connection 2 at 11.5, which stood at 11.2."""
    monkeypatch.setattr(renewal, "PATIENCE", 3.0)
    monkeypatch.setattr(renewal, "TRIAL", 5.0)
    made = Renewals()
    made.note_answer(Sent(9.0, 1), 10.0)
    made.note_answer(Sent(11.0, 2, opened=1, lasted=0.5, connect=0.2), 11.5)
    return made


def test_a_silent_request_that_a_younger_connection_has_overtaken_is_left_behind(renewals):
    sent = Sent(10.0, 1)
    assert renewals.due == 13.0
    assert renewals.find_left_behind([sent], 12.9) == []
    assert renewals.due == pytest.approx(13.0)
    assert renewals.find_left_behind([sent], 13.0) == [sent]


@pytest.mark.parametrize(
    "sent",
    [Sent(10.0, 1, method="POST"), Sent(10.0, 1, opened=1), Sent(11.3, 9)],
    ids=["not idempotent", "on a connection of its own", "on one that never answered over HTTP/2"],
)
def test_nothing_else_is(renewals, sent):
    assert renewals.find_left_behind([sent], 20.0) == []
    assert not renewals.should_resend(Sent(10.0, 1, method="POST"), 16, "", 20.0)


def test_nor_one_whose_answer_or_whose_connection_goes_on(renewals):
    begun, busy = Sent(10.0, 1), Sent(10.0, 1)
    begun.response.lines.append(b"HTTP/2 200")
    renewals.note_answer(Sent(9.5, 1), 18.0)
    assert renewals.find_left_behind([begun, busy], 20.0) == []
    assert renewals.find_left_behind([begun, busy], 21.0) == [busy]


def test_of_a_connection_that_nothing_is_known_of_one_request_is_sent_again_on_trial(renewals):
    """The page may just take long: so it is one, once, and later than what is known to be left behind."""
    silent = [Sent(12.0, 2), Sent(12.1, 2), Sent(12.2, 2)]
    assert renewals.find_left_behind(silent, 16.9) == []
    assert renewals.due == pytest.approx(17.0)
    assert renewals.find_left_behind(silent, 17.0) == silent[:1]
    assert renewals.find_left_behind(silent[1:], 30.0) == []


def test_if_the_trial_is_answered_on_a_connection_of_its_own_the_others_follow_at_once(renewals):
    silent = [Sent(12.0, 2), Sent(12.1, 2), Sent(12.2, 2)]
    [trial] = renewals.find_left_behind(silent, 17.0)
    trial.known |= {pycurl.CONN_ID: 3, pycurl.NUM_CONNECTS: 1, pycurl.TOTAL_TIME: 0.3, pycurl.CONNECT_TIME: 0.1}
    renewals.note_answer(trial, 17.3)
    assert renewals.due == 17.3
    assert renewals.find_left_behind(silent[1:], 17.3) == silent[1:]


def test_what_has_been_quiet_for_a_while_is_watched_though_nothing_was_heard_since(renewals):
    assert renewals.find_left_behind([], 13.0) == []
    assert renewals.due is None
    renewals.schedule(20.0)
    assert renewals.due == 23.0


def test_it_is_sent_again_only_so_often(renewals):
    sent = Sent(10.0, 1)
    times = [now for now in range(13, 60) if renewals.find_left_behind([sent], float(now))]
    assert times == [13, 16, 19][:MOVES]
    renewals.forget(sent)
    assert renewals.should_resend(sent, 16, "", 60.0)
    assert not renewals.should_resend(sent, 16, "a frame of the wrong size", 60.0)


def test_an_origin_that_has_done_it_before_needs_no_younger_connection(renewals):
    late = Sent(12.0, 2)
    assert renewals.find_left_behind([late], 16.9) == []
    assert renewals.find_left_behind([Sent(10.0, 1)], 20.0) != []
    assert renewals.find_left_behind([late], 21.0) == [late]
