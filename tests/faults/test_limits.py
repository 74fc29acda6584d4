"""The limits of a host hold as the host itself counts them, however the requests come about.

A server sees late what came in time, so starts are looked at from the first to the last, and not one by one.
"""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from penstock import fetch
from penstock.testing.hostile import HostileServer
from penstock.testing.outcomes import in_a_word
from penstock.testing.web import LocalWeb

DELAY = 0.05
LATE = 0.1
"""Seconds by which the first of some starts may be seen later than it came, on a machine that is busy."""


def assert_apart(host, delay=DELAY):
    """The starts at *host* were *delay* seconds apart, on average and but for LATE."""
    assert host.requests >= 2
    assert host.starts[-1] - host.starts[0] >= (host.requests - 1) * delay - LATE


@pytest.fixture
def local():
    with LocalWeb(hosts=11) as web:
        yield web


def test_starts_are_apart_where_redirects_of_many_hosts_lead(local, limits, each_once):
    there = local.url(10, "/page").removeprefix("http://")
    urls = [local.url(host, f"/away/{there}/{number}") for number in range(2) for host in range(10)]
    outcomes = each_once(fetch(urls, **limits | {"delay": DELAY}), len(urls))
    assert {in_a_word(outcome) for outcome in outcomes} == {"fetched"}
    assert local.traffic().hosts[local.host(10)].requests == 20
    assert_apart(local.traffic().hosts[local.host(10)])


def test_the_hops_of_one_input_are_apart_as_well(local, limits, each_once):
    each_once(fetch([local.url(0, "/redirect/9/page")], **limits | {"delay": DELAY}), 1)
    assert local.traffic().hosts[local.host(0)].requests == 10
    assert_apart(local.traffic().hosts[local.host(0)])


def test_another_attempt_is_a_start_like_any_other(local, fetch_eagerly):
    """Without any back-off the delay is all that keeps them apart."""
    fetch_eagerly([local.url(0, f"/status/503/{number}") for number in range(4)], attempts=4, delay=DELAY)
    assert local.traffic().hosts[local.host(0)].requests == 16
    assert_apart(local.traffic().hosts[local.host(0)])


@pytest.mark.parametrize("name", ["closes_when_idle", "ends_with_the_connection", "truncated"])
def test_a_connection_that_is_made_anew_changes_nothing(name, limits, each_once):
    with HostileServer() as server:
        name = "closed_before_length" if name == "truncated" else name
        each_once(fetch([f"{server.here}/{name}/{number}" for number in range(10)], **limits | {"delay": DELAY}), 10)
        [host] = server.traffic().hosts.values()
    assert host.requests == 10
    assert_apart(host)


def test_a_delay_that_is_changed_holds_from_the_next_start_on(local, limits, each_once):
    flow = fetch([local.url(0, f"/page/{number}") for number in range(12)], **limits | {"per_host": 1})
    outcomes = []
    for outcome in flow:
        if not outcomes:
            flow._frontier.delay = DELAY
            before = local.traffic().hosts[local.host(0)].requests
        outcomes.append(outcome)
    each_once(outcomes, 12)
    host = local.traffic().hosts[local.host(0)]
    assert host.starts[-1] - host.starts[before] >= (host.requests - before - 2) * DELAY - LATE


@pytest.mark.parametrize("path", ["/flaky/1/slow/0.01/page", "/redirect/2/slow/0.01/page", "/slow/0.01/close"])
def test_no_more_run_at_once_than_may_whatever_they_come_to(path, local, fetch_eagerly):
    """Retries, hops and connections that break off: two at once on each of two hosts, and three in all."""
    urls = [local.url(number // 12, f"{path}/{number}") for number in range(24)]
    fetch_eagerly(urls, attempts=2, per_host=2, concurrency=3)
    seen = local.traffic()
    assert {host.most for host in seen.hosts.values()} == {2}
    assert seen.most == 3


def test_a_run_that_is_killed_and_resumed_keeps_its_distance(tmp_path):
    """The first start of a session may come right after the last of one that is not there to tell of it."""
    delay = 1.5
    with LocalWeb(hosts=1) as web:
        listed = tmp_path / "urls.txt"
        listed.write_text("\n".join(web.url(0, f"/page/{number}") for number in range(100)))
        pace = ["--delay", str(delay), "--progress", "none"]
        for number, arguments in enumerate((["fetch", listed, "-o", tmp_path / "run"], ["resume", tmp_path / "run"])):
            command = [sys.executable, "-m", "penstock", *map(str, arguments), *pace]
            with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
                assert web.wait_for(number + 1, 30.0)
                running.send_signal(signal.SIGKILL)
        first, second, *_ = web.traffic().hosts[web.host(0)].starts
    assert second - first >= delay - LATE
