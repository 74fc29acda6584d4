"""Which requests an HTTP/2 server has left behind on a connection that accepts no more.

Knows transfers, and which connections have answered. Does not know sockets, deadlines
or retries. See docs/decisions/renewed-connections.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeVar

import pycurl

from penstock.core.web.retry import IDEMPOTENT
from penstock.engine.codes import SEND_ERROR, is_http2_end
from penstock.engine.transfer import Transfer

__all__ = ["PATIENCE", "Renewals"]

PATIENCE: Final = 3.0
"""Seconds without a byte for a request and on its connection, after which the request
counts as left behind."""

TRIAL: Final = 5.0
"""Seconds after which one request of a silent connection is sent again without other
evidence; once for each connection, as the page may just be slow."""

MOVES: Final = 3
"""How often one request is sent again within one attempt: the next connection may be
renewed as well."""

MOST: Final = 1_000
"""Origins and connections remembered: the last that answered."""


K = TypeVar("K")


class Renewals:
    """Finds idempotent requests to send again, each at most MOVES times.

    ``due`` is the monotonic time at which to check for them; None if there can be none.
    """

    def __init__(self) -> None:
        self.due: float | None = None
        # By origin, when its newest connection was established; by connection, when it
        # answered last.
        self._opened: dict[str, float] = {}
        self._heard: dict[int, float] = {}
        # Origins that have left a request behind, and when that was seen.
        self._left: dict[str, float] = {}
        # Connections of which one request was sent again on trial.
        self._tried: dict[int, float] = {}
        # How often each request was sent again, and when that was decided last.
        self._moved: dict[Transfer, tuple[int, float]] = {}

    def note_answer(self, transfer: Transfer, now: float) -> None:
        """Note at *now* that *transfer* was answered over HTTP/2."""
        info = transfer.easy.getinfo
        _put(self._heard, info(pycurl.CONN_ID), now)
        if info(pycurl.NUM_CONNECTS):
            stood_for = info(pycurl.TOTAL_TIME) - info(pycurl.CONNECT_TIME)
            _put(self._opened, _find_origin(transfer), now - stood_for)
            if transfer in self._moved:
                # Its own connection has answered, so the others on its old one are left
                # behind as well.
                self.due = now
        self.schedule(now)

    def schedule(self, now: float) -> None:
        """Schedule a check, as requests without an answer may be left behind."""
        if self.due is None and self._heard:
            self.due = now + PATIENCE

    def should_resend(self, transfer: Transfer, code: int, words: str, now: float) -> bool:
        """Whether to send *transfer* again, as its connection accepts no more requests.

        libcurl's *code* and message *words* say so.
        """
        died = code == SEND_ERROR and words.startswith("Connection died, tried")
        return (died or is_http2_end(code, words)) and self._may_move(transfer, now)

    def find_left_behind(self, running: Iterable[Transfer], now: float) -> list[Transfer]:
        """Return the transfers to send again at *now*, and schedule a check.

        *running* is sorted, oldest first. libcurl opens another HTTP/2 connection to an
        origin only if the existing ones accept no more requests. So a connection that
        is younger than a request shows that the request was left behind. If the origin
        has done that before, silence is enough. Without such evidence, one request of a
        connection is sent again on trial; libcurl opens another connection if it must.
        """
        found = []
        self.due = None
        for transfer in running:
            origin, connection = _find_origin(transfer), transfer.easy.getinfo(pycurl.CONN_ID)
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
        """Forget *transfer*, which has ended."""
        self._moved.pop(transfer, None)

    def _may_try(self, connection: int) -> bool:
        """Whether *connection* speaks HTTP/2 and has had no trial."""
        return connection in self._heard and connection not in self._tried

    def _may_move(self, transfer: Transfer, now: float) -> bool:
        """Count and allow another sending, if there is no answer yet."""
        job = transfer.job
        assert job is not None
        fresh = transfer.easy.getinfo(pycurl.NUM_CONNECTS) > 0
        times = self._moved.get(transfer, (0, now))[0]
        if fresh or job.method not in IDEMPOTENT or transfer.response.lines or times == MOVES:
            return False
        self._moved[transfer] = (times + 1, now)
        return True


def _find_origin(transfer: Transfer) -> str:
    assert transfer.job is not None
    target = transfer.job.target
    return target[: target.find("/", len("https://"))]


def _put(known: dict[K, float], key: K, value: float) -> None:
    known.pop(key, None)
    known[key] = value
    if len(known) > MOST:
        del known[next(iter(known))]
