"""From the text somebody wrote to a canonical URL and the host whose limits apply.

Knows the WHATWG URL standard through can_ada (0.8 µs a URL here, where ada-url takes 7 µs). Does not
know what will be done with the URL, nor what a name resolves to.
"""

from __future__ import annotations

import base64
import re
from typing import Final
from urllib.parse import unquote_to_bytes

import can_ada
from msgspec import Struct

from penstock.core.web.model import Reason

__all__ = ["MAX_URL", "Place", "Refusal", "blot", "endpoint", "locate", "origin"]

MAX_URL: Final = 32_768
"""The longest URL taken, in bytes of UTF-8. Servers stop far below: nginx at 8 kB, Apache httpd at 8,190."""

SCHEMES: Final = ("http:", "https:")

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_WEB: Final = re.compile(r"\s*https?:[/\\]*", re.IGNORECASE)
_CREDENTIALS: Final = re.compile(rf"({_WEB.pattern})[^/?#\\]*@", re.IGNORECASE)
_NO_CREDENTIALS: Final = re.compile(rf"{_WEB.pattern}[^/?#\\@:\x00-\x1f]+(?::[0-9]*)?[/?#\\]", re.IGNORECASE)
_SCHEME: Final = re.compile(r"\s*([a-zA-Z][a-zA-Z0-9+.-]*):")
_HOST_AND_PORT: Final = re.compile(r"\s*(?:localhost|[a-zA-Z][a-zA-Z0-9-]*\.[a-zA-Z0-9.-]*):[0-9]+(?:[/?#]|\s*$)")
_REFERENCE: Final = re.compile(r"(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?([^?#]*)(.*)", re.DOTALL)


class Place(Struct, frozen=True, gc=False):
    """Where a request would go.

    *url* is canonical and holds neither credentials nor a fragment; *key* is the host name in one
    spelling, without its port, since politeness is owed to a machine; *authorization* is the header that
    credentials in the text ask for.
    """

    url: str
    key: str
    authorization: str | None = None


class Refusal(Struct, frozen=True, gc=False):
    """Why a text leads nowhere."""

    reason: Reason
    detail: str


def locate(text: str, base: str | None = None) -> Place | Refusal:
    """Where *text* leads, read as a browser would, relative to *base* where there is one.

    Stricter than a browser in one thing: control characters, lone surrogates and over-long texts are
    refused where the standard would strip or encode them, since in a list they are damage.
    """
    if base is not None:
        text = _resolved(text, base)
    damage = _damage(text)
    if damage is not None:
        return Refusal(Reason.INVALID_URL, damage)
    try:
        url = can_ada.parse(text)
    except ValueError:
        return _refuse(text)
    if url.protocol not in SCHEMES:
        return _refuse(text)
    authorization = None
    if url.has_credentials():
        authorization = _basic(url.username, url.password)
        url.username = url.password = ""
    if url.has_hash():
        url.hash = ""
    key = url.hostname
    if key.endswith("."):
        # a.example. and a.example are one machine, so one limit holds for both.
        key = key.rstrip(".")
    if not key:
        return Refusal(Reason.INVALID_URL, "no host in the URL")
    return Place(url.href, key, authorization)


def endpoint(url: str) -> tuple[str, int]:
    """The host and the port of a canonical *url*, as ``Place`` has it; an IPv6 address keeps its brackets."""
    scheme, _, rest = url.partition("://")
    authority = rest.partition("/")[0]
    host, colon, port = authority.rpartition(":")
    if not colon or authority.endswith("]"):
        return authority, 443 if scheme == "https" else 80
    return host, int(port)


def origin(url: str) -> str:
    """The scheme, host and port of a canonical *url*: what credentials belong to (RFC 6454)."""
    return url[: url.index("/", len("https://"))]


def blot(text: str) -> str:
    """*text* with any user name and password in it replaced by ``***``.

    What no parser takes loses everything up to its last @, but for its scheme: a password with a slash in
    it makes a URL that leads nowhere, and it is still a password.
    """
    if "@" not in text:
        return text
    try:
        url = can_ada.parse(text)
    except (ValueError, TypeError):  # TypeError for a lone surrogate
        return text if _NO_CREDENTIALS.match(text) else _blot_all(text)
    if url.protocol not in SCHEMES:
        return _blot_all(text)
    if not url.has_credentials():
        return text
    found = _CREDENTIALS.match(text)
    return f"{found[1]}***@{text[found.end() :]}" if found else _blot_all(text)


def _blot_all(text: str) -> str:
    scheme = _WEB.match(text)
    return f"{scheme[0] if scheme else ''}***{text[text.rindex('@') :]}"


def _damage(text: str) -> str | None:
    if text.isascii() and text.isprintable():
        size = len(text)
    elif _CONTROL.search(text):
        return "control characters or broken text in the URL"
    else:
        size = len(text.encode())
    return f"{size} bytes, over {MAX_URL}" if size > MAX_URL else None


def _resolved(text: str, base: str) -> str:
    """*text* read relative to the canonical URL *base* (WHATWG URL, section 4.4, from "relative state" on).

    can_ada takes no base. urljoin goes by RFC 3986, which reads backslashes, ``///host`` and ``?``
    differently from a browser, and raises for brackets. Dots in the path are left for the parser.
    """
    found = _REFERENCE.fullmatch(text.strip(" "))
    assert found is not None
    scheme, path, rest = found.groups()
    own_scheme, _, address = base.partition("://")
    if scheme is not None and scheme.lower() != own_scheme:
        return text
    path = path.replace("\\", "/")
    if path.startswith("//"):
        return f"{own_scheme}:{path}{rest}"
    host, slash, own_path = address.partition("?")[0].partition("/")
    if path.startswith("/"):
        return f"{own_scheme}://{host}{path}{rest}"
    if path:
        return f"{own_scheme}://{host}{slash}{own_path[: own_path.rfind('/') + 1]}{path}{rest}"
    if rest.startswith("?"):
        return f"{own_scheme}://{host}{slash}{own_path}{rest}"
    return f"{base}{rest}"


def _refuse(text: str) -> Refusal:
    scheme = _SCHEME.match(text)
    if scheme and f"{scheme[1].lower()}:" not in SCHEMES and not _HOST_AND_PORT.match(text):
        return Refusal(Reason.BLOCKED_SCHEME, f"scheme {scheme[1][:40].lower()}: is not http or https")
    return Refusal(Reason.INVALID_URL, "not a URL with a host; write it as http://host/path")


def _basic(username: str, password: str) -> str:
    """The Basic credentials of RFC 7617 for percent-encoded parts of a URL."""
    pair = unquote_to_bytes(username) + b":" + unquote_to_bytes(password)
    return "Basic " + base64.b64encode(pair).decode("ascii")
