"""The bytes held are bounded, as counted by the engine itself, whatever is sent and however slowly it is taken; and all
of it arrives: docs/decisions/memory.md, docs/decisions/paused-bodies.md."""

from __future__ import annotations

import asyncio
import gzip

import pytest
from msgspec.structs import replace
from tests.engine.http2 import Http2Server
from tests.faults.listener import Listener

import penstock
from penstock.core.schedule.answers import Bottleneck
from penstock.engine import curl
from penstock.engine.response import PAUSE, Response
from penstock.errors import UsageError
from penstock.fetching import wiring
from penstock.machine.memory import Memory
from penstock.settings import Settings

BODY = 2_000_000
MEMORY = 8_000_000
CHUNK = 16_384
"""What libcurl hands over at once (CURL_MAX_WRITE_SIZE)."""


def serve(line):
    """Serve a body of BODY bytes; below ``/stuck`` half of it, and nothing more."""
    stuck = line.recv(65536).startswith(b"GET /stuck")
    line.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % BODY)
    line.sendall(bytes(BODY // 2 if stuck else BODY))
    if stuck:
        line.recv(1)  # until the client has given up


@pytest.fixture(scope="module")
def bodies():
    served = Listener(serve)
    yield served
    served.close()


@pytest.fixture
def most_held(monkeypatch):
    """The most bytes that were held at once, as of each chunk; made by watching the one memory of the engine."""
    seen = [0, 0]

    class Watched(curl.Resources):
        def __init__(self, *given, **named):
            super().__init__(*given, **named)
            refuses = self.memory.refuses

            def watching(response):
                refused = refuses(response)
                seen[0] = max(seen[0], self.memory.held + self.memory.waiting)
                seen[1] += refused
                return refused

            self.memory = _Spied(self.memory, watching)

    class _Spied:
        def __init__(self, memory, refuses):
            object.__setattr__(self, "_memory", memory)
            object.__setattr__(self, "refuses", refuses)

        def __getattr__(self, name):
            return getattr(self._memory, name)

        def __setattr__(self, name, value):
            setattr(self._memory, name, value)

    monkeypatch.setattr(wiring, "Resources", Watched)
    return seen


def fetched(bodies, number, **settings):
    urls = [bodies.url(str(seq)) for seq in range(number)]
    given = {"concurrency": 20, "per_host": 20, "delay": 0, "max_body": BODY, "memory": MEMORY} | settings
    return penstock.fetch(urls, **given)


def test_bodies_of_more_than_there_is_memory_for_arrive_one_after_the_other(bodies, most_held, each_once):
    """Twenty bodies at once come to 40 MB; 8 MB may be held, and one chunk of each that waits."""
    pages = each_once(fetched(bodies, 60), 60)
    assert {(page.outcome, len(page.body), page.attempts) for page in pages} == {("fetched", BODY, 1)}
    assert most_held[0] <= MEMORY + 20 * CHUNK
    assert most_held[1] > 0, "nothing ever had to wait"


def test_a_consumer_that_takes_nothing_lets_memory_fill_and_no_further(bodies, most_held):
    """What waits to be taken counts like what is under way; taking it lets the rest come."""

    async def consume():
        pages = []
        async with fetched(bodies, 30) as flow, asyncio.timeout(20):
            async for page in flow:
                pages.append(page)
                while len(pages) == 1 and flow.statistics().bound is not Bottleneck.MEMORY:
                    await asyncio.sleep(0)
        return pages

    assert [len(page.body) for page in asyncio.run(consume())] == [BODY] * 30
    assert most_held[0] <= MEMORY + 20 * CHUNK


def test_a_body_that_stands_still_keeps_the_others_no_longer_than_its_own_time(bodies, each_once):
    """It is the oldest, which alone may go on while memory is full; the wait of the others does not count."""
    urls = [bodies.url(f"stuck/{seq}" if seq == 0 else str(seq)) for seq in range(12)]
    settings = {"concurrency": 12, "per_host": 12, "delay": 0, "attempts": 1, "timeout": 1.0}
    pages = each_once(penstock.fetch(urls, max_body=BODY, memory=BODY + 500_000, **settings), 12)
    assert {page.seq: page.error for page in pages if page.error} == {0: "timeout_body"}


def test_ordered_pages_come_though_memory_is_full(bodies):
    pages = list(
        penstock.fetch(
            [bodies.url(str(seq)) for seq in range(30)],
            ordered=True,
            concurrency=10,
            per_host=10,
            delay=0,
            max_body=BODY,
            memory=3_000_000,
        )
    )
    assert [(page.seq, len(page.body)) for page in pages] == [(seq, BODY) for seq in range(30)]


def test_a_run_of_more_than_its_memory_is_whole(bodies, tmp_path):
    urls = tmp_path / "urls.txt"
    urls.write_text("".join(f"{bodies.url(str(seq))}\n" for seq in range(12)))
    summary = penstock.run(urls, tmp_path / "pages", concurrency=20, per_host=20, delay=0, memory="4MB", max_body="2MB")
    assert summary.complete
    assert summary.tally.bytes == 12 * BODY


def test_streams_of_one_connection_wait_by_themselves(most_held, tmp_path, each_once):
    """HTTP/2: the connection goes on for the one that may come to its end."""
    with Http2Server(tmp_path, together=12) as server:
        urls = [server.url(f"/large/{BODY}") for _ in range(24)]
        settings = {"concurrency": 12, "per_host": 12, "delay": 0, "timeout": 10.0, "max_body": BODY}
        pages = each_once(penstock.fetch(urls, memory=MEMORY, cacert=server.cacert, **settings), 24)
    assert {(page.http, page.error, len(page.body), page.attempts) for page in pages} == {("2", None, BODY, 1)}
    assert most_held[1] > 0
    assert most_held[0] <= MEMORY + 12 * CHUNK


# A response by itself


def test_a_response_waits_while_memory_is_full_but_for_the_first():
    memory = Memory(100, 50)
    one, other = Response(50, memory), Response(50, memory)
    for response in (one, other):
        response.lines += [b"HTTP/1.1 200 OK\r\n", b"\r\n"]
    assert one.write(bytes(40)) is None
    assert other.write(bytes(20)) is None
    assert memory.held == 60
    assert one.write(bytes(5)) == other.write(bytes(5)) == PAUSE
    assert memory.paused == 2
    assert one.paused
    assert other.paused

    memory.first = one
    one.resume()
    assert one.write(bytes(5)) is None
    assert (memory.held, memory.paused) == (65, 1)
    one.clear()
    assert memory.held == 20
    other.resume()
    assert other.write(bytes(5)) is None
    other.clear()
    assert (memory.held, memory.paused) == (0, 0)


def test_decoded_bytes_are_what_counts_and_a_body_too_large_gives_them_back():
    memory = Memory(10_000_000, 1000)
    response = Response(1000, memory)
    response.lines += [b"HTTP/1.1 200 OK\r\n", b"Content-Encoding: gzip\r\n", b"\r\n"]
    assert response.write(gzip.compress(bytes(900))) is None
    assert memory.held == 900
    response.clear()
    assert memory.held == 0
    response.lines += [b"HTTP/1.1 200 OK\r\n", b"\r\n"]
    assert response.write(bytes(600)) is None
    assert response.write(bytes(600)) == -1
    assert memory.held == 0


def test_without_a_bound_nothing_waits():
    memory = Memory()
    memory.held = 10**15
    assert not memory.full
    assert memory.roomy


@pytest.mark.parametrize("memory", ["1kB", 10**16, "much"])
def test_memory_has_bounds_too(memory):
    with pytest.raises(UsageError, match="memory"):
        Settings.of(memory=memory)


def test_half_of_the_memory_is_for_many_even_where_one_body_may_take_it_all():
    settings = replace(Settings(), memory=1_000_000)
    assert settings.max_body > settings.memory
    memory = Memory(settings.memory, settings.max_body)
    memory.held = 499_999
    assert not memory.full
    memory.held = 500_000
    assert memory.full
