"""What a server may ask for with Retry-After, and that its host, and nobody else, is left alone for it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from tests.core.web.told import Item, a0, a1, a2, b0, make, settle, starts

from penstock.core.schedule.answers import Bottleneck, Finished, Pull, Start, Wait
from penstock.core.schedule.verdicts import Again, Done
from penstock.core.web.judge import Judge
from penstock.core.web.model import Attempt, Job, Reason, Times
from penstock.core.web.retry import LONGEST_PARK, Retry, retry_after

NOON = 1_795_521_600.0
"""2026-11-24 12:00:00 GMT, a Tuesday."""

JOB = Job(0, "a.example", "http://a.example/", "http://a.example/")


def answer(
    *wishes: str, status: int = 429, error: Reason | None = None, took: float = 0.0, method: str = "GET"
) -> Attempt:
    head = "".join(f"\r\nRetry-After: {wish}" for wish in wishes)
    raw = f"HTTP/1.1 {status} So it is{head}\r\n\r\n".encode("latin-1")
    return Attempt(
        replace(JOB, method=method), error, status=status, head=raw, started=NOON - took, times=Times(total=took)
    )


@pytest.mark.parametrize(
    ("wish", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        ("  7\t", 7.0),
        ("3600", 3600.0),
        ("3601", LONGEST_PARK),
        ("9" * 400, LONGEST_PARK),
        ("Tue, 24 Nov 2026 12:01:30 GMT", 90.0),
        ("Tuesday, 24-Nov-26 12:01:30 GMT", 90.0),
        ("Tue Nov 24 12:01:30 2026", 90.0),
        ("Tue, 24 Nov 2026 13:01:30 +0100", 90.0),
        ("Tue, 24 Nov 2026 11:00:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_PARK),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("+3", None),
        ("\u00b2", None),
        ("soon", None),
        ("Tue, 99 Nov 2026 12:01:30 GMT", None),
    ],
)
def test_a_wish_is_seconds_or_a_date_up_to_a_cap(wish, seconds):
    """All three forms of a date that RFC 9110, section 5.6.7, knows."""
    assert retry_after(answer(wish)) == seconds


def test_a_date_counts_from_when_the_answer_came():
    assert retry_after(answer("Tue, 24 Nov 2026 12:01:30 GMT", took=20.0)) == 90.0


def test_of_several_wishes_the_longest_holds():
    assert retry_after(answer("3", "nonsense", "10", "5")) == 10.0


def test_any_answer_from_400_on_may_have_a_wish_whether_it_is_tried_again_or_not():
    """GitHub asks for it with 403, others with 420, 509, 529 and 999."""
    for status in (*range(200, 600), 999):
        assert (retry_after(answer("9", status=status)) == 9.0) is (status >= 400), status
    assert retry_after(answer()) is None


def test_a_wish_counts_though_the_body_breaks_off():
    assert retry_after(answer("9", error=Reason.TRUNCATED)) == 9.0
    assert retry_after(answer("9", status=200, error=Reason.TRUNCATED)) is None


def test_a_status_that_is_no_reason_to_try_again_parks_its_host_all_the_same():
    verdict = Judge()(answer("30", status=403), 100.0, 0.0)
    assert isinstance(verdict, Done)
    assert (verdict.outcome.status, verdict.park) == (403, 130.0)


@pytest.mark.parametrize("method", ["POST", "PATCH", "MKCOL"])
def test_what_the_server_did_not_act_upon_is_tried_again_whatever_the_method(method):
    """429 and 503 with Retry-After say so (RFC 6585, section 4; RFC 9110, section 15.6.4)."""
    for status in range(400, 600):
        attempt = answer("30", status=status, method=method)
        verdict = Judge()(attempt, 100.0, 0.0)
        assert type(verdict) is (Again if status in (429, 503) else Done), status
        assert verdict.park == 130.0
        assert isinstance(Judge()(answer(status=status, method=method), 100.0, 0.0), Done)
    assert isinstance(Judge()(answer("soon", status=503, method=method), 100.0, 0.0), Done)
    assert isinstance(Judge()(answer("9", status=503, method=method, error=Reason.TRUNCATED), 100.0, 0.0), Done)
    assert isinstance(Judge(Retry(1))(answer("9", status=503, method=method), 100.0, 0.0), Done)


def test_the_host_is_parked_also_by_the_last_attempt():
    """Its other jobs would be answered the same way."""
    verdict = Judge()(answer("30"), 100.0, 0.0)
    assert isinstance(verdict, Again)
    assert (verdict.until, verdict.park) == (100.0, 130.0)
    last = Attempt(Job(0, "a", "u", "u", earlier=2), status=503, head=b"HTTP/1.1 503 No\r\nRetry-After: 30\r\n\r\n")
    verdict = Judge()(last, 100.0, 0.0)
    assert isinstance(verdict, Done)
    assert (verdict.outcome.status, verdict.park) == (503, 130.0)


# The frontier


def test_a_parked_key_waits_and_no_other_does():
    frontier = make(a0, a1, b0, concurrency=1)
    assert starts(frontier, 0.0) == [a0]
    frontier.settle(a0, Done(a0, park=60.0), 1.0)
    assert frontier.next(1.0) == Start(b0)
    settle(frontier, b0, 2.0)
    assert frontier.next(2.0) == Wait(60.0)
    (waiting,) = frontier.waiting()
    assert (waiting.key, waiting.bound, waiting.until) == ("a", Bottleneck.PARKED, 60.0)
    assert frontier.next(60.0) == Start(a1)


def test_the_job_that_was_refused_waits_with_its_key():
    frontier = make(a0)
    assert frontier.next(0.0) == Start(a0)
    frontier.settle(a0, Again(a0, 2.0, park=60.0), 1.0)
    assert frontier.next(2.0) == Wait(60.0)
    assert frontier.next(60.0) == Start(a0)


def test_a_key_is_parked_though_it_has_no_jobs_at_the_moment():
    frontier = make(a0, closed=False)
    assert frontier.next(0.0) == Start(a0)
    frontier.settle(a0, Done(a0, park=60.0), 1.0)
    assert frontier.next(50.0) == Pull()
    frontier.offer(a1)
    frontier.close()
    assert frontier.next(50.0) == Wait(60.0)


def test_a_shorter_wish_takes_nothing_back():
    frontier = make(a0, a1, a2, per_key=2)
    assert starts(frontier, 0.0) == [a0, a1]
    frontier.settle(a0, Done(a0, park=60.0), 1.0)
    frontier.settle(a1, Done(a1, park=30.0), 1.0)
    assert frontier.next(30.0) == Wait(60.0)


def test_a_key_in_the_queue_leaves_it():
    """Two of its jobs ran; the third was about to start when the server said no."""
    frontier = make(a0, a1, a2, concurrency=2, per_key=9)
    assert starts(frontier, 0.0) == [a0, a1]
    frontier.settle(a0, Done(a0, park=60.0), 1.0)
    assert frontier.next(1.0) == Wait(60.0)


def test_nobody_waits_for_a_parked_key_that_has_nothing_to_do():
    frontier = make(a0)
    assert frontier.next(0.0) == Start(a0)
    frontier.settle(a0, Done(a0, park=60.0), 1.0)
    assert frontier.next(1.0) == Finished()


def test_what_is_parked_can_be_told_and_parked_again():
    """So that it survives a restart."""
    frontier = make(a0, b0)
    assert starts(frontier, 0.0) == [a0, b0]
    frontier.settle(a0, Done(a0, park=60.0), 1.0)
    frontier.settle(b0, Done(b0, park=9.0), 1.0)
    assert frontier.parked(10.0) == {"a": 60.0}

    again = make(closed=False)
    again.park("a", 60.0)
    again.park("b", 5.0)
    assert again.next(10.0) == Pull()
    again.offer(a1)
    again.offer(Item("b", 1))
    again.close()
    assert starts(again, 10.0) == [Item("b", 1)]
    settle(again, Item("b", 1), 11.0)
    assert again.next(11.0) == Wait(60.0)


def test_a_parked_key_without_jobs_is_forgotten_when_its_time_has_come():
    frontier = make(a0, closed=False)
    assert frontier.next(0.0) == Start(a0)
    frontier.settle(a0, Done(a0, park=60.0), 1.0)
    frontier.next(61.0)
    assert (frontier._queues, frontier.parked(61.0)) == ({}, {})
