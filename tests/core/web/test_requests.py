"""Which headers a request carries, where a redirect leads, and what must not go with it."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from penstock.core.schedule.verdicts import Done, Redirected
from penstock.core.web.judge import Judge
from penstock.core.web.model import Attempt, Failed, Hop, Job, Kind, Reason, Row, Skipped, Times
from penstock.core.web.requests import CROSSES_ORIGINS, REDIRECTS, RejectedRedirect, Requests, follow, is_redirect

A = "http://a.example/start"
B = "http://b.example/"
SECRETS = (("Authorization", "Bearer x"), ("Cookie", "a=1"), ("cookie", "b=2"), ("X-Api-Key", "k"))
PLAIN = (("User-Agent", "penstock"), ("Accept", "text/html"))


def job(target: str = A, **fields) -> Job:
    return Job(0, "a.example", target, target, **fields)


def answered(job: Job, location: str | bytes | None, status: int = 302, *more: bytes) -> Attempt:
    """A complete response to *job*, with a Location where there is one."""
    if isinstance(location, str):
        location = location.encode()
    lines = [b"HTTP/1.1 %d x" % status, b"Server: x", *more]
    if location is not None:
        lines.append(b"Location: " + location)
    head = b"\r\n".join([*lines, b"", b""])
    return Attempt(job, status=status, head=head, times=Times(total=0.5))


def hop(job: Job, location: str | bytes, status: int = 302) -> Job:
    onward = follow(answered(job, location, status), 10, 7.0)
    assert isinstance(onward, Job), onward
    return onward


def refused(job: Job, location: str | bytes | None, *more: bytes, limit: int = 10) -> RejectedRedirect:
    onward = follow(answered(job, location, 302, *more), limit, 7.0)
    assert isinstance(onward, RejectedRedirect), onward
    return onward


# The first request


def test_a_row_becomes_a_job_with_its_url_as_given_and_its_target_canonical():
    row = Row(3, 5, "HTTP://A.example:80/x#y", "PUT", (("X-One", "1"),), b"body", {"id": 9})
    assert Requests(PLAIN).prepare(row, 4.0) == Job(
        3,
        "a.example",
        "HTTP://A.example:80/x#y",
        "http://a.example/x",
        "PUT",
        (*PLAIN, ("X-One", "1")),
        b"body",
        {"id": 9},
        ready=4.0,
    )


def test_headers_of_a_row_replace_their_namesakes_in_the_settings():
    requests = Requests((("user-agent", "mine"), ("Accept", "a"), ("ACCEPT", "b")))
    made = requests.prepare(Row(0, 1, A, headers=(("accept", "c"), ("Accept", "d"))), 0.0)
    assert isinstance(made, Job)
    assert made.headers == (("user-agent", "mine"), ("accept", "c"), ("Accept", "d"))


def test_credentials_in_a_url_become_the_authorization_and_are_blotted():
    row = Row(0, 1, "http://u:p@a.example/", headers=(("authorization", "Bearer x"),))
    made = Requests(PLAIN).prepare(row, 0.0)
    assert isinstance(made, Job)
    assert made.url == "http://***@a.example/"
    assert made.target == "http://a.example/"
    assert made.headers == (*PLAIN, ("Authorization", "Basic " + base64.b64encode(b"u:p").decode()))


def test_a_broken_row_is_an_outcome_that_names_its_line():
    skipped = Requests().prepare(Row(2, 7, "", fields={"id": 9}, fault="no column url"), 0.0)
    assert skipped == Skipped(2, "", Reason.INVALID_URL, "line 7: no column url", input={"id": 9})


def test_the_url_of_a_broken_row_is_blotted_too():
    skipped = Requests().prepare(Row(0, 1, "http://u:secret@h/", fault="bad header"), 0.0)
    assert "secret" not in repr(skipped)


def test_a_broken_row_has_the_slug_that_its_source_gave_it():
    row = Row(2, 7, "http://u:secret@h/", fault="no method", reason=Reason.INVALID_REQUEST)
    assert Requests().prepare(row, 0.0) == Skipped(2, "http://***@h/", Reason.INVALID_REQUEST, "line 7: no method")


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://a.example/x", "a.example"),
        ("http://a.example/x", "A.Example:80"),
        ("https://A.example:443/x", "a.example"),
        ("http://a.example:8080/x", "a.example:8080"),
        ("http://b\u00fccher.example/", "xn--bcher-kva.example"),
        ("http://[::1]:8080/", "[0:0::1]:8080"),
    ],
)
def test_a_host_header_that_says_what_the_url_says_is_left_to_each_hop(url, host):
    made = Requests(PLAIN).prepare(Row(0, 1, url, headers=(("HOST", host), ("X-One", "1"))), 0.0)
    assert isinstance(made, Job)
    assert made.headers == (*PLAIN, ("X-One", "1"))


@pytest.mark.parametrize(
    "hosts",
    [
        ("b.example",),
        ("a.example:81",),
        ("a.example.evil.example",),
        ("",),
        ("a.example", "b.example"),
        ("a.example, b.example",),
        ("b.example#a.example",),
        ("a b",),
    ],
)
def test_a_host_header_that_says_something_else_is_refused(hosts):
    """It would ask one server for another's pages, and their answers would count for the URL."""
    row = Row(3, 5, "http://u:p@a.example/", headers=tuple(("host", host) for host in hosts), fields={"id": 1})
    skipped = Requests(PLAIN).prepare(row, 0.0)
    assert isinstance(skipped, Skipped)
    assert (skipped.error, skipped.url, skipped.input) == (Reason.INVALID_REQUEST, "http://***@a.example/", {"id": 1})
    assert skipped.detail.startswith("line 5: the Host header is not the URL's")
    # A stored outcome is read in Python and on the command line.
    assert skipped.detail.endswith("use connect_to (--connect-to)")


