"""One line for each outcome, whatever is in it, that says exactly what schema 1 says."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import os
import re
from pathlib import Path

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from penstock.core.web.model import Failed, Fetched, Hop, Reason, Skipped, Times
from penstock.sink.record import LONG, PIECE, line, pieces, read_line

FIELDS = [
    "v",
    "seq",
    "url",
    "outcome",
    "error",
    "detail",
    "status",
    "final_url",
    "redirects",
    "attempts",
    "started",
    "ms",
    "ip",
    "http",
    "headers",
    "bytes",
    "coding",
    "sha256",
    "body",
    "body_base64",
    "data",
    "input",
]

PAGE = Fetched(
    0,
    "http://a.example/",
    status=200,
    final_url="http://b.example/",
    redirects=(Hop("http://a.example/", 301),),
    attempts=1,
    started=1795345200.1234,
    times=Times(0.0001, 0.0012, 0.0081, 0.0, 0.02044, 0.02486),
    ip="93.184.216.34",
    http="1.1",
    head=b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Name: \xe9\r\n\r\n",
    body='<p>"Grüße"\n</p>'.encode(),
)


def record(outcome, *, inline_body=True):
    data = line(outcome, inline_body=inline_body)
    assert data.endswith(b"\n")
    assert data.count(b"\n") == 1
    return json.loads(data)


def test_a_line_of_schema_1():
    assert record(PAGE) == {
        "v": 1,
        "seq": 0,
        "url": "http://a.example/",
        "outcome": "fetched",
        "error": None,
        "detail": None,
        "status": 200,
        "final_url": "http://b.example/",
        "redirects": [{"url": "http://a.example/", "status": 301}],
        "attempts": 1,
        "started": "2026-11-22T11:00:00.123Z",
        "ms": {"wait": 0.1, "dns": 1.2, "connect": 8.1, "tls": 0, "first_byte": 20.4, "total": 24.9},
        "ip": "93.184.216.34",
        "http": "1.1",
        "headers": [["Content-Type", "text/html"], ["X-Name", "é"]],
        "bytes": len(PAGE.body),
        "coding": None,
        "sha256": hashlib.sha256(PAGE.body).hexdigest(),
        "body": '<p>"Grüße"\n</p>',
        "body_base64": None,
        "data": None,
        "input": None,
    }


def test_the_fields_stand_in_the_order_of_the_schema():
    assert list(record(PAGE)) == FIELDS


def test_an_input_that_was_not_tried_has_all_fields_too():
    skipped = record(Skipped(7, "not a url", Reason.INVALID_URL, "line 8: no host", input={"id": 3}))
    assert list(skipped) == FIELDS
    assert skipped["outcome"] == "skipped"
    assert skipped["error"] == "invalid_url"
    assert skipped["detail"] == "line 8: no host"
    assert skipped["input"] == {"id": 3}
    assert skipped["bytes"] == skipped["attempts"] == 0
    for name in ("status", "final_url", "started", "ip", "http", "coding", "sha256", "body", "body_base64", "data"):
        assert skipped[name] is None


def test_a_body_that_never_came_has_no_digest():
    failed = record(Failed(1, "http://a.test/", Reason.TOO_LARGE, status=200))
    assert (failed["bytes"], failed["sha256"], failed["body"]) == (0, None, None)


def test_a_body_that_came_is_kept_when_the_input_failed_after_it():
    failed = record(Failed(1, "http://a.test/", Reason.CALLBACK_ERROR, status=200, body=b"page"))
    assert failed["body"] == "page"
    assert failed["sha256"] == hashlib.sha256(b"page").hexdigest()


def test_a_coding_that_is_still_on_the_body_is_named():
    page = Fetched(1, "http://a.test/", status=200, head=b"HTTP/1.1 200 OK\r\nContent-Encoding: aws-chunked", body=b"5")
    assert record(page)["coding"] == "aws-chunked"
    assert record(replace(page, head=b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip"))["coding"] is None


def test_an_empty_page_is_a_page():
    empty = record(Fetched(1, "http://a.test/", status=204))
    assert (empty["bytes"], empty["body"]) == (0, "")
    assert empty["sha256"] == hashlib.sha256(b"").hexdigest()


def test_a_body_that_is_not_utf_8_is_kept_byte_by_byte():
    body = bytes(range(256))
    stored = record(Fetched(1, "http://a.test/", status=200, body=body))
    assert stored["body"] is None
    assert base64.b64decode(stored["body_base64"]) == body


@pytest.mark.parametrize("body", [b"page", b"\xff"])
def test_a_body_that_is_left_out_is_still_counted_and_summed(body):
    stored = record(Fetched(1, "http://a.test/", status=200, body=body), inline_body=False)
    assert stored["body"] is stored["body_base64"] is None
    assert stored["bytes"] == len(body)
    assert stored["sha256"] == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1795345199.9996, "2026-11-22T11:00:00.000Z"),
        (1795345200.0004, "2026-11-22T11:00:00.000Z"),
        (951782400.5, "2000-02-29T00:00:00.500Z"),
    ],
)
def test_the_start_is_rounded_to_the_millisecond(seconds, text):
    assert record(Fetched(1, "http://a.test/", status=200, started=seconds))["started"] == text


def test_broken_text_becomes_the_replacement_character():
    stored = record(Skipped(1, "http://\udcff/\ud83d\ude00", Reason.INVALID_URL, "\ud800", input={"\udc00": "\udc00"}))
    assert stored["url"] == "http://\ufffd/\U0001f600"
    assert stored["detail"] == "\ufffd"
    assert stored["input"] == {"\ufffd": "\ufffd"}


def test_numbers_of_any_size_are_kept():
    stored = record(Skipped(1, "x", data=[2**64, -(2**63) - 1, 2**63, 10**5000]))
    assert stored["data"] == [2**64, -(2**63) - 1, 2**63, hex(10**5000)]


def test_what_json_has_no_form_for_becomes_text():
    stored = record(Skipped(1, "x", data={"day": dt.date(2026, 11, 22), "set": {1}, "nan": float("nan"), 5: b""}))
    assert stored["data"] == {"day": "2026-11-22", "set": "<set>", "nan": None, "5": "<bytes>"}


def test_nesting_without_end_is_cut():
    endless = []
    endless.append(endless)
    assert "nested too deeply" in line(Skipped(1, "x", data=endless), inline_body=True).decode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
    max_leaves=10,
)


@given(JSON, st.text(st.characters()), st.binary())
def test_no_outcome_is_ever_too_strange_for_a_line(value, text, body):
    """And whoever reads strictly can read it back."""
    outcome = Failed(1, text, Reason.CALLBACK_ERROR, text, body=body, head=body, data=value, input={text: value})
    data = line(outcome, inline_body=True)
    assert data.count(b"\n") == 1
    assert list(orjson.loads(data)) == FIELDS
    stored = read_line(data)
    assert stored.intact()
    assert (stored.seq, stored.error) == (1, "callback_error")


# -- and back


def test_a_line_read_back_says_who_and_what():
    stored = read_line(line(PAGE, inline_body=True))
    assert (stored.seq, stored.url, stored.outcome, stored.error, stored.status) == (0, PAGE.url, "fetched", None, 200)
    assert (stored.length, stored.attempts, len(stored.redirects)) == (len(PAGE.body), 1, 1)
    assert stored.intact()


def test_a_line_without_its_body_cannot_be_found_wrong():
    assert read_line(line(PAGE, inline_body=False)).intact()


@pytest.mark.parametrize(
    ("body", "old", "new"),
    [
        (b"page", b'"page"', b'"Page"'),
        (b"page", b'"bytes":4', b'"bytes":5'),
        (b"\xff", b'"/w=="', b'"/g=="'),
        (b"\xff", b'"/w=="', b'"/*=="'),
    ],
)
def test_a_body_that_is_not_the_one_that_was_fetched_is_found(body, old, new):
    data = line(Fetched(1, "http://a.test/", status=200, body=body), inline_body=True)
    assert data.count(old) == 1
    assert read_line(data).intact()
    assert not read_line(data.replace(old, new)).intact()


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:-1],
        lambda data: data[: len(data) // 2] + b"\n",
        lambda data: data[5:],
        lambda data: data[:-1] + data,
        lambda data: data.replace(b'"v":1', b'"v":2'),
        lambda data: data.replace(b'"seq":0', b'"seq":-1'),
        lambda data: data.replace(b'"outcome":"fetched"', b'"outcome":"lost"'),
        lambda data: data.replace(b'"attempts":1,', b""),
        lambda data: bytes(len(data)) + b"\n",
        lambda data: b"\n",
        lambda data: b"",
    ],
)
def test_a_line_that_is_not_whole_is_refused(change):
    with pytest.raises(ValueError):
        read_line(change(line(PAGE, inline_body=True)))


@pytest.mark.parametrize(
    "outcome",
    [PAGE, Failed(1, "http://a.test/", Reason.TIMEOUT, "late", attempts=3), Skipped(2, "x", Reason.INVALID_URL)],
)
def test_as_dict_has_the_fields_of_a_line_with_bytes_and_a_time(outcome):
    """``body`` and ``body_base64`` are one field there, and there is no version."""
    found, stored = outcome.as_dict(), record(outcome)
    assert [*found] == [name for name in FIELDS if name not in ("v", "body_base64")]
    assert found.pop("body") == outcome.body
    started = found.pop("started")
    assert (started and started.isoformat(timespec="milliseconds").replace("+00:00", "Z")) == stored["started"]
    assert {name: round(ms, 1) for name, ms in found.pop("ms").items()} == stored["ms"]
    found["headers"] = [list(pair) for pair in found["headers"]]
    assert found == {name: stored[name] for name in found}


def test_every_field_is_documented_in_its_order():
    page = (Path(__file__).parents[2] / "docs" / "record.md").read_text(encoding="utf-8")
    fields = page.partition("## Fields\n")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", fields, re.MULTILINE) == FIELDS


LONG_BODIES = {
    "text": b"<p>text</p>\n" * 100_000,
    "escapes": bytes(range(32)) * 40_000,
    "cut between bytes": ("x" + "\U0001f600" * 300_000).encode(),
    "random": os.urandom(LONG),
    "broken at the end": b"x" * LONG + "\u20ac".encode()[:2],
    "broken at a cut": b"x" * (PIECE - 1) + "\u20ac".encode()[:2] + b"x" * LONG,
    "just long": b"y" * LONG,
    "just not": b"y" * (LONG - 1),
}


@pytest.mark.parametrize("inline_body", [True, False])
@pytest.mark.parametrize("data", [None, {"a": [1, 2]}, "\ud800", object], ids=repr)
@pytest.mark.parametrize("kind", LONG_BODIES)
def test_the_line_of_a_long_body_is_the_same_in_pieces(kind, data, inline_body):
    page = msgspec.structs.replace(PAGE, body=LONG_BODIES[kind], data=data, detail="\ud800" if data else None)
    found = [*pieces(page, inline_body=inline_body)]
    assert b"".join(found) == line(page, inline_body=inline_body)
    assert (len(found) > 1) == (inline_body and len(page.body) >= LONG)
    assert max(map(len, found)) <= 6 * PIECE or len(found) == 1
