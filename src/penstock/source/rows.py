"""What one item of a list asks for: from a text or a mapping to its row.

Knows the fields that describe a request: the URL's own, ``method``, ``headers``, ``body``. Does not know
whether the item came from a file of JSON lines or from a Python program, nor whether the URL is one.

An item that is broken becomes a row with a fault, and keeps the fields it came with.
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
from penstock.source.text import BLANKS, flaw, mended

__all__ = ["URL", "Shape"]

URL: Final = "url"
"""The field or column that holds the URL, where nothing else is said."""


class _FaultError(ValueError):
    """The item is broken; the message goes to its outcome."""


class Shape(Struct, frozen=True):
    """How items are to be read: the field with the URL, and the template to put it in, if any.

    With a template the field with the URL is a value like the others, and comes back with them; of the others only
    those that *select* names, if it names any.
    """

    column: str = URL
    template: Template | None = None
    select: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: InputSettings) -> Shape:
        """What *settings* say about it; UsageError where the template is none."""
        pattern = settings.url_template
        return cls(settings.column or URL, None if pattern is None else Template(pattern), settings.select)

    def row(self, seq: int, line: int, item: Any) -> Row:
        """The row of any *item*: a text, a mapping with a URL in it, or a row."""
        if isinstance(item, str):
            return self.row_of_text(seq, line, str(item))
        if isinstance(item, Mapping):
            return self._row_of_mapping(seq, line, item)
        if isinstance(item, Row):
            return _row_of_row(seq, line, item)
        return Row(seq, line, "", fault=f"{_kind(item)}: neither a URL nor an object with {self.column!r}")

    def row_of_text(self, seq: int, line: int, text: str) -> Row:
        """The row of a *text*, which is the URL or what stands for ``{}`` in the template."""
        if self.template is None and text.isascii():
            return Row(seq, line, text.strip(BLANKS))
        try:
            return Row(seq, line, self._url(text, {}))
        except _FaultError as fault:
            return Row(seq, line, _shown(text), fault=str(fault))

    def row_of_values(self, seq: int, line: int, values: Mapping[str, Any]) -> Row:
        """The row of a table's *values* by column: only the URL among them says anything of the request."""
        given, fields = self._taken_apart(values)
        try:
            return Row(seq, line, self._url(given, values), fields=fields)
        except _FaultError as fault:
            return Row(seq, line, _shown(given), fields=fields, fault=str(fault))

    def text_of(self, item: Any) -> str:
        """What tells *item* from another in a list: its URL as given; nothing where it has none."""
        if isinstance(item, Mapping):
            item = item.get(self.column)
        elif isinstance(item, Row):
            item = item.url
        return item if isinstance(item, str) else ""

    def _row_of_mapping(self, seq: int, line: int, item: Mapping[Any, Any]) -> Row:
        given, fields = self._taken_apart(item, "method", "headers", "body")
        try:
            url = self._url(given, item)
        except _FaultError as fault:
            return Row(seq, line, _shown(given), fields=fields, fault=str(fault))
        return _request(Row(seq, line, url, fields=fields), item.get("method"), item.get("headers"), item.get("body"))

    def _taken_apart(self, item: Mapping[Any, Any], *describing: str) -> tuple[Any, dict[Any, Any] | None]:
        """What the URL's field holds, and the fields that come back in the outcome."""
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
            return self.template.fill(lambda name: _value(name, given if name == WHOLE else item.get(name)))
        if isinstance(given, str):
            return given.strip(BLANKS) if given.isascii() else _sound(given)
        if _is_missing(given):
            raise _FaultError(f"no {self.column!r} in it")
        raise _FaultError(f"{self.column!r} is {_kind(given)}, not text")


def _is_missing(value: Any) -> bool:
    """Whether *value* stands for none: None, or a number that is none, which tables in Python have in empty cells."""
    return value is None or (isinstance(value, float) and value != value)  # noqa: PLR0124 - NaN alone is not itself


