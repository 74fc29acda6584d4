"""docs/faults.md, section 4: what comes of replies that go wrong, on real sockets, through the whole product."""

from __future__ import annotations

import json
import tracemalloc

import pytest

from penstock import fetch
from penstock.testing.hostile import FAULTS, HostileServer
from penstock.testing.hostile.replies import PAGE
from penstock.testing.outcomes import in_a_word
from penstock.testing.pages import page
from penstock.testing.web import LocalWeb

REPLIES = {name: fault for name, fault in FAULTS.items() if fault.answer}
AT_ONCE = [name for name, fault in REPLIES.items() if not fault.outcome.startswith("timeout")]
TIMED = [name for name, fault in REPLIES.items() if fault.outcome.startswith("timeout")]
ENDLESS = [
    name
    for name, fault in REPLIES.items()
    if fault.outcome == "too_large" or ("without end" in fault.about and "a byte at a time" not in fault.about)
]
RETRIED = {"truncated", "reset", "empty_reply"}
FINAL = {"protocol_error", "decode_error", "too_large"}


@pytest.mark.parametrize("name", AT_ONCE)
def test_a_reply_that_goes_wrong_comes_to_what_it_must(name, server, fetch_among_pages):
    [outcome] = fetch_among_pages([server.url(name)])
    assert in_a_word(outcome) == FAULTS[name].outcome


@pytest.mark.parametrize("name", TIMED)
def test_a_reply_that_does_not_end_is_over_at_the_deadline(name, server, fetch_among_pages):
    [outcome] = fetch_among_pages([server.url(name)], timeout=0.3)
    assert in_a_word(outcome) == FAULTS[name].outcome


def test_all_of_them_at_once_come_to_what_they_must(server, fetch_among_pages):
    """And fifty pages of the same server are fetched meanwhile."""
    rows = [server.url(name) for name in AT_ONCE] + [server.page(f"/page/{number}") for number in range(50)]
    outcomes = fetch_among_pages(rows)
    came_to = {name: in_a_word(outcome) for name, outcome in zip(AT_ONCE, outcomes, strict=False)}
    assert came_to == {name: REPLIES[name].outcome for name in AT_ONCE}
    for number, outcome in enumerate(outcomes[len(AT_ONCE) :]):
        assert outcome.body == page("127.0.0.1", f"/page/{number}")


def test_a_response_that_is_not_whole_leaves_no_body(server, fetch_among_pages):
    names = [name for name in AT_ONCE if REPLIES[name].outcome in RETRIED | FINAL]
    outcomes = fetch_among_pages([server.url(name) for name in names])
    assert [outcome.body for outcome in outcomes] == [b""] * len(names)


