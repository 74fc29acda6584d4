"""The request is the last one that libcurl reports, header block and body."""

from __future__ import annotations

import pycurl
import pytest

from penstock.engine.sent import DATA_OUT, HEADER_OUT, SentRequest

HEAD = b"POST / HTTP/1.1\r\nHost: a.test\r\n\r\n"
CONNECT = b"CONNECT a.test:443 HTTP/1.1\r\nProxy-Authorization: Basic eA==\r\n\r\n"


@pytest.fixture
def sent():
    return SentRequest()


def test_the_kinds_of_report_are_libcurls():
    assert (HEADER_OUT, DATA_OUT) == (pycurl.INFOTYPE_HEADER_OUT, pycurl.INFOTYPE_DATA_OUT)


def test_pieces_make_one_request(sent):
    for kind, data in [
        (HEADER_OUT, HEAD[:9]),
        (0, b"text"),
        (HEADER_OUT, HEAD[9:]),
        (DATA_OUT, b"a"),
        (DATA_OUT, b"b"),
    ]:
        sent.take(kind, data)
    sent.take(pycurl.INFOTYPE_HEADER_IN, b"HTTP/1.1 200 OK\r\n")
    assert sent.message() == HEAD + b"ab"


@pytest.mark.parametrize("before", [[(HEADER_OUT, CONNECT)], [(HEADER_OUT, HEAD), (DATA_OUT, b"lost")]])
def test_a_request_behind_another_one_replaces_it(sent, before):
    """A tunnel's CONNECT, and a request that is sent again over another connection."""
    for kind, data in [*before, (HEADER_OUT, HEAD), (DATA_OUT, b"body")]:
        sent.take(kind, data)
    assert sent.message() == HEAD + b"body"


def test_a_new_connection_begins_a_new_request(sent):
    sent.take(HEADER_OUT, HEAD[:9])
    sent.clear()
    sent.take(HEADER_OUT, HEAD)
    assert sent.message() == HEAD
