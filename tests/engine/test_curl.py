"""The HTTP engine over real sockets: what it sends, what it says of what comes back, and that it lets go of all."""

import contextlib
import json
import os
import socket
import threading
import time

import pytest
from tests.engine.http2 import Http2Server

from penstock.core.web.hosts import locate
from penstock.core.web.model import Attempt, Job, Prerequisite, Reason
from penstock.engine.curl import CurlEngine
from penstock.engine.dns import AT_ONCE
from penstock.errors import UsageError
from penstock.settings import HttpSettings
from penstock.testing.contracts import check_engine
from penstock.testing.hostile.server import HostileServer
from penstock.testing.names import SILENT, NameServer, Says
from penstock.testing.web import LocalWeb


@pytest.fixture(scope="module")
def web():
    with LocalWeb(hosts=2) as local:
        yield local


@pytest.fixture
def engine():
    with_defaults = CurlEngine(HttpSettings())
    yield with_defaults
    with_defaults.close()


def job(url: str, seq: int = 0, **more) -> Job:
    return Job(seq, "h", url, url, **more)


def do(engine: CurlEngine, *jobs: Job) -> list[Attempt]:
    """Every job's attempt, in the order of the seqs."""
    now = time.monotonic()
    for each in jobs:
        engine.start(each, now)
    attempts: list[Attempt] = []
    while len(attempts) < len(jobs):
        attempts += engine.collect(5.0)
    return sorted(attempts, key=lambda attempt: attempt.job.seq)


def echo(engine: CurlEngine, web: LocalWeb, **more) -> dict:
    (attempt,) = do(engine, job(web.url(0, "/echo"), **more))
    assert attempt.error is None, attempt.detail
    return json.loads(attempt.body)


def test_a_response_comes_back_whole(engine, web):
    (attempt,) = do(engine, job(web.url(0, "/page")))
    assert (attempt.error, attempt.status, attempt.http, attempt.ip) == (None, 200, "1.1", web.host(0))
    assert attempt.head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert attempt.body.rstrip().endswith(b"</html>")
    assert 0 < attempt.times.connect < attempt.times.first_byte <= attempt.times.total < 5


def test_a_kept_connection_takes_no_time_to_connect(engine, web):
    """Its connect phase is exactly 0, as the page of the record says; a new connection's is not."""
    first, second = (do(engine, job(web.url(0, "/page")))[0].times for _ in range(2))
    assert first.connect > 0
    assert (second.dns, second.connect, second.tls) == (0.0, 0.0, 0.0)
    assert 0 < second.first_byte <= second.total


def test_the_limit_of_a_prerequisite_is_not_that_of_the_next_page(engine, web, monkeypatch):
    """One handle takes both, in turn: the beginning of a robots.txt is enough, a page comes whole."""
    monkeypatch.setattr(Prerequisite, "enough", 1_000)
    page = job(web.url(0, "/page"))
    asked = Prerequisite(-1, "h", page.url, page.target, behind=page)
    pages, beginnings = ([len(do(engine, each)[0].body) for each in (page, asked) * 2][at::2] for at in (0, 1))
    assert beginnings == [1_000, 1_000]
    assert pages[0] == pages[1] > 1_000


def test_handles_and_connections_are_used_again(engine, web):
    before = web.traffic().connections
    for _ in range(20):
        do(engine, job(web.url(1, "/page")))
    assert web.traffic().connections - before == 1
    assert len(engine._transfers) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_the_method_is_the_one_asked_for(engine, web, method):
    (attempt,) = do(engine, job(web.url(0, "/echo"), method=method))
    assert attempt.error is None
    if method == "HEAD":
        assert attempt.body == b""
    else:
        assert json.loads(attempt.body)["method"] == method


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "GET"])
def test_a_body_is_sent_as_it_is_and_libcurl_adds_nothing_to_it(engine, web, method):
    said = echo(engine, web, method=method, body=b"\x00{}")
    assert said["body"].encode("latin-1") == b"\x00{}"
    names = {name.lower() for name, _ in said["headers"]}
    assert not names & {"expect", "content-type"}


def test_an_empty_post_says_that_it_is_empty(engine, web):
    said = echo(engine, web, method="POST")
    assert ["Content-Length", "0"] in said["headers"]


