"""Cookies that servers set: off unless asked for, then for the domains they are for and no others, within a bound."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from penstock import fetch
from penstock.engine import cookies
from penstock.testing.outcomes import in_a_word
from penstock.testing.web import LocalWeb

BRISK = {"delay": 0, "robots": False, "pace": "fixed", "attempts": 1, "concurrency": 1}


@pytest.fixture(scope="module")
def web():
    with LocalWeb() as local:
        yield local


@pytest.fixture
def visit(web):
    """Fetch URLs one after the other, every name being at the local web; gives what each request sent as cookies."""

    def fetch_all(*urls, **settings):
        limits = BRISK | {"connect_to": f"::127.0.0.1:{web.port()}", "cookies": True} | settings
        sent = []
        for outcome in fetch(urls, ordered=True, **limits):
            fields = json.loads(outcome.body)["headers"]
            sent.append([value for name, value in fields if name.lower() == "cookie"])
        return sent

    return fetch_all


def setting(cookie: str) -> str:
    return f"/cookie/{quote(cookie, safe='')}"


def test_a_site_that_wants_cookies_gives_its_page_if_it_gets_them(web):
    url = web.url(0, "/wall/page")
    [without] = fetch([url], **BRISK)
    [outcome] = fetch([url], cookies=True, **BRISK)
    assert in_a_word(without) == "too_many_redirects"
    assert "--cookies" in without.detail
    assert (in_a_word(outcome), outcome.status, len(outcome.redirects)) == ("fetched", 200, 1)


def test_a_cookie_goes_to_its_host_alone(visit):
    sent = visit(
        f"http://a.example{setting('id=1; Path=/')}",
        "http://a.example/echo",
        "http://b.example/echo",
        "http://x.a.example/echo",
    )
    assert sent == [[], ["id=1"], [], []]


def test_a_cookie_for_a_domain_goes_to_the_hosts_below_it(visit):
    sent = visit(
        f"http://www.a.example{setting('id=1; Domain=a.example; Path=/')}",
        "http://b.a.example/echo",
        "http://b.example/echo",
    )
    assert sent == [[], ["id=1"], []]


@pytest.mark.parametrize("domain", ["co.uk", "example", "b.co.uk", "github.io"])
def test_no_cookie_is_for_a_public_suffix_or_a_stranger(visit, domain):
    host = "me.github.io" if domain == "github.io" else "a.co.uk"
    other = "you.github.io" if domain == "github.io" else "b.co.uk"
    assert visit(f"http://{host}{setting(f'id=1; Domain={domain}; Path=/')}", f"http://{other}/echo") == [[], []]


@pytest.mark.parametrize("cookie", ["id=1; Secure; Path=/", "__Host-id=1; Path=/", "__Secure-id=1; Path=/"])
def test_what_is_for_tls_alone_is_not_sent_without(visit, cookie):
    assert visit(f"http://a.example{setting(cookie)}", "http://a.example/echo") == [[], []]


def test_the_users_own_cookie_stands_in_one_header_with_the_jars(visit):
    sent = visit(f"http://a.example{setting('id=1; Path=/')}", "http://a.example/echo", headers={"Cookie": "mine=2"})
    assert sent == [["mine=2"], ["id=1; mine=2"]]


def test_no_cookie_sticks_to_a_handle_that_served_another_request(visit, web):
    rows = [
        {"url": "http://a.example/echo", "headers": {"Cookie": "mine=1"}},
        {"url": "http://a.example/echo", "method": "POST", "body": "x"},
        "http://a.example/echo",
    ]
    assert visit(*rows) == [["mine=1"], [], []]


def test_a_full_jar_begins_anew(visit, monkeypatch):
    monkeypatch.setattr(cookies, "MOST", 3)
    urls = [f"http://a.example{setting(f'c{number}=1; Path=/')}" for number in range(5)]
    assert [len(sent[0].split("; ")) if sent else 0 for sent in visit(*urls)] == [0, 1, 2, 3, 0]


def test_each_run_has_a_jar_of_its_own(visit):
    assert visit(f"http://a.example{setting('id=1; Path=/')}") == [[]]
    assert visit("http://a.example/echo") == [[]]
