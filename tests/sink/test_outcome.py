"""A line of JSON becomes the outcome that it was made of."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from penstock.core.web.model import Fetched, Hop, Times
from penstock.sink.outcome import read_outcome
from penstock.sink.record import line
from penstock.testing.contracts import make_outcome

PAGE = Fetched(
    7,
    "http://a.test/é",
    status=200,
    final_url="http://b.test/",
    redirects=(Hop("http://a.test/%C3%A9", 301),),
    attempts=2,
    started=1_764_000_000.123,
    times=Times(0.0001, 0.0012, 0.0081, 0.0, 0.0204, 0.0249),
    ip="127.0.0.1",
    http="1.1",
    head=b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Odd: \xff\r\n\r\n",
    body="naïve <p>".encode(),
    data={"title": "x", "n": [1, None]},
    input={"id": 5},
)


def test_every_field_comes_back():
    found = read_outcome(line(PAGE, inline_body=True))
    assert line(found, inline_body=True) == line(PAGE, inline_body=True)
    assert found.times.total == pytest.approx(PAGE.times.total)
    assert replace(found, head=PAGE.head, times=PAGE.times) == PAGE


@pytest.mark.parametrize("body", [b"", b"\xff\x00", b"x" * 2_000_000, b"\xff" * 2_000_000])
def test_a_body_of_any_kind_comes_back(body):
    outcome = replace(PAGE, body=body)
    assert read_outcome(line(outcome, inline_body=True)).body == body
    assert read_outcome(line(outcome, inline_body=False)).body == b""


@pytest.mark.parametrize("seq", [3, 4])
def test_outcomes_without_a_response_come_back(seq):
    given = make_outcome(seq)
    found = read_outcome(line(given, inline_body=True))
    assert (type(found), found.error, found.detail, found.head) == (type(given), given.error, given.detail, b"")


@pytest.mark.parametrize("bad", [b"", b"{}", b'{"v":2}', b"not JSON"])
def test_no_line_of_schema_1_is_refused(bad):
    with pytest.raises(ValueError, match=r"\w"):
        read_outcome(bad)
