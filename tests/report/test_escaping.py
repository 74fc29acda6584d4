"""Nothing that was printed has ever moved a cursor."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.report.escaping import escape, escape_json, escape_lines

ANY_TEXT = st.text(st.characters())
"""Surrogates and unassigned characters included."""


@given(ANY_TEXT)
def test_safe_text_is_printable_and_can_be_encoded(text):
    assert escape(text).isprintable()
    escape(text).encode()


@given(ANY_TEXT, st.integers(1, 30))
def test_safe_text_is_never_longer_than_its_limit(text, limit):
    assert len(escape(text, limit)) <= limit
    assert escape(text, limit).isprintable()


@given(st.text(st.characters(codec="ascii", categories=("L", "N", "P"))))
def test_what_shows_stays_as_it_is(text):
    assert escape(text) == text


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("\x9b2J", r"\x9b2J"),
        ("a\rb", r"a\rb"),
        ("\u202eexe.txt", r"\u202eexe.txt"),
        ("\ud800", r"\ud800"),
        ("two\nlines", r"two\nlines"),
        ("\U000e0041", r"\U000e0041"),
        ("[bold]ü €", "[bold]ü €"),
    ],
)
def test_what_acts_upon_a_terminal_is_written_out(hostile, shown):
    assert escape(hostile) == shown


def test_a_cut_says_that_it_is_one():
    assert escape("abcdef", 4) == "abc…"
    assert escape("abcd", 4) == "abcd"
    assert escape("\x1b\x1b", 4) == r"\x1…"
    assert escape("abc", 1) == "…"


def test_a_gigantic_text_is_not_looked_at_beyond_the_cut():
    """Only what is shown is examined; a subclass of str that counts is the witness."""

    class Watched(str):
        __slots__ = ()

        def isprintable(self):
            raise AssertionError("looked at the whole text")

    assert escape(Watched("a" * 1000), 5) == "aaaa…"


@given(ANY_TEXT)
def test_only_line_feeds_survive_in_text_of_several_lines(text):
    assert all(line.isprintable() for line in escape_lines(text).split("\n"))
    assert escape_lines(text).count("\n") == text.count("\n")


@given(st.recursive(ANY_TEXT.filter(lambda t: t.isascii() or not any("\ud800" <= c <= "\udfff" for c in t)), st.lists))
def test_escape_json_reads_back_as_the_same_and_shows_in_full(value):
    line = json.dumps(value, ensure_ascii=False).encode()
    made = escape_json(line)
    assert json.loads(made) == value
    assert made.decode().isprintable()


def test_json_that_is_safe_already_is_not_copied():
    line = b'{"v":1,"url":"http://a.test/"}\n'
    assert escape_json(line) is line
