"""The hostile server itself: that it does what its table says, counts it, and stops."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import sys
import threading
import urllib.request
from contextlib import suppress

import pytest

from penstock.core.web.codings import Decoder
from penstock.core.web.model import Reason
from penstock.errors import UsageError
from penstock.testing.hostile import FAULTS, HostileServer, bodies
from penstock.testing.hostile.certificates import Certificates
from penstock.testing.hostile.faults import reply
from penstock.testing.pages import page
from penstock.testing.traffic import TrafficCounter
from penstock.testing.web import LocalWeb


@pytest.fixture(scope="module")
def server():
    with HostileServer() as server:
        yield server


def said(url, seconds=5.0):
    """All that comes after a GET, until the server closes; it does so once it has seen our half close."""
    address, _, path = url.removeprefix("http://").partition("/")
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), seconds) as line:
        line.sendall(f"GET /{path} HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
        with suppress(OSError):
            # It may be gone already.
            line.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: line.recv(65536), b""))


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_every_fault_says_what_it_does_and_what_must_come_of_it(fault):
    assert fault.about.endswith(".")
    assert fault.outcome == "fetched" or fault.outcome in {reason.value for reason in Reason}


def test_two_faults_of_one_name_are_refused():
    def garbage_status(line, request):
        """Twice."""

    with pytest.raises(ValueError, match="garbage_status"):
        reply("fetched")(garbage_status)


def test_a_fault_is_what_its_path_says(server):
    assert said(server.url("garbage_status")).startswith(b"200 is what")
    assert said(server.url("closed_in_headers")) == b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
    assert said(server.url("second_response")).count(b"HTTP/1.1 200") == 2


def test_every_other_path_is_answered_as_the_local_web_does(server):
    with urllib.request.urlopen(server.page("/page/1")) as response:
        assert response.read() == page("127.0.0.1", "/page/1")
    with urllib.request.urlopen(server.page("/slow/0.01/redirect/1/page")) as response:
        assert response.url == server.page("/redirect/0/page")
    assert said(server.page("/close")) == b""
    with pytest.raises(ConnectionResetError):
        said(server.page("/reset"))


def test_a_redirect_away_leads_to_another_origin_that_tells_what_it_got(server):
    with urllib.request.urlopen(server.url("redirect_away")) as response:
        assert response.url == f"{server.elsewhere}/echo"
        told = json.load(response)
    assert server.elsewhere != server.here
    assert ["Host", server.elsewhere.removeprefix("http://")] in told["headers"]


def test_it_tells_which_requests_came_and_what_was_sent(server):
    before = len(server.requests("empty_page")), server.bytes_sent("empty_page")
    got = said(server.url("empty_page"))
    assert [request.method for request in server.requests("empty_page")[before[0] :]] == ["GET"]
    assert server.bytes_sent("empty_page") == before[1] + len(got)


def test_it_is_counted_together_with_another_server_if_both_have_one_counter():
    counter = TrafficCounter()
    with LocalWeb(counter=counter) as web, HostileServer(counter=counter) as hostile:
        urls = [web.url(0, "/page"), hostile.url("empty_page"), hostile.page("/page")]
        for url in urls:
            said(url)
        assert web.traffic() == hostile.traffic() == counter.traffic()
    assert {host: seen.requests for host, seen in counter.traffic().hosts.items()} == {web.host(0): 1, "127.0.0.1": 2}
    assert (counter.traffic().connections, counter.traffic().most) == (3, 1)


def test_a_refused_port_refuses_and_a_deaf_one_stays_silent(server):
    with pytest.raises(ConnectionRefusedError):
        said(server.url("refused"))
    with pytest.raises(TimeoutError):
        said(server.url("never_accepted"), seconds=0.01)


def test_a_port_is_opened_once(server):
    assert server.url("tls_silent") == server.url("tls_silent")


def handshake(server, name):
    context = ssl.create_default_context(cafile=server.cacert)
    host, port = server.url(name).split("/")[2].split(":")
    with (
        socket.create_connection((host, int(port)), 5.0) as line,
        context.wrap_socket(line, server_hostname=host) as secured,
    ):
        return secured.version()


def test_tls_that_is_fine_is_fine(server):
    assert handshake(server, "tls_fine").startswith("TLS")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("tls_expired", "certificate has expired"),
        ("tls_wrong_host", "IP address mismatch"),
        ("tls_self_signed", "self-signed certificate"),
        ("tls_unknown_root", "unable to get local issuer"),
        ("tls_plain_http", "(?i)wrong.version.number|record layer failure"),
        ("tls_too_old", "(?i)unsupported.protocol"),
        ("tls_closed", "(?i)eof"),
    ],
)
def test_tls_that_is_bad_is_bad_for_its_own_reason(server, name, words):
    with pytest.raises(ssl.SSLError, match=words):
        handshake(server, name)


def test_certificates_without_trustme_name_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(UsageError, match="pip install trustme"):
        Certificates()


def test_a_zstd_bomb_is_small_and_comes_to_what_it_says():
    coded = bodies.zstd_of_zeros(bodies.BOMB_SIZE)
    assert len(coded) < 3000
    decoder = Decoder("zstd", bodies.BOMB_SIZE)
    assert sum(map(len, decoder.decode(coded))) == bodies.BOMB_SIZE
    decoder.finish()


def test_it_stops_with_connections_of_every_sort_open():
    before = set(threading.enumerate())
    with HostileServer() as server:
        open_lines = []
        for url in (
            server.page("/hang"),
            server.url("headers_endless"),
            server.url("tls_silent"),
            server.url("silent"),
        ):
            host, port = url.split("/")[2].split(":")
            line = http.client.HTTPConnection(host, int(port))
            line.request("GET", "/" + url.split("/", 3)[3])
            open_lines.append(line)
        idle = socket.create_connection((line.host, line.port))
    for line in (*open_lines, idle):
        line.close()
    # Another server's threads may end meanwhile.
    assert not set(threading.enumerate()) - before
