"""Texts as libcurl takes them: bytes, and what it would write in another way by itself.

Knows encodings and libcurl's habits. Does not know handles or transfers. pycurl takes text only if it is ASCII.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from penstock.core.web.codings import ACCEPTED
from penstock.core.web.model import Job
from penstock.errors import UsageError

__all__ = ["header_lines", "readable", "unlike_libcurls"]

_SMALL_HEX: Final = re.compile("%(?:[a-f][0-9A-Fa-f]|[0-9A-F][a-f])")


def readable(cacert: str) -> bytes:
    """The name of the file *cacert* as the system spells it. UsageError if it cannot be read."""
    try:
        with Path(cacert).open("rb"):
            return os.fsencode(cacert)
    except OSError as error:
        raise UsageError(f"cacert {cacert!r} cannot be read: {error.strerror}") from None
    except ValueError as error:  # a NUL, a lone surrogate
        raise UsageError(f"cacert {cacert!r} cannot be read: {error}") from None


def unlike_libcurls(url: str, proxy: str | None) -> str | None:
    """What to ask for at *url* if libcurl would write it in another way: 8.23 sends ``%e4`` in a path as ``%E4``."""
    scheme, _, rest = url.partition("://")
    path = rest[rest.find("/") :]
    if not _SMALL_HEX.search(path.partition("?")[0]):
        return None
    # A proxy for http gets the whole URL (RFC 9112, section 3.2.2); SOCKS and https go through to the server.
    return url if proxy and scheme == "http" and not proxy.lower().startswith("socks") else path


def header_lines(job: Job) -> list[bytes]:
    """The request's headers as libcurl takes them, in Latin-1: an empty value is written with a semicolon.

    Empty ones after a colon switch off what libcurl would add by itself: a form's Content-Type to any
    body, and Expect, which costs a second wherever a server does not know it.
    """
    given = {name.lower() for name, _ in job.headers}
    lines = [f"{name}: {value}" if value else f"{name};" for name, value in job.headers]
    if "accept-encoding" not in given:
        lines.append(f"Accept-Encoding: {ACCEPTED}")
    if job.method not in ("GET", "HEAD") or job.body is not None:
        lines += [f"{name}:" for name in ("Content-Type", "Expect") if name.lower() not in given]
    return [line.encode("latin-1") for line in lines]
