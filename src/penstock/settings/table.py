"""The table of settings: one row has all that is known of one setting.

Options, documentation, checks, keywords and what a resume may change are derived from
it. docs/decisions/settings-table.md says why, and how to add one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, NamedTuple, get_args

import msgspec
from msgspec import Struct

from penstock.bounds import MOST_A_SECOND, check_rate
from penstock.core.web.model import Headers
from penstock.settings.checks import (
    check_connect_to,
    check_delimiter,
    check_field_value,
    check_proxy,
    check_resolver,
)
from penstock.settings.spec import Resume, Spec, Unit
from penstock.settings.texts import (
    parse_share,
    read_column,
    read_delimiter,
    read_headers,
    read_methods,
    read_names,
)
from penstock.sink.formats import FORMATS

__all__ = ["CHANGEABLE", "SETTINGS", "Setting", "SettingsTable"]

DAY: Final = 86_400

BODIES: Final = ("inline", "none")
PACES: Final = ("adaptive", "fixed")
INPUT_FORMATS: Final = ("lines", "csv", "tsv", "jsonl", "json", "sitemap", "parquet", "arrow")

MAY_CHANGE: Final = Resume.MAY_CHANGE
GIVEN_AGAIN: Final = Resume.GIVEN_AGAIN


class SettingsTable(Struct, frozen=True, kw_only=True):
    """Every setting with its type, its default and its spec, as in the help page."""

    concurrency: Annotated[
        int,
        Spec("Pace", "Requests at once, over all hosts.", low=1, high=10_000, resume=MAY_CHANGE, short="-c"),
    ] = 100
    per_host: Annotated[int, Spec("Pace", "Requests at once to one host.", low=1, high=10_000, resume=MAY_CHANGE)] = 2
    delay: Annotated[
        float,
        Spec("Pace", "Time between two starts on one host.", low=0, high=DAY, unit=Unit.SECONDS, resume=MAY_CHANGE),
    ] = 0.1
    rate: Annotated[
        float | None,
        Spec(
            "Pace",
            "Requests started a second, over all hosts.",
            low=0,
            high=MOST_A_SECOND,
            above=True,
            counted="requests a second",
            example=100,
            resume=MAY_CHANGE,
            check=check_rate,
        ),
    ] = None
    pace: Annotated[
        str,
        Spec(
            "Pace",
            "How to use the limits. With adaptive, a busy or late host gets fewer requests, and more than 100 at once "
            "run only if that is faster; with fixed, the limits alone decide.",
            choices=PACES,
            resume=MAY_CHANGE,
        ),
    ] = "adaptive"
    window: Annotated[
        int | None,
        Spec(
            "Pace",
            "Inputs read ahead and not started, in memory. By default 10,000 of a file or a list; above this, inputs "
            "of busy hosts wait on the disk. An iterator is by default read only as far as `concurrency` leaves room; "
            "with a number, as far ahead as that, to find other hosts.",
            low=1,
            high=10**8,
            resume=MAY_CHANGE,
            option_text="Inputs read ahead and not started, in memory (10,000 by default); above this, inputs of "
            "busy hosts wait on the disk.",
        ),
    ] = None
    attempts: Annotated[
        int, Spec("Pace", "Tries for each input, the first included.", low=1, high=100, resume=MAY_CHANGE)
    ] = 3
    retry_methods: Annotated[
        tuple[str, ...],
        Spec(
            "Pace",
            "Methods to retry after a failure although the server may then act twice, as POST,PATCH. Idempotent "
            "methods, such as GET and PUT, are always retried (RFC 9110, section 9.2.2).",
            resume=MAY_CHANGE,
            metavar="METHOD,...",
            read=read_methods,
        ),
    ] = ()
    timeout: Annotated[
        float,
        Spec(
            "Pace",
            "Time for one try: redirects count, waiting does not.",
            low=0.001,
            high=DAY,
            unit=Unit.SECONDS,
            resume=MAY_CHANGE,
        ),
    ] = 30.0
    connect_timeout: Annotated[
        float,
        Spec(
            "Pace",
            "Time of one try until the connection is ready, name look-up and TLS included.",
            low=0.001,
            high=DAY,
            unit=Unit.SECONDS,
            resume=MAY_CHANGE,
        ),
    ] = 5.0
    max_body: Annotated[
        int,
        Spec(
            "Requests",
            "Bytes of one body after decoding: 500, 64kB, 10MB, 1.5GB (powers of ten).",
            low=0,
            high=10**12,
            unit=Unit.BYTES,
            resume=MAY_CHANGE,
        ),
    ] = 100_000_000
    memory: Annotated[
        int,
        Spec(
            "Pace",
            "Response bytes held in memory; above this, no request starts. The process takes at most twice this, "
            "or this plus twice `max_body` if that is more, and some 50 MB besides.",
            low=10**6,
            high=10**15,
            unit=Unit.BYTES,
            resume=MAY_CHANGE,
        ),
    ] = 512_000_000
    max_redirects: Annotated[
        int,
        Spec("Requests", "Redirects followed for one input; with 0, a redirect is its outcome.", low=0, high=100),
    ] = 10
    cookies: Annotated[
        bool,
        Spec(
            "Requests",
            "Keep the cookies that servers set, in memory until the session ends, and send them back to the domains "
            "they are for (RFC 6265).",
        ),
    ] = False
    robots: Annotated[
        bool,
        Spec(
            "Requests",
            "Ask each site for its robots.txt first and obey it (RFC 9309), also the time it wants between two "
            "requests, up to a minute.",
        ),
    ] = True
    headers: Annotated[
        Headers,
        Spec(
            "Requests",
            "Headers sent with every request: lines ('Name: value'), pairs or a mapping. Only the values of Accept, "
            "User-Agent and a few more are stored; others may be secret: give them again to resume.",
            resume=GIVEN_AGAIN,
            short="-H",
            metavar="HEADER",
            option_text="A header sent with every request, 'Name: value'. Only the values of Accept, User-Agent "
            "and a few more are stored; others may be secret: give them again to resume.",
            read=read_headers,
            accepts="str | Mapping[str, str] | Iterable[str | tuple[str, str]]",
        ),
    ] = ()
    user_agent: Annotated[
        str | None,
        Spec(
            "Requests",
            "The User-Agent to send instead of Penstock's own.",
            resume=MAY_CHANGE,
            metavar="TEXT",
            check=check_field_value,
        ),
    ] = None
    contact: Annotated[
        str | None,
        Spec(
            "Requests",
            "URL or email address for the User-Agent, so that site operators can reach you.",
            resume=MAY_CHANGE,
            metavar="TEXT",
            check=check_field_value,
        ),
    ] = None
    proxy: Annotated[
        str | None,
        Spec(
            "Requests",
            "A proxy for all requests: http://, https://, socks5:// or socks5h://host:port. The environment's is "
            "ignored. The proxy connects in Penstock's place, so the address a redirect leads to is not checked.",
            resume=MAY_CHANGE,
            metavar="URL",
            check=check_proxy,
        ),
    ] = None
    insecure: Annotated[
        bool,
        Spec(
            "Requests",
            "Do not verify certificates: an attacker on the path can read and change everything.",
            resume=MAY_CHANGE,
        ),
    ] = False
    cacert: Annotated[
        str | None,
        Spec(
            "Requests",
            "A PEM file of certificates to trust instead of the built-in ones.",
            resume=MAY_CHANGE,
            metavar="FILE",
        ),
    ] = None
    connect_to: Annotated[
        tuple[str, ...],
        Spec(
            "Requests",
            "HOST1:PORT1:HOST2:PORT2: connect to the second host for requests to the first, as curl does. An empty "
            "HOST1 or PORT1 matches any, an empty HOST2 or PORT2 changes nothing.",
            resume=MAY_CHANGE,
            metavar="SPEC",
            check=check_connect_to,
        ),
    ] = ()
    resolver: Annotated[
        str | None,
        Spec(
            "Requests",
            "The name server to ask instead of the system's: ADDRESS or ADDRESS:PORT, an IPv6 address in brackets.",
            resume=MAY_CHANGE,
            metavar="ADDRESS",
            check=check_resolver,
        ),
    ] = None
    public_only: Annotated[
        bool,
        Spec(
            "Requests",
            "Connect to public addresses only, as for a list that strangers wrote. Without it, only a redirect from a "
            "public address to a private one is refused.",
        ),
    ] = False
    input_format: Annotated[
        str | None,
        Spec(
            "Reading",
            "How to read the input; by default the end of a file's name decides (.csv, .tsv, .jsonl, .ndjson, .json, "
            ".xml, .parquet, .arrow, .feather, else lines). jsonl is a JSON value a line, json an array of them; "
            "sitemap takes the URLs in a sitemap, or in each that an index names, and reads a URL given as input "
            "in the same way; parquet and arrow need pyarrow.",
            choices=INPUT_FORMATS,
            run_only=True,
        ),
    ] = None
    column: Annotated[
        str | None,
        Spec(
            "Reading",
            "The column or JSON field with the URL; a table's by its name or its number from 1. By default url, or "
            "the first column of a table without names.",
            metavar="NAME",
            read=read_column,
            accepts="str | int | None",
        ),
    ] = None
    url_template: Annotated[
        str | None,
        Spec(
            "Reading",
            "A URL with {} or {COLUMN} in it, filled from each row; values are percent-encoded. In {+} and {+COLUMN} "
            "slashes, colons and the like stay as they are, for paths and host:port. Credentials in it are never "
            "stored: give it again to resume.",
            resume=GIVEN_AGAIN,
            metavar="URL",
        ),
    ] = None
    header: Annotated[
        bool,
        Spec(
            "Reading",
            "Whether a table begins with a row of column names; without it, columns are named 1, 2 and so on.",
            option_text="The table has no row of column names: columns are named 1, 2 and so on.",
            run_only=True,
        ),
    ] = True
    delimiter: Annotated[
        str | None,
        Spec(
            "Reading",
            "The character between the fields of a table, instead of the comma; or the word tab.",
            metavar="CHARACTER",
            read=read_delimiter,
            check=check_delimiter,
            run_only=True,
        ),
    ] = None
    select: Annotated[
        tuple[str, ...],
        Spec(
            "Reading",
            "The columns or JSON fields to carry along to the outcome, instead of all.",
            metavar="NAME,...",
            read=read_names,
        ),
    ] = ()
    unique: Annotated[
        bool,
        Spec(
            "Reading",
            "Fetch only the first of inputs that ask for the same (method, URL in one spelling, body; headers make no "
            "difference), and count the others.",
        ),
    ] = False
    sinks: Annotated[
        tuple[str, ...],
        Spec("Storing", "The formats in which a run folder stores.", choices=FORMATS, run_only=True),
    ] = ("jsonl",)
    body: Annotated[
        str,
        Spec(
            "Storing",
            "Whether an outcome's record holds the body; none leaves its length and digest.",
            choices=BODIES,
            resume=MAY_CHANGE,
            run_only=True,
        ),
    ] = "inline"
    flush_every: Annotated[
        float,
        Spec(
            "Storing",
            "Time between two commits to a run folder: what a crash costs at most.",
            low=0.01,
            high=3_600,
            unit=Unit.SECONDS,
            resume=MAY_CHANGE,
            run_only=True,
        ),
    ] = 5.0
    deadline: Annotated[
        float | None,
        Spec(
            "Pace",
            "Time after which no request starts: what runs is finished, and the rest can be resumed.",
            low=0.001,
            high=10**8,
            unit=Unit.SECONDS,
            resume=MAY_CHANGE,
            run_only=True,
        ),
    ] = None
    stop_at: Annotated[
        float | None,
        Spec(
            "Pace",
            "The share of all inputs, 99.9% or 0.999, that is enough: the session then ends as by `deadline`. It is "
            "checked once the whole input has been read.",
            low=0.01,
            high=1,
            resume=MAY_CHANGE,
            metavar="SHARE",
            read=parse_share,
            accepts="float | str | None",
            run_only=True,
        ),
    ] = None
    min_speed: Annotated[
        float | None,
        Spec(
            "Pace",
            "Outcomes a second, on average over the last minute, below which the session ends as by `deadline`. It is "
            "not checked in the first minute.",
            low=0.001,
            high=MOST_A_SECOND,
            counted="outcomes a second",
            example=0.5,
            resume=MAY_CHANGE,
            run_only=True,
        ),
    ] = None
    passes: Annotated[
        int,
        Spec(
            "Pace",
            "Times to go over the inputs of a run folder: failures that may be temporary are retried, whatever the "
            "method.",
            low=1,
            high=10,
            resume=MAY_CHANGE,
            run_only=True,
        ),
    ] = 1


class Setting(NamedTuple):
    """A setting: its *name*, its *type* as stored, its *default*, and its *spec*."""

    name: str
    type: Any
    default: Any
    spec: Spec


def _read_table() -> Mapping[str, Setting]:
    found = {}
    for field in msgspec.structs.fields(SettingsTable):
        kind, spec = get_args(field.type)
        found[field.name] = Setting(field.name, kind, field.default, spec)
    return found


SETTINGS: Final = _read_table()
"""Every setting by its name, in the order of the table."""

CHANGEABLE: Final = frozenset(name for name, setting in SETTINGS.items() if setting.spec.resume is MAY_CHANGE)
"""Settings that a resume may change: the pace, the route, the User-Agent and how much
is stored, but not the requests themselves. The run keeps the new value."""
