"""Replies that break HTTP or stretch it: status lines, headers, lengths and chunks."""

from __future__ import annotations

from typing import Final

from penstock.testing.hostile.faults import reply, response
from penstock.testing.hostile.line import Line
from penstock.testing.pages import Request

__all__ = ["DRIBBLE", "PAGE"]

DRIBBLE: Final = 0.01
"""Seconds between two bytes of a dribbled reply, and before a delayed part."""

PAGE: Final = b"<!doctype html><title>A page</title><p>As good as any other.</p>\n" * 8
LENGTH: Final = f"Content-Length: {len(PAGE)}"

OK: Final = b"HTTP/1.1 200 OK\r\n"
CHUNKED: Final = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@reply("protocol_error")
def garbage_status(line: Line, _request: Request) -> None:
    """Answers with a first line that is no status line."""
    line.send(b"200 is what I would say\r\n\r\n")
    line.close()


@reply("protocol_error")
def status_without_digits(line: Line, _request: Request) -> None:
    """Answers with a status that is no number."""
    line.send(b"HTTP/1.1 abc OK\r\n\r\n")
    line.close()


@reply("protocol_error")
def http_0_9(line: Line, _request: Request) -> None:
    """Answers with a bare page, as HTTP/0.9 did."""
    line.send(PAGE)
    line.close()


@reply("protocol_error")
def http_9(line: Line, _request: Request) -> None:
    """Answers in a version of HTTP that does not exist."""
    line.send(response(PAGE).replace(b"HTTP/1.1", b"HTTP/9.0"))
    line.close()


@reply("protocol_error")
def header_without_colon(line: Line, _request: Request) -> None:
    """Sends a header line without a colon."""
    line.send(response(PAGE, "Content-Type text/html"))


@reply("protocol_error")
def header_with_nul(line: Line, _request: Request) -> None:
    """Sends a NUL within a header's value."""
    line.send(response(PAGE, "X-Broken: a\0b"))


@reply("protocol_error")
def headers_endless(line: Line, _request: Request) -> None:
    """Sends headers without end."""
    line.send(OK)
    while True:
        line.send(b"X-More: and more of it\r\n" * 100)


@reply("protocol_error")
def header_line_endless(line: Line, _request: Request) -> None:
    """Sends one header whose value never ends."""
    line.send(OK + b"X-Long: ")
    while True:
        line.send(b"x" * 10_000)


@reply("protocol_error")
def interim_flood(line: Line, _request: Request) -> None:
    """Sends interim responses (1xx) without end."""
    while True:
        line.send(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n" * 50)


@reply("protocol_error")
def upgrade_unasked(line: Line, _request: Request) -> None:
    """Switches protocols (101) though the client did not ask for it."""
    line.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\nConnection: Upgrade\r\n\r\nhello")
    line.rest()


@reply("protocol_error")
def length_negative(line: Line, _request: Request) -> None:
    """Gives a Content-Length below zero."""
    line.send(OK + b"Content-Length: -5\r\n\r\n" + PAGE)
    line.close()


@reply("protocol_error")
def length_no_number(line: Line, _request: Request) -> None:
    """Gives a Content-Length that is no number."""
    line.send(OK + b"Content-Length: many\r\n\r\n" + PAGE)
    line.close()


@reply("protocol_error")
def length_of_two_minds(line: Line, _request: Request) -> None:
    """Gives two Content-Lengths that differ."""
    line.send(response(PAGE, "Content-Length: 3"))


@reply("fetched")
def length_given_twice(line: Line, _request: Request) -> None:
    """Gives the same Content-Length twice, which is allowed (RFC 9110, section 8.6)."""
    line.send(response(PAGE, LENGTH))


@reply("fetched")
def length_with_chunked(line: Line, _request: Request) -> None:
    """Gives a Content-Length and sends chunks, which win (RFC 9112, 6.3)."""
    line.send(OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n" + _chunk(PAGE) + b"0\r\n\r\n")
    line.close()


@reply("protocol_error")
def chunk_without_size(line: Line, _request: Request) -> None:
    """Sends a chunk whose size is no number."""
    line.send(CHUNKED + b"xyz\r\n" + PAGE)
    line.close()


@reply("protocol_error")
def chunk_overflowing(line: Line, _request: Request) -> None:
    """Sends a chunk whose size needs more than 64 bits."""
    line.send(CHUNKED + b"fffffffffffffffffff\r\n" + PAGE)
    line.close()


@reply("protocol_error")
def chunk_without_end(line: Line, _request: Request) -> None:
    """Sends a chunk that is longer than its size says."""
    line.send(CHUNKED + b"5\r\n" + PAGE)
    line.close()


@reply("protocol_error")
def chunk_size_endless(line: Line, _request: Request) -> None:
    """Sends the digits of a chunk's size without end."""
    line.send(CHUNKED)
    while True:
        line.send(b"0" * 10_000)


@reply("timeout_body")
def chunk_extension_endless(line: Line, _request: Request) -> None:
    """Sends a chunk's extension without end."""
    line.send(CHUNKED + b"5;note=")
    while True:
        line.send(b"x" * 10_000)


@reply("protocol_error")
def trailers_endless(line: Line, _request: Request) -> None:
    """Sends trailers after the last chunk without end."""
    line.send(CHUNKED + _chunk(PAGE) + b"0\r\n")
    while True:
        line.send(b"X-More: and more of it\r\n" * 100)


@reply("fetched")
def second_response(line: Line, _request: Request) -> None:
    """Sends a second response right after the first, and keeps the connection."""
    line.send(response(PAGE) + response(b"poison"))


@reply("fetched")
def second_response_later(line: Line, _request: Request) -> None:
    """Sends a second response shortly after the first, and keeps the connection."""
    line.send(response(PAGE))
    line.rest(DRIBBLE)
    line.send(response(b"poison"))


@reply("fetched")
def body_of_no_content(line: Line, _request: Request) -> None:
    """Sends a body after 204, which can have none, and keeps the connection."""
    line.send(b"HTTP/1.1 204 No Content\r\n\r\npoison")


@reply("fetched")
def empty_page(line: Line, _request: Request) -> None:
    """Answers 200 with a body of no bytes."""
    line.send(response(b""))


@reply("fetched")
def not_modified(line: Line, _request: Request) -> None:
    """Answers 304 with the length of an absent body (RFC 9110, section 8.6)."""
    line.send(f"HTTP/1.1 304 Not Modified\r\n{LENGTH}\r\n\r\n".encode())


@reply("fetched")
def ends_with_the_connection(line: Line, _request: Request) -> None:
    """Gives no length and closes after the body, as HTTP/1.0 did."""
    line.send(OK + b"\r\n" + PAGE)
    line.close()


@reply("fetched")
def closes_when_idle(line: Line, _request: Request) -> None:
    """Answers well, keeps the connection, and closes it while it is idle."""
    line.send(response(PAGE))
    line.rest(DRIBBLE)
    line.close()


@reply("fetched")
def closes_on_reuse(line: Line, _request: Request) -> None:
    """Answers the first request of a connection; closes at the second."""
    if line.requests > 1:
        line.close()
    else:
        line.send(response(PAGE))


@reply("fetched")
def resets_on_reuse(line: Line, _request: Request) -> None:
    """Answers the first request of a connection; resets at the second."""
    if line.requests > 1:
        line.reset()
    else:
        line.send(response(PAGE))


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)
