"""Find the columns that the settings ask for among those a table has.

Knows names and numbers of columns. Does not know how a table is read.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from penstock.errors import InputError
from penstock.remedies import Remedy, keyword
from penstock.source.rows import URL, Shape
from penstock.source.sniffing import HOST

__all__ = ["resolve_columns"]

DELIMITERS: Final = {";": ";", "\t": "tab", "|": "|", ",": ","}

NO_HEADER: Final = keyword("header", False)  # noqa: FBT003 - the setting is called with it


def resolve_columns(shape: Shape, columns: list[str], name: str) -> Shape:
    """Return *shape* with its columns spelled as in *columns*, of the table *name*.

    A setting gives a column by its name; by the name in another case, if only one
    column matches; or by its number, from 1. Raises InputError if there is no such
    column.
    """
    template = shape.template
    needed = [] if template is None else list(template.names)
    spelled = {}
    for wanted in needed:
        spelled[wanted] = _find_column(wanted, columns, name, "url_template")
    if template is not None and any(there != wanted for wanted, there in spelled.items()):
        template = template.rename(spelled)
    column = shape.column
    if template is None or template.uses_whole:
        # Without column names the first column has the URL, unless the settings name
        # another.
        wanted = "1" if column == URL and URL not in columns and columns == _numbers(columns) else column
        column = _find_column(wanted, columns, name, "column")
    select = tuple(_find_column(wanted, columns, name, "select") for wanted in shape.select)
    return replace(shape, column=column, template=template, select=select)


def _find_column(wanted: str, columns: list[str], name: str, setting: str) -> str:
    if wanted in columns:
        return wanted
    alike = [column for column in columns if column.casefold() == wanted.casefold()]
    if len(alike) == 1:
        return alike[0]
    if wanted.isascii() and wanted.isdigit() and len(wanted) < 10 and 0 < int(wanted) <= len(columns):
        return columns[int(wanted) - 1]
    there = ", ".join(repr(column[:40]) for column in columns[:20])
    more = f" and {len(columns) - 20} more" if len(columns) > 20 else ""
    raise InputError(f"{name!r} has no column {wanted!r}; it has {there}{more}. ", *_suggest(columns, setting))


def _suggest(columns: list[str], setting: str) -> tuple[str | Remedy, ...]:
    if len(columns) == 1:
        for delimiter, spelled in DELIMITERS.items():
            if delimiter in columns[0]:
                return f"Its fields seem to be separated by {delimiter!r}: ", keyword("delimiter", spelled)
    if any("://" in column for column in columns) or (
        any(column.isdigit() for column in columns) and any(map(HOST.fullmatch, columns))
    ):
        return "It seems to have no row of column names: ", NO_HEADER
    return "Name one of these with ", keyword(setting)


def _numbers(columns: list[str]) -> list[str]:
    return [str(number) for number in range(1, len(columns) + 1)]
