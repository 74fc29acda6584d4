"""The forms in which a setting may be written, and the one in which it is stored.

Knows sizes, durations, shares, headers and lists of names. Does not know the settings'
bounds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from penstock.core.web.fields import is_field_value, is_framing, is_token
from penstock.errors import UsageError

__all__ = [
    "parse_duration",
    "parse_share",
    "parse_size",
    "read_column",
    "read_delimiter",
    "read_headers",
    "read_methods",
    "read_names",
]

DELIMITERS: Final = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
"""Delimiters that have a name, since a shell makes it hard to write some of them."""

_SIZE: Final = re.compile(r"\s*([0-9]{1,15}(?:\.[0-9]{1,15})?)\s*(?:([kmgt])(i?))?b?\s*", re.IGNORECASE)
_DURATION: Final = re.compile(r"\s*(?:([0-9]{1,12}(?:\.[0-9]{1,12})?)\s*(ms|sec|s|min|m|h|d)?\s*)", re.IGNORECASE)
_UNITS: Final = {"": 1.0, "ms": 0.001, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3_600.0, "d": 86_400.0}
_SHARE: Final = re.compile(r"\s*([0-9]{1,3}(?:\.[0-9]{1,9})?)\s*(%?)\s*")
_HEADER_FORMS: Final = "headers: write 'Name: value', pairs of texts, or a mapping from names to values"


def parse_size(size: int | str, name: str = "max_body") -> int:
    """Return bytes, from a number or text: ``10MB``, ``1.5 GB`` or ``10MiB``."""
    if isinstance(size, int) and not isinstance(size, bool):
        return size
    found = _SIZE.fullmatch(size) if isinstance(size, str) else None
    if found is None:
        raise UsageError(f"{name}: {size!r} is not a size in bytes; write 500, 10MB or 1.5GB")
    number, prefix, binary = found.groups()
    power = "kmgt".index(prefix.lower()) + 1 if prefix else 0
    return round(float(number) * (1024.0 if binary else 1000.0) ** power)


def parse_duration(duration: float | str | None, name: str) -> Any:
    """Return seconds, from a number or text: ``500ms``, ``1.5 s``, ``1h30m``, ``7d``.

    A value of another type is returned unchanged, for the check of types. Raises
    UsageError if the text is no duration.
    """
    if not isinstance(duration, str):
        return duration
    parts = _DURATION.findall(duration)
    # A number without a unit is seconds, and stands alone.
    if not parts or _DURATION.sub("", duration) or (len(parts) > 1 and not all(unit for _, unit in parts)):
        raise UsageError(f"{name} is {duration!r}; write seconds, or a duration as 500ms, 30s, 1m, 2h or 1h30m")
    return round(sum(float(number) * _UNITS[unit.lower()] for number, unit in parts), 9)


def parse_share(share: float | str | None, name: str) -> Any:
    """Return a share from 0 to 1, from a number or from text: ``99.9%``, ``0.999``.

    Else as ``parse_duration``.
    """
    if not isinstance(share, str):
        return share
    found = _SHARE.fullmatch(share)
    if found is None:
        raise UsageError(f"{name} is {share!r}; write a share of the inputs, 99.9% or 0.999")
    if not found[2] and float(found[1]) > 1:
        raise UsageError(f"{name} is {share!r}; write {found[1]}% for a share in a hundred, or a number up to 1")
    return round(float(found[1]) / 100, 9) if found[2] else float(found[1])


def read_headers(given: Any, _name: str) -> list[tuple[str, str]]:
    """Return pairs, from pairs, a mapping, or lines as curl's -H takes them."""
    if isinstance(given, str):
        given = [given]
    if not isinstance(given, Iterable):
        raise UsageError(_HEADER_FORMS)
    return [_read_header(pair) for pair in (given.items() if isinstance(given, Mapping) else given)]


def _read_header(pair: Any) -> tuple[str, str]:
    if isinstance(pair, str):
        name, colon, value = pair.partition(":")
        if not colon:
            # Without a colon it is unknown where a secret begins, so no more than the
            # first word is shown.
            raise UsageError(f"headers: {pair.partition(' ')[0]!r} has no colon; write 'Name: value'")
        pair = name, value
    if not isinstance(pair, tuple | list) or len(pair) != 2 or not all(isinstance(part, str) for part in pair):
        raise UsageError(_HEADER_FORMS)
    name, value = (part.strip() for part in pair)
    if is_framing(name):
        raise UsageError(f"headers: {name!r} frames the message or belongs to the connection; leave it out")
    if name.lower() == "host":
        raise UsageError("headers: each URL has its own Host; to send requests to another server, use connect_to")
    if not is_token(name) or not is_field_value(value):
        raise UsageError(f"headers: {name!r} is not one; names are tokens, values Latin-1 without control characters")
    return name, value


def read_methods(given: Any, name: str) -> Any:
    """Return the methods in upper case.

    Each text may hold several, separated by commas.
    """
    split = read_names(given, name)
    if split is given:
        return given
    methods = [method.upper() for method in split]
    for method in methods:
        if not is_token(method):
            raise UsageError(f"{name}: {method!r} is no method; write POST,PATCH")
    return tuple(dict.fromkeys(methods))


def read_names(given: Any, _name: str) -> Any:
    """Return the names in *given*; each text may hold several, separated by commas."""
    if not isinstance(given, tuple | list) or not all(isinstance(each, str) for each in given):
        return given
    return tuple(dict.fromkeys(name.strip() for each in given for name in each.split(",")))


def read_column(given: Any, _name: str) -> Any:
    """Return a column's name; its number becomes one."""
    return str(given) if type(given) is int else given


def read_delimiter(given: Any, _name: str) -> Any:
    """Return the delimiter itself if *given* is its name."""
    return DELIMITERS.get(given.lower(), given) if isinstance(given, str) else given
