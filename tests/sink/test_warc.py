"""Outcomes as records of WARC files: what was received and sent, and nothing that does not hold for it."""

from __future__ import annotations

import contextlib
import gzip
import os
import sys
from functools import partial

import pytest
from msgspec.structs import replace
from tests.sink.warc_files import kinds, records, records_in, refer

from penstock.core.web.model import Failed, Fetched, Hop, Reason, Skipped
from penstock.core.web.stored import Stored, Unreadable
from penstock.errors import UsageError
from penstock.sink import warc_records, warc_sink
from penstock.sink.warc import WARC
from penstock.sink.warc_records import settle_head
from penstock.testing.contracts import flush
from penstock.testing.format_contract import check_format

HTML = b"<p>a page</p>" * 100
REQUEST = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"


@pytest.fixture
def make(tmp_path):
    """Opens sinks that are closed when the test ends."""
    with contextlib.ExitStack() as closing:

        def open_at(committed=None, *, inline_body=True, **changes):
            sink = replace(WARC, **changes).open(tmp_path, committed or {}, inline_body=inline_body)
            closing.callback(sink.close)
            return sink

        yield open_at


def page(seq, body=HTML, head=b"HTTP/1.1 200 OK", **more):
    url = f"http://a.test/{seq}"
    given = {"status": 200, "final_url": url, "started": 1e9 + seq, "attempts": 1, "request": REQUEST, **more}
    return Fetched(seq, url, head=head, body=body, **given)


def written(sink, *outcomes):
    for outcome in outcomes:
        sink.take(outcome)
    return flush(sink)


def seqs_of(folder, *extents):
    rows = [row for extent in extents for row in WARC.read(folder, extent)]
    assert all(isinstance(row, Stored) and row.intact for row in rows), rows
    return [row.seq for row in rows]


# -- the format


@pytest.mark.parametrize("file_bytes", [1, 3_000, 10**9])
def test_the_format_keeps_the_contract(tmp_path, file_bytes):
    check_format(replace(WARC, file_bytes=file_bytes), tmp_path)


def test_each_outcome_has_its_records_in_order_and_a_file_begins_with_a_warcinfo(make, tmp_path):
    written(make(), page(0), Failed(1, "http://a.test/1", Reason.RESET), Skipped(2, "no URL", Reason.INVALID_URL))
    assert kinds(tmp_path) == ["warcinfo", "request", "response", "metadata", "metadata", "metadata"]
    _, request, response, metadata, failed, skipped = (fields for _, fields, _ in records_in(tmp_path))
    assert request["WARC-Concurrent-To"] == response["WARC-Record-ID"]
    assert response["WARC-Concurrent-To"] == request["WARC-Record-ID"]
    assert metadata["WARC-Date"] == response["WARC-Date"] == "2001-09-09T01:46:40.000Z"
    assert failed["WARC-Target-URI"] == "http://a.test/1"
    assert "WARC-Target-URI" not in skipped, "what is no URI does not become one"


def test_a_file_that_nothing_was_stored_in_stays_empty(make, tmp_path):
    assert flush(make()) == []
    assert (tmp_path / "pages-00000.warc.gz").read_bytes() == b""


def test_every_file_has_a_head_of_its_own(make, tmp_path):
    sink = make(file_bytes=1)
    for seq in range(3):
        written(sink, page(seq, b""))
    heads = [records(file)[0] for file in sorted(tmp_path.glob("*.warc.gz"))]
    assert [(kind, fields["WARC-Filename"]) for kind, fields, _ in heads] == [
        ("warcinfo", f"pages-{number:05d}.warc.gz") for number in range(3)
    ]


def test_without_bodies_there_are_metadata_records_alone(make, tmp_path):
    (extent,) = written(make(inline_body=False), page(0), page(1))
    assert kinds(tmp_path) == ["warcinfo", "metadata", "metadata"]
    assert [row.length for row in WARC.read(tmp_path, extent)] == [len(HTML)] * 2


def test_a_long_body_is_written_in_pieces(make, tmp_path):
    body = os.urandom(3_000_001)
    (extent,) = written(make(), page(0, body))
    assert seqs_of(tmp_path, extent) == [0]
    assert records_in(tmp_path)[2][2] == b"HTTP/1.1 200 OK\r\n\r\n" + body


def test_what_the_record_of_an_outcome_has_comes_back(make, tmp_path):
    hops = (Hop("http://a.test/old", 301), Hop("http://a.test/older", 302))
    (extent,) = written(make(), page(7, redirects=hops, status=404, attempts=3, data={"title": "\u2028\r\n"}))
    (row,) = WARC.read(tmp_path, extent)
    assert (row.seq, row.url, row.status, row.redirects, row.attempts) == (7, "http://a.test/7", 404, 2, 3)
    block = records_in(tmp_path)[-1][2]
    assert block.startswith(b'outcome: {"v":1,"seq":7,')
    assert block.count(b"\n") == 1, "the value is one line"
    assert b'"redirects":[{"url":"http://a.test/old","status":301},' in block


