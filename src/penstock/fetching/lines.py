"""A session without a run folder: it writes each outcome as a line, and can't be resumed.

Knows which stages it has. Does not know where the lines go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from penstock.core.extents import SeqSet
from penstock.errors import UsageError
from penstock.fetching.wiring import Fitted, make_delivery, make_flow
from penstock.runs.notices import Notices
from penstock.runs.progress import RunProgress
from penstock.runs.session import Session
from penstock.runs.store import LineStore
from penstock.settings import Settings
from penstock.sink.record import pieces
from penstock.source.opened import open_inputs

__all__ = ["stream_lines"]


def stream_lines(names: Sequence[str], settings: Settings, write: Callable[[bytes], object]) -> Session:
    """Return a session that calls *write* with one JSON line for each outcome."""
    if settings.passes > 1:
        raise UsageError("passes try again what failed, so outcomes must be kept, which takes a run folder: -o DIR")
    source = open_inputs(names, settings.input())
    inline_body = settings.body == "inline"
    store = LineStore(lambda outcome: pieces(outcome, inline_body=inline_body), write)
    notices = Notices(source.remarks)
    fitted = Fitted(settings, notices.notify)
    progress = RunProgress(make_flow(source, fitted, SeqSet(), make_delivery()), source)
    return Session(progress, store, settings=fitted.settings, notices=notices)
