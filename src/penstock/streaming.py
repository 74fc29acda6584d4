"""``fetch``: the public function that streams outcomes and stores nothing.

Knows its keywords and what it promises. Does not know how the stages are wired:
``fetching`` does. No module of run folders is loaded.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import Any, Unpack

from penstock.core.web.model import Outcome
from penstock.fetching.streaming import stream
from penstock.fetching.wiring import OnPage
from penstock.loop.flow import Flow
from penstock.settings import Settings
from penstock.settings.keywords import FetchOptions
from penstock.settings.listing import append_settings
from penstock.settings.names import check_names

__all__ = ["fetch"]


@append_settings(FetchOptions.__annotations__)
def fetch(
    urls: Iterable[Any] | AsyncIterable[Any],
    *,
    on_page: OnPage | None = None,
    ordered: bool = False,
    **settings: Unpack[FetchOptions],
) -> Flow[Outcome]:
    """Fetch *urls* and give one outcome for each, as they complete.

    Iterate over the flow with ``for`` or ``async for``.

    *urls* is any iterable of URLs, or of dicts with ``url`` and, if needed, ``method``,
    ``headers``, ``body`` and other fields, which the outcome has in ``input``. It is
    read only as far as there is room: items that an iterator has given, and whose
    outcomes you have not got, never exceed ``concurrency``, or ``concurrency`` +
    ``window`` if you give a ``window``. An iterator may have to wait, so a thread of
    its own reads it. With ``unique`` a thread reads a list too, as the search for
    duplicates may have to wait for the disk. An async iterable is for ``async for``. A
    string is one URL.

    *on_page* is called with each fetched page; its return value becomes the outcome's
    ``data``. With *ordered*, outcomes come in the order of the URLs; at most twice
    ``concurrency`` URLs are then between the next to come out and the newest.

    Settings about files, storing and early ends are only for ``run``.

    Raises UsageError if an argument is wrong. The web never makes it raise.
    """
    check_names(fetch, settings, FetchOptions)
    return stream(urls, Settings.of(**settings), on_page, ordered=ordered)
