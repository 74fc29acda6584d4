"""The closed list of reasons, and what can be read from a response's head and body."""

from __future__ import annotations

import encodings
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from penstock.core.web.model import Failed, Fetched, Kind, Reason, Skipped, split_head

FAULTS = Path(__file__).parents[3] / "docs" / "faults.md"

RETRY_CLASSES = {
    "never": (False, False),
    "in a later pass or `retry`": (False, True),
    "within `attempts` and `timeout`": (True, True),
}
"""What the third column of the table says, as (transient, later)."""


def slug_table(text: str) -> dict[str, tuple[Kind, bool, bool]]:
    """The table of docs/faults.md, section 1: reason to kind and retry class."""
    section = text.partition("## 1.")[2].partition("## 2.")[0]
    table = {}
    for kind, reasons, again in re.findall(r"^\| (Skipped|Failed) \| (.*) \| (.*) \|$", section, re.MULTILINE):
        said = re.sub(r" \(.*?\)", "", reasons)
        for reason in re.findall(r"`(\w+)`", said):
            assert reason not in table
            table[reason] = (Kind(kind.lower()), *RETRY_CLASSES[again])
    return table


def test_the_table_of_slugs_is_read_as_it_is_written():
    rows = (
        "## 1. x\n| Skipped | `a`, `b` (see `c`) | never |\n| Failed | `d` | within `attempts` and `timeout` |\n## 2."
    )
    assert slug_table(rows) == {
        "a": (Kind.SKIPPED, False, False),
        "b": (Kind.SKIPPED, False, False),
        "d": (Kind.FAILED, True, True),
    }


def test_the_slugs_are_those_of_the_list_of_faults():
    table = slug_table(FAULTS.read_text())
    assert {reason.value: (reason.kind, reason.transient, reason.later) for reason in Reason} == table


def test_what_may_be_tried_again_at_once_may_be_tried_again_later():
    assert all(reason.later for reason in Reason if reason.transient)


def test_a_slug_is_its_text():
    assert str(Reason.TOO_LARGE) == "too_large" == Reason.TOO_LARGE
    assert Reason("too_large") is Reason.TOO_LARGE


@pytest.mark.parametrize(("kind", "name"), [(Fetched, "fetched"), (Failed, "failed"), (Skipped, "skipped")])
def test_an_outcome_says_which_of_the_three_it_is(kind, name):
    outcome = kind(0, "http://a.example/")
    assert (outcome.outcome, outcome.kind) == (name, Kind(name))


# Header blocks


@pytest.mark.parametrize(
    ("head", "fields"),
    [
        (b"", []),
        (b"HTTP/1.1 200 OK\r\n\r\n", []),
        (b"HTTP/1.1 200 OK", []),
        (b"HTTP/1.1 200 fine: really\r\nA: b\r\n\r\n", [("A", "b")]),
        (b"HTTP/2 200 \r\na: b\r\nc:d\r\n\r\n", [("a", "b"), ("c", "d")]),
        (b"HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\na: 3\r\n\r\n", [("A", "1"), ("B", "2"), ("a", "3")]),
        (b"HTTP/1.1 200 OK\r\nA:\t b \t\r\nB:\r\n\r\n", [("A", "b"), ("B", "")]),
        (b"HTTP/1.1 200 OK\r\nA: b: c\r\n\r\n", [("A", "b: c")]),
        (b"HTTP/1.1 200 OK\r\nA: \xe9\xff\x80\r\n\r\n", [("A", "\xe9\xff\x80")]),
        (b"HTTP/1.1 200 OK\r\nA: b\x85c\x0bd\r\n\r\n", [("A", "b\x85c\x0bd")]),
        (b"HTTP/1.1 200 OK\r\nno colon\r\nA: b\r\n\r\n", [("A", "b")]),
        (b"HTTP/1.1 200 OK\nA: b\nB: c\n\n", [("A", "b"), ("B", "c")]),
        (b"HTTP/1.1 200 OK\r\nA: b\nB: c\r\n\r\n", [("A", "b"), ("B", "c")]),
    ],
)
def test_a_head_is_its_fields_in_order(head, fields):
    assert split_head(head) == fields


