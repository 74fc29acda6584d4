"""Inputs that a program has already: any iterable of URLs, mappings or rows.

Knows Python's iterables. Does not know where their items come from.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable
from typing import Any, Final

from penstock.core.extents import SeqSet
from penstock.core.web.model import Row
from penstock.errors import UsageError
from penstock.seams import Contents
from penstock.settings import InputSettings
from penstock.source import fingerprint
from penstock.source.digests import Digests, digest_item, read_whole
from penstock.source.rows import Shape

__all__ = ["AsyncItems", "Items"]


ROWS_OF: Final = {
    "iterrows": 'df["url"], or its rows: df.to_dict("records")',
    "iter_rows": 'df["url"], or its rows: df.to_dicts()',
    "to_pylist": 'df["url"].to_pylist(), or its rows: df.to_pylist()',
}
"""A method that tables of pandas, polars and pyarrow have, and how to get a column or
the rows of each."""


class Items:
    """An input over *items*: texts, mappings with a JSON-lines row's keys, or rows.

    Every item is one input, blank texts too, so that outcomes and items pair up; its
    line is its position from 1. An item of another type becomes a row with a fault.
    ``rows`` raises what the iterable raises. It closes a generator when reading ends,
    early or not, and no other iterator.

    ``blocks`` and ``on_demand`` are false for collections, which exist already and
    never wait, and true for other iterables.
    """

    nests = False

    def __init__(self, items: Iterable[Any], settings: InputSettings | None = None) -> None:
        """Raises UsageError if *items* is no iterable, a table or a single text."""
        if isinstance(items, str | bytes):
            raise UsageError(f"{type(items).__name__} given where URLs belong; put one URL in a list: [url]")
        if _is_table(items):
            raise UsageError(
                f"a table ({type(items).__name__}) given where an iterable of URLs belongs; "
                f"give one of its columns: {_advise(items)}"
            )
        if not isinstance(items, Iterable):
            raise UsageError(f"{type(items).__name__} given where an iterable of URLs belongs")
        self.blocks = self.on_demand = not isinstance(items, Collection)
        self._items = items
        self._shape = Shape.of(settings or InputSettings())
        self._taken = 0

    def rows(self, settled: SeqSet, contents: Contents | None = None) -> Generator[Row, None, None]:
        """Yield every row not in *settled*, in order, taking one item at a time."""
        return read_whole(self.read, settled, contents)

    def read(self, settled: SeqSet, first: int, contents: Contents | None = None) -> Generator[Row, None, int]:
        """Yield the rows not *settled*, numbered from *first*; return the next seq."""
        self._taken = 0
        seq, row = first, self._shape.row
        iterator = iter(self._items)
        digests = (
            None
            if contents is None
            else Digests[Any](contents, first, lambda seq, item: row(seq, seq - first + 1, item))
        )
        try:
            for number, item in enumerate(iterator, 1):
                self._taken = number
                if seq not in settled:
                    if digests is not None:
                        digests.tell(digest_item(item), item)
                    yield row(seq, number, item)
                elif digests is not None:
                    digests.add(digest_item(item), item)
                seq += 1
            if digests is not None:
                digests.flush()
        finally:
            if isinstance(iterator, Generator):
                iterator.close()
        return seq

    def remarks(self) -> list[str]:
        """Return no remarks."""
        return []

    def fingerprint(self) -> dict[str, Any] | None:
        """Return a digest of a list's or tuple's URLs; None if the order may change."""
        if not isinstance(self._items, list | tuple):
            return None
        return fingerprint.of_texts(map(self._shape.text_of, self._items))

    def progress(self) -> tuple[int, int] | None:
        """Return items taken and items in all, or None if there is no length."""
        return (self._taken, len(self._items)) if isinstance(self._items, Collection) else None


def _is_table(items: Any) -> bool:
    """Return whether *items* looks like a table of pandas, polars or pyarrow.

    A loop over one yields the names of its columns, or its columns, and never its rows.
    """
    return hasattr(items, "columns") and any(hasattr(items, name) for name in ROWS_OF)


def _advise(items: Any) -> str:
    return next(said for name, said in ROWS_OF.items() if hasattr(items, name))


class AsyncItems:
    """Makes rows of the items of an async iterable, one by one, as ``Items`` does."""

    def __init__(self, settings: InputSettings) -> None:
        """Begin at seq 0."""
        self._shape = Shape.of(settings)
        self._next = 0

    def row(self, item: Any) -> Row:
        """Return the row of *item*, the next one."""
        seq = self._next
        self._next += 1
        return self._shape.row(seq, seq + 1, item)
