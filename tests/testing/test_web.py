"""The local web: many hosts, and what it says it saw."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time

import pytest
import trustme

from penstock.testing.pages import page
from penstock.testing.web import LocalWeb


@pytest.fixture(scope="module")
def web():
    with LocalWeb(hosts=3, habits={"slow.test": "/slow/0.05", "gone.test": "/status/404"}) as web:
        yield web


def connected(url):
    host, _, rest = url.removeprefix("http://").partition(":")
    port, _, path = rest.partition("/")
    return http.client.HTTPConnection(host, int(port)), f"/{path}"


def get(url, host=None, method="GET", body=None):
    connection, path = connected(url)
    try:
        connection.request(method, path, body, {} if host is None else {"Host": host})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_every_host_has_an_address_and_pages_of_its_own(web):
    hosts = [web.host(number) for number in range(3)]
    assert len(set(hosts)) == 3
    for number, host in enumerate(hosts):
        assert host in web.url(number)
        assert get(web.url(number, "/page/1")) == (200, page(host, "/page/1"))


def test_the_second_octet_follows_the_first():
    assert [LocalWeb.host(number) for number in (0, 254, 255, 300)] == [
        "127.1.0.1",
        "127.1.0.255",
        "127.1.1.0",
        "127.1.1.45",
    ]


def test_any_name_is_served_where_connect_to_leads(web):
    assert web.url_by_name("shop.test", "/a") == "http://shop.test/a"
    _, anything = web.connect_to
    address = anything.removeprefix("::")
    assert get(f"http://{address}/page/1", host="shop.test") == (200, page("shop.test", "/page/1"))


def test_what_refuses_is_refused(web):
    with pytest.raises(ConnectionRefusedError):
        get(web.refusing("/page"))
    dead, _ = web.connect_to
    assert web.refusing().split(":")[2].strip("/") == dead.split(":")[-1]


def test_a_habit_holds_for_all_paths_that_ask_for_nothing(web):
    assert get(web.url(0, "/page/1"), host="gone.test")[0] == 404
    assert get(web.url(0, "/status/500/x"), host="gone.test")[0] == 500


def test_a_connection_is_kept_for_the_next_request(web):
    before = web.traffic().connections
    connection, _ = connected(web.url(0))
    for number in range(5):
        connection.request("GET", f"/page/{number}")
        assert connection.getresponse().read() == page(connection.host, f"/page/{number}")
    connection.close()
    assert web.traffic().connections == before + 1


def test_requests_sent_in_one_piece_are_answered_one_after_the_other(web):
    connection, _ = connected(web.url(0))
    connection.connect()
    one = b"GET /slow/0.01/status/204/%d HTTP/1.1\r\nHost: pipe.test\r\n\r\n"
    connection.sock.sendall(one % 1 + one % 2)
    received = b""
    while received.count(b"\r\n\r\n") < 2:
        received += connection.sock.recv(65536)
    connection.close()
    assert web.traffic().hosts["pipe.test"].most == 1


def test_head_has_no_body_and_post_is_echoed(web):
    assert get(web.url(0, "/page/1"), method="HEAD") == (200, b"")
    told = json.loads(get(web.url(0, "/echo"), method="POST", body=b"sent")[1])
    assert (told["method"], told["body"]) == ("POST", "sent")


@pytest.mark.parametrize(
    ("path", "ending"), [("/close", http.client.RemoteDisconnected), ("/reset", ConnectionResetError)]
)
def test_a_connection_ends_as_asked(web, path, ending):
    with pytest.raises(ending):
        get(web.url(0, path))


def test_what_is_nonsense_or_endless_is_cut_off(web):
    connection, _ = connected(web.url(0))
    with socket.create_connection((connection.host, connection.port)) as line, pytest.raises(ConnectionError):
        line.sendall(b"x" * 64 * 2**20)


def test_it_counts_requests_as_it_sees_them():
    """Four at once, two to each of two hosts, held long enough to overlap; and one more to one of them."""
    with LocalWeb(hosts=1) as web:
        before = time.monotonic()
        barrier = threading.Barrier(4)

        def ask(host):
            barrier.wait()
            get(web.url(0, "/slow/0.1/page"), host=host)

        threads = [threading.Thread(target=ask, args=(host,)) for host in ("a.test", "a.test", "b.test", "b.test")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        get(web.url(0, "/page"), host="a.test")
        seen = web.traffic()
    assert (seen.requests, seen.most, seen.connections) == (5, 4, 5)
    assert (seen.hosts["a.test"].requests, seen.hosts["a.test"].most) == (3, 2)
    assert seen.hosts["b.test"].most == 2
    assert list(seen.hosts["a.test"].starts) == sorted(seen.hosts["a.test"].starts)
    assert before < seen.hosts["a.test"].starts[0] < time.monotonic()
    assert seen.paths["a.test", "/slow/0.1/page"] == 2
    assert seen.paths["a.test", "/page"] == 1


def test_a_request_that_is_given_up_no_longer_counts_as_running():
    with LocalWeb() as web:
        for number in range(1, 6, 2):
            connection, path = connected(web.url(0, "/hang"))
            connection.request("GET", path)
            assert web.wait_for(requests=number)
            connection.close()
            # The answer to the next one comes after the server has seen the last one go.
            get(web.url(0, "/page"))
        assert web.traffic().most <= 2


def test_waiting_for_requests_ends_with_the_time_it_was_given(web):
    assert not web.wait_for(requests=10**9, seconds=0.01)


def test_it_stops_with_requests_under_way_and_still_tells_what_it_saw():
    before = set(threading.enumerate())
    with LocalWeb() as web:
        connection, path = connected(web.url(0, "/hang"))
        connection.request("GET", path)
        assert web.wait_for(requests=1)
    with pytest.raises(http.client.RemoteDisconnected):
        connection.getresponse()
    connection.close()
    assert web.traffic().requests == 1
    assert not set(threading.enumerate()) - before


def test_it_serves_over_tls_when_given_a_context():
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert(LocalWeb.host(0)).configure_cert(server)
    authority.configure_trust(client)
    with LocalWeb(tls=server) as web:
        url = web.url(0, "/page/1")
        assert url.startswith("https://")
        connection = http.client.HTTPSConnection(url.split("/")[2], context=client)
        connection.request("GET", "/page/1")
        assert connection.getresponse().read() == page(LocalWeb.host(0), "/page/1")
        connection.close()
