"""The first rows of an input, looked at for whether they are URLs at all.

Knows what a list is often mistaken for, and the setting that reads it right. Does not read anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from typing import Any, Final

from penstock.core.model import Row
from penstock.settings import InputSettings
from penstock.source.remarks import Remarks

__all__ = ["look_at"]

LOOKED_AT: Final = 20
"""Rows that are looked at."""

JSON_OR_XML: Final = {"{": "jsonl", "[": "json", "<": "sitemap"}
"""The format of a list whose lines begin so."""

DELIMITERS: Final = {";": ";", "\t": "tab", "|": "|", ",": "comma"}

_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_HOST: Final = re.compile(r"(?:[\w-]+\.)+[\w-]+(?::[0-9]+)?(?:/\S*)?|\[[0-9a-f:.]+\](?::[0-9]+)?", re.IGNORECASE)


def look_at(
    rows: Generator[Row, None, int], input_format: str, name: str, settings: InputSettings, remarks: Remarks
) -> Generator[Row, None, int | None]:
    """The first of *rows*, and a remark if most of them are no URLs; returns what they return if there are no more."""
    wrong: list[Row] = []
    seen, ended = 0, None
    while seen < LOOKED_AT:
        try:
            row = next(rows)
        except StopIteration as end:
            ended = end.value
            break
        seen += 1
        if row.fault is not None or not _SCHEME.match(row.url) or ("://" not in row.url and _HOST.fullmatch(row.url)):
            wrong.append(row)
        yield row
    if len(wrong) * 2 > seen:
        remarks.say(
            "urls",
            f"{name!r} is read as {input_format}, and {len(wrong)} of its first {seen} inputs are no URLs"
            f"{_suggestion(wrong, input_format, settings)}",
        )
    return ended


def _suggestion(wrong: list[Row], input_format: str, settings: InputSettings) -> str:
    """What may help, by what most of the rows that are no URLs look like."""
    texts = [row.url for row in wrong]
    most = len(wrong) // 2

    def are(test: Callable[[str], object]) -> bool:
        return sum(bool(test(text)) for text in texts) > most

    for column in dict.fromkeys(name for row in wrong for name in row.fields or ()):
        if sum(_is_url((row.fields or {}).get(column)) for row in wrong) > most:
            return f'. Those in column {column!r} are: column="{column}"'
    if settings.url_template is None and are(_HOST.fullmatch):
        name = "" if input_format == "lines" else settings.column or ("url" if settings.header else "1")
        plus = "+" if are(lambda text: ":" in text or "/" in text) else ""
        return f'. They look like hosts: url_template="https://{{{plus}{name}}}"'
    if input_format == "lines" and texts[0][:1] in JSON_OR_XML:
        return f'. They look like another format: input_format="{JSON_OR_XML[texts[0][0]]}"'
    for delimiter, spelled in DELIMITERS.items():
        if input_format in ("lines", "csv") and are(lambda text: delimiter in text):  # noqa: B023 - used at once
            return f'. Their fields seem to be parted by {delimiter!r}: input_format="csv", delimiter="{spelled}"'
    return ". See input_format, column and url_template"


def _is_url(value: Any) -> bool:
    return isinstance(value, str) and value.lstrip().startswith(("http://", "https://"))
