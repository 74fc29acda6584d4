"""A flow for a program: nothing is stored.

Knows which stages such a flow has. Does not know run folders.
"""

from __future__ import annotations

import logging
import os
import time
from asyncio import AbstractEventLoop
from collections.abc import AsyncIterable, Iterable
from contextlib import ExitStack
from typing import Any

from penstock.core.extents import SeqSet
from penstock.core.web.model import Outcome
from penstock.errors import UsageError
from penstock.fetching.wiring import (
    Fitted,
    OnPage,
    make_delivery,
    make_flow,
    make_gate,
    make_row_preparer,
)
from penstock.loop.delivery import Delivery
from penstock.loop.driver import Driver, Stages
from penstock.loop.flow import Flow
from penstock.settings import Settings
from penstock.source.awaited import Awaited
from penstock.source.iterables import AsyncItems, Items

__all__ = ["stream"]

log = logging.getLogger("penstock")


def stream(
    urls: Iterable[Any] | AsyncIterable[Any], settings: Settings, on_page: OnPage | None, *, ordered: bool
) -> Flow[Outcome]:
    """Return a flow of the outcomes of *urls*; see ``penstock.fetch``."""
    if isinstance(urls, os.PathLike) or (isinstance(urls, str) and os.path.isfile(urls)):  # noqa: PTH113 - any text
        name = os.fspath(urls)
        raise UsageError(
            f"{name!r} is a file, and fetch takes URLs; to fetch those in the file: penstock.run({name!r}, 'pages')"
        )
    if isinstance(urls, str | bytes):
        urls = [urls]
    fitted = Fitted(settings, log.warning)
    delivery = make_delivery(on_page, ordered=ordered)
    if isinstance(urls, AsyncIterable):
        return _stream_awaited(urls, fitted, delivery)
    return make_flow(Items(urls, settings.input()), fitted, SeqSet(), delivery)


def _stream_awaited(urls: AsyncIterable[Any], fitted: Fitted, delivery: Delivery[Outcome]) -> Flow[Outcome]:
    settings = fitted.settings
    frontier, judge = settings.rules(on_demand=True)

    def make(loop: AbstractEventLoop | None) -> Driver[Outcome]:
        if loop is None:
            raise UsageError("the URLs come from an async iterable; write: async for page in penstock.fetch(...)")
        engine = fitted.engine(frontier, delivery)
        rows, preparing = AsyncItems(settings.input()), ExitStack()
        prepare = preparing.enter_context(make_row_preparer(settings))
        source = Awaited(
            urls,
            lambda item: prepare(rows.row(item), time.monotonic()),
            loop=loop,
            wake=engine.wake,
            done=preparing.close,
        )
        stages = Stages(source, frontier, engine, judge, delivery)
        return Driver(stages, gate=make_gate(settings))

    return Flow(frontier, make)
