"""The values that travel between the stages, and the closed list of reasons for an outcome without a response.

Knows what a job, an attempt and an outcome are. Does not know how any of them is made.

The values are frozen. They are ``msgspec.Struct``: one is made in 0.1 µs, a frozen
dataclass of the same fields takes ten times that, and every page takes several of them.
"""

from __future__ import annotations

import contextlib
import encodings
import enum
import hashlib
from datetime import UTC, datetime
from encodings.aliases import aliases
from typing import Any, ClassVar, Final, Self

from msgspec import Struct

from penstock.core.schedule.verdicts import Ending

__all__ = [
    "Attempt",
    "Failed",
    "Fetched",
    "Headers",
    "Hop",
    "Job",
    "Kind",
    "Outcome",
    "Prerequisite",
    "Reason",
    "Row",
    "Skipped",
    "Times",
    "Via",
    "kind_of",
    "split_head",
]

CHARSETS: Final = frozenset({*aliases, *aliases.values(), "cp874", "iso8859_1", "koi8_t", "koi8_u", "utf_8_sig"})
"""The charsets a server may name, as Python spells them. A closed list: for any other
name Python would look for a module, and keep for ever that there is none; and
unicode_escape is a codec, but no charset."""

LONGEST_SHOWN: Final = 100
"""Characters of a URL that ``repr`` shows."""

_BLANKS: Final = " \t\r"

Headers = tuple[tuple[str, str], ...]


class Kind(enum.StrEnum):
    """The three kinds of outcome."""

    FETCHED = "fetched"
    FAILED = "failed"
    SKIPPED = "skipped"


class Reason(enum.StrEnum):
    """Why an input has no complete response: a closed list.

    ``reason.kind`` is ``failed`` or ``skipped``. ``reason.transient`` says whether
    another attempt within the same run may succeed; ``reason.later`` whether a later
    pass with the failed inputs may.
    """

    kind: Kind
    transient: bool
    later: bool

    def __new__(cls, text: str, kind: Kind, transient: bool, later: bool) -> Self:  # noqa: FBT001 - a row of the table below
        """Make one row of the table."""
        reason = str.__new__(cls, text)
        reason._value_ = text
        reason.kind = kind
        reason.transient = transient
        reason.later = later
        return reason

    # fmt: off
    #                      text                     kind          transient  later
    INVALID_URL          = "invalid_url",          Kind.SKIPPED, False, False
    INVALID_REQUEST      = "invalid_request",      Kind.SKIPPED, False, False
    BLOCKED_SCHEME       = "blocked_scheme",       Kind.SKIPPED, False, False
    BLOCKED_ADDRESS      = "blocked_address",      Kind.SKIPPED, False, False
    ROBOTS_DISALLOWED    = "robots_disallowed",    Kind.SKIPPED, False, False
    ROBOTS_UNAVAILABLE   = "robots_unavailable",   Kind.SKIPPED, False, True
    HOST_DOWN            = "host_down",            Kind.SKIPPED, False, True

    DNS_NOT_FOUND        = "dns_not_found",        Kind.FAILED,  False, False
    TLS_CERTIFICATE      = "tls_certificate",      Kind.FAILED,  False, False
    PROTOCOL_ERROR       = "protocol_error",       Kind.FAILED,  False, False
    DECODE_ERROR         = "decode_error",         Kind.FAILED,  False, False
    TOO_LARGE            = "too_large",            Kind.FAILED,  False, False
    REDIRECT_INVALID     = "redirect_invalid",     Kind.FAILED,  False, False
    TOO_MANY_REDIRECTS   = "too_many_redirects",   Kind.FAILED,  False, False
    CALLBACK_ERROR       = "callback_error",       Kind.FAILED,  False, False
    WORKER_LOST          = "worker_lost",          Kind.FAILED,  False, False

    DNS_TEMPORARY        = "dns_temporary",        Kind.FAILED,  True,  True
    CONNECT_REFUSED      = "connect_refused",      Kind.FAILED,  True,  True
    CONNECT_UNREACHABLE  = "connect_unreachable",  Kind.FAILED,  True,  True
    RESET                = "reset",                Kind.FAILED,  True,  True
    TLS_HANDSHAKE        = "tls_handshake",        Kind.FAILED,  True,  True
    TRUNCATED            = "truncated",            Kind.FAILED,  True,  True
    EMPTY_REPLY          = "empty_reply",          Kind.FAILED,  True,  True
    TIMEOUT_DNS          = "timeout_dns",          Kind.FAILED,  True,  True
    TIMEOUT_CONNECT      = "timeout_connect",      Kind.FAILED,  True,  True
    TIMEOUT_TLS          = "timeout_tls",          Kind.FAILED,  True,  True
    TIMEOUT_FIRST_BYTE   = "timeout_first_byte",   Kind.FAILED,  True,  True
    TIMEOUT_BODY         = "timeout_body",         Kind.FAILED,  True,  True
    TIMEOUT              = "timeout",              Kind.FAILED,  True,  True
    # fmt: on


