"""docs/faults.md, section 3: TLS that is not what it should be, on real sockets, through the whole product."""

from __future__ import annotations

import pytest

from penstock import fetch
from penstock.testing.hostile import FAULTS
from penstock.testing.outcomes import in_a_word
from penstock.testing.pages import page

TLS = {name: fault for name, fault in FAULTS.items() if fault.scheme == "https"}
CERTIFICATES = [name for name, fault in TLS.items() if fault.outcome == "tls_certificate"]


@pytest.mark.parametrize("name", TLS)
def test_tls_that_goes_wrong_comes_to_what_it_must(name, server, fetch_among_pages):
    [outcome] = fetch_among_pages([server.url(name)], connect_timeout=0.1)
    assert in_a_word(outcome) == TLS[name].outcome


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("tls_expired", "expired"),
        ("tls_wrong_host", "subject name"),
        ("tls_self_signed", "self-signed"),
        ("tls_unknown_root", "issuer"),
    ],
)
def test_the_detail_says_what_is_wrong_with_a_certificate(name, words, server, fetch_among_pages):
    [outcome] = fetch_among_pages([server.url(name)])
    assert words in outcome.detail


@pytest.mark.parametrize("name", CERTIFICATES)
def test_no_request_is_sent_to_whom_the_certificate_does_not_fit(name, server, fetch_among_pages):
    before = len(server.requests(""))
    fetch_among_pages([server.url(name)])
    assert len(server.requests("")) == before


@pytest.mark.parametrize("name", CERTIFICATES)
def test_insecure_takes_any_certificate(name, server, fetch_among_pages):
    [outcome] = fetch_among_pages([server.url(name)], insecure=True)
    assert outcome.body == page("127.0.0.1", f"/{name}")


def test_an_authority_that_is_not_named_is_not_trusted(server, fetch_among_pages):
    [outcome] = fetch_among_pages([server.url("tls_fine")], cacert=None)
    assert in_a_word(outcome) == "tls_certificate"


def test_a_stalled_handshake_ends_by_the_connect_timeout(server, limits, each_once):
    settings = limits | {"timeout": 60, "connect_timeout": 0.05}
    [outcome] = each_once(fetch([server.url("tls_silent")], **settings), 1)
    assert in_a_word(outcome) == "timeout_tls"


def test_tls_where_none_is_expected_is_no_http(server, fetch_among_pages):
    """An https server answers plain HTTP with a TLS alert, or just closes."""
    [outcome] = fetch_among_pages([server.url("tls_fine").replace("https:", "http:")])
    assert in_a_word(outcome) in {"protocol_error", "empty_reply", "reset"}
