"""The first rows of an input, looked at for whether they are URLs at all.

Knows what a list is often mistaken for, and the setting that reads it right. Does not read anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from typing import Final

from penstock.core.web.model import Row
from penstock.settings import InputSettings
from penstock.source.remarks import Remarks

__all__ = ["HOST", "look_at"]

LOOKED_AT: Final = 20
"""Rows that are looked at."""

JSON_OR_XML: Final = {"{": "jsonl", "[": "json", "<": "sitemap"}
"""The format of a list whose lines begin so."""

DELIMITERS: Final = {";": ";", "\t": "tab", "|": "|", ",": "comma"}

_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
HOST: Final = re.compile(
    r"(?:(?:[\w-]+\.)+[\w-]+(?::[0-9]+)?|\[[0-9a-f:.]+\](?::[0-9]+)?|[\w-]+:[0-9]+)(?:/\S*)?", re.IGNORECASE
)
"""A host, with a port and a path or without."""

_PATH: Final = re.compile(r"/?[^\s,;|]+(?:/[^\s,;|]+)+")


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
        if row.fault is not None or not _SCHEME.match(row.url) or ("://" not in row.url and HOST.fullmatch(row.url)):
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

    of_a_field = _field_with(lambda text: text.startswith(("http://", "https://")), wrong)
    if of_a_field is not None:
        return f'. Those in column {of_a_field!r} are: column="{of_a_field}"'
    if settings.url_template is None:
        name = "" if input_format == "lines" else settings.column or ("url" if settings.header else "1")
        of_a_field = name if are(HOST.fullmatch) else _field_with(HOST.fullmatch, wrong)
        if of_a_field is not None:
            plus = "+" if are(lambda text: ":" in text or "/" in text) else ""
            return f'. There are hosts: url_template="https://{{{plus}{of_a_field}}}"'
    if input_format == "lines" and texts[0][:1] in JSON_OR_XML:
        return f'. They look like another format: input_format="{JSON_OR_XML[texts[0][0]]}"'
    for delimiter, spelled in DELIMITERS.items():
        if input_format in ("lines", "csv") and are(lambda text: delimiter in text):  # noqa: B023 - used at once
            return f'. Their fields seem to be parted by {delimiter!r}: input_format="csv", delimiter="{spelled}"'
    if settings.url_template is None and input_format == "lines" and are(_PATH.fullmatch):
        return '. They look like paths: url_template="https://HOST/{+}"'
    return '. See input_format="...", column="..." and url_template="..."'


def _field_with(test: Callable[[str], object], rows: list[Row]) -> str | None:
    """The first field of *rows* that passes the *test* in most of them."""
    for name in dict.fromkeys(name for row in rows for name in row.fields or ()):
        values = [(row.fields or {}).get(name) for row in rows]
        if sum(isinstance(value, str) and bool(test(value.strip())) for value in values) > len(rows) // 2:
            return name
    return None
