"""docs/faults.md, section 4: HTTP/2 streams and connections that are given up, through the whole product."""

from __future__ import annotations

import pytest
from h2.errors import ErrorCodes
from tests.faults.http2 import PAGE, GivesUp

from penstock.testing.outcomes import in_a_word

OFTEN = 1_000
AGAIN_AT_ONCE = {ErrorCodes.REFUSED_STREAM, ErrorCodes.HTTP_1_1_REQUIRED}
"""What libcurl itself sends again: the server says that it did nothing (RFC 9113, section 8.7), or wants HTTP/1.1."""


@pytest.fixture
def http2(tmp_path):
    with GivesUp(tmp_path) as http2:
        yield http2


@pytest.fixture
def fetched(http2, fetch_eagerly):
    """Fetches paths, or one with a method, and gives for each its outcome in a word."""

    def fetch(*paths, method="GET", **changed):
        rows = [{"url": http2.url(path), "method": method} for path in paths]
        return fetch_eagerly(rows, cacert=http2.cacert, **changed)

    return fetch


@pytest.mark.parametrize("code", sorted(set(ErrorCodes) - AGAIN_AT_ONCE))
def test_a_stream_that_is_reset_is_as_a_connection_that_is(code, fetched):
    """Whatever the error code says. What is within a body was a response."""
    before, within = fetched(f"/reset/{int(code)}/{OFTEN}/page", f"/body/{int(code)}/{OFTEN}/page")
    assert (in_a_word(before), before.status) == ("reset", None)
    assert (in_a_word(within), within.status, within.body) == ("truncated", 200, b"")


@pytest.mark.parametrize("how", ["reset", "body"])
@pytest.mark.parametrize("code", [ErrorCodes.INTERNAL_ERROR, ErrorCodes.CANCEL])
def test_it_is_tried_again_like_one(how, code, fetched):
    [outcome] = fetched(f"/{how}/{int(code)}/1/page", attempts=2)
    assert (outcome.body, outcome.attempts) == (PAGE, 2)


@pytest.mark.parametrize("how", ["close", "last"])
@pytest.mark.parametrize("code", [ErrorCodes.NO_ERROR, ErrorCodes.INTERNAL_ERROR, ErrorCodes.ENHANCE_YOUR_CALM])
def test_a_connection_that_is_closed_is_an_empty_reply(how, code, fetched):
    [outcome] = fetched(f"/{how}/{int(code)}/1/page")
    assert in_a_word(outcome) == "empty_reply"
    [outcome] = fetched(f"/{how}/{int(code)}/2/page", attempts=3)
    assert (outcome.body, outcome.attempts) == (PAGE, 3)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "path", [f"/reset/{int(ErrorCodes.REFUSED_STREAM)}/3/page", f"/away/{int(ErrorCodes.NO_ERROR)}/3/page"]
)
def test_what_the_server_says_it_did_not_begin_is_sent_again_at_once(path, method, http2, fetched):
    """By libcurl, whatever the method: it is as if it had not been sent."""
    [outcome] = fetched(path, method=method)
    assert (outcome.body, outcome.http) == (PAGE, "2")
    assert http2.asked == {path: [method] * 4}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_wanted_over_http_1_is_sent_so_at_once(method, http2, fetched):
    path = f"/reset/{int(ErrorCodes.HTTP_1_1_REQUIRED)}/1/page"
    [outcome] = fetched(path, method=method)
    assert (outcome.body, outcome.http) == (PAGE, "1.1")
    assert http2.asked == {path: [method] * 2}


def test_the_attempts_of_a_post_are_its_sendings(http2, fetched):
    refused = int(ErrorCodes.REFUSED_STREAM)
    never, late = f"/reset/{refused}/{OFTEN}/page", f"/reset/{refused}/2/page"
    refusals, page = fetched(never, late, method="POST", attempts=3)
    assert (in_a_word(refusals), refusals.attempts) == ("reset", len(http2.asked[never]))
    assert (in_a_word(page), page.attempts) == ("fetched", len(http2.asked[late])) == ("fetched", 3)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("kept", [False, True])
def test_no_body_is_put_together_from_two_responses(kept, method, http2, fetched):
    """libcurl asks over HTTP/1.1 even if the response has begun, and would give both bodies as one."""
    code = int(ErrorCodes.HTTP_1_1_REQUIRED)
    first = [f"/reset/{code}/1/page"] if kept else []  # leaves a connection of HTTP/1.1 behind
    path = f"/body/{code}/1/page"
    *_, outcome = fetched(*first, path, method=method, concurrency=1)
    assert (in_a_word(outcome), outcome.body) == ("truncated", b"")
    assert len(http2.asked[path]) == 1 + (kept and method == "GET")


@pytest.mark.parametrize("how", ["reset", "body", "close", "last"])
def test_a_post_that_is_given_up_is_sent_once(how, http2, fetched):
    path = f"/{how}/{int(ErrorCodes.INTERNAL_ERROR)}/{OFTEN}/page"
    outcomes = fetched(f"/reset/0/0/{how}", path, method="POST", attempts=3, concurrency=1)
    assert [outcome.attempts for outcome in outcomes] == [1, 1]
    assert http2.asked[path] == ["POST"]
