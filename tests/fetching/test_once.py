"""Which requests are the same, and that the first of them in the order of the input is the one that is made."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.schedule.verdicts import Duplicate
from penstock.core.web.model import Job, Row, Skipped
from penstock.core.web.requests import Requests, identity
from penstock.fetching.deduplication import Once

PLAIN = Row(0, 1, "http://a.test/page?q=1")


def job(row, **headers):
    found = Requests(tuple(headers.items())).first(row, 0.0)
    assert isinstance(found, Job)
    return found


@pytest.mark.parametrize(
    "row",
    [
        Row(7, 9, "http://a.test/page?q=1"),
        Row(1, 2, "HTTP://A.TEST:80/page?q=1"),
        Row(1, 2, "http://a.test/page?q=1#there"),
        Row(1, 2, "http://a.test/./x/../page?q=1"),
        Row(1, 2, "http://me:hush@a.test/page?q=1"),
        Row(1, 2, PLAIN.url, headers=(("X-Mine", "1"),)),
        Row(1, 2, PLAIN.url, fields={"id": 7}),
        Row(1, 2, PLAIN.url, body=b""),
    ],
)
def test_these_ask_for_the_same(row):
    assert identity(job(row)) == identity(job(PLAIN))


@pytest.mark.parametrize(
    "row",
    [
        Row(0, 1, "https://a.test/page?q=1"),
        Row(0, 1, "http://a.test:8080/page?q=1"),
        Row(0, 1, "http://a.test./page?q=1"),
        Row(0, 1, "http://a.test/page?q=2"),
        Row(0, 1, "http://a.test/PAGE?q=1"),
        Row(0, 1, "http://a.test/page/?q=1"),
        Row(0, 1, PLAIN.url, method="HEAD"),
        Row(0, 1, PLAIN.url, method="POST", body=b"1"),
        Row(0, 1, PLAIN.url, body=b"1"),
    ],
)
def test_these_ask_for_something_else(row):
    assert identity(job(row)) != identity(job(PLAIN))


def test_no_body_can_be_made_to_look_like_a_url():
    assert (
        len({identity(job(Row(0, 1, url, body=body))) for url, body in [("http://a/b", b"c"), ("http://a/", b"b\nc")]})
        == 2
    )


def test_the_headers_of_the_run_make_no_difference():
    """What is sent with every request may change from one session to the next: a token that ran out."""
    assert identity(job(PLAIN, Authorization="old")) == identity(job(PLAIN, Authorization="new"))


def test_what_cannot_be_asked_for_is_no_duplicate():
    with Once(Requests()) as once:
        found = [once.look(Row(seq, seq + 1, "nonsense"), 0.0) for seq in range(3)]
    assert [type(item) for item in found] == [Skipped] * 3


@given(st.lists(st.sampled_from(["http://a/1", "http://a/2", "HTTP://A/1", "no", "http://b/"])))
def test_the_first_of_those_that_ask_for_the_same_is_the_one_that_is_made(urls):
    seen = set()
    with Once(Requests()) as once:
        for seq, url in enumerate(urls):
            found = once.look(Row(seq, seq + 1, url), 5.0)
            if url == "no":
                assert isinstance(found, Skipped)
            elif url.lower() in seen:
                assert found == Duplicate(seq)
            else:
                assert isinstance(found, Job)
                assert (found.seq, found.ready) == (seq, 5.0)
            seen.add(url.lower())
