"""Text to canonical URL and host key: FAULTS section 2, and the WHATWG URL standard where it speaks."""

from __future__ import annotations

import base64
import re
from urllib.parse import quote

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from penstock.core.web.hosts import MAX_URL, Place, RejectedUrl, locate, origin, redact
from penstock.core.web.model import Reason

BASE = "http://a.example/dir/page?q=1"


def refused(text: str, base: str | None = None) -> Reason:
    place = locate(text, base)
    assert isinstance(place, RejectedUrl), place
    return place.reason


def placed(text: str, base: str | None = None) -> Place:
    place = locate(text, base)
    assert isinstance(place, Place), place
    return place


# One key for one host


@pytest.mark.parametrize(
    ("text", "url", "key"),
    [
        ("http://a.example/", "http://a.example/", "a.example"),
        ("http://a.example", "http://a.example/", "a.example"),
        ("HTTP://A.EXAMPLE/Path", "http://a.example/Path", "a.example"),
        ("http://a.example:80/", "http://a.example/", "a.example"),
        ("https://a.example:443/", "https://a.example/", "a.example"),
        ("https://a.example:80/", "https://a.example:80/", "a.example"),
        ("http://a.example:8080/", "http://a.example:8080/", "a.example"),
        ("http://a.example./", "http://a.example./", "a.example"),
        ("http://a%2Eexample/", "http://a.example/", "a.example"),
        ("http://B\u00fccher.example/", "http://xn--bcher-kva.example/", "xn--bcher-kva.example"),
        ("http://xn--bcher-kva.example/", "http://xn--bcher-kva.example/", "xn--bcher-kva.example"),
        ("http://\uff11\uff12\uff17.\uff10.\uff10.\uff11/", "http://127.0.0.1/", "127.0.0.1"),
        ("http://0x7f.1/", "http://127.0.0.1/", "127.0.0.1"),
        ("http://2130706433/", "http://127.0.0.1/", "127.0.0.1"),
        ("http://127.0.0.1./", "http://127.0.0.1/", "127.0.0.1"),
        ("http://[0:0::0:1]/", "http://[::1]/", "[::1]"),
        ("http://a\u3002example/", "http://a.example/", "a.example"),
    ],
)
def test_every_spelling_of_a_host_has_one_key(text, url, key):
    assert locate(text) == Place(url, key)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("  http://a.example/x  ", "http://a.example/x"),
        ("http:a.example", "http://a.example/"),
        ("http:\\\\a.example\\x", "http://a.example/x"),
        ("http:////a.example/x", "http://a.example/x"),
        ("http://a.example/b/../c/./d", "http://a.example/c/d"),
        ("http://a.example/%2e%2e/d", "http://a.example/d"),
        ("http://a.example/\u00e9?\u00e9", "http://a.example/%C3%A9?%C3%A9"),
        ("http://a.example/a b", "http://a.example/a%20b"),
        ("http://a.example/x#fragment", "http://a.example/x"),
        ("http://a.example/x#", "http://a.example/x"),
        ("http://a.example/x?", "http://a.example/x?"),
        ("http://@a.example/", "http://a.example/"),
        ("http://:@a.example/", "http://a.example/"),
    ],
)
def test_a_url_is_read_as_a_browser_reads_it(text, url):
    assert locate(text) == Place(url, "a.example")


# What leads nowhere


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "hello",
        "/only/a/path",
        "//a.example/no-scheme",
        "www.example.com/no-scheme",
        "www.example.com:8080/no-scheme",
        "localhost:8080",
        "http://",
        "http:///",
        "https://?x",
        "http://./",
        "http://../",
        "http://a.example:99999/",
        "http://a.example:-1/",
        "http://a.example:port/",
        "http://a b/",
        "http://a<b/",
        "http://[::1/",
        "http://[::g]/",
        "http://1.2.3.4.5/",
        "http://999.1.1.1/",
        "http://a%00b/",
        "http://xn--a/",
        "http://a.example/\r\nX-Evil: 1",
        "http://a.example/\n",
        "http://a.example/\x00",
        "http://a.example/\x1b[2J",
        "http://a.example/\x7f",
        "http://a.example/\x9b",
        "\x01http://a.example/",
        "ht\ttp://a.example/",
        "http://a.example/\ud800",
        "http://\udcff.example/",
        "http://a\u2100b.example/",
        "\ufeffhttp://a.example/",
    ],
)
def test_damage_is_an_invalid_url(text):
    assert refused(text) is Reason.INVALID_URL