def test_an_outcome_comes_back_with_its_request_and_a_revisit_with_its_body(make, tmp_path):
    """The response may be in an earlier extent of the file."""
    sink = make()
    given = [page(0), page(1), Failed(2, "http://a.test/2", Reason.RESET), page(3, HTML + b"3")]
    extents = [*written(sink, *given[:1]), *written(sink, *given[1:])]
    assert kinds(tmp_path).count("revisit") == 1
    found = [outcome for extent in extents for outcome in WARC.outcomes(tmp_path, extent)]
    assert [(type(one), one.seq, one.body, one.request) for one in found] == [
        (type(one), one.seq, one.body, one.request) for one in given
    ]


def test_a_revisit_whose_response_was_taken_away_has_no_outcome(make, tmp_path):
    first, second = (written(sink := make(), page(0)), written(sink, page(1)))
    file = tmp_path / first[0].file
    file.write_bytes(bytes(first[0].end) + file.read_bytes()[first[0].end :])
    (said,) = WARC.outcomes(tmp_path, second[0])
    assert said == Unreadable("the response that a revisit refers to is not in its file")


def test_digests_are_sha1_in_base32(make, tmp_path):
    written(make(), page(0, b"abc"))
    fields = records_in(tmp_path)[2][1]
    assert fields["WARC-Payload-Digest"] == "sha1:VGMT4NSHA2AWVOR6EVYXQUGCNSONBWE5"  # of abc: FIPS 180-4, A.1
    assert fields["WARC-Block-Digest"] != fields["WARC-Payload-Digest"]


def test_writing_without_the_extra_names_the_command(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "isal", None)
    with pytest.raises(UsageError, match=r"pip install 'penstock\[warc\]'"):
        WARC.open(tmp_path, {})
    assert not list(tmp_path.iterdir())


# -- the header block of a response

LINE = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("fields", "coding", "stored"),
    [
        (b"Content-Length: 5", None, b"Content-Length: 5"),
        (b"X-Odd:  \xff\xe9 \t\r\nx-lower:a", None, b"X-Odd:  \xff\xe9 \t\r\nx-lower:a"),
        (b"Transfer-Encoding: chunked", None, b"X-Crawl-Transfer-Encoding: chunked\r\nContent-Length: 5"),
        (
            b"content-encoding: gzip\r\nContent-Length: 3",
            None,
            b"X-Crawl-content-encoding: gzip\r\nX-Crawl-Content-Length: 3\r\nContent-Length: 5",
        ),
        (
            b"Content-Encoding: br\r\nContent-Length: 5\r\nDigest: md5=x",
            None,
            b"X-Crawl-Content-Encoding: br\r\nContent-Length: 5\r\nX-Crawl-Digest: md5=x",
        ),
        (b"Content-Encoding: utf-8\r\nDigest: x", "utf-8", b"Content-Encoding: utf-8\r\nDigest: x"),
        (b"Content-Encoding: identity", None, b"Content-Encoding: identity"),
        (
            b"Content-Encoding: odd, gzip",
            "odd",
            b"X-Crawl-Content-Encoding: odd, gzip\r\nContent-Encoding: odd\r\nContent-Length: 5",
        ),
        (b"Content-Length: 9", None, b"X-Crawl-Content-Length: 9\r\nContent-Length: 5"),
        (b"Content-Length: 5x", None, b"X-Crawl-Content-Length: 5x\r\nContent-Length: 5"),
        (b"Content-Length: 5\r\nContent-Length: 5", None, b"Content-Length: 5\r\nContent-Length: 5"),
        (b"X: a\r\n Content-Length: 9", None, b"X: a\r\n Content-Length: 9"),
    ],
)
def test_a_field_that_does_not_hold_for_the_body_gets_another_name(fields, coding, stored):
    assert settle_head(LINE + fields, 5, coding) == LINE + stored


# -- bodies that are stored once


def test_a_body_that_was_stored_is_referred_to(make, tmp_path):
    (extent,) = written(make(), page(0), page(1), page(2, HTML + b"other"), page(3))
    assert seqs_of(tmp_path, extent) == [0, 1, 2, 3]
    assert [kind for kind in kinds(tmp_path) if kind in ("response", "revisit")] == [
        *("response", "revisit", "response", "revisit")
    ]
    for revisit, response in refer(tmp_path):
        assert revisit["WARC-Refers-To-Target-URI"] == response["WARC-Target-URI"] == "http://a.test/0"
        assert revisit["WARC-Refers-To-Date"] == response["WARC-Date"]
        assert revisit["WARC-Payload-Digest"] == response["WARC-Payload-Digest"]
        assert revisit["WARC-Profile"] == "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"


def test_a_short_body_is_stored_again(make, tmp_path):
    written(make(), page(0, b"short"), page(1, b"short"))
    assert "revisit" not in kinds(tmp_path)


def test_no_body_is_referred_to_in_another_file(make, tmp_path):
    sink = make(file_bytes=1)
    written(sink, page(0))
    written(sink, page(1), page(2))
    assert kinds(tmp_path).count("revisit") == 1
    assert len(refer(tmp_path)) == 1


