"""The slice of the settings that each stage gets.

Knows which stage needs which settings. Their types and defaults are the table's: mypy
compares the types here.
"""

from __future__ import annotations

from typing import Final, TypeVar

from msgspec import Struct

from penstock.settings.table import SettingsTable

__all__ = ["HttpSettings", "InputSettings", "OutputSettings", "cut"]

DEFAULT: Final = SettingsTable()

Slice = TypeVar("Slice", bound=Struct)


class HttpSettings(Struct, frozen=True):
    """The slice of the HTTP engine. Times in seconds, sizes in bytes.

    With *keep_requests* an attempt has the request as it was sent.
    """

    concurrency: int = DEFAULT.concurrency
    timeout: float = DEFAULT.timeout
    connect_timeout: float = DEFAULT.connect_timeout
    max_body: int = DEFAULT.max_body
    proxy: str | None = DEFAULT.proxy
    insecure: bool = DEFAULT.insecure
    cacert: str | None = DEFAULT.cacert
    connect_to: tuple[str, ...] = DEFAULT.connect_to
    resolver: str | None = DEFAULT.resolver
    public_only: bool = DEFAULT.public_only
    max_redirects: int = DEFAULT.max_redirects
    cookies: bool = DEFAULT.cookies
    http_version: str | None = DEFAULT.http_version
    keep_requests: bool = False


class InputSettings(Struct, frozen=True):
    """How to read the input; None if the file itself says."""

    input_format: str | None = DEFAULT.input_format
    column: str | None = DEFAULT.column
    url_template: str | None = DEFAULT.url_template
    header: bool = DEFAULT.header
    delimiter: str | None = DEFAULT.delimiter
    select: tuple[str, ...] = DEFAULT.select


class OutputSettings(Struct, frozen=True):
    """The content of records, and the seconds between two commits (*flush_every*)."""

    sinks: tuple[str, ...] = DEFAULT.sinks
    body: str = DEFAULT.body
    flush_every: float = DEFAULT.flush_every


def cut(part: type[Slice], settings: SettingsTable) -> Slice:
    """Return the slice *part* of *settings*; a field that is no setting keeps its default."""
    return part(**{name: getattr(settings, name) for name in part.__struct_fields__ if hasattr(settings, name)})
