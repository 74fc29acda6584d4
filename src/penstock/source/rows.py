"""Turn one item of a list, a text or a mapping, into the row of its request.

Knows the fields that describe a request: the URL's own, ``method``, ``headers``,
``body``. Does not know whether the item came from a file or from a Python program, nor
whether the URL is valid.

A broken item becomes a row with a fault and keeps its fields. A fault is stored in the
outcome's ``detail``, which a program and a shell may read, so one that names a setting
has both its spellings: ``connect_to (--connect-to)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson
from msgspec import Struct
from msgspec.structs import replace

from penstock.core.web.fields import is_field_value, is_framing, is_token
from penstock.core.web.model import Headers, Reason, Row
from penstock.settings import InputSettings
from penstock.source.template import WHOLE, Template
from penstock.source.text import BLANKS, find_flaw, repair_text

__all__ = ["URL", "Shape"]

URL: Final = "url"
"""The field or column with the URL, unless the settings name another."""


class _FaultError(ValueError):
    """The item is broken; its outcome has the message."""


class Shape(Struct, frozen=True):
    """How items are read: the field with the URL, and the URL template, if any.

    The outcome repeats the other fields, or only those in *select* if it is not empty.
    With a template it repeats the field with the URL too.
    """

    column: str = URL
    template: Template | None = None
    select: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: InputSettings) -> Shape:
        """Return the shape that *settings* describe.

        Raises UsageError if the URL template is invalid.
        """
        pattern = settings.url_template
        return cls(settings.column or URL, None if pattern is None else Template(pattern), settings.select)

    def row(self, seq: int, line: int, item: Any) -> Row:
        """Return the row of any *item*: a text, a mapping with a URL, or a row."""
        if isinstance(item, str):
            return self.row_of_text(seq, line, str(item))
        if isinstance(item, Mapping):
            return self._row_of_mapping(seq, line, item)
        if isinstance(item, Row):
            return _row_of_row(seq, line, item)
        return Row(seq, line, "", fault=f"{_kind(item)}: neither a URL nor an object with {self.column!r}")

    def row_of_text(self, seq: int, line: int, text: str) -> Row:
        """Return the row of a *text*: a URL, or the value of the template's ``{}``."""
        if self.template is None and text.isascii():
            return Row(seq, line, text.strip(BLANKS))
        try:
            return Row(seq, line, self._url(text, {}))
        except _FaultError as fault:
            return Row(seq, line, _show(text), fault=str(fault))

    def row_of_values(self, seq: int, line: int, values: Mapping[str, Any]) -> Row:
        """Return the row of a table's *values*; the request has only the URL."""
        given, fields = self._take_apart(values)
        try:
            return Row(seq, line, self._url(given, values), fields=fields)
        except _FaultError as fault:
            return Row(seq, line, _show(given), fields=fields, fault=str(fault))

    def text_of(self, item: Any) -> str:
        """Return the URL of *item* as given, or "" if it has none."""
        if isinstance(item, Mapping):
            item = item.get(self.column)
        elif isinstance(item, Row):
            item = item.url
        return item if isinstance(item, str) else ""

    def _row_of_mapping(self, seq: int, line: int, item: Mapping[Any, Any]) -> Row:
        given, fields = self._take_apart(item, "method", "headers", "body")
        try:
            url = self._url(given, item)
        except _FaultError as fault:
            return Row(seq, line, _show(given), fields=fields, fault=str(fault))
        return _request(Row(seq, line, url, fields=fields), item.get("method"), item.get("headers"), item.get("body"))

    def _take_apart(self, item: Mapping[Any, Any], *describing: str) -> tuple[Any, dict[Any, Any] | None]:
        """Return the value of the URL's field, and the fields the outcome repeats."""
        fields = dict(item)
        for name in describing:
            fields.pop(name, None)
        if self.template is None:
            fields.pop(self.column, None)
        if self.select:
            fields = {name: fields[name] for name in self.select if name in fields}
        return item.get(self.column), fields or None

    def _url(self, given: Any, item: Mapping[Any, Any]) -> str:
        if self.template is not None:
            return self.template.fill(lambda name: _template_value(name, given if name == WHOLE else item.get(name)))
        if isinstance(given, str):
            return given.strip(BLANKS) if given.isascii() else _check_text(given)
        if _is_missing(given):
            raise _FaultError(f"no {self.column!r} in it")
        raise _FaultError(f"{self.column!r} is {_kind(given)}, not text")


def _is_missing(value: Any) -> bool:
    """Return whether *value* is None or NaN, as in an empty cell of a table."""
    return value is None or (isinstance(value, float) and value != value)  # noqa: PLR0124 - NaN alone is not itself


