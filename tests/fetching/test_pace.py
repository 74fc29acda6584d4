"""The adaptive pace as a server sees it: within the limits, slower where it is busy, and at once without it."""

from __future__ import annotations

import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from random import Random
from threading import Thread

import pytest

import penstock
from penstock.core.web.delays import LEAST
from penstock.testing.web import LocalWeb

FAST = {"delay": 0, "per_host": 1, "concurrency": 20, "attempts": 1, "robots": False}


@pytest.fixture
def web():
    with LocalWeb(hosts=2) as local:
        yield local


def gaps(web):
    return [later - sooner for sooner, later in pairwise(web.traffic().hosts[web.host(0)].starts)]


def test_a_host_that_says_it_is_busy_is_asked_more_slowly_and_others_are_not(web, each_once):
    urls = [web.url(0, f"/status/429/{n}") for n in range(12)]
    urls += [web.url(1, f"/{n}") for n in range(100)]
    each_once(penstock.fetch(urls, **FAST), 112)
    assert gaps(web)[-1] > 0.9 * LEAST
    starts = web.traffic().hosts[web.host(1)].starts
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
    penstock.run([web.url(0, f"/status/429/{n}") for n in range(12)], tmp_path / "out", report=report, **FAST)
    assert max(report.told) >= LEAST


class BusyAtRandom:
    """A server on a socket that says 503 to one request in ten, by *seed*, and counts."""

    def __init__(self, seed: int) -> None:
        draw = Random(seed).random
        self.statuses = Counter()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(handler):  # noqa: N805 - the name is http.server's, and self is the server
                status = 503 if draw() < 0.1 else 200
                self.statuses[status] += 1
                handler.wfile.write(b"HTTP/1.1 %d -\r\nContent-Length: 2\r\n\r\nok" % status)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.mark.parametrize("seed", [1, 2])
def test_a_host_that_is_busy_at_random_is_asked_nearly_as_fast_as_by_a_fixed_pace(seed, each_once):
    took = {}
    for pace in ("fixed", "adaptive"):
        server = BusyAtRandom(seed)
        try:
            began = time.monotonic()
            urls = [f"{server.url}{n}" for n in range(250)]
            each_once(penstock.fetch(urls, **FAST | {"delay": 0.004}, pace=pace), 250)
            took[pace] = time.monotonic() - began
        finally:
            server.close()
        assert sum(server.statuses.values()) == 250
        assert server.statuses[503] > 10
    assert took["adaptive"] <= 3 * took["fixed"]
