"""docs/record.md says of each field and each reason what holds for real outcomes."""

from __future__ import annotations

import json

import pytest
from manual.record import FIELDS, MEANINGS, TIMES, page

from penstock import fetch
from penstock.core.web.model import Fetched, Reason
from penstock.sink.record import line
from penstock.testing.web import LocalWeb

TYPES = {
    "integer": int,
    "text": str,
    "list": list,
    "object": dict,
    "any": object,
}


@pytest.fixture(scope="module")
def records():
    """Outcomes of many kinds, as their lines say, with and without bodies."""
    with LocalWeb(hosts=6) as web:
        rows = [
            {"url": web.url(0, "/page/1"), "rank": 3},
            web.url(1, "/redirect/2/page/1"),
            web.url(1, "/loop"),
            web.url(2, "/status/404/page/1"),
            web.url(3, "/close"),
            web.url(4, "/hang"),
            web.refusing(),
            "nothing",
            "ftp://a.example/",
        ]
        limits = {"timeout": 1, "attempts": 1, "delay": 0, "max_redirects": 3, "robots": False}
        outcomes = list(fetch(rows, on_page=lambda page: page.status if page.seq else None, **limits))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: odd\r\n\r\n"
    url = "http://a.example/"
    binary = Fetched(0, url, status=200, final_url=url, attempts=1, started=0.0, head=head, body=b"\xff")
    found = [*outcomes, binary]
    return [json.loads(line(outcome, inline_body=inline)) for outcome in found for inline in (True, False)]


def test_the_fields_are_those_of_a_line_in_their_order(records):
    for record in records:
        assert list(record) == [field.name for field in FIELDS]
        assert list(record["ms"]) == list(TIMES)


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_a_field_has_its_type_and_is_null_only_if_the_page_says_so(field, records):
    values = [record[field.name] for record in records]
    assert all(isinstance(value, TYPES[field.type]) for value in values if value is not None)
    assert any(value is not None for value in values), "each of them is seen at least once"
    assert any(value is None for value in values) == bool(field.null)


def test_a_field_is_null_when_the_page_says_it_is(records):
    for record in records:
        fetched = record["outcome"] == "fetched"
        assert (record["error"] is None) == fetched
        assert (record["status"] is None) == (record["final_url"] is None)
        assert (record["started"] is None) == (record["attempts"] == 0)
        assert (record["sha256"] is None) == (not fetched and record["bytes"] == 0)
        assert record["body"] is None or record["body_base64"] is None


def test_every_reason_has_its_meaning_and_there_are_no_others():
    assert MEANINGS.keys() == {reason.value for reason in Reason}


def test_a_reason_without_a_meaning_is_refused(monkeypatch):
    monkeypatch.delitem(MEANINGS, "timeout")
    with pytest.raises(KeyError, match="timeout"):
        page()


def test_what_is_planted_in_the_table_of_reasons_changes_the_page(monkeypatch):
    before = page()
    monkeypatch.setattr(Reason.TIMEOUT, "transient", False)
    assert page() != before