_KINDS: Final = {reason.value: reason.kind for reason in Reason}


def kind_of(reason: str) -> Kind:
    """Return the kind of an outcome with this *reason*: the status of a response, or an error."""
    return Kind.FETCHED if reason.isdigit() else _KINDS[reason]


class Via(Struct, frozen=True, gc=False):
    """Where the URL of a row came from, if a server chose it rather than the user.

    *origin* is that of the document's URL as the user gave it; *public* says that the
    document, or one that led to it, came from a public or unknown address.
    """

    origin: str
    public: bool


class Row(Struct, frozen=True, gc=False):
    """One input as its source read it; its URL is not yet checked.

    *seq* counts inputs from 0 and is the input's identity; *line* is the number that an
    editor shows (from 1, comments and blank lines included). *fault* is set if the row
    itself is broken, and *reason* names the reason: such a row still gets its outcome.
    *via* is set if the row came from a document that was fetched.
    """

    seq: int
    line: int
    url: str
    method: str = "GET"
    headers: Headers = ()
    body: bytes | None = None
    fields: dict[str, Any] | None = None
    fault: str | None = None
    reason: Reason = Reason.INVALID_URL
    via: Via | None = None


class Hop(Struct, frozen=True, gc=False):
    """A redirect that was followed: the address that answered, the status it gave, and how it was asked."""

    url: str
    status: int
    method: str = "GET"


class Job(Struct, frozen=True):
    """A request that may be sent: one hop of one attempt at one input.

    A negative *seq* is that of a request for a document with more inputs, which is none
    itself. *url* is the input as given, credentials blotted out; *target* is the canonical
    address of this hop; *key* is the host whose limits apply. *headers* holds every
    header that is to be sent, including the headers of the settings, so that a redirect can
    drop what must not cross an origin. *ready* is the monotonic time at which the job
    could first have started; *earlier* counts the attempts made before this one;
    *spent* is the time in seconds that earlier hops of this attempt took. *public* says
    that a public address answered one of the *hops*, or sent the document that named
    *url*, so that the request may not lead to any other. Only the first *enough* bytes
    of a body are read, or all of them if it is None. *behind* is the job that waits for
    this one, if any.
    """

    enough: ClassVar[int | None] = None
    behind: ClassVar[Any] = None

    seq: int
    key: str
    url: str
    target: str
    method: str = "GET"
    headers: Headers = ()
    body: bytes | None = None
    fields: dict[str, Any] | None = None
    ready: float = 0.0
    earlier: int = 0
    spent: float = 0.0
    hops: tuple[Hop, ...] = ()
    public: bool = False


class Prerequisite(Job, frozen=True, kw_only=True):
    """A request that must succeed before the job *behind* it may start: not an input of its own."""

    enough: ClassVar[int | None] = 500 * 1024

    behind: Job  # type: ignore[misc] # only a prerequisite has one; a field would cost every job 8 bytes


class Times(Struct, frozen=True, gc=False):
    """Where the time of the last hop went, in seconds.

    *dns*, *connect* and *tls* are what each phase took by itself (0 on a kept
    connection); *first_byte* and *total* count from the start of the request, without
    the time for which the process was stopped or did not read its sockets, if that
    extended the deadline; *wait* is how long the job had been ready before it was
    started.
    """

    wait: float = 0.0
    dns: float = 0.0
    connect: float = 0.0
    tls: float = 0.0
    first_byte: float = 0.0
    total: float = 0.0


NO_TIMES: Final = Times()


class Attempt(Struct, frozen=True):
    """The result of one job from an engine: a complete response, or why there is none (*error*).

    *head* is the raw header block of the final response, *started* the wall-clock time
    in seconds since 1970. *lacking* names what this machine had run out of
    (descriptors, ports): then the job was not tried, the attempt tells nothing about
    the host, and *error* is only what it looked like. *request* is the request as it was
    sent, if the engine keeps it.
    """

    job: Job
    error: Reason | None = None
    detail: str | None = None
    status: int | None = None
    head: bytes = b""
    body: bytes = b""
    started: float = 0.0
    times: Times = NO_TIMES
    ip: str | None = None
    http: str | None = None
    lacking: str | None = None
    request: bytes = b""


