"""The values that a source exchanges with its reader if an input names others to read.

Knows what may be asked for, and what comes back. Does not know who fetches or keeps it.
docs/decisions/nested-sitemaps.md has the reasons.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any

from msgspec import Struct

from penstock.core.web.hosts import Place, locate, origin
from penstock.core.web.model import Row, Via

__all__ = ["Document", "Documents", "Nested", "Rows", "resolve"]


class Nested(Struct, frozen=True, gc=False):
    """The *url* of a document whose rows belong in this place, as an input names it.

    *via* is that of the document which names it, or None if the user does.
    """

    url: str
    via: Via | None = None


class Document(Struct, frozen=True):
    """The *body* of a document that was fetched; its rows get *via*."""

    body: bytes
    via: Via

    @classmethod
    def of(cls, nested: Nested, body: bytes, *, public: bool) -> Document:
        """Return the document that *nested* names; *public* says that a public address sent it."""
        via = nested.via
        if via is None:
            place = locate(nested.url)
            assert isinstance(place, Place), "it was fetched"
            return cls(body, Via(origin(place.url), public))
        return cls(body, Via(via.origin, public or via.public))


Rows = Generator[Row | Nested, Any, None]
"""The rows of an input. A ``Nested`` is answered, by ``send``, with its document; if
that is None, the next row is the document's own URL."""

Documents = Callable[[Nested], Document | None]
"""Returns the document that an input names, or None if it can't be had."""


def resolve(rows: Rows, documents: Documents) -> Iterator[Row]:
    """Yield *rows*, with the rows of nested *documents* in their places."""
    answer = None
    while True:
        try:
            item = rows.send(answer)
        except StopIteration:
            return
        if isinstance(item, Nested):
            answer = documents(item)
        else:
            answer = None
            yield item
