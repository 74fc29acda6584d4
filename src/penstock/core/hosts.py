"""From the text somebody wrote to a canonical URL and the host whose limits apply.

Knows the WHATWG URL standard through can_ada (0.8 µs a URL here, where ada-url takes 7 µs). Does not
know what will be done with the URL, nor what a name resolves to.
"""

from __future__ import annotations

import base64
import re
from typing import Final
from urllib.parse import unquote_to_bytes, urljoin

import can_ada
from msgspec import Struct

from penstock.core.model import Slug

__all__ = ["MAX_URL", "Place", "Refusal", "blot", "locate", "origin"]

MAX_URL: Final = 32_768
"""The longest URL taken, in characters. Servers stop far below: nginx at 8 kB, Apache httpd at 8,190."""

SCHEMES: Final = ("http:", "https:")

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_CREDENTIALS: Final = re.compile(r"^(\s*[a-zA-Z][a-zA-Z0-9+.-]*:[/\\]*)[^/?#\\]*@")
_SCHEME: Final = re.compile(r"\s*([a-zA-Z][a-zA-Z0-9+.-]*):")


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

    slug: Slug
    detail: str


def locate(text: str, base: str | None = None) -> Place | Refusal:
    """Where *text* leads, read as a browser would, relative to *base* where there is one.

    Stricter than a browser in one thing: control characters, lone surrogates and over-long texts are
    refused where the standard would strip or encode them, since in a list they are damage.
    """
    if len(text) > MAX_URL:
        return Refusal(Slug.INVALID_URL, f"{len(text)} characters, over {MAX_URL}")
    if not (text.isascii() and text.isprintable()) and _CONTROL.search(text):
        return Refusal(Slug.INVALID_URL, "control characters or broken text in the URL")
    if base is not None:
        # can_ada has no base URL. A browser reads a backslash as a slash; RFC 3986, as urljoin, does not.
        text = urljoin(base, text.strip().replace("\\", "/"))
    try:
        url = can_ada.parse(text)
    except ValueError:
        return _refuse(text)
    protocol = url.protocol
    if protocol not in SCHEMES:
        return Refusal(Slug.BLOCKED_SCHEME, f"scheme {protocol[:40]} is not http or https")
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
        return Refusal(Slug.INVALID_URL, "no host in the URL")
    return Place(url.href, key, authorization)


def origin(url: str) -> str:
    """The scheme, host and port of a canonical *url*: what credentials belong to (RFC 6454)."""
    return str(can_ada.parse(url).origin)


def blot(text: str) -> str:
    """*text* with any user name and password in it replaced by ``***``."""
    return _CREDENTIALS.sub(r"\1***@", text) if "@" in text else text


def _refuse(text: str) -> Refusal:
    scheme = _SCHEME.match(text)
    if scheme and f"{scheme[1].lower()}:" not in SCHEMES and not text[scheme.end() :][:1].isdigit():
        return Refusal(Slug.BLOCKED_SCHEME, f"scheme {scheme[1][:40].lower()}: is not http or https")
    return Refusal(Slug.INVALID_URL, "not a URL with a host; write it as http://host/path")


def _basic(username: str, password: str) -> str:
    """The Basic credentials of RFC 7617 for percent-encoded parts of a URL."""
    pair = unquote_to_bytes(username) + b":" + unquote_to_bytes(password)
    return "Basic " + base64.b64encode(pair).decode("ascii")