@pytest.mark.parametrize(
    "text",
    [
        "file:///etc/passwd",
        "ftp://a.example/",
        "FTP://a.example/",
        "data:text/html,x",
        "data:1",
        "javascript:alert(1)",
        "javascript:1",
        "mailto:a@b.example",
        "tel:123",
        "ws://a.example/",
        "view-source:http://a.example/",
        "ftp://[",
        "file://[",
        "gopher://a.example:70/",
    ],
)
def test_other_schemes_are_blocked(text):
    assert refused(text) is Reason.BLOCKED_SCHEME


def test_the_longest_url_is_counted_in_bytes():
    start = "http://a.example/"
    fits = start + "x" * (MAX_URL - len(start))
    assert placed(fits).url == fits
    assert refused(fits + "x") is Reason.INVALID_URL
    assert refused(start + "\u20ac" * (MAX_URL // 3)) is Reason.INVALID_URL
    assert placed(start + "\u20ac" * (MAX_URL // 3 - len(start)))


def test_a_relative_address_may_not_grow_past_the_longest_url():
    """Each redirect to ``dir/xxx`` would add its length to that of the last."""
    base = "http://a.example/" + "x" * (MAX_URL - 100) + "/"
    assert refused("y" * 200, base) is Reason.INVALID_URL


# Redirects


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("/x", "http://a.example/x"),
        ("x", "http://a.example/dir/x"),
        ("../x", "http://a.example/x"),
        ("../../../x", "http://a.example/x"),
        ("./", "http://a.example/dir/"),
        ("%2e%2e/x", "http://a.example/x"),
        ("?x", "http://a.example/dir/page?x"),
        ("?", "http://a.example/dir/page?"),
        ("#f", "http://a.example/dir/page?q=1"),
        ("", "http://a.example/dir/page?q=1"),
        (";x", "http://a.example/dir/;x"),
        ("//b.example", "http://b.example/"),
        ("//b.example/x?y#z", "http://b.example/x?y"),
        ("///b.example/x", "http://b.example/x"),
        ("/\\b.example/x", "http://b.example/x"),
        ("\\\\b.example\\x", "http://b.example/x"),
        ("\\x\\y", "http://a.example/x/y"),
        ("x?a\\b", "http://a.example/dir/x?a\\b"),
        ("?a\\b", "http://a.example/dir/page?a\\b"),
        ("x?//b.example/", "http://a.example/dir/x?//b.example/"),
        ("http:x", "http://a.example/dir/x"),
        ("http:/x", "http://a.example/x"),
        ("http:?x", "http://a.example/dir/page?x"),
        ("http://b.example", "http://b.example/"),
        ("HTTP:\\\\b.example", "http://b.example/"),
        ("https:x", "https://x/"),
        ("https:/b.example/x", "https://b.example/x"),
        ("  /x  ", "http://a.example/x"),
        ("1:x", "http://a.example/dir/1:x"),
        ("/a:b", "http://a.example/a:b"),
        ("/caf\u00e9", "http://a.example/caf%C3%A9"),
        ("//B\u00fccher.example:80/", "http://xn--bcher-kva.example/"),
    ],
)
def test_a_redirect_leads_where_a_browser_would_go(text, url):
    assert placed(text, BASE).url == url


@pytest.mark.parametrize(
    ("base", "text", "url"),
    [
        ("http://a.example/", "x", "http://a.example/x"),
        ("http://a.example:8080/d/?a/b", "x", "http://a.example:8080/d/x"),
        ("http://a.example/?a/b", "?c", "http://a.example/?c"),
        ("https://a.example/d/", "//b.example/", "https://b.example/"),
        ("https://a.example/d/", "http:x", "http://x/"),
        ("http://[::1]:81/d", "/x", "http://[::1]:81/x"),
        ("http://a.example/d/?x:y", "https:/y", "https://y/"),
    ],
)
def test_what_a_redirect_takes_from_its_base(base, text, url):
    assert placed(text, base).url == url


@pytest.mark.parametrize(
    "text", ["//[", "http://[", "//a\u2100b/", "//a.example:99999/", "//", "/\n", "#\n", "http:///", "//."]
)
def test_a_redirect_to_damage_is_invalid(text):
    assert refused(text, BASE) is Reason.INVALID_URL


@pytest.mark.parametrize(
    "text", ["ftp://b.example/", "javascript:alert(1)", "data:,x", "file:///etc/passwd", "foo:bar"]
)
def test_a_redirect_to_another_scheme_is_blocked(text):
    assert refused(text, BASE) is Reason.BLOCKED_SCHEME


# Credentials


def basic(pair: bytes) -> str:
    return "Basic " + base64.b64encode(pair).decode()


@pytest.mark.parametrize(
    ("text", "pair", "blotted"),
    [
        ("http://u:p@h/", b"u:p", "http://***@h/"),
        ("http://u@h/", b"u:", "http://***@h/"),
        ("http://:p@h/", b":p", "http://***@h/"),
        ("  HTTPS://u:p@h/", b"u:p", "  HTTPS://***@h/"),
        ("http:/u:p@h", b"u:p", "http:/***@h"),
        ("http:u:p@h", b"u:p", "http:***@h"),
        ("http:\\\\u:p@h", b"u:p", "http:\\\\***@h"),
        ("http:\\u:p@h", b"u:p", "http:\\***@h"),
        ("http:////u:p@h", b"u:p", "http:////***@h"),
        ("http://u:p@q@h/", b"u:p@q", "http://***@h/"),
        ("http://u:p@h/@x", b"u:p", "http://***@h/@x"),
        ("http://u:p@h?@x", b"u:p", "http://***@h?@x"),
        ("http://u:p@h#@x", b"u:p", "http://***@h#@x"),
        ("http://u:p@h\\@x", b"u:p", "http://***@h\\@x"),
        ("http://u%3A:p%2Fq@h/", b"u::p/q", "http://***@h/"),
        ("http://\u00fc:\u20ac@h/", "\u00fc:\u20ac".encode(), "http://***@h/"),
    ],
)
def test_credentials_become_a_header_and_are_blotted_in_every_spelling(text, pair, blotted):
    place = placed(text)
    assert place.authorization == basic(pair)
    assert place.key == "h"
    assert "@" not in place.url.split("/")[2]
    assert redact(text) == blotted


@pytest.mark.parametrize("text", ["//u:p@h/", "\\\\u:p@h/", "/\\u:p@h/"])
def test_credentials_of_a_redirect_without_a_scheme_become_a_header(text):
    assert locate(text, BASE) == Place("http://h/", "h", basic(b"u:p"))


@pytest.mark.parametrize(
    "text",
    [
        "//user:secret@h/",
        "user:secret@h/",
        "us_er:secret@h/",
        "http://user:secret@h:99999/",
        "http://user:sec/secret@h/",
        "http://user:sec?secret@h/",
        "http://user:sec#secret@h/",
        "http://user:sec\\secret@h/",
        "http://user:secret\n@h/",
        "http://user:\nx/secret@h/",
        "ht\ttp://user:secret@h/",
        "\x01http://user:secret@h/",
        "ftp://user:secret@h/",
        "foo://user:x\\secret@h/",
        "ftp://user:a/secret@h/",
        "http://user:secret@",
        "http://user:secret@/",
        "http:/\n/user:x/secret@h/",
        "http://\nuser:x/secret@h/",
    ],
)
def test_what_is_refused_shows_no_password_either(text):
    place = locate(text)
    assert isinstance(place, RejectedUrl)
    assert "secret" not in place.detail
    assert "secret" not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://{host}/@user",
        "http://{}:8080/{}@x",
        "https://{host}?a@b",
        "http://h/",
        "http://h/@user",
        "http://h:8080/a@b",
        "http://h?mail=a@b",
        "http://h\\@x",
        "/path/a",
    ],
)
def test_where_there_are_no_credentials_nothing_is_blotted(text):
    assert redact(text) == text


