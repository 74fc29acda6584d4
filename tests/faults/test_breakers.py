"""docs/faults.md, section 3: hosts that are dead and resolvers that fail, on real sockets, with shorter waits."""

from __future__ import annotations

from collections import Counter

import pytest

from penstock import fetch
from penstock.core.web import breaker
from penstock.testing.names import SERVFAIL, NameServer
from penstock.testing.outcomes import in_a_word
from penstock.testing.web import LocalWeb


@pytest.fixture(autouse=True)
def no_time_to_wait(monkeypatch):
    """What takes seconds takes hundredths of them."""
    monkeypatch.setattr(breaker, "FIRST", 0.02)
    monkeypatch.setattr(breaker, "PROBE", 0.02)
    monkeypatch.setattr(breaker, "STEP", 0.05)
    monkeypatch.setattr(breaker, "NEW", 0.1)
    monkeypatch.setattr(breaker, "GRACE", 0.1)


class Fails(dict):
    """A script of which the first *questions* get SERVFAIL, whatever they are about, but for names in *spared*."""

    def __init__(self, script, questions, spared=()):
        super().__init__(script)
        self.left = questions
        self.spared = spared

    def get(self, name, otherwise=None):
        if self.left and name.partition(" ")[0] not in self.spared:
            self.left -= 1
            return SERVFAIL
        return super().get(name, otherwise)


def test_a_dead_host_with_all_of_its_inputs_costs_a_few_failures(server, web, limits, each_once):
    """Ten thousand inputs of it: nearly all are given up untried, and the pages of others come meanwhile."""
    dead = [server.url("refused") + f"/{number}" for number in range(10_000)]
    good = [web.url(1, f"/page/{number}") for number in range(50)]
    outcomes = each_once(fetch([*dead, *good], **limits | {"per_host": 2}), len(dead) + len(good))
    words = Counter(map(in_a_word, outcomes))
    assert words["fetched"] == 50
    assert words["host_down"] > 9_900
    assert words["host_down"] + words["connect_refused"] == 10_000
    assert {outcome.outcome for outcome in outcomes if in_a_word(outcome) == "host_down"} == {"skipped"}


NAMES = [f"h{number}.test" for number in range(40)]


@pytest.fixture
def each_looked_up(web):
    """A URL of each of forty hosts, none of which was looked up before."""
    return [f"http://{name}:{web.port()}/page" for name in NAMES]


def test_a_resolver_that_fails_for_a_while_costs_nobody_an_outcome(each_looked_up, limits, each_once):
    with NameServer({}) as names:
        names.script = Fails(dict.fromkeys(NAMES, "127.0.0.1"), 60)
        settings = limits | {"resolver": names.address, "attempts": 2}
        outcomes = each_once(fetch(each_looked_up, **settings), len(NAMES))
    assert Counter(map(in_a_word, outcomes)) == {"fetched": len(NAMES)}


def test_nor_where_pages_of_hosts_that_are_known_still_come(each_looked_up, fetch_eagerly):
    """Names that are remembered lead somewhere all the while: that says nothing of the resolver.

    Without any back-off those that tell us cost themselves their outcomes.
    """
    with LocalWeb() as web, NameServer({}) as names:
        names.script = Fails(dict.fromkeys([*NAMES, "known.test"], "127.0.0.1"), 1_500, spared=("known.test",))
        known = [[f"http://known.test:{web.port()}/page/{number}/{page}" for page in range(10)] for number in range(40)]
        mixed = [url for pages, one in zip(known, each_looked_up, strict=True) for url in (*pages, one)]
        outcomes = fetch_eagerly(mixed, resolver=names.address, attempts=2, concurrency=4)
    words = Counter(map(in_a_word, outcomes))
    assert words["dns_temporary"] < breaker.MANY
    assert words["fetched"] == len(mixed) - words["dns_temporary"]


def test_names_that_never_resolve_come_to_their_own_end(web, limits, monkeypatch, each_once):
    """A resolver that works, and a list with none but sick names in it: patience ends, and with it the list."""
    monkeypatch.setattr(breaker, "PATIENCE", 0.2)
    with NameServer(dict.fromkeys(NAMES, SERVFAIL)) as names:
        urls = [f"http://{name}:{web.port()}/page" for name in NAMES]
        outcomes = each_once(fetch(urls, **limits | {"resolver": names.address}), len(NAMES))
    assert set(map(in_a_word, outcomes)) <= {"dns_temporary", "host_down"}


def test_a_fifth_of_dead_hosts_costs_no_wait(monkeypatch, web, limits, each_once):
    """Though a pause would be an hour: the pages that come say that it is not the network."""
    monkeypatch.setattr(breaker, "PROBE", 0.1)
    monkeypatch.setattr(breaker, "STEP", 3_600.0)
    monkeypatch.setattr(breaker, "PATIENCE", 3_600.0)
    refusing = web.refusing("").rpartition(":")[2]
    led = [f"dead{n}.test::127.0.0.1:{refusing}" for n in range(60)] + [f"::127.0.0.1:{web.port()}"]
    urls = [f"http://dead{n // 5}.test/" if n % 5 == 0 else f"http://good{n}.test/page/1" for n in range(300)]
    outcomes = each_once(fetch(urls, **limits | {"concurrency": 100, "connect_to": led}), len(urls))
    assert Counter(map(in_a_word, outcomes)) == {"fetched": 240, "connect_refused": 60}
