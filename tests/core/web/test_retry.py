"""Whether an attempt deserves another, after how long, and what it comes to in the end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.schedule.verdicts import Again, Done, Redirected
from penstock.core.web.judge import Judge
from penstock.core.web.model import Attempt, Failed, Fetched, Hop, Job, Reason, Skipped, Times
from penstock.core.web.retry import IDEMPOTENT, STATUSES, Retry

URL = "http://a.example/"
TRANSIENT_STATUSES = {408, 425, 429, 500, 502, 503, 504, 522, 524}
TRANSIENT_SLUGS = {
    *("dns_temporary", "connect_refused", "connect_unreachable", "reset", "tls_handshake", "truncated", "empty_reply"),
    *("timeout_dns", "timeout_connect", "timeout_tls", "timeout_first_byte", "timeout_body", "timeout"),
}
METHODS = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "POST", "PATCH", "CONNECT", "get", "MKCOL"]


def job(method: str = "GET", earlier: int = 0) -> Job:
    return Job(7, "a.example", URL, URL, method, earlier=earlier)


def test_the_statuses_tried_again_are_those_of_the_list_of_faults():
    assert STATUSES == TRANSIENT_STATUSES


@pytest.mark.parametrize("method", METHODS)
def test_a_status_is_tried_again_if_it_is_transient_and_the_method_idempotent(method):
    """RFC 9110, section 9.2.2: methods are case-sensitive, and POST and PATCH must not be sent twice."""
    for status in range(100, 600):
        again = Retry().delay(Attempt(job(method), status=status), 0.5) is not None
        assert again is (status in TRANSIENT_STATUSES and method in IDEMPOTENT), status


@pytest.mark.parametrize("method", METHODS)
def test_a_failure_is_tried_again_if_it_is_transient_and_the_method_idempotent(method):
    for reason in Reason:
        again = Retry().delay(Attempt(job(method), reason), 0.5) is not None
        assert again is (reason in TRANSIENT_SLUGS and method in IDEMPOTENT), reason


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_methods_that_the_user_names_are_tried_again_as_well(method):
    retry = Retry(methods=IDEMPOTENT | {"POST"})
    for attempt in (Attempt(job(method), Reason.EMPTY_REPLY), Attempt(job(method), status=502)):
        assert (retry.delay(attempt, 0.5) is not None) is (method == "POST")


def test_a_failure_counts_more_than_the_status_it_came_with():
    """A 503 with a broken body is broken; a 200 cut short is cut short."""
    assert Retry().delay(Attempt(job(), Reason.DECODE_ERROR, status=503), 0.5) is None
    assert Retry().delay(Attempt(job(), Reason.TRUNCATED, status=200), 0.5) is not None


@pytest.mark.parametrize(("attempts", "made", "again"), [(3, 0, True), (3, 1, True), (3, 2, False), (1, 0, False)])
def test_no_more_than_attempts_are_made(attempts, made, again):
    delay = Retry(attempts).delay(Attempt(job(earlier=made), Reason.RESET), 0.5)
    assert (delay is not None) is again


def test_the_wait_doubles_up_to_the_cap():
    retry = Retry(attempts=100, base=1.0, cap=60.0)
    waits = [retry.delay(Attempt(job(earlier=made), Reason.RESET), 0.5) for made in range(8)]
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


@given(
    st.floats(0, 1, exclude_max=True),
    st.integers(0, 10_000),
    st.floats(0, 100),
    st.floats(0, 1000),
)
def test_the_wait_is_never_negative_nor_over_its_bounds(draw, made, base, cap):
    delay = Retry(made + 2, base, cap).delay(Attempt(job(earlier=made), Reason.TIMEOUT), draw)
    assert delay is not None
    assert 0.0 <= delay <= cap
    assert delay <= base * 2.0 ** min(made, 60)


def test_full_jitter_reaches_from_nothing_to_the_whole():
    attempt = Attempt(job(), Reason.RESET)
    assert Retry(base=4.0).delay(attempt, 0.0) == 0.0
    assert Retry(base=4.0).delay(attempt, 0.999) == pytest.approx(3.996)


# The judge


def test_again_is_the_same_hop_with_one_more_attempt_behind_it_and_its_time_before_it():
    hops = (Hop("http://b.example/", 302),)
    first = Job(7, "a.example", "http://b.example/", URL, headers=(("A", "b"),), spent=4.0, hops=hops, ready=1.0)
    verdict = Judge(Retry(base=2.0))(Attempt(first, Reason.RESET), now=10.0, draw=0.5)
    again = Job(7, "a.example", "http://b.example/", URL, headers=(("A", "b"),), hops=hops, ready=11.0, earlier=1)
    assert verdict == Again(again, 11.0)


def test_a_complete_response_is_fetched_whatever_its_status():
    times = Times(0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
    hops = (Hop("http://b.example/", 301),)
    last = Job(7, "a.example", "b", URL, fields={"id": 1}, hops=hops, earlier=1)
    attempt = Attempt(last, None, None, 404, b"HTTP/1.1 404 x\r\n\r\n", b"gone", 5.0, times, "192.0.2.1", "1.1")
    assert Judge()(attempt, 0.0, 0.0) == Done(
        Fetched(
            seq=7,
            url="b",
            status=404,
            final_url=URL,
            redirects=hops,
            attempts=2,
            started=5.0,
            times=times,
            ip="192.0.2.1",
            http="1.1",
            head=attempt.head,
            body=b"gone",
            input={"id": 1},
        ),
    )


@pytest.mark.parametrize("reason", Reason)
def test_the_last_attempt_settles_the_input_with_the_kind_of_its_slug(reason):
    verdict = Judge(Retry(1))(Attempt(job(), reason, "the system's words"), 0.0, 0.0)
    assert isinstance(verdict, Done)
    outcome = verdict.outcome
    assert type(outcome) is (Skipped if reason.kind == "skipped" else Failed)
    assert (outcome.seq, outcome.error, outcome.detail, outcome.attempts) == (7, reason, "the system's words", 1)


def test_without_a_status_there_is_no_final_url():
    done = Judge(Retry(1))(Attempt(job(), Reason.RESET), 0.0, 0.0)
    assert isinstance(done, Done)
    assert (done.outcome.status, done.outcome.final_url) == (None, None)


def test_a_status_of_the_last_attempt_that_was_worth_another_is_an_answer():
    verdict = Judge(Retry(2))(Attempt(job(earlier=1), status=503), 0.0, 0.0)
    assert isinstance(verdict, Done)
    assert isinstance(verdict.outcome, Fetched)
    assert (verdict.outcome.status, verdict.outcome.attempts) == (503, 2)


def test_a_redirect_whose_body_broke_is_broken():
    """A Location is believed only from a response that is complete."""
    head = b"HTTP/1.1 302 x\r\nLocation: /next\r\n\r\n"
    verdict = Judge()(Attempt(job(), Reason.TOO_LARGE, status=302, head=head), 0.0, 0.0)
    assert isinstance(verdict, Done)
    assert verdict.outcome.error is Reason.TOO_LARGE


def test_a_redirect_is_no_attempt_of_its_own():
    head = b"HTTP/1.1 302 x\r\nLocation: /next\r\n\r\n"
    verdict = Judge(Retry(1))(Attempt(job(), status=302, head=head), 3.0, 0.0)
    assert isinstance(verdict, Redirected)
    assert (verdict.job.earlier, verdict.job.ready, verdict.job.target) == (0, 3.0, "http://a.example/next")


attempts = st.builds(
    Attempt,
    st.builds(job, st.sampled_from(METHODS), st.integers(0, 4)),
    error=st.one_of(st.none(), st.sampled_from(Reason)),
    status=st.integers(100, 599),
    head=st.sampled_from(
        [b"", b"HTTP/1.1 302 x\r\nLocation: /x\r\n\r\n", b"HTTP/1.1 302 x\r\nLocation: ftp://x\r\n\r\n"]
    ),
)


@given(attempts, st.floats(0, 1e9), st.floats(0, 1, exclude_max=True))
def test_every_attempt_has_exactly_one_meaning(attempt, now, draw):
    verdict = Judge()(attempt, now, draw)
    if isinstance(verdict, Done):
        assert verdict.outcome.seq == 7
        assert (type(verdict.outcome) is Fetched) is (verdict.outcome.error is None)
    elif isinstance(verdict, Again):
        assert verdict.until >= now
        assert verdict.job.earlier == attempt.job.earlier + 1 < 3
    else:
        assert isinstance(verdict, Redirected)
        assert len(verdict.job.hops) == 1