def test_headers_are_sent_as_given_and_codings_offered(engine, web):
    said = echo(engine, web, headers=(("X-One", "1"), ("X-Empty", ""), ("User-Agent", "me")))
    assert ["X-One", "1"] in said["headers"]
    assert ["X-Empty", ""] in said["headers"]
    assert ["User-Agent", "me"] in said["headers"]
    assert ["Accept-Encoding", "gzip, deflate, br, zstd"] in said["headers"]


def test_a_jobs_method_body_and_headers_do_not_stick_to_the_handle(engine, web):
    echo(engine, web, method="POST", body=b"x", headers=(("X-One", "1"),))
    said = echo(engine, web)
    assert said["method"] == "GET"
    assert said["body"] == ""
    assert "x-one" not in {name.lower() for name, _ in said["headers"]}


def test_connect_to_leads_every_name_to_one_server(web):
    engine = CurlEngine(HttpSettings(connect_to=web.connect_to))
    url = web.url_by_name("some.example", "/echo")
    (attempt,) = do(engine, job(url))
    engine.close()
    assert ["Host", url.split("/")[2]] in json.loads(attempt.body)["headers"]


def test_the_environments_proxy_is_not_used(web, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    engine = CurlEngine(HttpSettings())
    (attempt,) = do(engine, job(web.url()))
    engine.close()
    assert attempt.status == 200


def test_a_proxy_that_is_asked_for_is_used(web):
    """The web itself answers for the proxy: what it sees is the whole URL."""
    engine = CurlEngine(HttpSettings(proxy=web.url(0, "")))
    (attempt,) = do(engine, job("http://far.example/page"))
    engine.close()
    assert attempt.error is None


def test_a_cacert_that_is_not_there_is_the_callers_mistake():
    with pytest.raises(UsageError, match="cacert"):
        CurlEngine(HttpSettings(cacert="/nowhere/ca.pem"))


def test_an_engine_that_could_not_hold_to_public_only_is_none():
    """A run that was begun with it may be resumed with a proxy, which nobody has looked at together."""
    with pytest.raises(UsageError, match="public_only"):
        CurlEngine(HttpSettings(public_only=True, proxy="http://127.0.0.1:1"))


def test_http_2_is_spoken_where_the_server_offers_it(tmp_path):
    with Http2Server(tmp_path) as server:
        engine = CurlEngine(HttpSettings(cacert=server.cacert))
        first = do(engine, job(server.url("/first")))
        rest = do(engine, *(job(server.url(f"/{seq}"), seq) for seq in range(8)))
        engine.close()
        assert [attempt.http for attempt in first + rest] == ["2"] * 9
        assert [attempt.body for attempt in rest] == [b"GET /%d" % seq for seq in range(8)]
        assert server.connections == 1


def test_a_redirect_comes_back_as_it_is(engine, web):
    (attempt,) = do(engine, job(web.url(0, "/status/302")))
    assert attempt.status == 302


def test_a_consumers_pause_is_not_held_against_the_requests(web):
    """Nobody looks for longer than the time-out; the response had come meanwhile, and still counts."""
    now = 0.0
    engine = CurlEngine(HttpSettings(timeout=1.0, connect_timeout=0.5), clock=lambda: now)
    engine.start(job(web.url(0, "/slow/0.05/page")), now)
    engine.collect(0)
    engine.collect(0)
    now = 60.0
    arrived = threading.Event()
    threading.Timer(0.15, arrived.set).start()
    arrived.wait()
    attempts: list[Attempt] = []
    while not attempts:
        attempts += engine.collect(0)
    engine.close()
    assert (attempts[0].error, attempts[0].status) == (None, 200)


def test_a_consumers_pause_is_not_held_against_look_ups(web):
    """The name server had answered meanwhile; what it said is read before anybody asks it again or gives up."""
    now = 0.0
    with NameServer({"a.test": "127.0.0.1"}) as names:
        engine = CurlEngine(HttpSettings(resolver=names.address, timeout=1.0, connect_timeout=0.5), clock=lambda: now)
        engine.start(job(f"http://a.test:{web.port()}/page"), now)
        now = 60.0
        attempts: list[Attempt] = []
        while not attempts:
            attempts += engine.collect(0)
        engine.close()
        assert (attempts[0].error, attempts[0].status) == (None, 200)
        assert names.questions() == 2


def test_a_request_whose_redirects_used_up_its_time_is_not_sent(web):
    engine = CurlEngine(HttpSettings(timeout=1.0))
    (attempt,) = do(engine, job(web.url(0, "/never"), spent=1.0))
    engine.close()
    assert attempt.error is Reason.TIMEOUT
    assert not any(path.startswith("/never") for _, path in web.traffic().paths)


def test_an_idle_connection_that_stirs_is_never_used_again(engine):
    """The second response nobody asked for must not be the answer to the next request."""
    with HostileServer() as server:
        (first,) = do(engine, job(server.url("second_response_later")))
        assert first.error is None
        for _ in range(20):
            engine.collect(0.02)
        (second,) = do(engine, job(server.page("/page")))
        assert second.error is None
        assert b"unasked" not in second.body.lower()


def test_waking_ends_a_wait(engine):
    threading.Timer(0.01, engine.wake).start()
    assert engine.collect(10.0) == []


def test_connections_that_libcurl_closes_by_itself_leave_no_trace(web):
    """More hosts than connections are kept: the numbers of those closed come back as others."""
    engine = CurlEngine(HttpSettings(concurrency=2, connect_to=web.connect_to))
    for round_ in range(2):
        for first in range(0, 100, 2):
            hosts = (first, first + 1)
            attempts = do(engine, *(job(web.url_by_name(f"h{host}.example", f"/{round_}"), host) for host in hosts))
            assert [attempt.status for attempt in attempts] == [200, 200]
    engine.close()


def descriptors(web: LocalWeb) -> set[str]:
    """What every open descriptor is, but for the web's own ends, which it closes when it gets round to it."""
    port = int(web.url().split(":")[2].rstrip("/"))
    found = set()
    for fd in map(int, os.listdir("/proc/self/fd")):
        with contextlib.suppress(OSError):  # the web, on its thread, has just closed one of its own
            what = os.readlink(f"/proc/self/fd/{fd}")
            if not (what.startswith("socket:") and local_port(fd) == port):
                found.add(what)
    return found


def local_port(fd: int) -> int | None:
    with socket.socket(fileno=os.dup(fd)) as duplicate:
        return duplicate.getsockname()[1] if duplicate.family is socket.AF_INET else None


@pytest.mark.skipif(
    not os.path.isdir("/proc/self/fd"), reason="counts descriptors in /proc/self/fd, which only Linux has"
)
@pytest.mark.parametrize("ending", ["all done", "idle", "midway", "expired"])
def test_close_gives_back_every_descriptor(web, ending):
    before = descriptors(web)
    engine = CurlEngine(HttpSettings(timeout=0.05 if ending == "expired" else 5.0))
    path = "/page" if ending in ("all done", "idle") else "/slow/3/page"
    for seq in range(10):
        engine.start(job(web.url(0, path), seq), time.monotonic())
    if ending == "midway":
        engine.collect(0.02)
    else:
        done = 0
        while done < 10:
            done += len(engine.collect(1.0))
    engine.close()
    engine.close()
    assert descriptors(web) <= before


def test_requests_that_expire_together_all_come_out(web):
    engine = CurlEngine(HttpSettings(timeout=0.05))
    attempts = do(engine, *(job(web.url(0, "/slow/3/page"), seq) for seq in range(10)))
    assert {attempt.error for attempt in attempts} == {Reason.TIMEOUT_FIRST_BYTE}
    engine.close()


def test_the_engine_keeps_its_contract(web):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        check_engine(
            lambda: CurlEngine(HttpSettings()),
            good=lambda seq: job(web.url(0, f"/{seq}"), seq),
            bad=lambda seq: job(web.refusing(f"/{seq}"), seq),
            endless=lambda seq: job(f"http://127.0.0.1:{port}/{seq}", seq),
        )


def test_the_engine_keeps_its_contract_where_names_are_looked_up(web):
    """Each job has a name of its own; those of endless ones are never answered for."""
    with NameServer({"*": "127.0.0.1", **{f"silent{seq}.test": SILENT for seq in range(100)}}) as names:
        check_engine(
            lambda: CurlEngine(HttpSettings(resolver=names.address)),
            good=lambda seq: job(f"http://h{seq}.test:{web.port()}/{seq}", seq),
            bad=lambda seq: job(f"http://a!b{seq}.test/", seq),
            endless=lambda seq: job(f"http://silent{seq}.test/", seq),
        )


@pytest.mark.skipif(
    not os.path.isdir("/proc/self/fd"), reason="counts descriptors in /proc/self/fd, which only Linux has"
)
@pytest.mark.parametrize("ending", ["answered", "asking", "expired"])
def test_close_gives_back_the_sockets_to_name_servers_too(web, ending):
    script = {"*": web.host(0) if ending == "answered" else SILENT}
    with NameServer(script) as names:
        before = descriptors(web)
        engine = CurlEngine(HttpSettings(resolver=names.address, timeout=0.05 if ending == "expired" else 5.0))
        for seq in range(100):
            engine.start(job(f"http://h{seq}.test:{web.port(0)}/page", seq), time.monotonic())
        done = 0
        while ending != "asking" and done < 100:
            done += len(engine.collect(1.0))
        engine.collect(0)
        engine.close()
        assert descriptors(web) <= before


def test_what_waits_for_a_name_can_be_dropped_and_the_engine_goes_on(web):
    with NameServer({"silent.test": SILENT, "a.test": "127.0.0.1"}) as names:
        engine = CurlEngine(HttpSettings(resolver=names.address))
        for seq in range(10):
            engine.start(job("http://silent.test/", seq), time.monotonic())
        engine.collect(0)
        engine.cancel()
        assert engine.collect(0) == []
        assert engine.deadline() is None
        (attempt,) = do(engine, job(f"http://a.test:{web.port()}/page"))
        engine.close()
        assert attempt.status == 200


def test_the_time_to_connect_begins_when_the_name_is_asked_for():
    """More silent names than may be asked for at once: the last one's turn comes after a second, its time whole."""
    with NameServer({"*": SILENT}) as names:
        now = 0.0
        engine = CurlEngine(HttpSettings(resolver=names.address, timeout=30.0, connect_timeout=1.2), clock=lambda: now)
        for seq in range(AT_ONCE + 1):
            engine.start(job(f"http://h{seq}.test/", seq), now)
        ended = {}
        for tenths in range(0, 40, 2):
            now = tenths / 10
            ended |= {attempt.job.seq: now for attempt in engine.collect(0)}
        engine.close()
        assert {ended.pop(seq) for seq in range(AT_ONCE)} == {1.2}
        assert list(ended) == [AT_ONCE]
        assert 2.0 < ended[AT_ONCE] <= 2.4


def test_libcurl_is_told_of_addresses_again_where_another_took_them_away(web):
    """A kept connection turns out to be closed, and the entry for a new one is gone meanwhile."""
    with NameServer({"*": Says(("127.0.0.1", "127.0.0.9"))}) as names:
        engine = CurlEngine(HttpSettings(resolver=names.address))
        url = f"http://a.test:{web.port()}/page"
        do(engine, job(url))
        take = engine._pins.take

        def take_away(addresses, port):
            pin, _ = take(addresses, port)
            return pin, [f"-{pin.key}"]

        engine._pins.take = take_away
        (attempt,) = do(engine, job(url.replace("a.test", "b.test")))
        engine.close()
        assert attempt.status == 200


def test_libcurl_is_told_of_no_list_where_there_is_one_address(web):
    """It is led to that address and to no other, by the name that was asked for."""
    with NameServer({"*": "127.0.0.1"}) as names:
        engine = CurlEngine(HttpSettings(resolver=names.address))
        (attempt,) = do(engine, job(f"http://a.test:{web.port()}/echo"))
        (refused,) = do(engine, job("http://a.test:1/echo"))
        assert engine._pins._stale == {}
        engine.close()
    assert f'"a.test:{web.port()}"' in attempt.body.decode()
    assert attempt.ip == "127.0.0.1"
    assert "a.test:1" in refused.detail
    assert "127.0.0.1" in refused.detail


def test_no_list_of_addresses_outlives_its_transfers(web):
    with NameServer({"*": [Says((f"127.0.0.{1 + number}", "127.0.0.1"), ttl=0) for number in range(50)]}) as names:
        engine = CurlEngine(HttpSettings(resolver=names.address))
        for number in range(50):
            do(engine, job(f"http://a.test:{web.port()}/{number}"))
            assert len(engine._pins._users) == 0
            assert len(engine._pins._stale) == 1
        engine.close()


def test_a_job_that_was_led_on_from_a_public_address_is_not_sent_to_another(engine, web):
    (attempt,) = do(engine, job(web.url(0, "/never"), public=True))
    assert (attempt.error, attempt.times.total) == (Reason.BLOCKED_ADDRESS, 0.0)
    assert attempt.detail == f"{web.host(0)} is loopback"


def test_a_handle_that_was_led_somewhere_leads_to_an_address_as_it_is(web):
    with NameServer({"a.test": "127.0.0.1"}) as names:
        engine = CurlEngine(HttpSettings(resolver=names.address, connect_to=(f"far.test:80:127.0.0.1:{web.port()}",)))
        urls = [f"http://a.test:{web.port()}/page", web.url(0, "/page"), "http://far.test/page", web.url(0, "/page")]
        ips = [do(engine, job(url))[0].ip for url in urls]
        assert len(engine._transfers) == 1
        engine.close()
        assert ips == ["127.0.0.1", web.host(0), "127.0.0.1", web.host(0)]


def test_a_job_that_waits_for_its_name_can_be_given_up(web):
    with NameServer({"silent.test": SILENT}) as names:
        engine = CurlEngine(HttpSettings(resolver=names.address))
        for seq in range(3):
            engine.start(job("http://silent.test/", seq), time.monotonic())
        engine.give_up(1, "nobody waits for it")
        (attempt,) = engine.collect(5.0)
        assert (attempt.job.seq, attempt.error, attempt.detail) == (1, Reason.TIMEOUT, "nobody waits for it")
        engine.cancel()
        assert (engine.collect(0), engine.deadline()) == ([], None)
        engine.close()


@pytest.mark.parametrize(
    "path", ["/%e4%C3", "/x%2fy?a=%e4", "/a/..%2f", "/%zz?%", "/a[1]?b[2]=c", "/a|b?x|`y`^{z}", "//a//b;c,@:!$&'()*+=~"]
)
def test_what_is_asked_for_is_the_target_to_the_letter(engine, web, path):
    """libcurl writes %e4 in a path as %E4, so that what the outcome calls final_url was never sent."""
    for asked in (f"/echo{path}", "/echo/plain"):
        (attempt,) = do(engine, job(locate(web.url(0, asked)).url))
        assert json.loads(attempt.body)["target"] == asked


def test_a_proxy_gets_the_target_to_the_letter_too(web):
    engine = CurlEngine(HttpSettings(proxy=web.url(0)))
    try:
        (attempt,) = do(engine, job("http://nowhere.example/echo/%e4"))
    finally:
        engine.close()
    assert web.traffic().paths["nowhere.example", "http://nowhere.example/echo/%e4"] == 1
    assert attempt.error is None


def test_what_is_not_idempotent_has_a_connection_to_itself(engine):
    """libcurl sends any request again by itself if a kept connection turns out to be closed."""
    with LocalWeb() as web:
        for method in ("POST", "PATCH", "GET", "PUT", "POST", "GET"):
            (attempt,) = do(engine, job(web.url(0, "/page"), method=method))
            assert attempt.status == 200
        assert web.traffic().connections == 4


@pytest.mark.skipif(
    not os.path.isdir("/proc/self/fd"), reason="counts descriptors in /proc/self/fd, which only Linux has"
)
def test_and_leaves_none_behind(engine, web):
    """As many idle connections as may be kept, to one server, would be neither polite nor of use."""
    do(engine, job(web.url(0, "/page"), method="POST"))
    before = len(descriptors(web))
    for _ in range(5):
        do(engine, job(web.url(0, "/page"), method="POST"))
    assert len(descriptors(web)) == before