@pytest.mark.parametrize(
    ("url", "reason", "shown"),
    [
        ("nonsense", Reason.INVALID_URL, "nonsense"),
        ("ftp://a.example/", Reason.BLOCKED_SCHEME, "ftp://a.example/"),
        ("http://u:secret@a.example:99999/", Reason.INVALID_URL, "http://***@a.example:99999/"),
    ],
)
def test_a_url_that_leads_nowhere_is_skipped_before_anything_is_sent(url, reason, shown):
    skipped = Requests().prepare(Row(4, 9, url), 0.0)
    assert isinstance(skipped, Skipped)
    assert (skipped.seq, skipped.url, skipped.error, skipped.attempts) == (4, shown, reason, 0)
    assert skipped.detail is not None
    assert skipped.detail.startswith("line 9: ")


@given(st.text(max_size=40))
def test_any_text_becomes_a_job_or_an_outcome(text):
    assert Requests().prepare(Row(0, 1, text), 0.0).seq == 0


# Where a redirect leads


@pytest.mark.parametrize(
    ("status", "before", "after"),
    [
        (301, "GET", "GET"),
        (302, "GET", "GET"),
        (303, "GET", "GET"),
        (307, "GET", "GET"),
        (308, "GET", "GET"),
        (301, "HEAD", "HEAD"),
        (302, "HEAD", "HEAD"),
        (303, "HEAD", "HEAD"),
        (307, "HEAD", "HEAD"),
        (308, "HEAD", "HEAD"),
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
        (301, "PUT", "PUT"),
        (302, "PUT", "PUT"),
        (303, "PUT", "GET"),
        (307, "PUT", "PUT"),
        (308, "PUT", "PUT"),
        (301, "DELETE", "DELETE"),
        (303, "DELETE", "GET"),
    ],
)
def test_the_method_after_a_redirect(status, before, after):
    """The Fetch standard, HTTP-redirect fetch, step 12; the body goes with the method."""
    headers = (("Content-Type", "text/plain"), ("content-encoding", "gzip"), ("X-Mine", "1"))
    onward = hop(job(method=before, headers=headers, body=b"body"), "/next", status)
    assert onward.method == after
    if before == after:
        assert onward.body == b"body"
        assert onward.headers == headers
    else:
        assert onward.body is None
        assert onward.headers == (("X-Mine", "1"),)


