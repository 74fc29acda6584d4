"""docs/record.md: every field of an outcome's line, and every reason.

Knows what each field and each reason means to a reader. Takes from the code what holds for a reason: its outcome,
whether it is a failure, and when it is retried. A test holds the fields to the ones that ``sink/record.py`` writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from penstock.core.web.model import Reason
from penstock.core.web.reasons import is_failure
from penstock.core.web.retry import IDEMPOTENT, LATER, STATUSES

__all__ = ["FIELDS", "MEANINGS", "TIMES", "Field", "page"]


class Field(NamedTuple):
    """A field of the line: its JSON type, its unit, when it is null (never, if that is empty), and what it says."""

    name: str
    type: str
    unit: str
    null: str
    says: str


FIELDS: Final = (
    Field("v", "integer", "", "", "version of the schema: 1"),
    Field(
        "seq",
        "integer",
        "",
        "",
        "position of the input in its list, from 0; if several lines have one `seq`, the last counts",
    ),
    Field("url", "text", "", "", "URL as the list has it, without credentials"),
    Field("outcome", "text", "", "", "`fetched` (a complete response of any status), `failed` or `skipped`"),
    Field("error", "text", "", "if the outcome is `fetched`", "reason; see [Reasons](#reasons)"),
    Field(
        "detail",
        "text",
        "",
        "if there is no more to say",
        "more about the reason, in the words of libcurl or the system",
    ),
    Field("status", "integer", "", "if no response arrived", "HTTP status of the last response"),
    Field(
        "final_url", "text", "", "if no response arrived", "URL of the last request, to the letter, after all redirects"
    ),
    Field("redirects", "list", "", "", "redirects that were followed, in order: objects with `url` and `status`"),
    Field("attempts", "integer", "", "", "number of attempts, this one included; 0 if the input was not tried"),
    Field("started", "text", "UTC, RFC 3339", "if the input was not tried", "start of the last attempt"),
    Field("ms", "object", "milliseconds", "", "times of the last request; see [Times](#times)"),
    Field("ip", "text", "", "if no connection was made", "address of the last connection; with a proxy, the proxy's"),
    Field("http", "text", "", "if no response arrived", "version of HTTP: `1.0`, `1.1` or `2`"),
    Field("headers", "list", "", "", "headers of the last response in their order: pairs of name and value"),
    Field("bytes", "integer", "bytes", "", "length of the decoded body"),
    Field(
        "coding",
        "text",
        "",
        "if the body is decoded or empty",
        "content codings still on the body, since Penstock does not know them",
    ),
    Field(
        "sha256",
        "text",
        "hexadecimal",
        "if there is no body, unless the outcome is `fetched`",
        "SHA-256 digest of the decoded body",
    ),
    Field(
        "body",
        "text",
        "",
        "if the body is not UTF-8, if there is none, or with `--body none`",
        "body that is valid UTF-8",
    ),
    Field(
        "body_base64",
        "text",
        "base64",
        "if the body is UTF-8, if there is none, or with `--body none`",
        "body that is not valid UTF-8",
    ),
    Field(
        "data",
        "any",
        "",
        "without a page callback, or if that returned `None`",
        "value that the page callback returned",
    ),
    Field(
        "input",
        "object",
        "",
        "if the input is a URL alone",
        "other fields of the input's row; NaN and Infinity are null ([lists](lists.md#json))",
    ),
)
"""The fields in their order."""

TIMES: Final[Mapping[str, str]] = {
    "wait": "from the moment the request could first have started to its start",
    "dns": "name look-up; 0 on a kept connection",
    "connect": "TCP connection; 0 on a kept connection",
    "tls": "TLS handshake; 0 on a kept connection",
    "first_byte": "from the start of the request to the first byte of a response, even of an interim one (103)",
    "total": "from the start of the request to the end of the response",
}
"""The parts of ``ms`` in their order."""

MEANINGS: Final[Mapping[str, str]] = {
    "invalid_url": "The line or row has no URL.",
    "invalid_request": "The row's method, headers or body cannot be sent.",
    "blocked_scheme": "The scheme is neither http nor https.",
    "blocked_address": "The address is not allowed: a redirect leads from a public address to a private one, "
    "or `--public-only` forbids the address.",
    "robots_disallowed": "The site's robots.txt forbids the URL.",
    "robots_unavailable": "The site's robots.txt could not be read, so nothing else may be requested.",
    "host_down": "The host failed several connections in a row; this input was not sent.",
    "dns_not_found": "The name does not exist.",
    "tls_certificate": "The certificate is not valid for the host, or its issuer is not trusted.",
    "protocol_error": "The reply is not valid HTTP.",
    "decode_error": "The body is damaged in its content coding.",
    "too_large": "The body is longer than `--max-body`.",
    "redirect_invalid": "A redirect has an invalid `Location`, or two different ones.",
    "too_many_redirects": "There are more redirects than `--max-redirects` allows.",
    "callback_error": "The program's `on_page` raised an exception; the page is kept.",
    "worker_lost": "Reserved for worker processes; this version has none.",
    "dns_temporary": "The name server could not answer.",
    "connect_refused": "The host refuses the connection.",
    "connect_unreachable": "There is no route to the host.",
    "reset": "The server reset the connection before a response.",
    "tls_handshake": "The TLS handshake failed for another reason than the certificate.",
    "truncated": "The response ended before it was complete.",
    "empty_reply": "The server closed the connection without a response.",
    "timeout_dns": "The name server did not answer within `--connect-timeout`.",
    "timeout_connect": "The host did not accept the connection within `--connect-timeout`.",
    "timeout_tls": "The TLS handshake did not end within `--connect-timeout`.",
    "timeout_first_byte": "No response began within `--timeout`.",
    "timeout_body": "The response did not end within `--timeout`.",
    "timeout": "The attempt with all its redirects took longer than `--timeout`.",
}
"""The meaning of each reason."""

INTRODUCTION: Final = """\
# The record of an outcome

