"""Content codings: what is whole comes out as it went in, what is not is told, and nothing outgrows its bound."""

import gzip
import sys
import zlib
from contextlib import suppress

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.web.codings import STEP, Decoder, Oversize, Undecodable, find_undecoded

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

BOUND = 1_000_000


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


PACKERS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstd.compress,
    "br": brotli.compress,
}


def decode(codings: str, packed: bytes, size: int = 0, bound: int = BOUND) -> bytes:
    decoder = Decoder(codings, bound)
    size = size or max(1, len(packed))
    body = b"".join(b"".join(decoder.decode(packed[at : at + size])) for at in range(0, len(packed), size))
    decoder.finish()
    return body


@pytest.mark.parametrize("name", PACKERS)
@given(data=st.binary(max_size=3000), size=st.integers(1, 400))
def test_a_whole_body_comes_out_as_it_went_in_however_it_was_cut(name, data, size):
    assert decode(name, PACKERS[name](data), size) == data


@given(data=st.binary(min_size=1, max_size=3000), size=st.integers(1, 400))
def test_deflate_without_its_wrapper_is_understood(data, size):
    """Many servers send it so, against the letter of RFC 9110."""
    assert decode("deflate", raw_deflate(data), size) == data


@pytest.mark.parametrize("name", PACKERS)
@given(data=st.binary(min_size=1, max_size=500), drawn=st.data())
def test_a_body_cut_anywhere_is_cut_short(name, data, drawn):
    packed = PACKERS[name](data)
    cut = drawn.draw(st.integers(1, len(packed) - 1))
    with pytest.raises(Undecodable):
        decode(name, packed[:cut])


@pytest.mark.parametrize("name", PACKERS)
@given(data=st.binary(max_size=200))
def test_any_bytes_at_all_are_decoded_or_refused(name, data):
    with suppress(Undecodable, Oversize):
        decode(name, data)


def test_codings_are_undone_in_the_reverse_of_their_order():
    assert decode("deflate, gzip", gzip.compress(zlib.compress(b"page"))) == b"page"


def test_identity_is_no_coding():
    assert decode("identity, gzip, ", gzip.compress(b"page")) == b"page"


def test_a_chain_of_three_is_refused():
    with pytest.raises(Undecodable, match="chain of 3"):
        Decoder("gzip, gzip, gzip", BOUND)


@pytest.mark.parametrize(
    ("codings", "left"),
    [
        ("gzip", None),
        ("", None),
        ("identity, br", None),
        ("GZIP , X-Gzip", None),
        ("aws-chunked", "aws-chunked"),
        ("aws-chunked,gzip", "aws-chunked"),
        ("gzip, UTF-8", "gzip, utf-8"),
        ("gzip, none, identity, gzip", "gzip, none"),
    ],
)
def test_what_is_no_coding_of_ours_stays_on_the_body_and_is_named(codings, left):
    assert find_undecoded(codings) == left


def test_what_was_applied_after_an_unknown_coding_is_undone_and_no_more():
    assert decode("aws-chunked, gzip", gzip.compress(b"5;x\r\nhello")) == b"5;x\r\nhello"
    assert not Decoder("gzip, aws-chunked", BOUND)


def test_brotli_data_is_decoded_to_its_end_though_the_library_says_early_that_it_wants_more():
    """``can_accept_more_data`` is true halfway through a stream that repeats itself (brotli 1.2)."""
    assert decode("br", brotli.compress(bytes(BOUND)), bound=BOUND) == bytes(BOUND)


def test_members_of_gzip_and_frames_of_zstd_follow_one_another():
    assert decode("gzip", gzip.compress(b"one ") + gzip.compress(b"two"), 7) == b"one two"
    assert decode("zstd", zstd.compress(b"one ") + zstd.compress(b"two"), 7) == b"one two"


def test_padding_after_gzip_is_ignored():
    """Servers add zero bytes and newlines; gzip's own tool ignores them as well."""
    assert decode("gzip", gzip.compress(b"page") + b"\0\0\n", 5) == b"page"


def test_an_empty_body_with_a_coding_is_empty():
    """A HEAD or 304 names the coding its body would have had."""
    assert decode("gzip", b"") == b""


@pytest.mark.parametrize("name", PACKERS)
def test_a_bomb_is_stopped_one_step_past_the_bound(name):
    packed = PACKERS[name](bytes(200 * STEP))
    decoder = Decoder(name, 3 * STEP)
    with pytest.raises(Oversize):
        list(decoder.decode(packed))


def test_a_bomb_in_an_inner_layer_is_stopped_too():
    """gzip of gzip of zeros: the outer layer alone decodes to little, the inner one to the mass."""
    decoder = Decoder("gzip, gzip", 3 * STEP)
    with pytest.raises(Oversize):
        list(decoder.decode(gzip.compress(gzip.compress(bytes(2000 * STEP)))))


def test_a_body_of_exactly_the_bound_passes():
    data = bytes(2 * STEP)
    assert decode("gzip", gzip.compress(data), bound=len(data)) == data
    with pytest.raises(Oversize):
        decode("gzip", gzip.compress(data + b"!"), bound=len(data))


def test_a_zstd_frame_may_not_want_more_memory_than_is_agreed_upon():
    """RFC 9659, section 3: a window of 8 MiB at most; the frame's own size is no bound on what it takes to decode."""
    parameter = zstd.CompressionParameter
    for log, decodes in ((23, True), (24, False)):
        packer = zstd.ZstdCompressor(options={parameter.window_log: log, parameter.content_size_flag: 0})
        packed = packer.compress(bytes(100)) + packer.flush()
        if decodes:
            assert decode("zstd", packed) == bytes(100)
        else:
            with pytest.raises(Undecodable):
                decode("zstd", packed)


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_bytes_behind_a_brotli_stream_are_damage_however_they_come(size):
    with pytest.raises(Undecodable):
        decode("br", brotli.compress(b"page") + b"xx", size)
