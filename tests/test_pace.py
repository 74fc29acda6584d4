"""The adaptive pace as a server sees it: within the limits, slower where it is busy, and at once without it."""

from __future__ import annotations

from itertools import pairwise

import pytest

import penstock
from penstock.core.pace import LEAST
from penstock.testing.web import LocalWeb

FAST = {"delay": 0, "per_host": 1, "concurrency": 20, "attempts": 1, "robots": False}


@pytest.fixture
def web():
    with LocalWeb(hosts=2) as local:
        yield local


def gaps(web):
    return [later - sooner for sooner, later in pairwise(web.seen().hosts[web.host(0)].starts)]


def test_a_host_that_says_it_is_busy_is_asked_more_slowly_and_others_are_not(web, each_once):
    urls = [web.url(0, f"/status/429/{n}") for n in range(3)]
    urls += [web.url(1, f"/{n}") for n in range(100)]
    each_once(penstock.fetch(urls, **FAST), 103)
    # The second start may have been near already; from then on each is twice as far from the one before.
    assert gaps(web)[1] > 0.9 * LEAST
    starts = web.seen().hosts[web.host(1)].starts
    assert starts[-1] - starts[0] < 100 * LEAST / 4


def test_a_fixed_pace_goes_by_the_limits_alone(web, each_once):
    each_once(penstock.fetch([web.url(0, f"/status/429/{n}") for n in range(20)], **FAST, pace="fixed"), 20)
    assert sum(gaps(web)) < LEAST * 19


class Spacings:
    """A report that remembers what it was told of the busiest host."""

    every = 0.01

    def __init__(self) -> None:
        self.told = set()

    def remark(self, text) -> None:
        pass

    def update(self, statistics) -> None:
        self.told.add(statistics.spacing)

    def close(self) -> None:
        pass


def test_whoever_watches_hears_how_fast_the_busiest_host_goes(web, tmp_path):
    report = Spacings()
    penstock.run([web.url(0, f"/status/429/{n}") for n in range(3)], tmp_path / "out", report=report, **FAST)
    assert LEAST in report.told