def test_no_other_status_is_a_redirect():
    statuses = {status for status in range(100, 600) if follow(answered(job(), "/next", status), 10, 0.0) is not None}
    assert statuses == REDIRECTS == {301, 302, 303, 307, 308}


def test_the_next_hop_is_a_job_for_the_host_it_leads_to():
    first = job(ready=1.0, spent=0.25, earlier=1, fields={"id": 9})
    assert hop(first, "//b.example:8080/x#f") == Job(
        0,
        "b.example",
        A,
        "http://b.example:8080/x",
        fields={"id": 9},
        ready=7.0,
        earlier=1,
        spent=0.75,
        hops=(Hop(A, 302),),
        public=True,
    )


@pytest.mark.parametrize(
    ("answered_by", "then", "public"),
    [
        ("93.184.216.34", "93.184.216.34", True),
        ("93.184.216.34", "10.0.0.1", True),
        ("10.0.0.1", "93.184.216.34", True),
        ("10.0.0.1", "127.0.0.1", False),
        ("::1", "fd00::1", False),
        ("10.0.0.1", None, True),
    ],
)
def test_a_chain_that_a_public_address_had_a_hand_in_is_public_for_good(answered_by, then, public):
    """Where nobody knows who answered, it may have been anybody."""
    first = follow(replace(answered(job(), "/1"), ip=answered_by), 10, 7.0)
    second = follow(replace(answered(first, "/2"), ip=then), 10, 7.0)
    assert second.public is public


def test_the_chain_grows_by_every_address_that_answered():
    last = hop(hop(hop(job(), "/1", 301), B, 307), "/2")
    assert last.hops == (Hop(A, 301), Hop("http://a.example/1", 307), Hop(B, 302))
    assert last.target == "http://b.example/2"
    assert last.url == A


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/caf\u00e9".encode(), "http://a.example/caf%C3%A9"),
        (b"/caf\xe9", "http://a.example/caf%E9"),
        (b"/caf\xe9?\x9b", "http://a.example/caf%E9?%9B"),
        ("//b\u00fccher.example".encode(), "http://xn--bcher-kva.example/"),
    ],
)
def test_raw_bytes_in_a_location_are_utf8_or_else_kept_as_they_are(location, target):
    assert hop(job(), location).target == target


def test_a_location_is_found_whatever_its_case():
    attempt = Attempt(job(), status=301, head=b"HTTP/1.1 301 x\r\nlOCATION:\t/x \r\n\r\n")
    onward = follow(attempt, 10, 0.0)
    assert isinstance(onward, Job)
    assert onward.target == "http://a.example/x"


def test_a_redirect_with_credentials_sends_them_there_and_no_further():
    there = hop(job(headers=SECRETS), "http://u:p@b.example/")
    assert there.headers == (("Authorization", "Basic dTpw"),)
    assert there.target == B
    assert hop(there, "/more").headers == there.headers
    assert hop(there, A).headers == ()


# What crosses an origin


@pytest.mark.parametrize(
    "location",
    [
        B,
        "//b.example",
        "https://a.example/",
        "http://a.example:8080/",
        "http://www.a.example/",
        "http://a.example./",
        "http://a.example@b.example/",
        "\\\\b.example\\",
        "/\\b.example",
        "///b.example",
        "HTTP:\\\\B.EXAMPLE",
    ],
)
def test_credentials_do_not_cross_an_origin(location):
    onward = hop(job(headers=(*SECRETS, *PLAIN)), location)
    names = {name for name, _ in onward.headers} - {"Authorization"}
    assert names == {"User-Agent", "Accept"}
    assert ("Authorization", "Bearer x") not in onward.headers


