"""The answers of the local web: realistic pages, and trouble on request.

Knows which answer a path asks for. Does not know sockets or time: an answer has the
seconds that the server must wait before it sends it.

The first segment of a path names a behaviour, and the rest of the path is its argument.
Every other path is a page.

    /page/7                    a page of 2 to 20 kB, by host and path
    /slow/0.2/page/7           the answer to the rest, 0.2 seconds later
    /status/404/page/7         the page, with that status
    /busy/503/2/page/7         the same, with "Retry-After: 2"
    /flaky/2/page/7            503 for the first two requests, then the rest
    /redirect/3/page/7         302 to /redirect/2/page/7, and so on to the rest
    /away/b.test:8080/page/7   302 to http://b.test:8080/page/7
    /loop                      302 to itself
    /close, /reset, /hang      no answer: the connection is closed, reset, or kept
    /echo                      the request that the server got, as JSON
    /cookie/SET-COOKIE         the same, and sets the cookie (percent-encoded)
    /wall/REST                 REST with any cookie; else sets one and redirects here
    /robots.txt                404
"""

from __future__ import annotations

import functools
import html
import json
import random
import zlib
from collections.abc import Callable
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote

from msgspec import Struct
from msgspec.structs import replace

__all__ = ["Reply", "Request", "answer", "asks", "page"]

FILLERS: Final = 64
SMALLEST, LARGEST = 2_000, 20_000


class Request(Struct, frozen=True, gc=False):
    """A request that a server read; *host* has no port and is in lower case."""

    method: str
    target: str
    host: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @classmethod
    def split(cls, data: bytes) -> tuple[Request, bytes] | None:
        """Return the first request in *data* and the rest, or None if it is incomplete.

        It is lenient: a malformed request gets a page too.
        """
        head, end, rest = data.partition(b"\r\n\r\n")
        if not end:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        method, _, target = first.partition(" ")
        fields = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
        lower = {name.lower(): value for name, value in fields}
        length = int(lower.get("content-length", 0))
        if len(rest) < length:
            return None
        host, port, digits = lower.get("host", "").lower().rpartition(":")
        name = host if port and digits.isdigit() else host + port + digits
        return cls(method, target.partition(" ")[0], name, fields, rest[:length]), rest[length:]

    def as_json(self) -> bytes:
        """Return the request as JSON, so that the client sees how it arrived."""
        fields = {"method": self.method, "target": self.target, "headers": self.headers}
        return json.dumps(fields | {"body": self.body.decode("latin-1")}).encode()


class Reply(Struct, frozen=True, gc=False):
    """An answer to be sent *after* some seconds, or the *ending* of the connection.

    *ending* is ``close``, ``reset`` or ``hang``; the server then sends no answer.
    """

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "text/html; charset=utf-8"
    after: float = 0.0
    ending: str | None = None

    def encode(self, *, head_only: bool = False) -> bytes:
        """Return the response (RFC 9112), without the body if *head_only*."""
        more = "".join(f"{name}: {value}\r\n" for name, value in self.headers)
        head = (
            f"HTTP/1.1 {self.status} {_phrase(self.status)}\r\nContent-Type: {self.content_type}\r\n"
            f"Content-Length: {len(self.body)}\r\n{more}\r\n"
        ).encode("latin-1")
        return head if head_only else head + self.body


def asks(path: str) -> bool:
    """Return whether *path* asks for another answer than a page."""
    return path.removeprefix("/").partition("/")[0] in BEHAVIOURS


def answer(request: Request, path: str, earlier: int) -> Reply:
    """Return the answer to *path*; the server got *request* *earlier* times before."""
    _, _, asked = path.partition("/")
    ask, _, rest = asked.partition("/")
    behaviour = BEHAVIOURS.get(ask)
    if behaviour is None:
        return Reply(body=page(request.host, path))
    try:
        return behaviour(request, rest, earlier)
    except ValueError:
        return Reply(400, body=page(request.host, path))


