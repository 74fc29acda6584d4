"""libcurl's codes against our reasons, code by code."""

import errno

import pycurl
import pytest

from penstock.core.web.model import Reason
from penstock.engine.codes import CODES, find_reason

NOT_OF_HTTP = {
    *range(-1, 1),  # not a failure
    *(2, 4, 24, 27, 41, 42, 43, 44, 45, 46, 48, 53, 54, 57, 62),  # wrong use of libcurl, or a build without something
    *(10, 11, 12, 13, 14, 15, 17, 19, 20, 21, 25, 26, 29, 30, 31, 32, 34, 36, 84, 87, 88),  # FTP and uploads
    *(33, 47, 65, 67, 81, 89),  # ranges, redirects, log-ins and pools that we leave to nobody but ourselves
    *(37, 38, 39, 40, 49, *range(68, 77), 78, 79, 85, 86),  # files, LDAP, telnet, TFTP, SSH, RTSP
    99999,  # pycurl's own
}


def codes_of_libcurl() -> set[int]:
    names = (name for name in dir(pycurl) if name.startswith("E_") and not name.startswith("E_MULTI"))
    return {getattr(pycurl, name) for name in names}


def test_every_code_is_either_mapped_or_known_not_to_come_from_http():
    """A libcurl with a new code makes this fail, and somebody decide."""
    assert codes_of_libcurl() - set(CODES) == NOT_OF_HTTP


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (pycurl.E_UNSUPPORTED_PROTOCOL, Reason.PROTOCOL_ERROR),
        (pycurl.E_URL_MALFORMAT, Reason.INVALID_URL),
        (pycurl.E_COULDNT_RESOLVE_PROXY, Reason.DNS_TEMPORARY),
        (pycurl.E_COULDNT_RESOLVE_HOST, Reason.DNS_TEMPORARY),
        (8, Reason.PROTOCOL_ERROR),
        (pycurl.E_PARTIAL_FILE, Reason.TRUNCATED),
        (pycurl.E_OPERATION_TIMEDOUT, Reason.TIMEOUT),
        (pycurl.E_SSL_CONNECT_ERROR, Reason.TLS_HANDSHAKE),
        (pycurl.E_GOT_NOTHING, Reason.EMPTY_REPLY),
        (pycurl.E_SEND_ERROR, Reason.RESET),
        (pycurl.E_RECV_ERROR, Reason.RESET),
        (pycurl.E_SSL_CERTPROBLEM, Reason.TLS_HANDSHAKE),
        (pycurl.E_SSL_CIPHER, Reason.TLS_HANDSHAKE),
        (pycurl.E_PEER_FAILED_VERIFICATION, Reason.TLS_CERTIFICATE),
        (pycurl.E_BAD_CONTENT_ENCODING, Reason.DECODE_ERROR),
        (pycurl.E_SSL_CACERT_BADFILE, Reason.TLS_CERTIFICATE),
        (pycurl.E_SSL_CRL_BADFILE, Reason.TLS_CERTIFICATE),
        (pycurl.E_SSL_ISSUER_ERROR, Reason.TLS_CERTIFICATE),
        (pycurl.E_SSL_PINNEDPUBKEYNOTMATCH, Reason.TLS_CERTIFICATE),
        (pycurl.E_SSL_INVALIDCERTSTATUS, Reason.TLS_CERTIFICATE),
        (92, Reason.PROTOCOL_ERROR),
        (9999, Reason.PROTOCOL_ERROR),
    ],
)
def test_a_code_comes_to_its_slug(code, reason):
    assert find_reason(code, 0, "", answered=False) is reason


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ECONNREFUSED, Reason.CONNECT_REFUSED),
        (errno.EHOSTUNREACH, Reason.CONNECT_UNREACHABLE),
        (errno.ENETUNREACH, Reason.CONNECT_UNREACHABLE),
        (errno.ETIMEDOUT, Reason.TIMEOUT_CONNECT),
        (errno.ECONNRESET, Reason.RESET),
        (0, Reason.CONNECT_UNREACHABLE),
    ],
)
def test_the_system_says_why_a_connection_did_not_come_about(number, reason):
    assert find_reason(pycurl.E_COULDNT_CONNECT, number, "", answered=False) is reason


@pytest.mark.parametrize(
    ("code", "unanswered"),
    [
        (pycurl.E_RECV_ERROR, Reason.RESET),
        (pycurl.E_SEND_ERROR, Reason.RESET),
        (pycurl.E_GOT_NOTHING, Reason.EMPTY_REPLY),
    ],
)
def test_a_break_in_the_middle_of_a_response_is_truncated(code, unanswered):
    assert find_reason(code, errno.ECONNRESET, "", answered=True) is Reason.TRUNCATED
    assert find_reason(code, errno.ECONNRESET, "", answered=False) is unanswered


def test_what_has_no_code_of_its_own_is_known_by_its_words():
    """The words are libcurl's; tests/faults meets them for real."""
    assert (
        find_reason(56, 0, "Illegal or missing hexadecimal sequence in chunk", answered=True) is Reason.PROTOCOL_ERROR
    )
    assert find_reason(8, 0, "Multiple Location headers", answered=True) is Reason.REDIRECT_INVALID


RESET = "HTTP/2 stream 3 reset by server (error 0x%x)"


@pytest.mark.parametrize(
    ("words", "unanswered"),
    [
        (RESET % 0x2, Reason.RESET),
        (RESET % 0x8, Reason.RESET),
        ("HTTP/2 stream 1 was not closed cleanly: INTERNAL_ERROR (err 2)", Reason.RESET),
        ("HTTP/2 stream 1 was not closed cleanly: CANCEL (err 8)", Reason.RESET),
        ("HTTP/2 stream 1 reset by curl (error 0x2 INTERNAL_ERROR)", Reason.RESET),
    ],
)
def test_a_stream_that_the_server_gave_up_is_as_a_connection_that_breaks(words, unanswered):
    assert find_reason(92, 0, words, answered=False) is unanswered
    assert find_reason(92, 0, words, answered=True) is Reason.TRUNCATED


@pytest.mark.parametrize(
    "words", ["Invalid HTTP header field was received", "HTTP/2 stream 1 reset by curl (error 0x1 PROTOCOL_ERROR)"]
)
@pytest.mark.parametrize("answered", [True, False])
def test_a_stream_that_is_no_response_is_a_protocol_error(words, answered):
    assert find_reason(92, 0, words, answered=answered) is Reason.PROTOCOL_ERROR


def test_an_http_2_connection_that_was_closed_is_known_by_having_no_words():
    assert find_reason(16, 0, "", answered=False) is Reason.EMPTY_REPLY
    assert find_reason(16, 0, "", answered=True) is Reason.TRUNCATED
    assert find_reason(16, errno.EPIPE, "Send failure: Broken pipe", answered=False) is Reason.EMPTY_REPLY
    assert find_reason(16, errno.EPIPE, "Send failure: Broken pipe", answered=True) is Reason.TRUNCATED
    assert find_reason(16, errno.ECONNRESET, "Send failure: Connection reset by peer", answered=False) is Reason.RESET
    assert find_reason(16, 0, "nghttp2 shuts down connection with error 1", answered=False) is Reason.PROTOCOL_ERROR


def test_every_mapped_code_is_one_that_libcurl_has_or_had():
    """pycurl has no names for the newest, and none any more for the obsolete 51."""
    assert set(CODES) - codes_of_libcurl() == {51, 92, 95, 96, 97, 98, 101}