def test_no_body_is_referred_to_that_a_crash_took(make, tmp_path):
    sink = make()
    (extent,) = written(sink, page(0, HTML + b"0"))
    sink.take(page(1))
    sink.write(sink.cut())
    sink.close()
    written(make({extent.file: extent.end}), page(2), page(3))
    assert kinds(tmp_path).count("response") == 2
    assert len(refer(tmp_path)) == 1


def test_only_so_many_bodies_are_remembered(make, monkeypatch, tmp_path):
    monkeypatch.setattr(warc_records, "REMEMBERED", 2)
    bodies = [HTML + name for name in (b"a", b"b", b"a", b"c", b"b", b"a")]
    written(make(), *(page(seq, body) for seq, body in enumerate(bodies)))
    assert [kind for kind in kinds(tmp_path) if kind in ("response", "revisit")] == [
        *("response", "response", "revisit", "response", "response", "response")
    ]


def test_a_revisit_goes_with_its_response(make, tmp_path):
    """Whoever drops the response, an own repair or what other formats lack."""
    (extent,) = written(make(), page(0), page(1), page(2, HTML + b"2"))
    kept = list(WARC.salvage(tmp_path / extent.file, lambda _file, row: row.seq != 0, longest=10**6))
    assert seqs_of(tmp_path, *(extent for extent, _ in kept)) == [2]
    assert kinds(tmp_path) == ["warcinfo", "request", "response", "metadata"], "with a head again"
    (aside,) = tmp_path.glob("*.torn-*")
    kept = list(WARC.recover(aside, lambda _file, row: row.seq == 1, longest=10**6))
    assert seqs_of(tmp_path, *(extent for extent, _ in kept)) == []
    kept = list(WARC.recover(aside, lambda _file, row: row.seq != 2, longest=10**6))
    assert seqs_of(tmp_path, *(extent for extent, _ in kept)) == [0, 1]
    assert len(refer(tmp_path)) == 1


# -- damage


def rows_in(file, end=None):
    return list(WARC._rows(file, 0, end))


def test_a_damaged_record_costs_no_other_outcome(make, tmp_path):
    (extent,) = written(make(), *(page(seq, os.urandom(2_000)) for seq in range(3)))
    file = tmp_path / extent.file
    whole = rows_in(file)
    data = bytearray(file.read_bytes())
    data[whole[1].place + len(whole[1].line) // 2] ^= 1
    file.write_bytes(data)
    says = [row.says for row in rows_in(file)]
    assert [row.seq for row in says if isinstance(row, Stored)] == [0, 2]
    assert any(isinstance(row, Unreadable) for row in says)


def test_a_file_may_be_cut_anywhere(make, tmp_path):
    """What is whole before the cut is read, and the rest is said to be unreadable."""
    (extent,) = written(make(), *(page(seq, b"%d" % seq) for seq in range(2)))
    file = tmp_path / extent.file
    first, second = (row.place + len(row.line) for row in rows_in(file))
    for end in range(second):
        says = [row.says for row in rows_in(file, end)]
        whole = [row.seq for row in says if isinstance(row, Stored)]
        assert whole == ([0] if end >= first else [])
        assert len(says) > len(whole) or end in (0, first) or end <= rows_in(file)[0].place


def test_a_body_that_was_changed_with_its_member_is_not_intact(make, tmp_path):
    (extent,) = written(make(), page(0, b"a body"))
    file = tmp_path / extent.file
    members = [row.line for row in rows_in(file)]
    changed = gzip.compress(gzip.decompress(members[0]).replace(b"a body", b"a bodY"))
    (tmp_path / "changed").write_bytes(changed)
    file.write_bytes(b"".join(gzip.compress(part) for part in split(gzip.decompress(members[0]), b"a body", b"a bodY")))
    (row,) = rows_in(file)
    assert isinstance(row.says, Stored)
    assert not row.says.intact


def split(data, old, new):
    """The records in *data*, each by itself, with one change."""
    return [b"WARC/1.1" + part.replace(old, new) for part in data.split(b"WARC/1.1")[1:]]


@pytest.mark.parametrize("lost", ["request", "response"])
def test_an_outcome_without_one_of_its_records_is_unreadable(make, tmp_path, lost):
    (extent,) = written(make(), page(0, b"0"), page(1, b"1"))
    file = tmp_path / extent.file
    row = rows_in(file)[0]
    parts = [part for part in split(gzip.decompress(row.line), b"", b"") if f"WARC-Type: {lost}".encode() not in part]
    rest = file.read_bytes()[row.place + len(row.line) :]
    file.write_bytes(b"".join(map(gzip.compress, parts)) + rest)
    says = [row.says for row in rows_in(file)]
    assert [isinstance(row, Stored) for row in says] == [False, True]


def test_the_writer_is_not_loaded_by_a_reader(monkeypatch, make, tmp_path):
    """So that a run can be verified where the extra is missing."""
    (extent,) = written(make(), page(0))
    monkeypatch.setattr(warc_sink, "make_writer", partial(pytest.fail, "isal is not for readers"))
    assert seqs_of(tmp_path, extent) == [0]