@pytest.mark.parametrize(
    ("lines", "fields"),
    [
        (b"A: b\r\n c\r\nB: d\r\n", [("A", "b c"), ("B", "d")]),
        (b"A: b\r\n\t \tc \r\n d\r\n", [("A", "b c d")]),
        (b"A: b\n c\n", [("A", "b c")]),
        (b" A: b\r\nB: c\r\n", [("B", "c")]),
    ],
)
def test_folded_lines_are_joined_and_those_before_the_first_field_are_nobodys(lines, fields):
    """RFC 9112, sections 5.2 and 2.2."""
    assert split_head(b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n") == fields


def test_what_follows_the_empty_line_is_no_header():
    """Trailers are not merged into the headers (RFC 9110, section 6.5.1)."""
    assert split_head(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nLocation: /x\r\n") == [("A", "b")]


@given(st.binary(), st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n"]))
def test_any_bytes_have_fields_without_line_ends(block, start):
    for name, value in split_head(start + block):
        assert "\n" not in name + value
        assert value == value.strip(" \t")


def test_a_header_is_found_whatever_its_case_and_the_first_of_several():
    outcome = Fetched(0, "u", head=b"HTTP/1.1 200 OK\r\nX-One: 1\r\nx-one: 2\r\n\r\n")
    assert outcome.header("x-ONE") == "1"
    assert outcome.header("x-two") is None
    assert outcome.headers == [("X-One", "1"), ("x-one", "2")]


# Text


def page(content_type: str, body: bytes) -> Fetched:
    return Fetched(
        0, "u", head=b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n\r\n" % content_type.encode("latin-1"), body=body
    )


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("text/html", "\u20ac".encode(), "\u20ac"),
        ("text/html; charset=utf-8", "\u20ac".encode(), "\u20ac"),
        ("text/html;charset=UTF8", "\u20ac".encode(), "\u20ac"),
        ('text/html; charset="UTF-8"', "\u20ac".encode(), "\u20ac"),
        ("text/html; charset='utf-8'; x=y", "\u20ac".encode(), "\u20ac"),
        ("text/html; Charset=ISO-8859-1", b"\xe9", "\xe9"),
        ("text/html; charset=windows-1252", b"\x80", "\u20ac"),
        ("text/html; charset=Shift_JIS", b"\x83\x4e", "\u30af"),
        ("text/html; charset=koi8-u", b"\xa4", "\u0454"),
        ("text/html; charset=tis-620", b"\xa1", "\u0e01"),
        ("text/html; charset=gb18030", b"\x81\x30\x81\x30", "\x80"),
        ("text/html; charset=utf-16le", b"a\x00", "a"),
        ("text/html; charset=", "\u20ac".encode(), "\u20ac"),
        ("text/html; charset=none-such", "\u20ac".encode(), "\u20ac"),
        ("text/html", b"a\xff", "a\ufffd"),
        ("text/html; charset=ascii", b"a\xff", "a\ufffd"),
    ],
)
def test_text_goes_by_the_charset_and_never_fails(content_type, body, text):
    assert page(content_type, body).text() == text


@pytest.mark.parametrize(
    "charset",
    [
        *("base64", "hex", "rot13", "uu", "zip", "bz2", "quopri", "idna", "punycode", "undefined"),
        *("unicode_escape", "raw_unicode_escape", "mbcs", "oem", "aliases", "os"),
    ],
)
def test_what_is_no_charset_of_the_web_is_read_as_utf8(charset):
    """Python has codecs that are not charsets: some raise, some warn, some take the square of the time."""
    assert page(f"text/html; charset={charset}", b"\\d-999 \xc3\xa9").text() == "\\d-999 \xe9"


def test_a_charset_nobody_knows_leaves_nothing_behind():
    """Python keeps the name of every codec it failed to find; a hostile server has no end of names."""
    known = len(encodings._cache)
    for number in range(100):
        page(f"text/html; charset=x-{number}", b"").text()
    assert len(encodings._cache) == known


charsets = st.one_of(
    st.text(st.characters(max_codepoint=255)),
    st.sampled_from(
        ["utf-16", "utf-32", "utf-7", "hz", "iso-2022-jp", "iso2022_kr", "cp437", "base64", "idna", "a\0", "../x"]
    ),
)


@given(charsets, st.binary())
@example("utf-8\0", b"x")
@example("x" * 70_000, b"x")
def test_text_never_raises(charset, body):
    outcome = page(f"text/html; charset={charset}", body)
    assert isinstance(outcome.text(), str)


# For a person, and for a table


def test_an_outcome_is_shown_in_a_short_line_without_its_body_and_nothing_raw():
    page = Fetched(3, "http://a.test/\x1b[2J", status=200, body=b"x" * 10_000)
    assert repr(page) == r"<Fetched 3: 200 'http://a.test/\x1b[2J' 10,000 bytes>"
    assert repr(Failed(0, "http://a.test/", Reason.TIMEOUT)) == "<Failed 0: timeout 'http://a.test/' 0 bytes>"
    assert len(repr(Skipped(0, "x" * 30_000, Reason.INVALID_URL))) < 200


def test_a_body_is_read_as_json():
    assert Fetched(0, "http://a.test/", status=200, body=b'{"a": [1, null]}').json() == {"a": [1, None]}
    assert Fetched(0, "http://a.test/", status=200, body='{"a": "ä"}'.encode("utf-16")).json() == {"a": "ä"}
    with pytest.raises(ValueError, match="Expecting value"):
        Fetched(0, "http://a.test/", status=200, body=b"<html>").json()
