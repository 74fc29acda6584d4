"""The cookies of all transfers together: libcurl's engine, with a bound.

Knows how many cookies are kept. Does not know their rules: libcurl has them (RFC 6265, and the prefixes of its
successor), with the public suffix list of libpsl, so that no cookie is set for ``co.uk``.
"""

from __future__ import annotations

from typing import Final

import pycurl

from penstock.errors import UsageError

__all__ = ["MOST", "Cookies"]

MOST: Final = 5_000
"""Cookies that are kept at most; RFC 6265, section 6.1, asks for 3,000 at least. libcurl has no bound for all hosts
together, so memory would grow with the hosts of a list, and time too: one page of a new host took 0.9 ms with 5,000
cookies kept and 4.3 ms with 20,000, on a machine where it took 0.35 ms with none (8.23)."""


class Cookies:
    """A jar that handles share. UsageError if this libcurl has no public suffix list."""

    def __init__(self) -> None:
        if "libpsl/" not in pycurl.version:
            raise UsageError("cookies need a libcurl with the public suffix list (libpsl), as in pycurl's wheels")
        self._share = pycurl.CurlShare()
        self._share.setopt(pycurl.SH_SHARE, pycurl.LOCK_DATA_COOKIE)
        self._set = 0

    def give(self, easy: pycurl.Curl) -> None:
        """Let *easy* take cookies from the jar and put them there."""
        easy.setopt(pycurl.COOKIEFILE, b"")
        easy.setopt(pycurl.SHARE, self._share)

    def heed(self, easy: pycurl.Curl, head: bytes) -> None:
        """Count what the header block *head*, a response to *easy*, sets; a jar that is full is emptied."""
        self._set += head.lower().count(b"\nset-cookie:")
        if self._set > MOST:
            self._set = len(easy.getinfo_raw(pycurl.INFO_COOKIELIST))
        if self._set > MOST:
            easy.setopt(pycurl.COOKIELIST, b"ALL")
            self._set = 0

    def close(self) -> None:
        """Forget them all; no handle may use the jar any more."""
        self._share.close()