@pytest.mark.parametrize("name", ENDLESS)
def test_memory_stays_flat_however_much_is_sent(name, server, limits, each_once):
    """Counted are all bytes that Python holds, those of the server in the same process included."""
    settings = limits | ({"timeout": 0.2} if name in TIMED else {})
    tracemalloc.start()
    try:
        each_once(fetch([server.url(name)], **settings), 1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < settings["max_body"] + 2_000_000


@pytest.mark.parametrize("name", [name for name, fault in REPLIES.items() if fault.outcome == "fetched"])
def test_a_page_is_fetched_whole_whatever_its_form(name, server, fetch_among_pages):
    [outcome] = fetch_among_pages([server.url(name)])
    if name.startswith("redirect"):
        assert json.loads(outcome.body)["target"] == "/echo"
    else:
        assert outcome.body == (PAGE if outcome.status in (200, 302) and name != "empty_page" else b"")


# -- another attempt


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_status_that_may_be_better_next_time_is_an_answer_in_the_end(status, web, fetch_eagerly):
    [outcome] = fetch_eagerly([web.url(0, f"/status/{status}/page")], attempts=3)
    assert (in_a_word(outcome), outcome.status, outcome.attempts) == ("fetched", status, 3)


def test_a_host_that_recovers_within_the_attempts_gives_its_page(limits, fetch_eagerly):
    with LocalWeb() as web:
        urls = [web.url(0, f"/flaky/{times}/page") for times in (1, 2, 3)]
        outcomes = fetch_eagerly(urls, attempts=3)
        assert [(outcome.status, outcome.attempts) for outcome in outcomes] == [(200, 2), (200, 3), (503, 3)]
        assert web.traffic().requests == 2 + 3 + 3


@pytest.mark.parametrize("name", [name for name in AT_ONCE if REPLIES[name].outcome in RETRIED])
def test_what_broke_off_is_tried_again(name, server, fetch_eagerly):
    before = len(server.requests(name))
    [outcome] = fetch_eagerly([server.url(name)], attempts=2)
    assert (in_a_word(outcome), outcome.attempts) == (REPLIES[name].outcome, 2)
    assert len(server.requests(name)) == before + 2


@pytest.mark.parametrize("name", [name for name in AT_ONCE if REPLIES[name].outcome in FINAL])
def test_what_will_not_get_better_is_not_tried_again(name, server, fetch_eagerly):
    [outcome] = fetch_eagerly([server.url(name)], attempts=2)
    assert outcome.attempts == 1


# -- kept connections


@pytest.mark.parametrize("name", ["second_response", "second_response_later", "body_of_no_content"])
def test_a_response_nobody_asked_for_is_never_given_to_the_next_request(name, server, limits, each_once):
    """One connection, used again after a pause in which the second response comes."""
    paths = [f"/page/{number}" for number in range(3)]
    urls = [server.url(name), *map(server.page, paths)]
    outcomes = each_once(fetch(urls, **limits | {"concurrency": 1, "delay": 0.03}), 4)
    assert in_a_word(outcomes[0]) == "fetched"
    assert [outcome.body for outcome in outcomes[1:]] == [page("127.0.0.1", path) for path in paths]


@pytest.mark.parametrize("name", ["closes_when_idle", "closes_on_reuse", "resets_on_reuse"])
@pytest.mark.parametrize("delay", [0, 0.03])
def test_a_kept_connection_that_is_closed_costs_nobody_an_attempt(name, delay, server, limits, each_once):
    settings = limits | {"concurrency": 1, "delay": delay, "attempts": 3}
    outcomes = each_once(fetch([server.url(name)] * 4, **settings), 4)
    assert [(outcome.body, outcome.attempts) for outcome in outcomes] == [(PAGE, 1)] * 4


# -- requests that must not be sent twice


POST = {"method": "POST", "body": "x"}


@pytest.mark.parametrize("name", ["closes_on_reuse", "resets_on_reuse", "closes_when_idle"])
@pytest.mark.parametrize("method", ["POST", "PATCH", "LOCK"])
def test_what_is_not_idempotent_has_a_connection_of_its_own(name, method, limits, each_once):
    """One after the other, to a server that answers no more than once on each connection."""
    with HostileServer() as server:
        rows = [{"url": server.url(name), "method": method, "body": "x"}] * 3
        outcomes = each_once(fetch(rows, **limits | {"concurrency": 1}), 3)
        assert [(outcome.body, outcome.attempts) for outcome in outcomes] == [(PAGE, 1)] * 3
        assert [request.method for request in server.requests(name)] == [method] * 3


@pytest.mark.parametrize("first", ["GET", "POST"])
@pytest.mark.parametrize(("name", "word"), [("closed_without_reply", "empty_reply"), ("reset_without_reply", "reset")])
def test_a_post_that_gets_no_answer_is_sent_once(first, name, word, limits, each_once):
    """Behind a page on a connection that is kept, with attempts left."""
    with HostileServer() as server:
        rows = [{"url": server.page(), "method": first}, {"url": server.url(name)} | POST]
        outcomes = each_once(fetch(rows, **limits | {"concurrency": 1, "attempts": 3}), 2)
        assert [(in_a_word(outcome), outcome.attempts) for outcome in outcomes] == [("fetched", 1), (word, 1)]
        assert len(server.requests(name)) == 1


def test_a_post_is_sent_again_if_the_user_says_so(fetch_eagerly):
    with HostileServer() as server:
        rows = [{"url": server.url("closed_without_reply")} | POST]
        [outcome] = fetch_eagerly(rows, attempts=2, retry_methods="post")
        assert (in_a_word(outcome), outcome.attempts) == ("empty_reply", 2)
        assert len(server.requests("closed_without_reply")) == 2


@pytest.mark.parametrize("status", [401, 407, 417, 421, 425, 503])
def test_no_status_makes_libcurl_send_a_post_again(status, limits, each_once):
    with LocalWeb() as web:
        rows = [{"url": web.url(0, f"/status/{status}/page")} | POST]
        [outcome] = each_once(fetch(rows, **limits | {"attempts": 3}), 1)
        assert (outcome.status, outcome.attempts, web.traffic().requests) == (status, 1, 1)


def test_a_post_that_a_busy_server_did_not_act_upon_is_sent_again(fetch_eagerly):
    with LocalWeb() as web:
        rows = [{"url": web.url(0, f"/busy/{status}/0/page")} | POST for status in (503, 429, 403, 502)]
        outcomes = fetch_eagerly(rows, attempts=2)
        sent = {outcome.status: outcome.attempts for outcome in outcomes}
        assert sent == {503: 2, 429: 2, 403: 1, 502: 1}
        assert web.traffic().requests == 6


# -- bodies


@pytest.mark.parametrize("name", [name for name, fault in REPLIES.items() if fault.outcome == "decode_error"])
def test_a_body_that_cannot_be_decoded_leaves_status_and_headers(name, server, fetch_among_pages):
    [outcome] = fetch_among_pages([server.url(name)])
    assert outcome.status == 200
    assert outcome.header("content-encoding")


@pytest.mark.parametrize(("name", "status"), [("bomb_gzip", 200), ("bomb_in_error", 404)])
def test_a_body_that_is_too_large_leaves_status_and_headers(name, status, server, fetch_among_pages):
    [outcome] = fetch_among_pages([server.url(name)], max_body=54_321)
    assert (outcome.status, "54321" in outcome.detail) == (status, True)
    assert outcome.header("content-encoding")


@pytest.mark.parametrize("name", ["ends_with_the_connection", "coded_gzip", "coded_zstd", "length_with_chunked"])
def test_a_body_may_have_as_many_bytes_as_are_allowed_and_not_one_more(name, server, limits, each_once):
    for allowed, word in ((len(PAGE), "fetched"), (len(PAGE) - 1, "too_large")):
        [outcome] = each_once(fetch([server.url(name)], **limits | {"max_body": allowed}), 1)
        assert in_a_word(outcome) == word


# -- redirects


def test_a_loop_of_redirects_tells_its_chain(server, fetch_among_pages):
    url = server.url("redirect_loop")
    [outcome] = fetch_among_pages([url])
    assert [(hop.url, hop.status) for hop in outcome.redirects] == [(url, 302)]
    assert (in_a_word(outcome), outcome.status, outcome.final_url) == ("too_many_redirects", 302, url)
    url = server.url("redirect_forever")
    [outcome] = fetch_among_pages([url], max_redirects=3)
    assert [hop.url for hop in outcome.redirects] == [url, f"{url}/on", f"{url}/on/on"]
    assert (in_a_word(outcome), outcome.status) == ("too_many_redirects", 302)


def test_a_redirect_that_is_not_to_be_followed_comes_as_it_is(server, fetch_among_pages):
    """Its body and its Location included; and it is held to what holds for any body."""
    names = ["redirect_here", "redirect_cut_off", "redirect_coded_wrongly", "location_empty"]
    outcomes = fetch_among_pages([server.url(name) for name in names], max_redirects=0)
    assert [in_a_word(outcome) for outcome in outcomes] == ["fetched", "truncated", "decode_error", "fetched"]
    here = outcomes[0]
    assert (here.status, here.header("location"), here.redirects) == (302, "/echo", ())
    assert here.body.startswith(b"<p>Over there")


def test_the_connection_of_a_short_redirect_is_kept(limits, each_once):
    with LocalWeb() as fresh:
        each_once(fetch([fresh.url(0, "/redirect/3/page")], **limits), 1)
        assert (fresh.traffic().requests, fresh.traffic().connections) == (4, 1)


def test_a_coding_that_is_left_on_is_said(server, fetch_among_pages):
    outcomes = fetch_among_pages(
        [server.url(f"{name}") for name in ("coding_unknown", "coding_unknown_inside", "coded_brotli")]
    )
    assert [outcome.coding for outcome in outcomes] == ["aws-chunked", "utf-8", None]


def test_as_many_redirects_are_followed_as_are_allowed(web, limits, each_once):
    urls = [web.url(0, f"/redirect/{hops}/page") for hops in (2, 3)]
    outcomes = each_once(fetch(urls, **limits | {"max_redirects": 2}), 2)
    outcomes.sort(key=lambda outcome: outcome.seq)
    assert [in_a_word(outcome) for outcome in outcomes] == ["fetched", "too_many_redirects"]


def test_hops_share_one_deadline(web, limits, each_once):
    """Two hops of two thirds of the time each: the second is cut off at a third."""
    url = web.url(0, "/slow/0.1/redirect/1/slow/0.1/page")
    [outcome] = each_once(fetch([url], **limits | {"timeout": 0.15}), 1)
    assert in_a_word(outcome) == "timeout_first_byte"
    assert len(outcome.redirects) == 1


def test_a_redirect_waits_its_turn_where_it_leads(limits, each_once):
    """Twenty hosts redirect to one, which gets one request at a time and never more."""
    with LocalWeb(hosts=21) as web:
        busy = web.url(20, "/slow/0.001/page").removeprefix("http://")
        urls = [web.url(number, f"/away/{busy}") for number in range(20)]
        outcomes = each_once(fetch(urls, **limits | {"per_host": 1, "timeout": 5}), 20)
    assert {in_a_word(outcome) for outcome in outcomes} == {"fetched"}
    assert web.traffic().hosts[web.host(20)].most == 1


def test_hosts_that_redirect_to_each_other_do_not_lock_each_other(limits, each_once):
    with LocalWeb(hosts=2) as web:
        there = [web.url(number, "/page").removeprefix("http://") for number in (1, 0)]
        urls = [web.url(number % 2, f"/away/{there[number % 2]}") for number in range(20)]
        outcomes = each_once(fetch(urls, **limits | {"per_host": 1, "concurrency": 2, "timeout": 5}), 20)
    assert {in_a_word(outcome) for outcome in outcomes} == {"fetched"}
    assert web.traffic().most <= 2


SECRETS = {"Authorization": "Bearer secret", "Cookie": "a=secret", "X-Api-Key": "secret"}


def received(outcome):
    return {name.lower(): value for name, value in json.loads(outcome.body)["headers"]}


def row(url, **fields):
    return {"url": url, "headers": SECRETS, **fields}


def test_credentials_stay_with_their_origin(server, fetch_among_pages):
    [outcome] = fetch_among_pages([row(server.url("redirect_here"))])
    assert SECRETS.items() <= {name.title(): value for name, value in received(outcome).items()}.items()


@pytest.mark.parametrize("name", ["redirect_away", "redirect_away_and_back"])
def test_credentials_are_dropped_on_the_way_to_another_origin_and_stay_dropped(name, server, fetch_among_pages):
    with_password = server.url(name).replace("http://", "http://user:secret@")
    outcomes = fetch_among_pages([row(server.url(name)), with_password], headers={"X-Token": "secret"})
    for outcome in outcomes:
        assert in_a_word(outcome) == "fetched"
        assert "secret" not in repr(outcome)


def test_credentials_are_dropped_on_the_way_to_another_scheme_or_port(server, fetch_among_pages):
    onward = f"/away/{server.here.removeprefix('http://')}/echo"
    [outcome] = fetch_among_pages([row(server.url("tls_fine").replace("/tls_fine", onward))])
    assert outcome.final_url == server.page("/echo")
    assert "secret" not in outcome.text()


def test_a_header_given_twice_is_dropped_twice(server, fetch_among_pages):
    headers = [("authorization", "secret"), ("AUTHORIZATION", "secret"), ("Accept-Language", "cy")]
    [outcome] = fetch_among_pages([server.url("redirect_away")], headers=headers)
    assert "secret" not in outcome.text()
    assert received(outcome)["accept-language"] == "cy"
