"""TLS sessions and the trust store: a host met again resumes, one file is read once, and trust is never mixed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.tls import TlsServer

from penstock import fetch
from penstock.engine import multi
from penstock.engine.handles import Handles, identify_trust
from penstock.engine.sessions import Sessions
from penstock.testing.outcomes import in_a_word

BRISK = {"delay": 0, "robots": False, "pace": "fixed", "attempts": 1, "concurrency": 1, "ordered": True}

REPLY = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Met(NamedTuple):
    """A request as the server saw it; *resumed* says that its handshake took up a session."""

    host: str
    resumed: bool


class Closing(asyncio.Protocol):
    """Answers one request on a connection and closes it; *seen* gets the request."""

    def __init__(self, seen: list[Met], then: Callable[[], None]) -> None:
        self._seen = seen
        self._then = then
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._head += data
        if self._head.endswith(b"\r\n\r\n"):
            host = self._head.lower().split(b"host: ")[1].split(b":")[0].decode()
            self._seen.append(Met(host, self._transport.get_extra_info("ssl_object").session_reused))
            self._then()
            self._transport.write(REPLY)
            self._transport.close()


class Web:
    """A server, what it saw, and ``fetch`` with its certificate; ``then`` is called at each request."""

    def __init__(self, folder: Path) -> None:
        self.seen: list[Met] = []
        self.then: Callable[[], None] = lambda: None
        self.line = Closing
        self.server = TlsServer(folder, ["http/1.1"], self._make_line)

    def _make_line(self) -> asyncio.Protocol:
        return self.line(self.seen, self.then)

    def visit(self, *hosts: str, **settings):
        """Fetch a page of each host in turn; gives for each whether its session was resumed."""
        before = len(self.seen)
        urls = [self.server.url(f"/{number}", f"{host}.hosts.test") for number, host in enumerate(hosts)]
        limits = BRISK | {"connect_to": self.server.everywhere, "cacert": self.server.cacert} | settings
        words = [in_a_word(outcome) for outcome in fetch(urls, **limits)]
        assert words == ["fetched"] * len(hosts)
        return [met.resumed for met in self.seen[before:]]

    def judge(self, cacert: str | Path) -> list[str]:
        """Fetch a page of the host ``a``, and give what became of it."""
        pages = fetch(
            [self.server.url("/", "a.hosts.test")], **BRISK, cacert=str(cacert), connect_to=self.server.everywhere
        )
        return [in_a_word(page) for page in pages]


@pytest.fixture
def web(tmp_path):
    it = Web(tmp_path)
    with it.server:
        yield it


@pytest.fixture
def idle(monkeypatch):
    """The process has no handle from an earlier flow."""
    handles = Handles()
    monkeypatch.setattr(multi, "HANDLES", handles)
    return handles


def test_a_host_met_again_resumes_its_session_however_many_came_between(web):
    """libcurl alone would resume the first 24 of them only."""
    hosts = [f"h{number}" for number in range(60)]
    assert web.visit(*hosts, *hosts) == [False] * 60 + [True] * 60


def test_robots_txt_and_the_page_of_a_host_share_its_session(web):
    assert web.visit("a", robots=True) == [False, True]


def test_each_origin_has_one_share_and_the_oldest_are_forgotten():
    """A million hosts take no more memory than shares times origins."""
    sessions = Sessions(shares=2, per_share=3)
    shares = [sessions.find(f"https://h{number}.test/") for number in range(6)]
    assert [shares.index(share) for share in shares] == [0, 0, 0, 3, 3, 3]
    assert sessions.find("https://h0.test/other?page") is shares[0]
    sessions.find("https://h6.test/")
    assert len(sessions) == 4
    assert sessions.find("https://h3.test/") is shares[3]
    assert sessions.find("https://h0.test/") is not shares[0]
    for number in range(1_000):
        sessions.find(f"https://n{number}.test/")
    assert len(sessions) <= 6


def test_ports_and_hosts_are_origins_of_their_own():
    sessions = Sessions(per_share=1)
    assert len({sessions.find(url) for url in ("https://a.test/", "https://a.test:444/", "https://b.test/")}) == 3


def test_a_session_without_verification_is_of_no_use_to_a_flow_that_verifies(web, tmp_path):
    """Neither if the certificate would be trusted, nor to one that trusts another authority."""
    assert web.visit("a", "a", insecure=True) == [False, True]
    assert web.visit("a", "a") == [False, True]
    (tmp_path / "other").mkdir()
    stranger = TlsServer(tmp_path / "other", [], asyncio.Protocol)
    assert web.judge(stranger.cacert) == ["tls_certificate"]


def test_a_session_of_an_authority_is_of_no_use_once_the_file_has_another(web, idle, tmp_path):
    """The same path, another content: what was read before does not count any more."""
    cacert = Path(web.server.cacert)
    assert web.visit("a", "a") == [False, True]
    own = cacert.read_bytes()
    TlsServer(tmp_path, [], asyncio.Protocol)
    assert cacert.read_bytes() != own
    assert web.judge(cacert) == ["tls_certificate"]


def test_the_trust_store_is_read_once_for_all_hosts_of_a_flow(web, idle):
    """The file loses its content at the first request, so that a second reading would fail."""
    cacert = Path(web.server.cacert)
    web.then = lambda: cacert.write_bytes(b"")
    assert web.visit("a", "b", "c", "d") == [False] * 4


def test_the_trust_store_is_read_once_for_all_flows(web, idle, monkeypatch):
    """The same with the identity of the file kept: a handle holds what the first flow read."""
    cacert = Path(web.server.cacert)
    identity = identify_trust(web.server.cacert.encode(), None)
    monkeypatch.setattr("penstock.engine.curl.identify_trust", lambda *_: identity)
    web.then = lambda: cacert.write_bytes(b"")
    for _ in range(3):
        web.visit("a", "b")
    idle.take(identity).close()
    assert web.judge(cacert) == ["tls_certificate"], "without the handle it is read"


def test_a_flow_that_verifies_nothing_leaves_no_handle(web, idle):
    web.visit("a", insecure=True)
    assert len(idle) == 0
    web.visit("a")
    assert len(idle) == 1


def test_a_handle_between_two_flows_has_no_connection(web, idle):
    """Kept connections, too, are closed with the flow."""
    closed = threading.Event()

    class Keeping(Closing):
        def connection_lost(self, _error):
            closed.set()

        def data_received(self, data):
            self._seen.append(Met("a", resumed=False))
            self._transport.write(REPLY.replace(b"Connection: close\r\n", b""))

    web.line = Keeping
    web.visit("a")
    assert closed.wait(10)
    assert len(idle) == 1


def test_handles_are_for_the_same_trust_and_few():
    handles = Handles(most=2)
    made = [handles.take(None) for _ in range(3)]
    for number, handle in enumerate(made):
        handles.give((number,), handle)
    assert made[0].closed
    assert handles.take((0,)) not in made
    assert handles.take((2,)) is made[2]
    assert handles.take((2,)) is not made[2]
    assert handles.take((1,)) is made[1]


def test_trust_is_that_of_a_file_in_this_process_through_one_proxy(tmp_path):
    file = tmp_path / "authority.pem"
    path = str(file).encode()
    assert identify_trust(path, None) is None
    file.write_bytes(b"one")
    one = identify_trust(path, None)
    assert identify_trust(path, None) == one != identify_trust(path, "http://127.0.0.1:3128")
    file.write_bytes(b"other")
    assert identify_trust(path, None) != one
