"""Fetch the documents that an input names, such as the sitemaps of an index.

Knows the thread that reads the input, and the stages of its flow. Does not know what
the documents say.

A request for a document goes through the flow like any other, so that limits,
robots.txt, retries and the guard of addresses hold for it; but it is no input, and its
seq is negative. docs/decisions/nested-sitemaps.md has the reasons.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, cast

from penstock.core.extents import SeqSet
from penstock.core.web.addresses import is_public
from penstock.core.web.documents import Document, Documents, Nested, resolve
from penstock.core.web.model import Fetched, Job, Outcome, Row
from penstock.core.web.requests import Requests
from penstock.runs.documents import DocumentStore, StoredDocument
from penstock.seams import Contents, Input, Signal, Source

__all__ = ["DocumentDesk", "FlowEnded", "keep_documents", "read_rows", "recall_documents"]

OK = 200


class FlowEnded(Exception):
    """The flow ends; the reader's thread need not read on."""


class DocumentDesk:
    """Takes a reader's requests to the flow, and the outcomes back.

    ``fetch`` belongs to the reader's thread and waits there; all else belongs to the
    driver's. *wake* makes the driver pull, and is not called after ``close``.
    """

    def __init__(self, requests: Requests, wake: Callable[[], None]) -> None:
        """*requests* makes the jobs."""
        self._requests = requests
        self._wake = wake
        self._seqs = count(-1, -1)
        self._asked: Job | None = None
        self._outcome: Outcome | None = None
        self._heard = threading.Event()
        # Held while waking, so that wake() is not called once close() has returned.
        self._lock = threading.Lock()
        self._closed = False

    def fetch(self, nested: Nested) -> StoredDocument:
        """Fetch a document and return it, or that it can't be had; wait for its outcome.

        Raises FlowEnded if there will be none.
        """
        item = self._requests.prepare(Row(next(self._seqs), 0, nested.url, via=nested.via), time.monotonic())
        if not isinstance(item, Job):
            return StoredDocument()
        self._heard.clear()
        with self._lock:
            if self._closed:
                raise FlowEnded
            self._asked = item
            self._wake()
        self._heard.wait()
        outcome, self._outcome = self._outcome, None
        if outcome is None:
            raise FlowEnded
        if type(outcome) is not Fetched or outcome.status != OK:
            return StoredDocument()
        return StoredDocument(outcome.body, outcome.ip is None or is_public(outcome.ip))

    def pull(self) -> Job | None:
        """Return the job of a document that is asked for, once."""
        asked, self._asked = self._asked, None
        return asked

    def take(self, outcome: Any) -> None:
        """Hand the *outcome* of a document to the reader."""
        self._outcome = outcome
        self._heard.set()

    def close(self) -> None:
        """End the wait of the reader, and every later one."""
        with self._lock:
            self._closed = True
        self._heard.set()

    def source(self, source: Source[Any]) -> Source[Any]:
        """Return *source* with the jobs of documents before its own."""
        return _WithDocuments(self, source)


class _WithDocuments:
    def __init__(self, desk: DocumentDesk, source: Source[Any]) -> None:
        self._desk = desk
        self._source = source

    def pull(self) -> Any | Signal:
        return self._desk.pull() or self._source.pull()

    def request(self, room: int) -> None:
        self._source.request(room)

    def close(self) -> None:
        self._desk.close()
        self._source.close()

    async def aclose(self) -> None:
        self._desk.close()
        await self._source.aclose()


def keep_documents(store: DocumentStore | None, fetch: Callable[[Nested], StoredDocument]) -> Documents:
    """Return what gives the documents in *store*, and fetches and stores the others.

    A document is durable before a row of it is used: the numbers of all later rows
    depend on it, also if the site changes. Without a store each is fetched.
    """

    def get(nested: Nested) -> Document | None:
        found = None if store is None else store.get(nested.url)
        if found is None:
            found = fetch(nested)
            if store is not None:
                store.put(nested.url, found)
        return _convert(nested, found)

    return get


def recall_documents(store: DocumentStore) -> Documents:
    """Return what gives the documents in *store*, and no others."""

    def get(nested: Nested) -> Document | None:
        return _convert(nested, store.get(nested.url))

    return get


def _convert(nested: Nested, found: StoredDocument | None) -> Document | None:
    if found is None or found.body is None:
        return None
    return Document.of(nested, found.body, public=found.public)


def read_rows(
    source: Input, settled: SeqSet, contents: Contents | None = None, documents: Documents = lambda _: None
) -> Iterator[Row]:
    """Yield the rows of *source*, and of its *documents*, that are not *settled*.

    The URL of a document that can't be had is a row itself. *contents* compares all
    rows.
    """
    rows = source.rows(settled, contents)
    # Only an input that nests yields anything but rows.
    return resolve(rows, documents) if source.nests else cast("Iterator[Row]", rows)
