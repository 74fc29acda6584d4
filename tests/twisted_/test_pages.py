"""getPage: one page for one Deferred, on any reactor, failing as Twisted's programs expect it."""

from __future__ import annotations

import json

import pytest
from tests.twisted_.programs import REACTORS, run

# What comes


@pytest.mark.parametrize("reactor", REACTORS)
def test_a_page_is_its_body_whether_its_url_is_text_or_bytes(reactor):
    run(
        """
        async def main(web):
            url = web.url(0, "/page/1")
            assert await getPage(url) == page(web.host(0), "/page/1")
            assert await getPage(url.encode()) == page(web.host(0), "/page/1")
        """,
        reactor,
    )


def test_redirects_are_followed():
    run("""
        async def main(web):
            assert await getPage(web.url(0, "/redirect/3/page/1")) == page(web.host(0), "/page/1")
            other = web.url(1, "/page/2").removeprefix("http://")
            assert await getPage(web.url(0, "/away/" + other)) == page(web.host(1), "/page/2")
    """)


def test_the_request_is_what_was_asked_for():
    """All arguments may be bytes, as they had to be in Twisted's own, or text."""
    said = run("""
        async def main(web):
            url = web.url(0, "/echo")
            headers = {b"X-One": b"1", "X-Two": "2"}
            first = await getPage(url, None, method=b"POST", headers=headers, postdata=b"a=1", agent=b"bot/1")
            second = await getPage(url, method="POST", postdata="a=2", agent="bot/2")
            print(first.decode())
            print(second.decode())
    """)
    first, second = map(json.loads, said.splitlines())
    fields = {name.lower(): value for name, value in first["headers"]}
    assert (first["method"], first["body"]) == ("POST", "a=1")
    assert (fields["x-one"], fields["x-two"], fields["user-agent"]) == ("1", "2", "bot/1")
    assert (second["method"], second["body"]) == ("POST", "a=2")
    assert dict(second["headers"])["User-Agent"] == "bot/2"


def test_nothing_limits_it_but_who_calls_it():
    """Fifty requests to one host overlap; the limits of ``fetch`` are not its."""
    run("""
        async def main(web):
            pages = gatherResults([getPage(web.url(0, f"/slow/0.2/page/{number}")) for number in range(50)])
            bodies = await pages
            assert bodies == [page(web.host(0), f"/page/{number}") for number in range(50)]
            assert web.traffic().most == 50
    """)


# What fails


def test_a_status_that_is_not_2xx_is_twisteds_error():
    run("""
        async def main(web):
            for status, message in ((404, b"Not Found"), (503, b"Service Unavailable"), (304, b"Not Modified")):
                failed = await failure_of(getPage(web.url(0, f"/status/{status}/x")))
                assert type(failed) is Error
                assert (failed.status, failed.message) == (str(status).encode(), message)
                assert failed.response == (b"" if status == 304 else page(web.host(0), "/x"))
            assert await getPage(web.url(0, "/status/204/x")) == b""
            assert await getPage(web.url(0, "/status/201/x")) == page(web.host(0), "/x")
    """)


@pytest.mark.parametrize("reactor", REACTORS)
def test_no_response_is_twisteds_error_for_it_with_our_word_as_its_slug(reactor):
    said = run(
        """
        import ssl
        import trustme

        async def main(web):
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
            with LocalWeb(tls=tls) as untrusted:
                for url in (web.refusing(), web.url(0, "/close"), web.url(0, "/reset"), untrusted.url()):
                    failed = await failure_of(getPage(url))
                    print(type(failed).__name__, failed.reason)
                    assert isinstance(failed, getattr(error, type(failed).__name__))
        """,
        reactor,
    )
    assert said.splitlines() == [
        "ConnectionRefusedError connect_refused",
        "ConnectionLost empty_reply",
        "ConnectionLost reset",
        "SSLError tls_certificate",
    ]


def test_what_twisted_has_no_error_for_is_a_page_error():
    said = run("""
        async def main(web):
            for url in ("nothing", b"http://", "mailto:me@example.org", web.url(0, "/loop")):
                failed = await failure_of(getPage(url))
                assert type(failed) is PageError and isinstance(failed, penstock.PenstockError)
                print(failed.reason, str(failed).startswith(failed.reason))
    """)
    assert said.splitlines() == [
        "invalid_url True",
        "invalid_url True",
        "blocked_scheme True",
        "too_many_redirects True",
    ]


@pytest.mark.parametrize("reactor", REACTORS)
def test_a_timeout_ends_one_page_and_no_other(reactor):
    run(
        """
        async def main(web):
            late = getPage(web.url(0, "/hang"), timeout=0.05)
            slow = getPage(web.url(0, "/slow/0.2/page/1"), timeout=30)
            assert isinstance(await failure_of(late), defer.TimeoutError)  # which is what the original raised
            assert await slow == page(web.host(0), "/page/1")
        """,
        reactor,
    )


# Nothing is left


@pytest.mark.parametrize("reactor", REACTORS)
def test_once_all_pages_have_come_the_reactor_holds_nothing(reactor):
    """And it can be asked again, from inside of a callback too."""
    run(
        """
        async def main(web):
            held = Watched()
            for _ in range(2):
                pages = [getPage(web.url(number, "/page/1"), timeout=30) for number in range(4)]
                pages.append(getPage(web.refusing()).addErrback(lambda _: getPage(web.url(5, "/page/2"))))
                found = await DeferredList(pages)
                assert all(well for well, _ in found), found
                await turns()
                held.check()
        """,
        reactor,
    )


