"""The keywords of the public functions, for type checkers, editors and ``help``.

Made by ``python -m penstock.settings.generate`` from the table: edit that. Durations are seconds, or text such as
"500ms", "30s", "1m" or "1h30m".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypedDict

__all__ = ["CommonOptions", "FetchOptions", "ResumeOptions", "RunOptions"]


class CommonOptions(TypedDict, total=False):
    """The settings of ``fetch``, ``run``, ``resume`` and ``retry``."""

    concurrency: int
    """Requests at once, over all hosts. Default 100; 1 to 10,000."""

    per_host: int
    """Requests at once to one host. Default 2; 1 to 10,000."""

    delay: float | str
    """Time between two starts on one host. Default 0.1; 0 to 86,400 s."""

    rate: float | None
    """Requests started a second, over all hosts. Above 0 to 1,000,000."""

    pace: Literal["adaptive", "fixed"]
    """How to use the limits. With adaptive, a busy or late host gets fewer requests,
    and more than 100 at once run only if that is faster; with fixed, the limits alone
    decide. Default adaptive; one of adaptive, fixed."""

    window: int | None
    """Inputs read ahead and not started, in memory. By default 10,000 of a file or a
    list; above this, inputs of busy hosts wait on the disk. An iterator is by default
    read only as far as ``concurrency`` leaves room; with a number, as far ahead as
    that, to find other hosts. 1 to 100,000,000."""

    attempts: int
    """Tries for each input, the first included. Default 3; 1 to 100."""

    retry_methods: str | Sequence[str]
    """Methods to retry after a failure although the server may then act twice, as
    POST,PATCH. Idempotent methods, such as GET and PUT, are always retried (RFC 9110,
    section 9.2.2)."""

    timeout: float | str
    """Time for one try: redirects count, waiting does not. Default 30; 0.001 to 86,400
    s."""

    connect_timeout: float | str
    """Time of one try until the connection is ready, name look-up and TLS included.
    Default 5; 0.001 to 86,400 s."""

    max_body: int | str
    """Bytes of one body after decoding: 500, 64kB, 10MB, 1.5GB (powers of ten). Default
    100,000,000; 0 to 1,000,000,000,000 bytes."""

    memory: int | str
    """Response bytes held in memory; above this, no request starts. The process takes
    at most twice this, or this plus twice ``max_body`` if that is more, and some 50 MB
    besides. Default 512,000,000; 1,000,000 to 1,000,000,000,000,000 bytes."""

    headers: str | Mapping[str, str] | Iterable[str | tuple[str, str]]
    """Headers sent with every request: lines ('Name: value'), pairs or a mapping. Only
    the values of Accept, User-Agent and a few more are stored; others may be secret:
    give them again to resume."""

    user_agent: str | None
    """The User-Agent to send instead of Penstock's own."""

    contact: str | None
    """URL or email address for the User-Agent, so that site operators can reach you."""

    proxy: str | None
    """A proxy for all requests: http://, https://, socks5:// or socks5h://host:port.
    The environment's is ignored. The proxy connects in Penstock's place, so the address
    a redirect leads to is not checked."""

    http_version: Literal["1.1", "2"] | None
    """The newest version of HTTP to use; 2 is used over TLS alone. By default 2, and
    1.1 if a WARC file is to hold the messages as they were sent. One of 1.1, 2."""

    insecure: bool
    """Do not verify certificates: an attacker on the path can read and change
    everything. Default False."""

    cacert: str | None
    """A PEM file of certificates to trust instead of the built-in ones."""

    connect_to: str | Sequence[str]
    """HOST1:PORT1:HOST2:PORT2: connect to the second host for requests to the first, as
    curl does. An empty HOST1 or PORT1 matches any, an empty HOST2 or PORT2 changes
    nothing."""

    resolver: str | None
    """The name server to ask instead of the system's: ADDRESS or ADDRESS:PORT, an IPv6
    address in brackets."""

    url_template: str | None
    """A URL with {} or {COLUMN} in it, filled from each row; values are
    percent-encoded. In {+} and {+COLUMN} slashes, colons and the like stay as they are,
    for paths and host:port. Credentials in it are never stored: give it again to
    resume."""


class FetchOptions(CommonOptions, total=False):
    """The settings of ``fetch``."""

    max_redirects: int
    """Redirects followed for one input; with 0, a redirect is its outcome. Default 10;
    0 to 100."""

    cookies: bool
    """Keep the cookies that servers set, in memory until the session ends, and send
    them back to the domains they are for (RFC 6265). Default False."""

    robots: bool
    """Ask each site for its robots.txt first and obey it (RFC 9309), also the time it
    wants between two requests, up to a minute. Default True."""

    public_only: bool
    """Connect to public addresses only, as for a list that strangers wrote. Without it,
    only a redirect from a public address to a private one is refused. Default False."""

    column: str | int | None
    """The column or JSON field with the URL; a table's by its name or its number from
    1. By default url, or the first column of a table without names."""

    select: str | Sequence[str]
    """The columns or JSON fields to carry along to the outcome, instead of all."""

    unique: bool
    """Fetch only the first of inputs that ask for the same (method, URL in one
    spelling, body; headers make no difference), and count the others. Default False."""


class ResumeOptions(CommonOptions, total=False):
    """The settings of ``resume`` and ``retry``."""

    body: Literal["inline", "none"]
    """Whether an outcome's record holds the body; none leaves its length and digest.
    Default inline; one of inline, none."""

    flush_every: float | str
    """Time between two commits to a run folder: what a crash costs at most. Default 5;
    0.01 to 3,600 s."""

    deadline: float | str | None
    """Time after which no request starts: what runs is finished, and the rest can be
    resumed. 0.001 to 100,000,000 s."""

    stop_at: float | str | None
    """The share of all inputs, 99.9% or 0.999, that is enough: the session then ends as
    by ``deadline``. It is checked once the whole input has been read. 0.01 to 1."""

    min_speed: float | None
    """Outcomes a second, on average over the last minute, below which the session ends
    as by ``deadline``. It is not checked in the first minute. 0.001 to 1,000,000."""

    passes: int
    """Times to go over the inputs of a run folder: failures that may be temporary are
    retried, whatever the method. Default 1; 1 to 10."""


class RunOptions(FetchOptions, ResumeOptions, total=False):
    """The settings of ``run``: all."""

    input_format: Literal["lines", "csv", "tsv", "jsonl", "json", "sitemap", "parquet", "arrow"] | None
    """How to read the input; by default the end of a file's name decides (.csv, .tsv,
    .jsonl, .ndjson, .json, .xml, .parquet, .arrow, .feather, else lines). jsonl is a
    JSON value a line, json an array of them; sitemap takes the URLs in a sitemap, or in
    each that an index names, and reads a URL given as input in the same way; parquet
    and arrow need pyarrow. One of lines, csv, tsv, jsonl, json, sitemap, parquet,
    arrow."""

    header: bool
    """Whether a table begins with a row of column names; without it, columns are named
    1, 2 and so on. Default True."""

    delimiter: str | None
    """The character between the fields of a table, instead of the comma; or the word
    tab."""

    sinks: str | Sequence[str]
    """The formats in which a run folder stores. Default jsonl; one of jsonl, jsonl.zst,
    jsonl.gz, parquet, warc, files, sqlite, csv."""
