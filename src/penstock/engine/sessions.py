"""The TLS sessions of hosts, kept after their connections: a host met again resumes.

Knows which of libcurl's shares has the sessions of an origin. Does not know TLS, trust
or connections: each engine, with its one set of settings, has sessions of its own, and
libcurl resumes none that was verified in another way. See docs/decisions/tls-sessions.md.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import pycurl

__all__ = ["PER_SHARE", "SHARES", "Sessions"]

PER_SHARE: Final = 24
"""Origins of a share. libcurl keeps the sessions of 25 peers in one, and replaces the
newest of them if it is full (8.23); the last place is for an https:// proxy."""

SHARES: Final = 100
"""Shares kept: the newest 2,400 origins. One takes 3 to 6 kB, more with a long certificate."""


class Sessions:
    """Shares of at most *per_share* origins; *shares* of them are kept, the newest."""

    def __init__(self, shares: int = SHARES, per_share: int = PER_SHARE) -> None:
        self._shares = shares
        self._per_share = per_share
        self._by_origin: dict[str, pycurl.CurlShare] = {}
        # The origins of each share, the newest last.
        self._groups: deque[list[str]] = deque()

    def __len__(self) -> int:
        """Return how many origins are known."""
        return len(self._by_origin)

    def find(self, url: str) -> pycurl.CurlShare:
        """Return the share of the origin of the canonical *url*."""
        origin = url[: url.find("/", len("https://"))]
        share = self._by_origin.get(origin)
        return share or self._add(origin)

    def _add(self, origin: str) -> pycurl.CurlShare:
        groups = self._groups
        if groups and len(groups[-1]) < self._per_share:
            share = self._by_origin[groups[-1][0]]
        else:
            share = pycurl.CurlShare()
            share.setopt(pycurl.SH_SHARE, pycurl.LOCK_DATA_SSL_SESSION)
            groups.append([])
        groups[-1].append(origin)
        self._by_origin[origin] = share
        if len(groups) > self._shares:
            # A transfer that still uses this share keeps it until it takes another.
            for old in groups.popleft():
                del self._by_origin[old]
        return share
