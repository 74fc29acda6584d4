"""Checks of settings that are text, once they are in their one form.

Knows what libcurl and HTTP can be given. Does not know numbers and choices: the table
itself has their bounds.
"""

from __future__ import annotations

import re
from typing import Final

from penstock.core.web.addresses import is_address
from penstock.core.web.fields import is_field_value
from penstock.core.web.hosts import Place, locate
from penstock.errors import UsageError

__all__ = [
    "check_connect_to",
    "check_delimiter",
    "check_field_value",
    "check_guard",
    "check_proxy",
    "check_resolver",
]

_DELIMITER: Final = re.compile(r"[^\"\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_ENDPOINT: Final = r"(?:\[[0-9A-Fa-f:.]+\]|[^:\[\]\s]*):[0-9]{0,5}"
_RESOLVER: Final = re.compile(r"(?:\[([^\]]*)\]|([^:]*))(?::([0-9]{1,5}))?")
_CONNECT_TO: Final = re.compile(f"{_ENDPOINT}:{_ENDPOINT}")


def check_connect_to(entries: tuple[str, ...], name: str) -> None:
    """Raise UsageError unless curl's ``--connect-to`` would take each of *entries*."""
    for entry in entries:
        if not _CONNECT_TO.fullmatch(entry):
            raise UsageError(f"{name} is {entry!r}; write HOST1:PORT1:HOST2:PORT2, any of them empty")
        for host in entry.split(":"):
            if not host.isascii() and not isinstance(locate(f"http://{host}/"), Place):
                raise UsageError(f"{name} is {entry!r}; {host!r} is no host")


def check_proxy(proxy: str | None, name: str) -> None:
    """Raise UsageError if libcurl cannot be given *proxy*."""
    if proxy is not None and not _is_sendable(proxy):
        # It is not repeated in the message: there may be a password in it.
        raise UsageError(f"{name} has a control character, or is no text; write a URL, http://host:port")


def _is_sendable(text: str) -> bool:
    """Return whether *text* has no control characters.

    Bytes that are not UTF-8 stay as they were typed.
    """
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return not re.search(r"[\x00-\x1f\x7f]", text)


def check_resolver(resolver: str | None, name: str) -> None:
    """Raise UsageError unless *resolver* is an address, with a port or without."""
    if resolver is None:
        return
    found = _RESOLVER.fullmatch(resolver)
    if found is None or not is_address(found[1] or found[2]) or not 0 < int(found[3] or 53) < 2**16:
        raise UsageError(f"{name} is {resolver!r}; write an address, 9.9.9.9, 127.0.0.1:5353 or [2620:fe::fe]:53")


def check_delimiter(delimiter: str | None, name: str) -> None:
    """Raise UsageError unless *delimiter* is one character."""
    if delimiter is not None and not _DELIMITER.fullmatch(delimiter):
        raise UsageError(f"{name} is {delimiter!r}; it is one character, as ; or |, or the word tab")


def check_field_value(value: str | None, name: str) -> None:
    """Raise UsageError if no header may have *value*."""
    if value is not None and not is_field_value(value):
        raise UsageError(f"{name} has a control character or is not Latin-1")


def check_guard(*, public_only: bool, proxy: str | None) -> None:
    """Raise UsageError if *public_only* is set with a *proxy*, which looks names up."""
    if public_only and proxy:
        raise UsageError("public_only can't be promised through a proxy, which looks names up by itself; drop either")
