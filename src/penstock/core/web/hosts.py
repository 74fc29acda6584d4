"""From a URL as written to its canonical form and the host whose limits apply.

Knows the WHATWG URL standard through can_ada (0.8 µs a URL; ada-url takes 7 µs). Does
not know how the URL is used, nor what addresses its host has.
"""

from __future__ import annotations

import base64
import re
from typing import Final
from urllib.parse import unquote_to_bytes

import can_ada
from msgspec import Struct

from penstock.core.web.model import Reason

__all__ = ["MAX_URL", "Place", "RejectedUrl", "endpoint", "locate", "origin", "redact"]

MAX_URL: Final = 32_768
"""The longest URL accepted, in bytes of UTF-8. Servers accept far less: nginx 8 kB,
Apache httpd 8,190 bytes."""

SCHEMES: Final = ("http:", "https:")

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_WEB: Final = re.compile(r"\s*https?:[/\\]*", re.IGNORECASE)
_CREDENTIALS: Final = re.compile(rf"({_WEB.pattern})[^/?#\\]*@", re.IGNORECASE)
_NO_CREDENTIALS: Final = re.compile(rf"{_WEB.pattern}[^/?#\\@:\x00-\x1f]+(?::[0-9]*)?[/?#\\]", re.IGNORECASE)
_SCHEME: Final = re.compile(r"\s*([a-zA-Z][a-zA-Z0-9+.-]*):")
_HOST_AND_PORT: Final = re.compile(r"\s*(?:localhost|[a-zA-Z][a-zA-Z0-9-]*\.[a-zA-Z0-9.-]*):[0-9]+(?:[/?#]|\s*$)")
_REFERENCE: Final = re.compile(r"(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?([^?#]*)(.*)", re.DOTALL)


class Place(Struct, frozen=True, gc=False):
    """The destination of a request.

    *url* is canonical and has neither credentials nor a fragment. *key* is the
    canonical host name without its port, since politeness is owed to a machine.
    *authorization* is the value of the Authorization header for credentials in the
    text.
    """

    url: str
    key: str
    authorization: str | None = None


class RejectedUrl(Struct, frozen=True, gc=False):
    """Why a text is no URL to request."""

    reason: Reason
    detail: str


def locate(text: str, base: str | None = None) -> Place | RejectedUrl:
    """Read *text* as a browser would, relative to *base* if given.

    Stricter than a browser in one thing: control characters, lone surrogates and
    over-long texts are rejected. The standard strips or encodes them, but in a list
    they are damage.
    """
    if base is not None:
        text = _resolve(text, base)
    damage = _find_damage(text)
    if damage is not None:
        return RejectedUrl(Reason.INVALID_URL, damage)
    try:
        url = can_ada.parse(text)
    except ValueError:
        return _reject(text)
    if url.protocol not in SCHEMES:
        return _reject(text)
    authorization = None
    if url.has_credentials():
        authorization = _encode_basic(url.username, url.password)
        url.username = url.password = ""
    if url.has_hash():
        url.hash = ""
    key = url.hostname
    if key.endswith("."):
        # a.example. and a.example are the same machine, so they share their limits.
        key = key.rstrip(".")
    if not key:
        return RejectedUrl(Reason.INVALID_URL, "no host in the URL")
    return Place(url.href, key, authorization)


def endpoint(url: str) -> tuple[str, int]:
    """Return host and port of a canonical *url*; an IPv6 address keeps its brackets."""
    scheme, _, rest = url.partition("://")
    authority = rest.partition("/")[0]
    host, colon, port = authority.rpartition(":")
    if not colon or authority.endswith("]"):
        return authority, 443 if scheme == "https" else 80
    return host, int(port)


def origin(url: str) -> str:
    """Return the origin (RFC 6454) of a canonical *url*."""
    return url[: url.index("/", len("https://"))]


def redact(text: str) -> str:
    """Return *text* with any user name and password replaced by ``***``.

    Text that does not parse loses everything between its scheme and its last @: a
    password with a slash in it makes an invalid URL, and it is still a password.
    """
    if "@" not in text:
        return text
    try:
        url = can_ada.parse(text)
    except (ValueError, TypeError):  # TypeError for a lone surrogate
        return text if _NO_CREDENTIALS.match(text) else _redact_all(text)
    if url.protocol not in SCHEMES:
        return _redact_all(text)
    if not url.has_credentials():
        return text
    found = _CREDENTIALS.match(text)
    return f"{found[1]}***@{text[found.end() :]}" if found else _redact_all(text)


def _redact_all(text: str) -> str:
    scheme = _WEB.match(text)
    return f"{scheme[0] if scheme else ''}***{text[text.rindex('@') :]}"


def _find_damage(text: str) -> str | None:
    if text.isascii() and text.isprintable():
        size = len(text)
    elif _CONTROL.search(text):
        return "control characters or broken text in the URL"
    else:
        size = len(text.encode())
    return f"{size} bytes, over {MAX_URL}" if size > MAX_URL else None


def _resolve(text: str, base: str) -> str:
    """Resolve *text* against the canonical URL *base*, leaving dots in its path.

    Follows the WHATWG URL standard, section 4.4, from "relative state" on; can_ada
    takes no base. urljoin implements RFC 3986, which reads backslashes, ``///host`` and
    ``?`` differently from a browser, and raises if there are brackets.
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


def _reject(text: str) -> RejectedUrl:
    scheme = _SCHEME.match(text)
    if scheme and f"{scheme[1].lower()}:" not in SCHEMES and not _HOST_AND_PORT.match(text):
        return RejectedUrl(Reason.BLOCKED_SCHEME, f"scheme {scheme[1][:40].lower()}: is not http or https")
    return RejectedUrl(Reason.INVALID_URL, "not a URL with a host; write it as http://host/path")


def _encode_basic(username: str, password: str) -> str:
    """Encode percent-encoded parts of a URL as Basic credentials (RFC 7617)."""
    pair = unquote_to_bytes(username) + b":" + unquote_to_bytes(password)
    return "Basic " + base64.b64encode(pair).decode("ascii")
