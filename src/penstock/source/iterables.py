"""Inputs that are in the program already: any iterable of URLs, mappings or rows.

Knows Python's iterables. Does not know where their items come from.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator
from typing import Any, Final

from penstock.core.extents import Settled
from penstock.core.web.model import Row
from penstock.errors import UsageError
from penstock.seams import Contents
from penstock.settings import InputSettings
from penstock.source import fingerprint
from penstock.source.digests import Digests, of_item, whole
from penstock.source.rows import Shape

__all__ = ["AsyncItems", "Items"]


ROWS_OF: Final = {
    "iterrows": 'df["url"], or its rows: df.to_dict("records")',
    "iter_rows": 'df["url"], or its rows: df.to_dicts()',
    "to_pylist": 'df["url"].to_pylist(), or its rows: df.to_pylist()',
}
"""What tables of pandas, polars and pyarrow have, and how each gives a column, and its rows."""


class Items:
    """An input over *items*: texts, mappings with the keys of a JSON-lines row, or rows.

    Every item is one input, blank texts too, so that outcomes and items pair up; its line is its place,
    from 1. An item of another type becomes a row with a fault. What the iterable raises comes out of
    ``rows``. A generator is closed when reading ends, early or not; other iterators are left as they are.

    ``blocks`` is false for collections, whose items are there, and true for all other iterables.
    """

    def __init__(self, items: Iterable[Any], settings: InputSettings | None = None) -> None:
        """UsageError where *items* is a text, which would be read letter by letter, or no iterable."""
        if isinstance(items, str | bytes):
            raise UsageError(f"{type(items).__name__} given where URLs belong; put one URL in a list: [url]")
        if _is_table(items):
            raise UsageError(
                f"a table ({type(items).__name__}) given where an iterable of URLs belongs; "
                f"give one of its columns: {_rows_of(items)}"
            )
        if not isinstance(items, Iterable):
            raise UsageError(f"{type(items).__name__} given where an iterable of URLs belongs")
        self.blocks = not isinstance(items, Collection)
        self._items = items
        self._shape = Shape.of(settings or InputSettings())
        self._taken = 0

    def rows(self, settled: Settled, contents: Contents | None = None) -> Iterator[Row]:
        """Every row whose seq is not in *settled*, in order; the iterable is asked for one item at a time."""
        return whole(self.read, settled, contents)

    def read(self, settled: Settled, first: int, contents: Contents | None = None) -> Generator[Row, None, int]:
        """The rows that are not *settled*, numbered from *first*; returns the next free seq."""
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
                        digests.tell(of_item(item), item)
                    yield row(seq, number, item)
                elif digests is not None:
                    digests.add(of_item(item), item)
                seq += 1
            if digests is not None:
                digests.flush()
        finally:
            if isinstance(iterator, Generator):
                iterator.close()
        return seq

    def remarks(self) -> list[str]:
        """Nothing is to be said of it."""
        return []

    def fingerprint(self) -> dict[str, Any] | None:
        """A digest of the URLs of a list or tuple. Others may come in another order next time: None."""
        if not isinstance(self._items, list | tuple):
            return None
        return fingerprint.of_texts(map(self._shape.text_of, self._items))

    def progress(self) -> tuple[int, int] | None:
        """Items taken, of items there are; None where the iterable cannot tell."""
        return (self._taken, len(self._items)) if isinstance(self._items, Collection) else None


def _is_table(items: Any) -> bool:
    """Whether *items* is a table of pandas, polars or pyarrow, told by its shape: none of them needs be there.

    To iterate over one gives the names of its columns, or its columns, and never its rows.
    """
    return hasattr(items, "columns") and any(hasattr(items, name) for name in ROWS_OF)


def _rows_of(items: Any) -> str:
    return next(said for name, said in ROWS_OF.items() if hasattr(items, name))


class AsyncItems:
    """The rows of items that come one by one from an async iterable; they are read as those of ``Items``."""

    def __init__(self, settings: InputSettings) -> None:
        """No item came yet."""
        self._shape = Shape.of(settings)
        self._next = 0

    def row(self, item: Any) -> Row:
        """The row of the next item."""
        seq = self._next
        self._next += 1
        return self._shape.row(seq, seq + 1, item)