@pytest.mark.parametrize(
    ("text", "blotted"),
    [
        ("http://u:p@{host}/", "http://***@{host}/"),
        ("http://u:p@h:99999/", "http://***@h:99999/"),
        ("http://u:p/q@h/", "http://***@h/"),
        ("http://u:p@/q@h/", "http://***@h/"),
        ("//u:p@h/", "***@h/"),
    ],
)
def test_what_no_parser_takes_keeps_its_scheme_and_its_end(text, blotted):
    """So that somebody still knows which line it was; a template of URLs is such a text, too."""
    assert redact(text) == blotted


def test_a_refusal_never_repeats_the_text():
    """What somebody wrote may hold escape sequences; only the scheme, which cannot, is named."""
    for text in ("http://\x1b[2J", "\x1b]0;x\x07", "javascript:\x1b[2J", "ftp://\x1b"):
        place = locate(text)
        assert isinstance(place, RejectedUrl)
        assert place.detail.isprintable()
    place = locate("x" * 1000 + ":")
    assert isinstance(place, RejectedUrl)
    assert len(place.detail) < 100


# Whatever the text

# fmt: off
PIECES = [
    "http:", "https:", "HTTP:", "ftp:", "data:", "/", "//", "\\", ":", "@", "?", "#", ";", "&", "=", "[", "]", "[::1]",
    ".", "..", "%", "%00", "%2e", "%zz", "xn--", "a", "b.example", "1", "127.1", "0x", "80", "99999", "user", "secret",
    " ", "\t", "\n", "\x00", "\xad", "\u00fc", "\u202e", "\u2100", "\u3002", "\ud800", "\ufeff", "\U0001f600",
]
# fmt: on
pieces = st.sampled_from(PIECES)
texts = st.one_of(
    st.text(), st.lists(pieces, max_size=12).map("".join), st.lists(pieces, max_size=9).map("http://a".join)
)