@pytest.mark.parametrize("reactor", REACTORS)
def test_who_cancels_gets_no_page_and_costs_nobody_else_his(reactor):
    run(
        """
        async def main(web):
            held = Watched()
            dropped = getPage(web.url(0, "/slow/0.1/page/1"))
            kept = getPage(web.url(1, "/slow/0.1/page/2"))
            dropped.cancel()
            assert isinstance(await failure_of(dropped), CancelledError)
            assert await kept == page(web.host(1), "/page/2")
            assert await getPage(web.url(0, "/slow/0.1/page/3")) == page(web.host(0), "/page/3")
            await turns()
            held.check()
        """,
        reactor,
    )


@pytest.mark.parametrize("reactor", REACTORS)
def test_a_shutdown_with_pages_under_way_is_quiet(reactor):
    run(
        """
        async def main(web):
            for number in range(5):
                getPage(web.url(number, "/hang"))
            getPage(web.url(0, "/hang"), timeout=30)
            await getPage(web.url(1, "/page/1"))
        """,
        reactor,
    )


@pytest.mark.parametrize("reactor", REACTORS)
def test_a_page_that_fails_costs_its_lane_nothing_with_an_errback_or_on_error(reactor):
    """Two lanes over one generator, and many more failures than lanes."""
    said = run(
        """
        async def main(web):
            failed, came = [], []

            def work(get):
                for number in range(20):
                    yield get(web.url(number % 10, f"/status/{200 if number % 2 else 404}/{number}"))

            pages = work(lambda url: getPage(url).addCallbacks(came.append, failed.append))
            await DeferredList([coiterate(pages) for _ in range(2)])
            print(len(came), len(failed))

            pages = work(lambda url: getPage(url).addCallback(came.append))
            await DeferredList([coiterate(pages, on_error=failed.append) for _ in range(2)])
            print(len(came), len(failed), {failure.type.__name__ for failure in failed})
        """,
        reactor,
    )
    assert said.splitlines() == ["10 10", "20 20 {'Error'}"]


def test_a_page_that_is_given_up_drops_its_request():
    """So that whoever limits the pages limits the requests: five lanes, and pages that never come."""
    run("""
        async def main(web):
            def pages():
                for number in range(30):
                    yield getPage(web.url(number % 5, f"/hang/{number}"), timeout=0.02).addErrback(lambda _: None)

            lanes = pages()
            await DeferredList([coiterate(lanes) for _ in range(5)])
            # The web hears of a connection's end a moment later than we do.
            assert web.traffic().requests == 30, web.traffic()
            assert web.traffic().most <= 10, web.traffic().most
    """)


def test_what_cannot_be_asked_for_fails_alone_and_sends_nothing():
    """No header smuggles in another, and none that can't be written costs anybody else anything."""
    run(r"""
        async def main(web):
            wrong = [
                {"headers": {"X": "\u20ac"}},
                {"headers": {"X": "a\r\nX-Evil: 1"}},
                {"headers": {"X: 1\r\nX-Evil": "1"}},
                {"agent": "a\r\nX-Evil: 1"},
                {"method": "GET / HTTP/1.1\r\nX-Evil: 1\r\n\r\n"},
            ]
            for options in wrong:
                try:
                    await getPage(web.url(0, "/echo"), **options)
                except PageError as error:
                    assert error.reason == "invalid_request", error
                else:
                    raise AssertionError(options)
            assert web.traffic().requests == 0
            assert await getPage(web.url(0, "/page/1"))
    """)


def test_the_agent_given_is_the_only_one():
    run("""
        async def main(web):
            page = await getPage(web.url(0, "/echo"), agent="mine", headers={"user-agent": "other"})
            assert page.lower().count(b"user-agent") == 1, page
            assert b"mine" in page
    """)


def test_a_time_out_below_nothing_is_refused():
    run("""
        async def main(web):
            try:
                getPage(web.url(), timeout=-1)
            except penstock.UsageError as error:
                assert "timeout" in str(error)
            else:
                raise AssertionError("taken")
            assert web.traffic().requests == 0
    """)


def test_a_host_that_is_down_or_busy_holds_up_no_page():
    """There are no limits here but those of whoever asks; nothing waits, and nothing else is given up."""
    run("""
        async def main(web):
            for number in range(12):
                assert isinstance(await failure_of(getPage(web.refusing(f"/{number}"))), error.ConnectionRefusedError)
            assert isinstance(await failure_of(getPage(web.url(1, "/busy/503/3600/x"))), Error)
            assert await getPage(web.url(1, "/page/1"))
    """)


def test_a_page_given_up_before_its_turn_is_not_asked_for():
    run("""
        async def main(web):
            pages = [getPage(web.url(0, f"/page/{number}")).addErrback(lambda _: None) for number in range(50)]
            for page in pages:
                page.cancel()
            assert await getPage(web.url(0, "/page/last"))
            assert web.traffic().requests == 1, web.traffic().requests
    """)
