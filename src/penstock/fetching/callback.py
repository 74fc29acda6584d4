"""A page callback: called once for each fetched page, never able to stop the run.

Knows a callable and outcomes. Does not know where outcomes come from or go to.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import asdict, replace

from penstock.core.web.model import Failed, Fetched, Outcome, Reason

__all__ = ["PATIENCE", "PageCallback"]

PATIENCE: Final = 30.0
"""Seconds a callback may take before a warning names it. Nothing can end a thread's
call from outside."""

log = logging.getLogger("penstock")


class PageCallback:
    """Puts what *call* returns for a page into the outcome's ``data``.

    If it raises, the outcome becomes ``callback_error`` and keeps the page. If it takes
    longer than PATIENCE, a warning in the log ``penstock`` names it and the page.
    """

    def __init__(self, call: Callable[[Fetched], Any], patience: float = PATIENCE) -> None:
        """Watch nothing before the first page."""
        self._call = call
        self._name = getattr(call, "__qualname__", repr(call))
        self._watchdog = _Watchdog(patience)

    def __call__(self, outcome: Outcome) -> Outcome:
        """Return *outcome* with its data; one without a page passes through."""
        if not isinstance(outcome, Fetched):
            return outcome
        self._watchdog.begin(f"the page callback {self._name} has not returned for {outcome.url!r}")
        try:
            data = self._call(outcome)
        except Exception as error:  # noqa: BLE001 - a callback's failure is data; the page is kept
            detail = f"{self._name}: {type(error).__name__}: {error}"
            fields = asdict(outcome) | {"error": Reason.CALLBACK_ERROR, "detail": detail}
            return Failed(**fields)
        finally:
            self._watchdog.end()
        return outcome if data is None else replace(outcome, data=data)

    def close(self) -> None:
        """End the watchdog's thread."""
        self._watchdog.close()


class _Watchdog:
    """Warns, from a thread of its own, of a call that did not end in time."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._what: str | None = None
        self._since = 0.0
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, what: str) -> None:
        self._since = time.monotonic()
        self._what = what
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="penstock-watchdog", daemon=True)
            self._thread.start()

    def end(self) -> None:
        self._what = None

    def close(self) -> None:
        self._closed.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _watch(self) -> None:
        """Check every *patience* seconds: a hang is found after one to two of these."""
        warned = None
        while not self._closed.wait(self._patience):
            what, since = self._what, self._since
            if what is not None and since != warned and time.monotonic() - since >= self._patience:
                warned = since
                log.warning("%s after %.0f s; everything waits for it", what, time.monotonic() - since)
