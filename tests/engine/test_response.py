"""What a response is made of: the right header block, the body within its bound, and a verdict on what is not whole."""

import gzip

import pytest

from penstock.core.model import Slug
from penstock.engine.response import Response

OK = [b"HTTP/1.1 200 OK\r\n", b"Content-Type: text/html\r\n", b"\r\n"]
CODED = [b"HTTP/1.1 200 OK\r\n", b"Content-Encoding: gzip\r\n", b"\r\n"]


def arrive(lines: list[bytes], *chunks: bytes, bound: int = 1000) -> Response:
    response = Response(bound)
    for line in lines:
        response.lines.append(line)
    for chunk in chunks:
        if response.write(chunk) is not None:
            return response
    response.finish()
    return response


@pytest.mark.parametrize(
    ("lines", "head", "whole"),
    [
        ([], b"", False),
        (OK, b"HTTP/1.1 200 OK\r\nContent-Type: text/html", True),
        (OK[:2], b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n", False),
        ([b"HTTP/1.1 200 OK\r\n"], b"HTTP/1.1 200 OK\r\n", False),
        ([b"HTTP/1.1 100 Continue\r\n", b"\r\n", *OK], b"HTTP/1.1 200 OK\r\nContent-Type: text/html", True),
        ([b"HTTP/1.1 100 Continue\r\n", b"\r\n"], b"HTTP/1.1 100 Continue", True),
        ([*OK, b"Digest: x\r\n"], b"HTTP/1.1 200 OK\r\nContent-Type: text/html", True),
        ([b"HTTP/1.1 200 Connection established\r\n", b"\r\n", *OK[:1]], b"HTTP/1.1 200 OK\r\n", False),
        ([b"HTTP/1.0 200 OK\n", b"A: b\n", b"\n"], b"HTTP/1.0 200 OK\r\nA: b", True),
    ],
)
def test_the_head_is_the_final_responses_and_whole_once_its_blank_line_was_seen(lines, head, whole):
    assert arrive(lines).head() == (head, whole)


def test_a_head_asked_for_too_early_is_asked_for_again():
    response = Response(10)
    response.lines.append(OK[0])
    assert response.head()[1] is False
    response.lines += OK[1:]
    assert response.head()[1] is True


def test_a_body_within_its_bound_passes():
    response = arrive(OK, b"x" * 600, b"y" * 400)
    assert (response.body(), response.verdict) == (b"x" * 600 + b"y" * 400, None)


def test_a_body_over_its_bound_is_given_up_and_not_held():
    response = arrive(OK, b"x" * 600, b"y" * 401)
    assert response.verdict == (Slug.TOO_LARGE, "the body is over 1000 bytes")
    assert response.body() == b""


def test_a_coded_body_is_bounded_as_decoded():
    assert arrive(CODED, gzip.compress(bytes(1000))).body() == bytes(1000)
    response = arrive(CODED, gzip.compress(bytes(1001)))
    assert response.verdict is not None
    assert response.verdict[0] is Slug.TOO_LARGE


@pytest.mark.parametrize("chunks", [(gzip.compress(b"page")[:-3],), (b"nonsense",), (gzip.compress(b"page")[:12],)])
def test_a_coded_body_that_is_broken_or_cut_short_is_a_decode_error(chunks):
    response = arrive(CODED, *chunks)
    assert response.verdict is not None
    assert response.verdict[0] is Slug.DECODE_ERROR


def test_codings_in_several_fields_are_one_chain():
    lines = [OK[0], b"Content-Encoding: gzip\r\n", b"content-encoding: gzip\r\n", b"\r\n"]
    assert arrive(lines, gzip.compress(gzip.compress(b"page"))).body() == b"page"


def test_codings_of_an_interim_response_do_not_count():
    lines = [b"HTTP/1.1 103 Early Hints\r\n", b"Content-Encoding: gzip\r\n", b"\r\n", *OK]
    assert arrive(lines, b"plain").body() == b"plain"


def test_clear_makes_it_ready_for_another():
    response = arrive(CODED, b"nonsense")
    response.clear()
    assert (response.lines, response.body(), response.verdict, response.head()) == ([], b"", None, (b"", False))


@pytest.mark.parametrize(
    ("lines", "chunks", "slug"),
    [
        ([], (), Slug.TIMEOUT_FIRST_BYTE),
        (OK[:1], (), Slug.TIMEOUT),
        (OK, (), Slug.TIMEOUT_BODY),
        (OK, (b"x",), Slug.TIMEOUT_BODY),
    ],
)
def test_how_far_it_came_says_which_time_out_it_was(lines, chunks, slug):
    assert arrive(lines, *chunks).phase()[0] is slug
