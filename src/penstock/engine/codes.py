"""The reason for each of libcurl's result codes.

The numbers are libcurl's CURLcode (curl.h of 8.23; libcurl never renumbers them). Knows
codes and messages. Does not know transfers.
"""

from __future__ import annotations

import errno
from typing import Final

from penstock.core.web.model import Reason

__all__ = [
    "BEGINNING",
    "CODES",
    "CONNECT_ERRNOS",
    "COULDNT_CONNECT",
    "COULDNT_RESOLVE",
    "TIMED_OUT",
    "find_reason",
    "is_http2_end",
]

COULDNT_RESOLVE: Final = 6
COULDNT_CONNECT: Final = 7
WEIRD_SERVER_REPLY: Final = 8
OUT_OF_MEMORY: Final = 27
TIMED_OUT: Final = 28
CACERT_BADFILE: Final = 77

BEGINNING: Final = frozenset({COULDNT_CONNECT, OUT_OF_MEMORY, CACERT_BADFILE})
"""Codes of libcurl 8.23 if a descriptor is lacking for a socket or a file of
certificates (seen with ``ulimit -n 64``)."""

HTTP2: Final = 16
GOT_NOTHING: Final = 52
HTTP2_STREAM: Final = 92
RECV_ERROR: Final = 56
SEND_ERROR: Final = 55

CONNECT_ERRNOS: Final = {
    errno.ECONNREFUSED: Reason.CONNECT_REFUSED,
    errno.ECONNRESET: Reason.RESET,
    errno.ETIMEDOUT: Reason.TIMEOUT_CONNECT,
}
"""Reasons by the system's error for a failed connection; others are
connect_unreachable."""

# fmt: off
CODES: Final[dict[int, Reason]] = {
    1: Reason.PROTOCOL_ERROR,        # UNSUPPORTED_PROTOCOL: HTTP/0.9, or an unrequested Upgrade
    3: Reason.INVALID_URL,           # URL_MALFORMAT
    5: Reason.DNS_TEMPORARY,         # COULDNT_RESOLVE_PROXY
    COULDNT_RESOLVE: Reason.DNS_TEMPORARY,  # COULDNT_RESOLVE_HOST: only if libcurl resolves by itself, for a proxy
    COULDNT_CONNECT: Reason.CONNECT_UNREACHABLE,
    WEIRD_SERVER_REPLY: Reason.PROTOCOL_ERROR,        # WEIRD_SERVER_REPLY
    9: Reason.PROTOCOL_ERROR,        # REMOTE_ACCESS_DENIED
    HTTP2: Reason.PROTOCOL_ERROR,    # HTTP2: a broken frame, unless the connection ended (is_http2_end)
    18: Reason.TRUNCATED,            # PARTIAL_FILE
    22: Reason.PROTOCOL_ERROR,       # HTTP_RETURNED_ERROR
    23: Reason.PROTOCOL_ERROR,       # WRITE_ERROR: only if Response has no verdict
    TIMED_OUT: Reason.TIMEOUT,
    35: Reason.TLS_HANDSHAKE,        # SSL_CONNECT_ERROR
    51: Reason.TLS_CERTIFICATE,      # obsolete: PEER_FAILED_VERIFICATION before 7.62
    GOT_NOTHING: Reason.EMPTY_REPLY,
    SEND_ERROR: Reason.RESET,
    RECV_ERROR: Reason.RESET,
    58: Reason.TLS_HANDSHAKE,        # SSL_CERTPROBLEM: a local one
    59: Reason.TLS_HANDSHAKE,        # SSL_CIPHER
    60: Reason.TLS_CERTIFICATE,      # PEER_FAILED_VERIFICATION
    61: Reason.DECODE_ERROR,         # BAD_CONTENT_ENCODING
    63: Reason.TOO_LARGE,            # FILESIZE_EXCEEDED
    64: Reason.TLS_HANDSHAKE,        # USE_SSL_FAILED
    66: Reason.TLS_HANDSHAKE,        # SSL_ENGINE_INITFAILED
    CACERT_BADFILE: Reason.TLS_CERTIFICATE,      # SSL_CACERT_BADFILE
    80: Reason.TRUNCATED,            # SSL_SHUTDOWN_FAILED
    82: Reason.TLS_CERTIFICATE,      # SSL_CRL_BADFILE
    83: Reason.TLS_CERTIFICATE,      # SSL_ISSUER_ERROR
    90: Reason.TLS_CERTIFICATE,      # SSL_PINNEDPUBKEYNOTMATCH
    91: Reason.TLS_CERTIFICATE,      # SSL_INVALIDCERTSTATUS
    HTTP2_STREAM: Reason.PROTOCOL_ERROR,  # a broken response; if the server reset the stream, see RESETS
    95: Reason.PROTOCOL_ERROR,       # HTTP3
    96: Reason.CONNECT_UNREACHABLE,  # QUIC_CONNECT_ERROR
    97: Reason.CONNECT_UNREACHABLE,  # PROXY
    98: Reason.TLS_CERTIFICATE,      # SSL_CLIENTCERT
    101: Reason.TLS_HANDSHAKE,       # ECH_REQUIRED
}
# fmt: on
"""Every code that an HTTP transfer can end with; any other is protocol_error."""

RESETS: Final = ("reset by server", "INTERNAL_ERROR", "CANCEL", "closed cleanly, but before getting")
"""Parts of HTTP2_STREAM's message if the server abandoned the stream, by RST_STREAM or
with the whole connection. Other messages say that what it sent is no response."""


def is_http2_end(code: int, words: str) -> bool:
    """Whether *code* and *words* say that the server ended a connection with HTTP/2.

    libcurl 8.23 has no message if it sees the end as it reads, and "Send failure" if it
    writes first, such as an acknowledgement of the server's settings.
    """
    return code == HTTP2 and (not words or words.startswith("Send failure"))


def find_reason(code: int, os_errno: int, words: str, *, answered: bool) -> Reason:
    """Return the reason for libcurl's *code* and message *words*.

    If part of a response has come (*answered*), a broken connection means a truncated
    response, in whatever way it broke. Some errors have no code of their own and are
    known by their message: broken chunks, several Locations, an HTTP/2 stream or
    connection that the server abandoned.
    """
    if code == COULDNT_CONNECT:
        return CONNECT_ERRNOS.get(os_errno, Reason.CONNECT_UNREACHABLE)
    if code == RECV_ERROR and "chunk" in words:
        return Reason.PROTOCOL_ERROR
    if code == WEIRD_SERVER_REPLY and "Location" in words:
        return Reason.REDIRECT_INVALID
    if code == HTTP2_STREAM and any(each in words for each in RESETS):
        return Reason.TRUNCATED if answered else Reason.RESET
    if is_http2_end(code, words):
        code = SEND_ERROR if os_errno == errno.ECONNRESET else GOT_NOTHING
    if answered and code in (SEND_ERROR, RECV_ERROR, GOT_NOTHING):
        return Reason.TRUNCATED
    return CODES.get(code, Reason.PROTOCOL_ERROR)
