"""Which header fields a user may set, by their names."""

from __future__ import annotations

import pytest

from penstock.core.web.fields import is_framing


@pytest.mark.parametrize(
    "name",
    [
        *("Content-Length", "content-length", "CONTENT-LENGTH", "Transfer-Encoding", "Connection", "TE", "Trailer"),
        *("Upgrade", "Expect", "Keep-Alive", "HTTP2-Settings"),
        *("Proxy-Connection", "proxy-authorization", "PROXY-Authenticate", "Proxy-Anything"),
    ],
)
def test_what_frames_a_message_or_belongs_to_the_connection_is_known_in_any_case(name):
    assert is_framing(name)


@pytest.mark.parametrize(
    "name",
    [
        *("Accept", "Accept-Encoding", "Authorization", "Cookie", "Content-Type", "Content-Encoding", "Range", "Host"),
        *(
            "User-Agent",
            "X-Connection",
            "Proxy",
            "TEST",
            "Trailers",
            "Content-Length-Hint",
            "Upgrade-Insecure-Requests",
        ),
    ],
)
def test_other_fields_are_not_taken_for_one(name):
    assert not is_framing(name)
