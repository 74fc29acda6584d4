"""Replies that are too slow, or end too early."""

from __future__ import annotations

from penstock.testing.hostile.faults import reply, response
from penstock.testing.hostile.line import Line
from penstock.testing.hostile.replies import CHUNKED, DRIBBLE, LENGTH, OK, PAGE
from penstock.testing.pages import Request

__all__: list[str] = []


@reply("empty_reply")
def closed_without_reply(line: Line, _request: Request) -> None:
    """Reads the request and closes."""
    line.close()


@reply("reset")
def reset_without_reply(line: Line, _request: Request) -> None:
    """Reads the request and resets the connection."""
    line.reset()


@reply("timeout_first_byte")
def silent(line: Line, _request: Request) -> None:
    """Reads the request and never answers."""
    line.rest()


@reply("timeout")
def silent_in_headers(line: Line, _request: Request) -> None:
    """Sends some headers and then nothing more."""
    line.send(OK + b"Content-Type: text/html\r\n")
    line.rest()


@reply("timeout_body")
def silent_in_body(line: Line, _request: Request) -> None:
    """Sends half of the body and then nothing more."""
    line.send(response(PAGE)[: -len(PAGE) // 2])
    line.rest()


@reply("timeout")
def headers_dribbled(line: Line, _request: Request) -> None:
    """Sends headers a byte at a time, without end."""
    line.send(OK)
    while True:
        _dribble(line, b"X-More: and more of it\r\n")


@reply("timeout_first_byte")
def status_dribbled(line: Line, _request: Request) -> None:
    """Sends a status line a byte at a time, and never ends it."""
    line.send(b"HTTP/1.1 200 ")
    while True:
        _dribble(line, b"OK ")


@reply("timeout_body")
def body_dribbled(line: Line, _request: Request) -> None:
    """Sends the body a byte at a time, without end."""
    line.send(OK + b"Content-Length: 1000000\r\n\r\n")
    while True:
        _dribble(line, PAGE)


@reply("timeout_body")
def chunks_dribbled(line: Line, _request: Request) -> None:
    """Sends chunks of one byte each, a byte at a time, without end."""
    line.send(CHUNKED)
    while True:
        _dribble(line, b"1\r\nx\r\n")


@reply("empty_reply")
def closed_in_status(line: Line, _request: Request) -> None:
    """Closes within the status line, so that the reply is empty."""
    line.send(b"HTTP/1.1 20")
    line.close()


@reply("truncated")
def closed_in_headers(line: Line, _request: Request) -> None:
    """Closes after some headers, before the blank line."""
    line.send(OK + b"Content-Type: text/html\r\n")
    line.close()


@reply("truncated")
def closed_in_header_line(line: Line, _request: Request) -> None:
    """Closes within a header line."""
    line.send(OK + b"Content-Ty")
    line.close()


@reply("truncated")
def closed_after_interim(line: Line, _request: Request) -> None:
    """Closes after an interim response, before the real one."""
    line.send(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n")
    line.close()


@reply("truncated")
def closed_before_body(line: Line, _request: Request) -> None:
    """Closes after the headers, though they promise a body."""
    line.send(OK + LENGTH.encode() + b"\r\n\r\n")
    line.close()


@reply("truncated")
def closed_before_length(line: Line, _request: Request) -> None:
    """Closes one byte before the Content-Length is reached."""
    line.send(response(PAGE)[:-1])
    line.close()


@reply("truncated")
def closed_before_last_chunk(line: Line, _request: Request) -> None:
    """Closes after a whole chunk that is not the last."""
    line.send(CHUNKED + b"%x\r\n%b\r\n" % (len(PAGE), PAGE))
    line.close()


@reply("truncated")
def closed_in_chunk(line: Line, _request: Request) -> None:
    """Closes within a chunk."""
    line.send(CHUNKED + b"%x\r\n%b" % (len(PAGE), PAGE[:-1]))
    line.close()


@reply("truncated")
def reset_in_headers(line: Line, _request: Request) -> None:
    """Resets the connection among the headers."""
    line.send(OK + b"Content-Type: text/html\r\n")
    line.rest(DRIBBLE)
    line.reset()


@reply("truncated")
def reset_in_body(line: Line, _request: Request) -> None:
    """Resets the connection halfway through the body."""
    line.send(response(PAGE)[: -len(PAGE) // 2])
    line.rest(DRIBBLE)
    line.reset()


def _dribble(line: Line, data: bytes) -> None:
    for index in range(len(data)):
        line.send(data[index : index + 1])
        line.rest(DRIBBLE)
