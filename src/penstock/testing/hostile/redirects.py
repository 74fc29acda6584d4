"""Redirects without a target, in circles, or to targets that are not allowed."""

from __future__ import annotations

from penstock.testing.hostile.bodies import BOMB_SIZE, zstd_of_zeros
from penstock.testing.hostile.faults import reply, response
from penstock.testing.hostile.line import Line
from penstock.testing.hostile.replies import PAGE
from penstock.testing.pages import Request

__all__: list[str] = []

AWAY = b"<p>Over there.</p>\n"
TO_ECHO = b"HTTP/1.1 302 Found\r\nLocation: /echo\r\n"


@reply("too_many_redirects")
def redirect_loop(line: Line, request: Request) -> None:
    """Redirects to itself."""
    _to(line, request.target)


@reply("too_many_redirects")
def redirect_forever(line: Line, request: Request) -> None:
    """Redirects to another path each time, without end."""
    _to(line, f"{request.target}/on")


@reply("fetched")
def location_missing(line: Line, _request: Request) -> None:
    """Sends a redirect without a Location, which is an answer like any other."""
    line.send(response(PAGE, status="302 Found"))


@reply("redirect_invalid")
def location_empty(line: Line, _request: Request) -> None:
    """Redirects to an empty Location."""
    _to(line, "")


@reply("redirect_invalid")
def location_doubled(line: Line, _request: Request) -> None:
    """Redirects to two different Locations."""
    line.send(response(AWAY, "Location: /page/1", "Location: /page/2", status="302 Found"))


@reply("fetched")
def redirect_twice_the_same(line: Line, _request: Request) -> None:
    """Names the same Location twice."""
    line.send(response(AWAY, "Location: /echo", "Location: /echo", status="302 Found"))


@reply("fetched")
def redirect_cut_off(line: Line, _request: Request) -> None:
    """Redirects with a body that is cut off by a close."""
    line.send(TO_ECHO + b"Content-Length: 500\r\n\r\n" + AWAY)
    line.close()


@reply("fetched")
def redirect_cut_before_its_body(line: Line, _request: Request) -> None:
    """Redirects and resets the connection where the body should begin."""
    line.send(TO_ECHO + b"Content-Length: 500\r\n\r\n")
    line.half_close()


@reply("fetched")
def redirect_with_bad_chunks(line: Line, _request: Request) -> None:
    """Redirects with a chunked body that has no valid chunk."""
    line.send(TO_ECHO + b"Transfer-Encoding: chunked\r\n\r\nno chunk\r\n")


@reply("fetched")
def redirect_that_stalls(line: Line, _request: Request) -> None:
    """Redirects and never sends the body it announces."""
    line.send(TO_ECHO + b"Content-Length: 500\r\n\r\n")
    line.rest()


@reply("fetched")
def redirect_that_trickles(line: Line, _request: Request) -> None:
    """Redirects with a body of one byte at a time, without end."""
    line.send(TO_ECHO + b"\r\n")
    while True:
        line.send(b"x")
        line.rest(0.05)


@reply("fetched")
def redirect_endless(line: Line, _request: Request) -> None:
    """Redirects with a body without end."""
    line.send(TO_ECHO + b"\r\n")
    while True:
        line.send(PAGE * 100)


@reply("fetched")
def redirect_with_a_bomb(line: Line, _request: Request) -> None:
    """Redirects with a bomb as its body."""
    line.send(response(zstd_of_zeros(BOMB_SIZE), "Content-Encoding: zstd", "Location: /echo", status="302 Found"))


@reply("fetched")
def redirect_coded_wrongly(line: Line, _request: Request) -> None:
    """Redirects with a body that is not in gzip, as it says."""
    line.send(response(AWAY, "Content-Encoding: gzip", "Location: /echo", status="302 Found"))


@reply("redirect_invalid")
def location_invalid(line: Line, _request: Request) -> None:
    """Redirects to an invalid URL."""
    _to(line, "http://[half/")


@reply("redirect_invalid")
def location_with_bad_port(line: Line, _request: Request) -> None:
    """Redirects to port 99999."""
    _to(line, "http://127.0.0.1:99999/")


@reply("blocked_scheme")
def redirect_to_file(line: Line, _request: Request) -> None:
    """Redirects to a file."""
    _to(line, "file:///etc/passwd")


@reply("blocked_scheme")
def redirect_to_script(line: Line, _request: Request) -> None:
    """Redirects to a piece of JavaScript."""
    _to(line, "javascript:alert(1)")


@reply("fetched")
def redirect_away(line: Line, _request: Request) -> None:
    """Redirects to another origin, which echoes the headers."""
    _to(line, f"{line.around.elsewhere}/echo")


@reply("fetched")
def redirect_away_and_back(line: Line, _request: Request) -> None:
    """Redirects to another origin, which redirects back to an echo here."""
    _to(line, f"{line.around.elsewhere}/away/{line.around.here.removeprefix('http://')}/echo")


@reply("fetched")
def redirect_here(line: Line, _request: Request) -> None:
    """Redirects to an echo at the same origin."""
    _to(line, "/echo")


@reply("fetched")
def redirect_with_cookies(line: Line, _request: Request) -> None:
    """Redirects to an echo at the same origin, and sets cookies on the way."""
    _to(line, "/echo", "Set-Cookie: a=secret; Path=/", "Set-Cookie: b=secret; Domain=test; Path=/")


def _to(line: Line, location: str, *fields: str) -> None:
    line.send(response(AWAY, f"Location: {location}", *fields, status="302 Found"))
