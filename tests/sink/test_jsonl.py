"""Outcomes as lines in files that only grow, and are cut back to what was committed."""

from __future__ import annotations

import json
import os
from functools import partial

import pytest
from msgspec.structs import replace

from penstock.core.web.model import Fetched
from penstock.errors import FolderDamaged, OutputError
from penstock.sink.durable import checksum
from penstock.sink.jsonl import JSONL
from penstock.testing.contracts import check_sink, flush


@pytest.fixture
def make(tmp_path):
    """Opens sinks that are closed when the test ends."""
    sinks = []

    def open_at(committed, *, inline_body=True, **changes):
        sinks.append(replace(JSONL, **changes).open(tmp_path, committed, inline_body=inline_body))
        return sinks[-1]

    yield open_at
    for sink in sinks:
        sink.close()


def page(seq, body=b"page"):
    return Fetched(seq, f"http://host{seq}.test/", status=200, body=body)


def written(sink, *seqs):
    for seq in seqs:
        sink.take(page(seq))
    return flush(sink)


def seqs_in(folder, extent):
    data = (folder / extent.file).read_bytes()[extent.start : extent.end]
    assert checksum(folder / extent.file, extent.start, extent.end) == extent.checksum
    return [json.loads(row)["seq"] for row in data.splitlines()]


@pytest.mark.parametrize("file_bytes", [1, 1000, 1 << 30])
def test_the_sink_keeps_the_contract(make, tmp_path, file_bytes):
    """Also where every file has room for little."""
    check_sink(partial(make, file_bytes=file_bytes), partial(seqs_in, tmp_path))


def test_a_row_costs_as_many_bytes_as_the_sink_says(make, tmp_path):
    sink = make({})
    said = sink.take(page(0)) + sink.take(page(1))
    (extent,) = flush(sink)
    assert said == extent.end == (tmp_path / "outcomes-00000.jsonl").stat().st_size
    assert (extent.sink, extent.rows, list(extent.seqs)) == ("jsonl", 2, [0, 1])


def test_bodies_stay_out_when_nobody_wants_them(make, tmp_path):
    sink = make({}, inline_body=False)
    written(sink, 0)
    assert json.loads((tmp_path / "outcomes-00000.jsonl").read_bytes())["body"] is None


def test_the_same_input_written_twice_is_not_hidden(make):
    """The ledger sees two rows for one input, and refuses."""
    (extent,) = written(make({}), 0, 0)
    assert (extent.rows, len(extent.seqs)) == (2, 1)


def test_a_full_file_is_followed_by_another_after_a_flush(make, tmp_path):
    sink = make({}, file_bytes=700)
    first = written(sink, 0, 1)
    second = written(sink, 2)
    assert [extent.file for extent in first + second] == ["outcomes-00000.jsonl", "outcomes-00001.jsonl"]
    assert second[0].start == 0


def test_a_file_that_something_else_has_made_meanwhile_is_left_alone(make, tmp_path):
    sink = make({}, file_bytes=700)
    (tmp_path / "outcomes-00001.jsonl").write_bytes(b"years of work")
    written(sink, 0, 1)
    with pytest.raises(OutputError, match=r"outcomes-00001\.jsonl was made by something else"):
        written(sink, 2)
    assert [file.name for file in sorted(tmp_path.iterdir())] == ["outcomes-00000.jsonl", "outcomes-00001.jsonl"]
    assert (tmp_path / "outcomes-00001.jsonl").read_bytes() == b"years of work"


@pytest.mark.parametrize("name", ["outcomes-mine.jsonl", "outcomes-1.jsonl", "outcomes-00001.jsonl.xz"])
def test_a_name_that_only_resembles_a_files_is_not_one(make, tmp_path, name):
    (tmp_path / name).write_bytes(b"years of work")
    make({}).close()
    assert (tmp_path / name).read_bytes() == b"years of work"


def test_a_reopened_sink_goes_on_in_the_last_file(make, tmp_path):
    sink = make({}, file_bytes=700)
    extents = written(sink, 0, 1) + written(sink, 2)
    sink.close()
    (extent,) = written(make({extent.file: extent.end for extent in extents}), 3)
    assert (extent.file, extent.start) == ("outcomes-00001.jsonl", extents[1].end)


def test_a_file_that_was_begun_but_never_committed_starts_anew(make, tmp_path):
    """A crash after the first lines of the second file: its name exists, the ledger has never heard of it."""
    sink = make({}, file_bytes=300)
    (first,) = written(sink, 0)
    written(sink, 1)
    sink.close()
    sink = make({first.file: first.end}, file_bytes=300)
    (extent,) = written(sink, 1)
    assert (extent.file, extent.start) == ("outcomes-00001.jsonl", 0)
    assert seqs_in(tmp_path, extent) == [1]
    assert len(list(tmp_path.glob("*.torn-*"))) == 1


def test_files_beyond_the_last_committed_one_are_set_aside_at_once(make, tmp_path):
    """The run may end without ever coming to them again."""
    sink = make({}, file_bytes=300)
    for seq in range(3):
        written(sink, seq)
    sink.close()
    make({})
    assert {file.stat().st_size for file in tmp_path.glob("outcomes-*.jsonl")} == {0}
    assert len(list(tmp_path.glob("*.torn-*"))) == 3


def test_every_file_of_the_run_is_looked_at_when_the_sink_is_opened(make, tmp_path):
    sink = make({}, file_bytes=300)
    committed = {extent.file: extent.end for seq in range(3) for extent in written(sink, seq)}
    sink.close()
    (tmp_path / "outcomes-00001.jsonl").write_bytes(b"")
    with pytest.raises(FolderDamaged, match="outcomes-00001"):
        make(committed)


def test_the_file_exists_before_there_is_anything_to_write(make, tmp_path):
    """So that a folder that cannot be written is refused before any request."""
    make({})
    assert (tmp_path / "outcomes-00000.jsonl").exists()
    with pytest.raises(OutputError):
        JSONL.open(tmp_path / "missing", {})


def long_page(seq, size=2_000_000):
    return page(seq, os.urandom(100) * (size // 100))


def test_a_long_line_is_written_in_pieces_and_counts_as_one(make, tmp_path):
    sink = make({})
    said = sink.take(page(0)) + sink.take(long_page(1)) + sink.take(page(2))
    (extent,) = flush(sink)
    assert extent.end == (tmp_path / "outcomes-00000.jsonl").stat().st_size
    assert 2_000_000 < said < extent.end
    assert seqs_in(tmp_path, extent) == [0, 1, 2]
