"""What the local web answers to each path."""

from __future__ import annotations

import json

import pytest

from penstock.testing.pages import LARGEST, SMALLEST, Request, answer, asks, page


def reply(path, earlier=0, host="a.test"):
    return answer(Request("GET", path, host, (("Accept", "*/*"),), b"sent"), path, earlier)


def test_a_page_is_the_same_every_time_and_another_for_another_host_or_path():
    assert page("a.test", "/1") == page("a.test", "/1")
    assert len({page("a.test", "/1"), page("a.test", "/2"), page("b.test", "/1")}) == 3


def test_pages_are_two_to_twenty_kilobytes_and_mostly_small():
    sizes = sorted(len(page("a.test", f"/page/{number}")) for number in range(1000))
    assert SMALLEST * 0.9 < sizes[0] < SMALLEST * 1.3
    assert LARGEST * 0.9 < sizes[-1] < LARGEST * 1.1
    assert sizes[500] < (sizes[0] + sizes[-1]) / 2


def test_a_page_is_whole_html_and_what_stands_in_the_path_is_escaped():
    body = page("a.test", "/<script>").decode()
    assert body.startswith("<!doctype html>")
    assert body.endswith("</body></html>\n")
    assert body.count("<p") == body.count("</p>")
    assert "<script>" not in body


@pytest.mark.parametrize(
    ("path", "status", "headers"),
    [
        ("/", 200, {}),
        ("/page/7", 200, {}),
        ("/status/404/page/7", 404, {}),
        ("/busy/503/2/page", 503, {"Retry-After": "2"}),
        ("/redirect/2/page", 302, {"Location": "/redirect/1/page"}),
        ("/redirect/0/page", 200, {}),
        ("/away/b.test:8080/page?x=1", 302, {"Location": "http://b.test:8080/page?x=1"}),
        ("/loop", 302, {"Location": "/loop"}),
        ("/robots.txt", 404, {}),
        ("/status/nonsense", 400, {}),
        ("/slow/nonsense", 400, {}),
    ],
)
def test_a_path_asks_for_its_answer(path, status, headers):
    answered = reply(path)
    assert (answered.status, dict(answered.headers)) == (status, headers)
    assert asks(path) == (path not in ("/", "/page/7"))


@pytest.mark.parametrize("ending", ["close", "reset", "hang"])
def test_a_path_asks_for_no_answer(ending):
    assert reply(f"/{ending}/page").ending == ending


def test_slow_delays_the_answer_to_the_rest():
    answered = reply("/slow/0.2/status/404/page")
    assert (answered.after, answered.status) == (0.2, 404)


def test_flaky_fails_so_many_times_and_then_answers():
    assert [reply("/flaky/2/page", earlier).status for earlier in range(4)] == [503, 503, 200, 200]


def test_a_status_without_a_body_has_none():
    assert [reply(f"/status/{status}/page").body for status in (204, 304)] == [b"", b""]


def test_echo_tells_what_came():
    told = json.loads(reply("/echo").body)
    assert told == {"method": "GET", "target": "/echo", "headers": [["Accept", "*/*"]], "body": "sent"}


def test_an_answer_on_the_wire_is_whole_and_head_leaves_the_body_out():
    answered = reply("/status/404/page")
    wire = answered.encode()
    assert wire.startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert wire.endswith(b"\r\n\r\n" + answered.body)
    assert f"Content-Length: {len(answered.body)}\r\n".encode() in wire
    assert answered.encode(head_only=True) == wire[: -len(answered.body)]


def test_a_request_is_split_off_when_it_is_whole():
    first = b"POST /x HTTP/1.1\r\nHost: A.test:8080\r\ncontent-length: 3\r\n\r\nabc"
    request, rest = Request.split(first + b"GET")
    assert request == Request("POST", "/x", "a.test", (("Host", "A.test:8080"), ("content-length", "3")), b"abc")
    assert rest == b"GET"
    assert all(Request.split(first[:length]) is None for length in range(len(first)))


@pytest.mark.parametrize(
    ("given", "host"), [("a.test", "a.test"), ("[::1]", "[::1]"), ("[::1]:80", "[::1]"), ("127.0.0.1:9", "127.0.0.1")]
)
def test_the_host_of_a_request_has_no_port(given, host):
    request, _ = Request.split(f"GET / HTTP/1.1\r\nHost: {given}\r\n\r\n".encode())
    assert request.host == host