<!-- Made by: python -m manual -->

Every input gets one line of JSON: in `outcomes-*.jsonl` of a run folder, or on standard
output. This is schema 1. Within `v` 1 no field is removed or renamed; new fields may
come.

In Python, `page.as_dict()` has the same fields but for `v`, with two differences:
`started` is a datetime, and `body` is bytes and stands for `body` and `body_base64`.
"""

REASONS: Final = """\
## Reasons

`error` has one of these words. An input with a status of 400 or above has failed too,
though it has no `error`: see [failures and retries](failures.md).

- *failed*: whether the input counts for `--max-failures`.
- *attempts*: whether Penstock retries it within the same run, up to `--attempts`, if the
  method is idempotent ({}) or in `--retry-methods`.
- *later*: whether `penstock retry` and a later pass of `--passes` retry it unless you
  name other reasons. `retry --only REASON` retries any reason.
"""


def page() -> str:
    """The whole page."""
    return "\n".join(
        (INTRODUCTION, *_fields(), *_times(), REASONS.format(", ".join(sorted(IDEMPOTENT))), *_reasons(), *_statuses())
    )


def _fields() -> Iterator[str]:
    yield "## Fields\n"
    yield from _table(
        ("field", "type", "unit", "null", "what it says"),
        ((f"`{field.name}`", field.type, field.unit, field.null or "never", field.says) for field in FIELDS),
    )


def _times() -> Iterator[str]:
    yield "## Times\n"
    yield (
        "The parts of `ms`, in milliseconds. They are never null, and 0 if the input was not tried. Time in\n"
        "which the process was stopped does not count.\n"
    )
    yield from _table(("part", "what it measures"), ((f"`{name}`", says) for name, says in TIMES.items()))


def _reasons() -> Iterator[str]:
    yield from _table(
        ("reason", "outcome", "failed", "attempts", "later", "meaning"),
        (
            (
                f"`{reason}`",
                reason.kind.value,
                _yes(is_failure(reason.value)),
                _yes(reason.transient),
                _yes(reason.value in LATER),
                MEANINGS[reason],
            )
            for reason in Reason
        ),
    )


def _statuses() -> Iterator[str]:
    """Describe the outcomes that have a status instead of a reason."""
    listed = ", ".join(str(status) for status in sorted(STATUSES))
    yield "## Statuses\n"
    yield f"Retried within the attempts and later: {listed}.\n"
    yield (
        "Any other status is final; `retry --only 404` retries it all the same. A method that is not\n"
        "idempotent is retried only after 429 or 503 with `Retry-After`, since the server then did\n"
        "not act on it.\n"
    )


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    yield from (f"| {' | '.join(row)} |".replace("|  |", "| |") for row in rows)
    yield ""


def _yes(holds: bool) -> str:  # noqa: FBT001 - a cell of a table
    return "yes" if holds else "no"
