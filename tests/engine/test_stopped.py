"""A process that is stopped while the engine waits: time that is held against no request."""

import itertools
import select
import socket
from collections.abc import Callable

import pytest
from tests.engine.test_curl import job

from penstock.core.web.model import Attempt, Reason
from penstock.engine.curl import CurlEngine
from penstock.settings import HttpSettings
from penstock.testing.names import NameServer
from penstock.testing.web import LocalWeb


@pytest.fixture(scope="module")
def web():
    with LocalWeb(hosts=2) as local:
        yield local


def stopped_while_it_waits(engine: CurlEngine, stop: Callable[[], None], wait: int = 2) -> None:
    """Let time go by in a wait of *engine* that finds nothing, as one does that is interrupted: that number *wait*."""
    waits, waited = itertools.count(1), engine._sockets.wait

    def interrupted(timeout: float | None) -> list[tuple[int, int]]:
        if next(waits) == wait:
            stop()
            return []
        return waited(timeout)

    engine._sockets.wait = interrupted


def test_time_in_which_the_process_was_stopped_is_not_held_against_requests(web):
    """The answer had arrived meanwhile, or came soon after."""
    now, arrived = 0.0, web.traffic().requests + 3

    def stop() -> None:
        nonlocal now
        assert web.wait_for(arrived)
        now = 60.0

    engine = CurlEngine(HttpSettings(timeout=1.0, connect_timeout=0.5), clock=lambda: now)
    stopped_while_it_waits(engine, stop, wait=4)
    for seq in range(3):
        engine.start(job(web.url(0, f"/slow/0.0{seq + 1}/page"), seq), now)
    attempts: list[Attempt] = []
    while len(attempts) < 3:
        attempts += engine.collect(0.01)
    engine.close()
    assert [(attempt.error, attempt.status) for attempt in attempts] == [(None, 200)] * 3


def test_nor_is_it_against_look_ups(web):
    """The name server had answered; its answer is read before it is asked again."""
    now = 0.0

    def stop() -> None:
        nonlocal now
        assert select.select([engine.fileno()], [], [], 5.0)[0]
        now = 60.0

    with NameServer({"a.test": "127.0.0.1"}) as names:
        engine = CurlEngine(HttpSettings(resolver=names.address, timeout=1.0, connect_timeout=0.5), clock=lambda: now)
        stopped_while_it_waits(engine, stop, wait=1)
        done, process, tick = [], engine._names.process, engine._names.tick
        engine._names.process = lambda *heard: (done.append("read"), process(*heard))
        engine._names.tick = lambda time: (done.append("given up"), tick(time))
        engine.start(job(f"http://a.test:{web.port()}/page"), now)
        attempts: list[Attempt] = []
        while not attempts:
            attempts += engine.collect(0.01)
        engine.close()
        assert (attempts[0].error, attempts[0].status) == (None, 200)
        assert (names.questions(), done[0]) == (2, "read")


def test_a_request_that_is_stopped_while_it_connects_has_all_the_rest_of_its_time():
    """The whole time moves with the time to connect, to the second that was lost."""
    now = 0.0

    def stop() -> None:
        nonlocal now
        now = 60.0

    with socket.create_server(("127.0.0.1", 0)) as silent:
        engine = CurlEngine(HttpSettings(timeout=10.0, connect_timeout=5.0), clock=lambda: now)
        stopped_while_it_waits(engine, stop)
        engine.start(job(f"http://127.0.0.1:{silent.getsockname()[1]}/"), now)
        ended = []
        while not ended and now < 100:
            ended = engine.collect(0)
            now += 1.0 if now >= 60.0 else 0.0
        engine.close()
    assert ended[0].error is Reason.TIMEOUT_FIRST_BYTE
    assert 70.0 <= now <= 72.0
    assert "after 10" in ended[0].detail
