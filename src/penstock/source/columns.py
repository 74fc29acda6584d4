"""Columns as they are asked for, and as a table has them.

Knows names and numbers of columns. Does not know how a table is read.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from penstock.errors import InputError
from penstock.remedies import Remedy, keyword
from penstock.source.looks import HOST
from penstock.source.rows import URL, Shape

__all__ = ["resolved"]

DELIMITERS: Final = {";": ";", "\t": "tab", "|": "|", ",": ","}


def resolved(shape: Shape, columns: list[str], name: str) -> Shape:
    """*shape* with each column as the table *name* spells it, of those it has: *columns*.

    A column is asked for by its name; by the same in another case, if only one has that; or by its number, from 1.
    InputError if one is not there.
    """
    template = shape.template
    needed = [] if template is None else list(template.names)
    spelled = {}
    for wanted in needed:
        spelled[wanted] = _found(wanted, columns, name, "url_template")
    if template is not None and any(there != wanted for wanted, there in spelled.items()):
        template = template.renamed(spelled)
    column = shape.column
    if template is None or template.uses_whole:
        # Without a row of names a table of one column, or of URLs first, needs no more to be said.
        wanted = "1" if column == URL and URL not in columns and columns == _numbers(columns) else column
        column = _found(wanted, columns, name, "column")
    select = tuple(_found(wanted, columns, name, "select") for wanted in shape.select)
    return replace(shape, column=column, template=template, select=select)


def _found(wanted: str, columns: list[str], name: str, setting: str) -> str:
    if wanted in columns:
        return wanted
    alike = [column for column in columns if column.casefold() == wanted.casefold()]
    if len(alike) == 1:
        return alike[0]
    if wanted.isascii() and wanted.isdigit() and len(wanted) < 10 and 0 < int(wanted) <= len(columns):
        return columns[int(wanted) - 1]
    there = ", ".join(repr(column[:40]) for column in columns[:20])
    more = f" and {len(columns) - 20} more" if len(columns) > 20 else ""
    raise InputError(f"{name!r} has no column {wanted!r}; it has {there}{more}. ", *_hint(columns, setting))


def _hint(columns: list[str], setting: str) -> tuple[str | Remedy, ...]:
    if len(columns) == 1:
        for delimiter, spelled in DELIMITERS.items():
            if delimiter in columns[0]:
                return (f'Its fields seem to be parted by {delimiter!r}: delimiter="{spelled}"',)
    if any("://" in column for column in columns) or (
        any(column.isdigit() for column in columns) and any(map(HOST.fullmatch, columns))
    ):
        return ("It seems to have no row of column names: header=False",)
    return "Say which with ", keyword(setting)


def _numbers(columns: list[str]) -> list[str]:
    return [str(number) for number in range(1, len(columns) + 1)]