def _template_value(name: str, value: Any) -> str:
    """Return the *value* of the field *name* as text for the template."""
    if _is_missing(value):
        value = None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if value is not None and not isinstance(value, str):
        raise _FaultError(f"{{{name}}} is {_kind(value)}, neither text nor a number")
    text = _check_text(value or "")
    if not text:
        raise _FaultError(f"nothing to put in the place of {{{name}}}")
    return text


def _row_of_row(seq: int, line: int, row: Row) -> Row:
    if row.fault is not None:
        return replace(row, seq=seq, line=line, url=_show(row.url))
    try:
        url = _check_text(row.url)
    except _FaultError as fault:
        return Row(seq, line, _show(row.url), fields=row.fields, fault=str(fault))
    return _request(Row(seq, line, url, fields=row.fields), row.method, row.headers, row.body)


def _request(row: Row, method: Any, headers: Any, body: Any) -> Row:
    """Return *row* with the rest of its request, or with a fault."""
    if method is None is headers is body:
        return row
    method, headers, body = (None if _is_missing(part) else part for part in (method, headers, body))
    try:
        content, pairs = _content(body, _headers(headers))
        return Row(row.seq, row.line, row.url, _method(method, content), pairs, content, row.fields)
    except _FaultError as fault:
        return Row(row.seq, row.line, row.url, fields=row.fields, fault=str(fault), reason=Reason.INVALID_REQUEST)


def _method(method: Any, body: bytes | None) -> str:
    """Return the method in upper case; by default GET, or POST with a *body*."""
    if method is None:
        return "GET" if body is None else "POST"
    if not isinstance(method, str) or not is_token(method):
        raise _FaultError("the method is invalid; it is a token such as GET or POST")
    upper = method.upper()
    if upper == "CONNECT":
        raise _FaultError("the method CONNECT requests a tunnel, not a resource")
    if upper == "HEAD" and body is not None:
        raise _FaultError("a body cannot be sent with HEAD")
    return upper


def _headers(headers: Any) -> Headers:
    """Return header pairs from an object or a list of pairs (RFC 9110, section 5)."""
    if headers is None:
        return ()
    pairs = list(headers.items()) if isinstance(headers, Mapping) else headers
    if not isinstance(pairs, list | tuple):
        raise _FaultError(f"the headers are {_kind(headers)}, neither an object nor a list of pairs")
    return tuple(map(_header, pairs))


def _header(pair: Any) -> tuple[str, str]:
    if not isinstance(pair, list | tuple) or len(pair) != 2 or not all(isinstance(part, str) for part in pair):
        raise _FaultError("a header is not a pair of texts, its name and its value")
    name, value = pair
    # The message leaves the value out: it may be a secret.
    if not is_token(name):
        raise _FaultError(f"the header name {name[:40]!a} is not a token")
    if is_framing(name):
        raise _FaultError(f"the header {name[:40]} frames the message or belongs to the connection; leave it out")
    if not is_field_value(value):
        raise _FaultError(f"the value of header {name[:40]} has a control character or is not Latin-1")
    return name, value.strip(" \t")


def _content(body: Any, headers: Headers) -> tuple[bytes | None, Headers]:
    """Return the bytes of *body*, and *headers* with their type if it was not given."""
    if body is None or isinstance(body, bytes):
        return body, headers
    if isinstance(body, str):
        return _check_encodable(body).encode(), headers
    if not isinstance(body, dict | list):
        raise _FaultError(f"the body is {_kind(body)}; it is text, an object or a list")
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers = (*headers, ("Content-Type", "application/json"))
    try:
        return orjson.dumps(body), headers
    except orjson.JSONEncodeError as error:
        raise _FaultError(f"the body cannot be written as JSON: {error}") from None


def _check_text(text: Any) -> str:
    """Return *text* without the blanks around it, if it can be written as UTF-8."""
    if not isinstance(text, str):
        raise _FaultError(f"the URL is {_kind(text)}, not text")
    return _check_encodable(text).strip(BLANKS)


def _check_encodable(text: str) -> str:
    found = find_flaw(text)
    if found is not None:
        raise _FaultError(found)
    return text


def _show(given: Any) -> str:
    """Return what the outcome shows as the URL of an item without a usable one."""
    if isinstance(given, int | float) and not _is_missing(given):
        return str(given)
    return repair_text(str(given)).strip(BLANKS) if isinstance(given, str) else ""


def _kind(value: Any) -> str:
    return "null" if value is None else type(value).__name__
