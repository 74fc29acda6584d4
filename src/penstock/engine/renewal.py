"""Which requests an HTTP/2 server has left behind on a connection that it takes no more on.

Knows transfers, and which connections have answered. Does not know sockets, deadlines or retries. See
docs/decisions/renewed-connections.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeVar

import pycurl

from penstock.core.web.retry import IDEMPOTENT
from penstock.engine.codes import HTTP2, SEND_ERROR
from penstock.engine.transfer import Transfer

__all__ = ["PATIENCE", "Renewals"]

PATIENCE: Final = 3.0
"""Seconds without a byte, of the request and of its connection, after which it is taken to be left behind."""

TRIAL: Final = 5.0
"""Seconds after which one request of a silent connection is sent again though nothing else shows that it was left
behind; once for each connection, as the page may just take long."""

MOVES: Final = 3
"""How often one request is sent again within one attempt: the next connection may be renewed as well."""

MOST: Final = 1_000
"""Origins and connections remembered; those that were heard last."""


K = TypeVar("K")


class Renewals:
    """Finds idempotent requests to send again on another connection, each MOVES times at most.

    ``due`` is the monotonic time at which to look for them; None if there can be none.
    """

    def __init__(self) -> None:
        self.due: float | None = None
        # By origin, when its newest connection stood; by connection, its last answer.
        self._opened: dict[str, float] = {}
        self._heard: dict[int, float] = {}
        # Origins that have left one behind, and when that was seen.
        self._left: dict[str, float] = {}
        # Connections of which one request was sent again on trial.
        self._tried: dict[int, float] = {}
        # How often each was sent again, and when that was decided last.
        self._moved: dict[Transfer, tuple[int, float]] = {}

    def heard(self, transfer: Transfer, now: float) -> None:
        """Note at *now* that *transfer* was answered over HTTP/2."""
        info = transfer.easy.getinfo
        _put(self._heard, info(pycurl.CONN_ID), now)
        if info(pycurl.NUM_CONNECTS):
            stood_for = info(pycurl.TOTAL_TIME) - info(pycurl.CONNECT_TIME)
            _put(self._opened, _origin(transfer), now - stood_for)
            if transfer in self._moved:
                # A connection of its own has answered it: the others of its old one are left behind as well.
                self.due = now
        self.watch(now)

    def watch(self, now: float) -> None:
        """Look in a while, as requests of which nothing has been seen since may be left behind."""
        if self.due is None and self._heard:
            self.due = now + PATIENCE

    def refused(self, transfer: Transfer, code: int, words: str, now: float) -> bool:
        """Whether to send *transfer* again, as libcurl's *code* and *words* say that its connection took no more."""
        died = code == SEND_ERROR and words.startswith("Connection died, tried")
        # Without any words HTTP2 is said of a stream whose connection was closed after a GOAWAY (8.23).
        return (died or (code == HTTP2 and not words)) and self._may_move(transfer, now)

    def left_behind(self, running: Iterable[Transfer], now: float) -> list[Transfer]:
        """Return those of *running*, the oldest first, that were left behind by *now*, and look again later.

        libcurl opens another connection to an origin that speaks HTTP/2 only if those it has take no more requests.
        So one that is younger than a request shows it; if the origin has done it before, silence is enough. If nothing
        shows it, one request of a connection is sent again on trial: libcurl opens another connection if it must.
        """
        found = []
        self.due = None
        for transfer in running:
            origin, connection = _origin(transfer), transfer.easy.getinfo(pycurl.CONN_ID)
            known = origin in self._left or self._opened.get(origin, transfer.started) > transfer.started
            if transfer.response.lines or not (known or self._may_try(connection)):
                continue
            sent = self._moved.get(transfer, (0, transfer.started))[1]
            silent = now - max(sent, self._heard.get(connection, 0.0))
            patience = PATIENCE if known else TRIAL
            if silent >= patience and self._may_move(transfer, now):
                found.append(transfer)
                if known:
                    _put(self._left, origin, now)
                else:
                    _put(self._tried, connection, now)
            elif silent < patience:
                self.due = min(self.due or now + patience, now + patience - silent)
        return found

    def forget(self, transfer: Transfer) -> None:
        """*transfer* is over."""
        self._moved.pop(transfer, None)

    def _may_try(self, connection: int) -> bool:
        """Whether *connection* speaks HTTP/2 and had no trial yet."""
        return connection in self._heard and connection not in self._tried

    def _may_move(self, transfer: Transfer, now: float) -> bool:
        """Whether *transfer* may be sent again: it was sent on an older connection, and no answer has begun."""
        job = transfer.job
        assert job is not None
        fresh = transfer.easy.getinfo(pycurl.NUM_CONNECTS) > 0
        times = self._moved.get(transfer, (0, now))[0]
        if fresh or job.method not in IDEMPOTENT or transfer.response.lines or times == MOVES:
            return False
        self._moved[transfer] = (times + 1, now)
        return True


def _origin(transfer: Transfer) -> str:
    assert transfer.job is not None
    target = transfer.job.target
    return target[: target.find("/", len("https://"))]


def _put(known: dict[K, float], key: K, value: float) -> None:
    known.pop(key, None)
    known[key] = value
    if len(known) > MOST:
        del known[next(iter(known))]