def _value(name: str, value: Any) -> str:
    """A template's *value* as text."""
    if _is_missing(value):
        value = None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if value is not None and not isinstance(value, str):
        raise _FaultError(f"{{{name}}} is {_kind(value)}, neither text nor a number")
    text = _sound(value or "")
    if not text:
        raise _FaultError(f"nothing to put in the place of {{{name}}}")
    return text


def _row_of_row(seq: int, line: int, row: Row) -> Row:
    if row.fault is not None:
        return replace(row, seq=seq, line=line, url=_shown(row.url))
    try:
        url = _sound(row.url)
    except _FaultError as fault:
        return Row(seq, line, _shown(row.url), fields=row.fields, fault=str(fault))
    return _request(Row(seq, line, url, fields=row.fields), row.method, row.headers, row.body)


def _request(row: Row, method: Any, headers: Any, body: Any) -> Row:
    """*row*, whose URL can be read, with the rest of its request; or with why that can't be sent."""
    if method is None is headers is body:
        return row
    method, headers, body = (None if _is_missing(part) else part for part in (method, headers, body))
    try:
        content, pairs = _content(body, _headers(headers))
        return Row(row.seq, row.line, row.url, _method(method, content), pairs, content, row.fields)
    except _FaultError as fault:
        return Row(row.seq, row.line, row.url, fields=row.fields, fault=str(fault), reason=Reason.INVALID_REQUEST)


def _method(method: Any, body: bytes | None) -> str:
    """The request's method in upper case; where none is given, GET, or POST when there is a *body*, as curl does."""
    if method is None:
        return "GET" if body is None else "POST"
    if not isinstance(method, str) or not is_token(method):
        raise _FaultError("the method is not one; it is a token as GET or POST")
    upper = method.upper()
    if upper == "CONNECT":
        raise _FaultError("the method CONNECT asks for a tunnel, not for a resource")
    if upper == "HEAD" and body is not None:
        raise _FaultError("a body can't be sent with HEAD")
    return upper


def _headers(headers: Any) -> Headers:
    """Header pairs from an object or a list of pairs; names are tokens, values Latin-1 (RFC 9110, section 5)."""
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
    # The value is not repeated in the message: it may be a secret.
    if not is_token(name):
        raise _FaultError(f"the header name {name[:40]!a} is not a token")
    if is_framing(name):
        raise _FaultError(f"the header {name[:40]} frames the message or belongs to the connection; leave it out")
    if not is_field_value(value):
        raise _FaultError(f"the value of header {name[:40]} has a control character or is not Latin-1")
    return name, value.strip(" \t")


def _content(body: Any, headers: Headers) -> tuple[bytes | None, Headers]:
    """The bytes of *body*, and *headers* with the type of them where we chose it."""
    if body is None or isinstance(body, bytes):
        return body, headers
    if isinstance(body, str):
        return _encodable(body).encode(), headers
    if not isinstance(body, dict | list):
        raise _FaultError(f"the body is {_kind(body)}; it is text, an object or a list")
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers = (*headers, ("Content-Type", "application/json"))
    try:
        return orjson.dumps(body), headers
    except orjson.JSONEncodeError as error:
        raise _FaultError(f"the body cannot be written as JSON: {error}") from None


def _sound(text: Any) -> str:
    """*text* without blanks around it, if it can be written at all."""
    if not isinstance(text, str):
        raise _FaultError(f"the URL is {_kind(text)}, not text")
    return _encodable(text).strip(BLANKS)


def _encodable(text: str) -> str:
    found = flaw(text)
    if found is not None:
        raise _FaultError(found)
    return text


def _shown(given: Any) -> str:
    """What stands for the URL of an item that has none to be used."""
    if isinstance(given, int | float) and not _is_missing(given):
        return str(given)
    return mended(str(given)).strip(BLANKS) if isinstance(given, str) else ""


def _kind(value: Any) -> str:
    return "null" if value is None else type(value).__name__
