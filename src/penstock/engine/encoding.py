"""Text for libcurl: encoded as bytes, since pycurl accepts only ASCII text.

Knows encodings, and what libcurl rewrites by itself. Does not know handles or
transfers.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from penstock.core.web.codings import ACCEPTED
from penstock.core.web.model import Job
from penstock.errors import UsageError

__all__ = ["encode_headers", "encode_path", "find_exact_target"]

_SMALL_HEX: Final = re.compile("%(?:[a-f][0-9A-Fa-f]|[0-9A-F][a-f])")


def encode_path(cacert: str) -> bytes:
    """Return the path of the file *cacert* as bytes.

    Raises UsageError if the file cannot be read.
    """
    try:
        with Path(cacert).open("rb"):
            return os.fsencode(cacert)
    except OSError as error:
        raise UsageError(f"cacert {cacert!r} cannot be read: {error.strerror}") from None
    except ValueError as error:  # a NUL, a lone surrogate
        raise UsageError(f"cacert {cacert!r} cannot be read: {error}") from None


def find_exact_target(url: str, proxy: str | None) -> str | None:
    """Return the request target for *url* if libcurl would rewrite it, else None.

    libcurl 8.23 sends ``%e4`` in a path as ``%E4``.
    """
    scheme, _, rest = url.partition("://")
    path = rest[rest.find("/") :]
    if not _SMALL_HEX.search(path.partition("?")[0]):
        return None
    # A proxy gets the whole URL for http (RFC 9112, section 3.2.2); SOCKS and https are
    # tunneled to the server.
    return url if proxy and scheme == "http" and not proxy.lower().startswith("socks") else path


def encode_headers(job: Job) -> list[bytes]:
    """Encode the headers of *job* in Latin-1 as libcurl takes them.

    An empty value is written with a semicolon. A name with a colon alone removes a
    header that libcurl adds by itself: a form's Content-Type for any body, and Expect,
    which costs a second if a server does not support it.
    """
    given = {name.lower() for name, _ in job.headers}
    lines = [f"{name}: {value}" if value else f"{name};" for name, value in job.headers]
    if "accept-encoding" not in given:
        lines.append(f"Accept-Encoding: {ACCEPTED}")
    if job.method not in ("GET", "HEAD") or job.body is not None:
        lines += [f"{name}:" for name in ("Content-Type", "Expect") if name.lower() not in given]
    return [line.encode("latin-1") for line in lines]
