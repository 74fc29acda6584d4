"""Check whether the first rows of an input are URLs at all.

Knows what a list is often mistaken for, and the setting that reads it right. Does not
read the input itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from typing import Any, Final

from penstock.core.web.documents import Nested
from penstock.core.web.model import Row
from penstock.remedies import Remedy, keyword
from penstock.settings import InputSettings
from penstock.source.remarks import Remarks

__all__ = ["HOST", "sniff"]

SAMPLE: Final = 20
"""Rows that are checked."""

JSON_OR_XML: Final = {"{": "jsonl", "[": "json", "<": "sitemap"}
"""The format of a list by the first character of its lines."""

DELIMITERS: Final = {";": ";", "\t": "tab", "|": "|", ",": "comma"}

_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
HOST: Final = re.compile(
    r"(?:(?:[\w-]+\.)+[\w-]+(?::[0-9]+)?|\[[0-9a-f:.]+\](?::[0-9]+)?|[\w-]+:[0-9]+)(?:/\S*)?", re.IGNORECASE
)
"""A host, with or without a port and a path."""

_PATH: Final = re.compile(r"/?[^\s,;|]+(?:/[^\s,;|]+)+")


def sniff(
    rows: Generator[Row | Nested, Any, int], input_format: str, name: str, settings: InputSettings, remarks: Remarks
) -> Generator[Row | Nested, Any, int | None]:
    """Yield the first of *rows*, and add a remark if most of them are no URLs.

    Return what *rows* return if they end here, else None.
    """
    wrong: list[Row] = []
    seen, ended, answer = 0, None, None
    while seen < SAMPLE:
        try:
            row = rows.send(answer)
        except StopIteration as end:
            ended = end.value
            break
        if isinstance(row, Nested):
            answer = yield row
            continue
        answer = None
        seen += 1
        if row.fault is not None or not _SCHEME.match(row.url) or ("://" not in row.url and HOST.fullmatch(row.url)):
            wrong.append(row)
        yield row
    if len(wrong) * 2 > seen:
        remarks.add(
            "urls",
            f"{name!r} is read as {input_format}, and {len(wrong)} of its first {seen} inputs are no URLs. ",
            *_suggest(wrong, input_format, settings),
        )
    return ended


def _suggest(wrong: list[Row], input_format: str, settings: InputSettings) -> tuple[str | Remedy, ...]:
    """Suggest a setting, by what most of the *wrong* rows look like."""
    texts = [row.url for row in wrong]
    most = len(wrong) // 2

    def most_pass(test: Callable[[str], object]) -> bool:
        return sum(bool(test(text)) for text in texts) > most

    field = _find_field(lambda text: text.startswith(("http://", "https://")), wrong)
    if field is not None:
        return f"Those in column {field!r} are: ", keyword("column", field)
    if settings.url_template is None:
        name = "" if input_format == "lines" else settings.column or ("url" if settings.header else "1")
        field = name if most_pass(HOST.fullmatch) else _find_field(HOST.fullmatch, wrong)
        if field is not None:
            plus = "+" if most_pass(lambda text: ":" in text or "/" in text) else ""
            return "There are hosts: ", keyword("url_template", f"https://{{{plus}{field}}}")
    if input_format == "lines" and texts[0][:1] in JSON_OR_XML:
        return "They look like another format: ", keyword("input_format", JSON_OR_XML[texts[0][0]])
    for delimiter, spelled in DELIMITERS.items():
        if input_format in ("lines", "csv") and most_pass(lambda text: delimiter in text):  # noqa: B023 - used at once
            said = f"Their fields seem to be separated by {delimiter!r}: "
            return said, keyword("input_format", "csv"), ", ", keyword("delimiter", spelled)
    if settings.url_template is None and input_format == "lines" and most_pass(_PATH.fullmatch):
        return "They look like paths: ", keyword("url_template", "https://HOST/{+}")
    return "See ", keyword("input_format"), ", ", keyword("column"), " and ", keyword("url_template")


def _find_field(test: Callable[[str], object], rows: list[Row]) -> str | None:
    """Return the first field that passes the *test* in most of *rows*, or None."""
    for name in dict.fromkeys(name for row in rows for name in row.fields or ()):
        values = [(row.fields or {}).get(name) for row in rows]
        if sum(isinstance(value, str) and bool(test(value.strip())) for value in values) > len(rows) // 2:
            return name
    return None
