"""The hostile server, and the whole product fetching from it within short limits."""

from __future__ import annotations

import time

import pytest

from penstock import fetch
from penstock.core.schedule.tally import Tally
from penstock.core.web.requests import Requests
from penstock.engine.curl import CurlEngine
from penstock.loop.delivery import Delivery
from penstock.loop.driver import Driver, Stages
from penstock.loop.flow import Flow
from penstock.settings import Settings
from penstock.source.pulled import Inline
from penstock.source.rows import Shape
from penstock.testing.hostile import HostileServer
from penstock.testing.pages import page
from penstock.testing.web import LocalWeb

GRACE = 0.25
"""Seconds by which a request may outlive its deadline, by docs/faults.md."""


@pytest.fixture(scope="session")
def server():
    with HostileServer() as server:
        yield server


@pytest.fixture(scope="session")
def web():
    """Hosts where nothing goes wrong, to see that work there goes on."""
    with LocalWeb(hosts=5) as web:
        yield web


@pytest.fixture(scope="session")
def limits(server):
    """Everything at once, each tried once; time enough for all but what never ends by itself."""
    return {
        "concurrency": 200,
        "per_host": 200,
        "delay": 0,
        "attempts": 1,
        "timeout": 5,
        "connect_timeout": 5,
        "max_body": 1_000_000,
        "cacert": server.cacert,
        "robots": False,
        "pace": "fixed",
    }


@pytest.fixture
def fetch_among_pages(web, limits, each_once):
    """Fetch rows with good pages before, between and after them.

    Gives the outcomes of the rows, having seen to it that every page is whole and every deadline kept.
    """

    def fetch_all(rows, **changed):
        mixed = []
        for number, row in enumerate(rows):
            mixed += [web.url(number % 5, f"/page/{number}"), row]
        mixed += [web.url(number, "/page/last") for number in range(5)]
        settings = limits | changed
        began = time.monotonic()
        outcomes = each_once(fetch(mixed, **settings), len(mixed))
        assert time.monotonic() - began < settings["timeout"] + GRACE
        outcomes.sort(key=lambda outcome: outcome.seq)
        for number, outcome in enumerate(outcomes[:-5:2]):
            assert outcome.body == page(web.host(number % 5), f"/page/{number}")
        assert all(outcome.status == 200 for outcome in outcomes[-5:])
        return outcomes[1:-5:2]

    return fetch_all


@pytest.fixture
def fetch_eagerly(limits, each_once):
    """Fetch URLs or rows with every back-off drawn as 0, so that another attempt costs no time."""

    def fetch_all(urls, **changed):
        settings = Settings.of(**limits | changed)
        rows = [Shape().row(seq, seq + 1, url) for seq, url in enumerate(urls)]
        jobs = [Requests().prepare(row, time.monotonic()) for row in rows]

        frontier, judge = settings.rules()

        def make(_loop):
            engine = CurlEngine(settings.http())
            return Driver(Stages(Inline(iter(jobs)), frontier, engine, judge, Delivery(Tally())), draw=lambda: 0.0)

        return sorted(each_once(Flow(frontier, make), len(urls)), key=lambda outcome: outcome.seq)

    return fetch_all