def page(host: str, path: str) -> bytes:
    """Return the HTML page at *path* of *host*: 2 to 20 kB, always the same."""
    number = zlib.crc32(f"{host}{path}".encode())
    title = html.escape(f"{host}{path}")
    links = "".join(f'<li><a href="/page/{number >> shift & 0xFFFF}">further</a></li>\n' for shift in (0, 8, 16))
    head = f'<!doctype html>\n<html lang="en"><head><title>{title}</title></head>\n<body><h1>{title}</h1>\n'
    return b"%b<ul>%b</ul>\n%b</body></html>\n" % (head.encode(), links.encode(), _fillers()[number % FILLERS])


def _slow(request: Request, rest: str, earlier: int) -> Reply:
    seconds, _, path = rest.partition("/")
    reply = answer(request, f"/{path}", earlier)
    return replace(reply, after=float(seconds) + reply.after)


def _status(request: Request, rest: str, _earlier: int) -> Reply:
    status, _, path = rest.partition("/")
    empty = status.startswith("1") or status in ("204", "304")
    return Reply(int(status), body=b"" if empty else page(request.host, f"/{path}"))


def _busy(request: Request, rest: str, _earlier: int) -> Reply:
    status, seconds, path = (*rest.split("/", 2), "", "")[:3]
    return Reply(int(status), page(request.host, f"/{path}"), (("Retry-After", str(int(seconds))),))


def _flaky(request: Request, rest: str, earlier: int) -> Reply:
    times, _, path = rest.partition("/")
    if earlier < int(times):
        return Reply(503, page(request.host, f"/{path}"))
    return answer(request, f"/{path}", earlier)


def _redirect(request: Request, rest: str, earlier: int) -> Reply:
    times, _, path = rest.partition("/")
    if int(times) <= 0:
        return answer(request, f"/{path}", earlier)
    onward = f"/redirect/{int(times) - 1}/{path}"
    return _found(onward)


def _away(_request: Request, rest: str, _earlier: int) -> Reply:
    return _found(f"http://{rest}")


def _loop(request: Request, _rest: str, _earlier: int) -> Reply:
    return _found(request.target)


def _found(location: str) -> Reply:
    return Reply(302, b"<p>Over there.</p>\n", (("Location", location),))


def _ending(how: str) -> Behaviour:
    return lambda _request, _rest, _earlier: Reply(ending=how)


def _echo(request: Request, _rest: str, _earlier: int) -> Reply:
    return Reply(body=request.as_json(), content_type="application/json")


def _cookie(request: Request, rest: str, _earlier: int) -> Reply:
    return Reply(body=request.as_json(), content_type="application/json", headers=(("Set-Cookie", unquote(rest)),))


def _wall(request: Request, rest: str, earlier: int) -> Reply:
    if any(name.lower() == "cookie" for name, _ in request.headers):
        return answer(request, f"/{rest}", earlier)
    return Reply(302, headers=(("Location", request.target), ("Set-Cookie", "seen=1; Path=/")))


def _no_rules(request: Request, _rest: str, _earlier: int) -> Reply:
    return Reply(404, page(request.host, "/robots.txt"))


Behaviour = Callable[[Request, str, int], Reply]

BEHAVIOURS: Final[dict[str, Behaviour]] = {
    "slow": _slow,
    "status": _status,
    "busy": _busy,
    "flaky": _flaky,
    "redirect": _redirect,
    "away": _away,
    "loop": _loop,
    "close": _ending("close"),
    "reset": _ending("reset"),
    "hang": _ending("hang"),
    "echo": _echo,
    "cookie": _cookie,
    "wall": _wall,
    "robots.txt": _no_rules,
}


@functools.cache
def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


@functools.cache
def _fillers() -> tuple[bytes, ...]:
    """Return texts of 2 to 20 kB whose lengths are even on a logarithmic scale."""
    draw = random.Random(0)  # noqa: S311 - every call must give the same text
    words = ("water", "gate", "wheel", "the", "of", "a", "and", "turns", "slowly", "&amp;", "<em>less</em>", "“more”")
    paragraphs = [f'<p class="t">{" ".join(draw.choices(words, k=90))}.</p>\n'.encode() for _ in range(40)]
    ratio = (LARGEST / SMALLEST) ** (1 / FILLERS)
    text = b"".join(paragraphs) * 2
    return tuple(
        text[text.index(b"<p", 211 * number) :][: int(SMALLEST * ratio**number)].rpartition(b"<p")[0]
        for number in range(FILLERS)
    )