@pytest.mark.parametrize("location", ["/x", "http://a.example:80/x", "HTTP://A.Example/x", "?x", "", "http:x"])
def test_on_the_same_origin_every_header_stays(location):
    headers = (*SECRETS, *PLAIN)
    assert hop(job(headers=headers), location or "#").headers == headers


def test_what_was_dropped_once_stays_dropped_on_the_way_back():
    there = hop(job(headers=(*SECRETS, *PLAIN)), B)
    back = hop(there, A)
    assert back.target == A
    assert back.headers == PLAIN


def test_what_was_dropped_stays_dropped_when_the_hop_is_tried_again():
    there = hop(job(headers=(*SECRETS, *PLAIN)), B)
    verdict = Judge()(Attempt(there, Reason.RESET), 0.0, 0.0)
    assert verdict.job.headers == PLAIN


def test_nothing_that_could_be_a_credential_is_on_the_list_of_what_crosses():
    """The list is short and closed; a header nobody thought of stays at home."""
    assert not CROSSES_ORIGINS & {"authorization", "cookie", "proxy-authorization", "host", "referer", "origin"}
    headers = tuple((name.title(), "x") for name in sorted(CROSSES_ORIGINS))
    assert hop(job(headers=headers), B).headers == headers


@given(
    st.lists(st.sampled_from([A, B, "https://a.example/", "http://a.example:81/", "/x", "http://[::1]/"]), max_size=8),
)
def test_no_credential_ever_leaves_its_origin(locations):
    """However long the chain: once any hop has left the first origin, the secrets are gone."""
    here, left = job(headers=(*SECRETS, *PLAIN)), False
    for location in locations:
        onward = follow(answered(here, location), 10, 0.0)
        if isinstance(onward, RejectedRedirect):
            assert onward.reason is Reason.TOO_MANY_REDIRECTS  # the same request twice
            break
        here = onward
        left = left or not here.target.startswith("http://a.example/")
        assert here.headers == (PLAIN if left else (*SECRETS, *PLAIN))


# FAULTS section 4: loop, missing, empty, doubled, invalid Location, another scheme


def test_a_redirect_without_a_location_is_an_answer():
    assert follow(answered(job(), None), 10, 0.0) is None


@pytest.mark.parametrize("location", ["", " ", "\t"])
def test_an_empty_location_is_invalid(location):
    assert refused(job(), location) == RejectedRedirect(Reason.REDIRECT_INVALID, "status 302 with an empty Location")


@pytest.mark.parametrize("second", [b"Location: /other", b"Location:", b"Location: /next#x"])
def test_two_locations_that_differ_are_invalid(second):
    assert refused(job(), "/next", second) == RejectedRedirect(
        Reason.REDIRECT_INVALID, "status 302 with more than one Location"
    )


@pytest.mark.parametrize("second", [b"Location: /next", b"location:   /next  "])
def test_the_same_location_twice_is_followed(second):
    onward = follow(answered(job(), "/next", 302, second), 10, 0.0)
    assert isinstance(onward, Job)
    assert onward.target == "http://a.example/next"


def test_a_redirect_to_the_very_same_request_ends_at_the_second_one():
    once = hop(job(), A)
    assert once.target == A
    refusal = refused(once, A)
    assert refusal.reason is Reason.TOO_MANY_REDIRECTS
    assert "cookies" in refusal.detail


def test_the_same_address_asked_for_in_another_way_is_another_request():
    """A form that is posted and then shown at its own address is no loop."""
    posted = hop(job(method="POST", body=b"x"), A, status=303)
    assert (posted.target, posted.method) == (A, "GET")


def test_with_no_redirects_allowed_each_one_is_an_answer():
    assert follow(answered(job(), "/next"), 0, 0.0) is None


