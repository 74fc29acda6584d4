"""Counts of the requests that a server gets, by host and path.

Knows connections and requests. Does not know the clients or the answers.
"""

from __future__ import annotations

import threading
import time
from collections import Counter

from msgspec import Struct

__all__ = ["HostTraffic", "Traffic", "TrafficCounter"]


class HostTraffic(Struct, frozen=True):
    """The requests of one host, the *most* at once, and the monotonic *starts*."""

    requests: int
    most: int
    starts: tuple[float, ...]


class Traffic(Struct, frozen=True):
    """The traffic of a server until now; *paths* counts requests by (host, path).

    A request counts from the end of its header block until the server hands the reply
    to the system, so only replies that take time can overlap.
    """

    connections: int
    requests: int
    most: int
    hosts: dict[str, HostTraffic]
    paths: dict[tuple[str, str], int]


class TrafficCounter:
    """Counts connections and requests.

    Any thread may call ``traffic`` while another one counts.
    """

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._connections = 0
        self._requests = 0
        self._running = 0
        self._most = 0
        self._running_at: Counter[str] = Counter()
        self._most_at: Counter[str] = Counter()
        self._starts: dict[str, list[float]] = {}
        self._paths: Counter[tuple[str, str]] = Counter()

    def connect(self) -> None:
        """Count a connection."""
        with self._lock:
            self._connections += 1

    def begin(self, host: str, path: str) -> int:
        """Count a request; return the number of earlier ones for its host and path."""
        with self._lock:
            self._starts.setdefault(host, []).append(time.monotonic())
            self._requests += 1
            self._running += 1
            self._running_at[host] += 1
            self._most = max(self._most, self._running)
            self._most_at[host] = max(self._most_at[host], self._running_at[host])
            earlier = self._paths[host, path]
            self._paths[host, path] = earlier + 1
            self._lock.notify_all()
            return earlier

    def end(self, host: str) -> None:
        """Count the end of a request to *host*."""
        with self._lock:
            self._running -= 1
            self._running_at[host] -= 1

    def traffic(self) -> Traffic:
        """Return all counts as of now."""
        with self._lock:
            hosts = {
                host: HostTraffic(len(starts), self._most_at[host], tuple(starts))
                for host, starts in self._starts.items()
            }
            return Traffic(self._connections, self._requests, self._most, hosts, dict(self._paths))

    def wait_for(self, requests: int, seconds: float) -> bool:
        """Wait for *requests* in all, *seconds* at most; return whether they came."""
        with self._lock:
            return self._lock.wait_for(lambda: self._requests >= requests, seconds)