@given(texts, st.sampled_from([None, BASE, "https://b.example:8443/", "http://[::1]/x/y?z"]))
@example("//[", BASE)
@example("//a\u2100b/", BASE)
def test_locate_never_raises(text, base):
    assert isinstance(locate(text, base), Place | RejectedUrl)


@given(texts, st.sampled_from([None, BASE]))
def test_what_locate_made_it_takes_as_it_is(text, base):
    place = locate(text, base)
    if isinstance(place, Place):
        assert locate(place.url) == Place(place.url, place.key)
        assert locate(place.url, BASE) == Place(place.url, place.key)
        assert origin(place.url).startswith("http")


schemes = st.sampled_from(
    ["http://", "https://", "http:/", "HTTP:", "http:\\\\", "//", " http://", "ftp://", "http:////", ""]
)
tails = st.sampled_from(["h/", "h", "h:8080/x", "h/@x", "h?a@b", "h:99999/", "", "[::1]/", "h\\x", "h#@"])
PASSWORD = "hunter2"  # too long to be met by chance


@given(schemes, st.text(max_size=5), st.text(max_size=5), st.booleans(), tails)
def test_no_password_is_left_by_redact(scheme, before, after, quoted, tail):
    """Quoted as it should be, or as people write it: but where it begins like a port and a path, it is one."""
    secret = f"{before}{PASSWORD}{after}"
    assume(quoted or not re.match(r"[0-9\t\n\r]*[/?#\\]", secret))
    if quoted:
        secret = quote(secret.encode("utf-8", "replace"), safe="")
    text = f"{scheme}user:{secret}@{tail}"
    place = locate(text)
    if isinstance(place, Place):
        assert PASSWORD not in place.key
        if place.authorization is not None:
            assert PASSWORD not in place.url
            assert PASSWORD not in redact(text)
    else:
        assert PASSWORD not in place.detail
        assert PASSWORD not in redact(text)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("http://a.example/x", "http://a.example/y?z", True),
        ("http://a.example/", "https://a.example/", False),
        ("http://a.example/", "http://a.example:8080/", False),
        ("http://a.example/", "http://b.example/", False),
        ("http://a.example/", "http://a.example./", False),
        ("http://a.example/", "http://www.a.example/", False),
    ],
)
def test_an_origin_is_scheme_host_and_port(one, other, same):
    assert (origin(one) == origin(other)) is same