class Outcome(Ending, frozen=True):
    """The outcome of one input: Fetched, Failed or Skipped. Each input has exactly one.

    All three have the same fields, so that a loop over outcomes may read the status of
    any of them. *request* is the last request as it was sent, credentials included; it
    is kept only for a sink that stores it.
    """

    kind: ClassVar[Kind]

    seq: int
    url: str
    error: Reason | None = None
    detail: str | None = None
    status: int | None = None
    final_url: str | None = None
    redirects: tuple[Hop, ...] = ()
    attempts: int = 0
    started: float | None = None
    times: Times = NO_TIMES
    ip: str | None = None
    http: str | None = None
    head: bytes = b""
    body: bytes = b""
    data: Any = None
    input: dict[str, Any] | None = None
    request: bytes = b""

    def __repr__(self) -> str:
        """Show the URL and its status or error on one line, without the body."""
        what = self.status if self.error is None else self.error.value
        url = self.url if len(self.url) <= LONGEST_SHOWN else f"{self.url[:LONGEST_SHOWN]}..."
        return f"<{type(self).__name__} {self.seq}: {what} {url!r} {len(self.body):,} bytes>"

    @property
    def outcome(self) -> str:
        """``fetched``, ``failed`` or ``skipped``."""
        return self.kind.value

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The response's headers in the order they came, names as the server spelled them."""
        return split_head(self.head)

    def header(self, name: str) -> str | None:
        """Return the value of the first header called *name*, in any case; None if there is none."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)

    @property
    def coding(self) -> str | None:
        """The content codings that could not be undone and are still on the body; None if it is decoded."""
        if not self.body or b"content-encoding" not in self.head.lower():
            return None
        from penstock.core.web.codings import find_undecoded  # noqa: PLC0415 - few need it, and the decoders come along

        return find_undecoded(",".join(value for name, value in self.headers if name.lower() == "content-encoding"))

    def json(self) -> Any:
        """Parse the body as JSON, in UTF-8, UTF-16 or UTF-32. Raises ValueError if it is none."""
        import json  # noqa: PLC0415 - few need it

        return json.loads(self.body)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields by their names in the output (schema 1); ``body`` is bytes, ``started`` a UTC datetime."""
        return {
            "seq": self.seq,
            "url": self.url,
            "outcome": self.outcome,
            "error": None if self.error is None else self.error.value,
            "detail": self.detail,
            "status": self.status,
            "final_url": self.final_url,
            "redirects": [{"url": hop.url, "status": hop.status} for hop in self.redirects],
            "attempts": self.attempts,
            "started": None if self.started is None else datetime.fromtimestamp(self.started, UTC),
            "ms": {name: getattr(self.times, name) * 1000 for name in self.times.__struct_fields__},
            "ip": self.ip,
            "http": self.http,
            "headers": self.headers,
            "bytes": len(self.body),
            "coding": self.coding,
            "sha256": hashlib.sha256(self.body).hexdigest() if self.body or self.kind is Kind.FETCHED else None,
            "body": self.body,
            "data": self.data,
            "input": self.input,
        }

    def text(self) -> str:
        """Decode the body by the charset that its Content-Type names, else as UTF-8; never raises.

        Bytes that do not fit become U+FFFD. The charset is not guessed from the
        content: a library made for that guesses better.
        """
        _, _, said = (self.header("content-type") or "").lower().partition("charset=")
        charset = encodings.normalize_encoding(said.partition(";")[0].strip(" \"'"))
        if charset in CHARSETS:
            # Some of the aliases are of codecs that are not charsets (base64), or not
            # of this system (mbcs).
            with contextlib.suppress(LookupError, ValueError):
                return self.body.decode(charset, "replace")
        return self.body.decode("utf-8", "replace")


class Fetched(Outcome, frozen=True):
    """A complete HTTP response of any status: 404 and 503 are answers."""

    kind = Kind.FETCHED


class Failed(Outcome, frozen=True):
    """No complete response; ``error`` says why, and ``detail`` is the system's message."""

    kind = Kind.FAILED


class Skipped(Outcome, frozen=True):
    """Not tried; ``error`` says why."""

    kind = Kind.SKIPPED


def split_head(head: bytes) -> list[tuple[str, str]]:
    """Return the header fields of a raw header block, in order; bytes above 0x7F are read as Latin-1.

    Lines folded in the obsolete way are joined with a space (RFC 9112, section 5.2); a
    bare line feed ends a line as well (section 2.2). Everything after the empty line is
    dropped: trailers are not headers (RFC 9110, section 6.5.1).
    """
    fields: list[tuple[str, str]] = []
    for line in head.replace(b"\r\n", b"\n").decode("latin-1").split("\n")[1:]:
        if not line:
            break
        if line[0] in " \t":
            if fields:
                name, value = fields[-1]
                fields[-1] = (name, f"{value} {line.strip(_BLANKS)}")
            continue
        name, colon, value = line.partition(":")
        if colon:
            fields.append((name, value.strip(_BLANKS)))
    return fields