@pytest.mark.parametrize(
    ("head", "is_one"),
    [
        (b"HTTP/1.1 302 x\r\nLocation: /a", True),
        (b"HTTP/2 308\r\nlocation: /a", True),
        (b"HTTP/1.1 302 x\r\nLocation:", True),
        (b"HTTP/1.1 302 x\r\nServer: x", False),
        (b"HTTP/1.1 304 x\r\nLocation: /a", False),
        (b"HTTP/1.1 201 x\r\nLocation: /a", False),
        (b"HTTP/1.1 3\xb22 x\r\nLocation: /a", False),
        (b"", False),
    ],
)
def test_a_redirect_is_told_by_its_status_and_a_location(head, is_one):
    assert is_redirect(head) is is_one


@pytest.mark.parametrize(
    "location", ["http://", "//", "http://a.example:99999/", "http://[", "//[", "/\x00", "/\x1b[2J"]
)
def test_an_invalid_location_is_invalid(location):
    assert refused(job(), location).reason is Reason.REDIRECT_INVALID


def test_a_location_over_the_longest_url_is_invalid():
    assert refused(job(), "/" + "x" * 40_000).reason is Reason.REDIRECT_INVALID


@pytest.mark.parametrize("location", ["ftp://b.example/", "file:///etc/passwd", "javascript:alert(1)", "data:,x"])
def test_a_redirect_to_another_scheme_is_blocked(location):
    assert refused(job(), location).reason is Reason.BLOCKED_SCHEME


def test_a_trailer_is_no_location():
    head = b"HTTP/1.1 302 x\r\nServer: x\r\n\r\nLocation: http://evil.example/\r\n"
    assert follow(Attempt(job(), status=302, head=head), 10, 0.0) is None


@pytest.mark.parametrize("limit", [1, 3])
def test_at_most_limit_hops_are_followed(limit):
    here = job()
    for number in range(limit):
        onward = follow(answered(here, f"/again/{number}"), limit, 0.0)
        assert isinstance(onward, Job)
        here = onward
    assert follow(answered(here, "/again"), limit, 0.0) == RejectedRedirect(
        Reason.TOO_MANY_REDIRECTS, f"more than {limit} redirects"
    )


def test_a_loop_ends_as_too_many_redirects_with_the_chain():
    judge = Judge(max_redirects=3)
    verdict: object = Redirected(job())
    targets = [B, A]
    while isinstance(verdict, Redirected):
        targets.reverse()
        verdict = judge(answered(verdict.job, targets[0] if verdict.job.target == targets[1] else targets[1]), 0.0, 0.0)
    assert isinstance(verdict, Done)
    outcome = verdict.outcome
    assert isinstance(outcome, Failed)
    assert (outcome.error, outcome.status, outcome.attempts) == (Reason.TOO_MANY_REDIRECTS, 302, 1)
    assert [hop.url for hop in outcome.redirects] == [A, B, A]
    assert outcome.final_url == B


def test_a_body_or_method_in_the_way_of_a_bad_redirect_keeps_status_and_headers():
    done = Judge()(answered(job(method="POST", body=b"x"), ""), 0.0, 0.0)
    assert isinstance(done, Done)
    assert done.outcome.kind is Kind.FAILED
    assert done.outcome.status == 302
    assert done.outcome.header("server") == "x"


def test_what_a_form_redirects_to_may_redirect_to_itself_once():
    """POST, then GET of the same address, which sets a cookie by redirecting to itself: two different requests."""
    shown = hop(job(method="POST", body=b"x"), A, status=303)
    again = hop(shown, A)
    assert (again.target, again.method) == (A, "GET")
    said = "redirected twice to the very same request, as a site does that wants cookies; use cookies (--cookies)"
    assert refused(again, A) == RejectedRedirect(Reason.TOO_MANY_REDIRECTS, said)
