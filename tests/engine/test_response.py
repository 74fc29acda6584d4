"""What a response is made of: the right header block, the body within its bound, and a verdict on what is not whole."""

import gzip
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.web.codings import STEP
from penstock.core.web.model import Reason
from penstock.engine.response import BLOCK, PAUSE, Response
from penstock.machine.memory import Memory

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
    assert response.verdict == (Reason.TOO_LARGE, "the body is over 1000 bytes")
    assert response.body() == b""


def test_a_coded_body_is_bounded_as_decoded():
    assert arrive(CODED, gzip.compress(bytes(1000))).body() == bytes(1000)
    response = arrive(CODED, gzip.compress(bytes(1001)))
    assert response.verdict is not None
    assert response.verdict[0] is Reason.TOO_LARGE


@pytest.mark.parametrize("chunks", [(gzip.compress(b"page")[:-3],), (b"nonsense",), (gzip.compress(b"page")[:12],)])
def test_a_coded_body_that_is_broken_or_cut_short_is_a_decode_error(chunks):
    response = arrive(CODED, *chunks)
    assert response.verdict is not None
    assert response.verdict[0] is Reason.DECODE_ERROR


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
    ("lines", "chunks", "reason"),
    [
        ([], (), Reason.TIMEOUT_FIRST_BYTE),
        (OK[:1], (), Reason.TIMEOUT),
        (OK, (), Reason.TIMEOUT_BODY),
        (OK, (b"x",), Reason.TIMEOUT_BODY),
    ],
)
def test_how_far_it_came_says_which_time_out_it_was(lines, chunks, reason):
    assert arrive(lines, *chunks).phase()[0] is reason


@pytest.mark.parametrize("size", [BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 3 * BLOCK + 7])
def test_a_long_body_is_put_together_as_it_came(size):
    body = os.urandom(size)
    chunks = [body[at : at + 16_000] for at in range(0, size, 16_000)]
    assert arrive(OK, *chunks, bound=size).body() == body


@given(cuts=st.lists(st.integers(1, 400), max_size=6), more=st.integers(0, 300))
def test_a_coded_chunk_may_be_refused_midway_and_is_given_again_with_what_came_since(cuts, more):
    """libcurl keeps what was refused and gives it again, longer perhaps; no byte is lost or decoded twice."""
    body = bytes(5 * STEP) + os.urandom(500)
    packed = gzip.compress(body)
    memory = Memory(2 * STEP)
    other, response = Response(len(body), memory), Response(len(body), memory)
    response.lines += CODED
    at, refusals, sizes = 0, 0, [*cuts, len(packed)]
    given = b""
    while at < len(packed) or given:
        given = given or packed[at : at + (sizes.pop(0) if len(sizes) > 1 else len(packed))]
        before = memory.held
        if response.write(given) == PAUSE:
            refusals += 1
            assert memory.held - before <= STEP or before < 2 * STEP
            memory.first = response
            memory.held -= before
            response._held -= before
            response.go_on()
            memory.first = other
            given = packed[at : at + len(given) + more]
        else:
            at += len(given)
            given = b""
    response.finish()
    assert response.verdict is None
    assert refusals > 0
    assert b"".join([*response._blocks, *response._chunks]) == body


def test_a_bomb_takes_a_step_at_a_time_if_there_is_no_room():
    memory = Memory(10 * BLOCK, BLOCK)
    memory.held = 9 * BLOCK - 1
    response = Response(40 * BLOCK, memory)
    response.lines += CODED
    assert response.write(gzip.compress(bytes(30 * BLOCK))) == PAUSE
    assert memory.held <= 9 * BLOCK + STEP
    response.clear()
    assert memory.held == 9 * BLOCK - 1
