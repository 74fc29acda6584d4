"""Lines in compressed frames: what a damaged frame costs, and what it does not."""

from __future__ import annotations

import gzip
import os
import tracemalloc

import pytest
from msgspec.structs import replace

from penstock.core.web.model import Fetched
from penstock.core.web.stored import Stored, Unreadable
from penstock.sink import compressions, frames
from penstock.sink.compressions import GZIP, ZSTD
from penstock.sink.durable import AppendFile
from penstock.sink.frames import FrameFile, find_frames, read_lines
from penstock.sink.jsonl import JSONL_GZ, JSONL_ZST
from penstock.testing.contracts import flush

LONGEST = 1 << 20

FORMATS = pytest.mark.parametrize("format_", [JSONL_ZST, JSONL_GZ], ids=lambda format_: format_.name)
COMPRESSIONS = pytest.mark.parametrize("compression", [ZSTD, GZIP], ids=["zstd", "gzip"])


def page(seq, body=b"page"):
    return Fetched(seq, f"http://host{seq}.test/", status=200, body=body)


def written(format_, folder, *flushes):
    """Write the outcomes of each flush, and return the extents."""
    sink = format_.open(folder, {})
    extents = []
    for outcomes in flushes:
        for outcome in outcomes:
            sink.take(outcome)
        extents += flush(sink)
    sink.close()
    return extents


def damage(file, at):
    data = bytearray(file.read_bytes())
    data[at] ^= 0x10
    file.write_bytes(data)


def seqs(rows):
    return [row.seq for row in rows if isinstance(row, Stored)]


@FORMATS
def test_a_flush_ends_a_frame_and_the_file_is_all_of_its_frames(format_, tmp_path):
    extents = written(format_, tmp_path, [page(0), page(1)], [page(2)])
    file = tmp_path / extents[0].file
    with file.open("rb") as opened:
        found = list(find_frames(opened, 0, file.stat().st_size, format_.compression()))
    assert [(frame.start, frame.end) for frame in found] == [(extent.start, extent.end) for extent in extents]


@FORMATS
def test_a_frame_ends_behind_a_line_once_it_is_long_enough(format_, tmp_path, monkeypatch):
    monkeypatch.setattr(frames, "FRAME_BYTES", 3_000)
    sink = format_.open(tmp_path, {})
    for seq in range(6):
        sink.take(page(seq, os.urandom(1_000)))
        sink.write(sink.cut())
    (extent,) = sink.flush()
    sink.close()
    compression = format_.compression()
    with (tmp_path / extent.file).open("rb") as opened:
        found = list(find_frames(opened, 0, extent.end, compression))
        assert [len(list(read_lines(opened, frame, compression, None))) for frame in found] == [2, 2, 2]


@FORMATS
def test_a_long_body_is_compressed_in_pieces_and_stays_one_line(format_, tmp_path, monkeypatch):
    monkeypatch.setattr(frames, "FRAME_BYTES", 1_000)
    body = b"a line\n" * 300_000
    (extent,) = written(format_, tmp_path, [page(0, body), page(1)])
    rows = list(format_.read(tmp_path, extent))
    assert [(row.seq, row.length, row.intact) for row in rows] == [(0, len(body), True), (1, 4, True)]


@FORMATS
@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_a_byte_that_changed_costs_its_frame_alone(format_, tmp_path, share):
    """The lost bytes are named, and why they are lost."""
    extents = written(format_, tmp_path, [page(0)], [page(1, os.urandom(20_000)), page(2)], [page(3)])
    file = tmp_path / extents[0].file
    damage(file, extents[1].start + int((extents[1].end - extents[1].start) * share))
    whole = replace(extents[0], end=extents[-1].end)
    rows = list(format_.read(tmp_path, whole))
    assert seqs(rows) == [0, 3]
    lost = [row.reason for row in rows if isinstance(row, Unreadable)]
    assert lost[0].startswith(f"bytes {extents[1].start} to ")
    assert "can't be decompressed: " in lost[0]


@FORMATS
def test_outcomes_come_back_except_those_of_a_damaged_frame(format_, tmp_path):
    given = [page(seq, os.urandom(20_000)) for seq in range(4)]
    extents = written(format_, tmp_path, given[:1], given[1:3], given[3:])
    damage(tmp_path / extents[0].file, extents[1].start + 10_000)
    found = [[*format_.outcomes(tmp_path, extent)] for extent in extents]
    assert [(one.seq, one.body) for one in (*found[0], *found[2])] == [(one.seq, one.body) for one in given[::3]]
    assert {type(one) for one in found[1]} == {Unreadable}
    assert found[1][0].reason.startswith(f"bytes {extents[1].start} to ")


@FORMATS
def test_outcomes_come_back_in_little_memory(format_, tmp_path):
    """Of 32 MiB in one extent, a frame is decompressed a line at a time."""
    (extent,) = written(format_, tmp_path, [page(seq, bytes([97 + seq % 26]) * (1 << 18)) for seq in range(128)])
    tracemalloc.start()
    count = sum(len(outcome.body) for outcome in format_.outcomes(tmp_path, extent))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 32 << 20
    assert peak < 4 << 20


@FORMATS
def test_a_repair_keeps_the_frames_before_the_damage_in_place_and_appends_those_behind(format_, tmp_path):
    extents = written(format_, tmp_path, [page(0)], [page(1, os.urandom(20_000)), page(2)], [page(3), page(4)])
    file = tmp_path / extents[0].file
    before = file.read_bytes()
    damage(file, extents[1].start + 10_000)
    kept = list(format_.salvage(file, lambda _file, stored: stored.seq != 4, longest=LONGEST))
    assert [list(extent.seqs) for extent, _ in kept] == [[0], [3]]
    assert file.read_bytes()[: extents[0].end] == before[: extents[0].end]
    assert [seqs(format_.read(tmp_path, extent)) for extent, _ in kept] == [[0], [3]]
    (aside,) = tmp_path.glob("*.torn-*")
    assert aside.stat().st_size == len(before) - extents[0].end


@FORMATS
def test_a_repair_asks_about_each_row_once(format_, tmp_path):
    """Also if one row of a frame goes, so that the frame is read twice."""
    (extent,) = written(format_, tmp_path, [page(seq) for seq in range(5)])
    asked = []

    def keep(_file, stored):
        asked.append(stored.seq)
        return stored.seq != 2

    kept = list(format_.salvage(tmp_path / extent.file, keep, longest=LONGEST))
    assert asked == [0, 1, 2, 3, 4]
    assert [list(extent.seqs) for extent, _ in kept] == [[0, 1, 3, 4]]


@FORMATS
def test_a_frame_that_has_an_input_twice_becomes_two_extents(format_, tmp_path):
    """A file that was compressed again by hand has all rows in one frame."""
    (extent,) = written(format_, tmp_path, [page(0), page(1), page(0)])
    kept = list(format_.salvage(tmp_path / extent.file, lambda _file, _stored: True, longest=LONGEST))
    assert [list(extent.seqs) for extent, _ in kept] == [[0, 1], [0]]


@FORMATS
def test_a_frame_that_a_crash_cut_off_is_no_frame(format_, tmp_path):
    first, second = written(format_, tmp_path, [page(0)], [page(1)])
    with (tmp_path / first.file).open("r+b") as file:
        file.truncate(second.end - 1)
    rows = list(format_.read(tmp_path, second))
    assert rows == [Unreadable(f"bytes {second.start} to {second.end} can't be decompressed: it is cut off")]


@COMPRESSIONS
def test_the_beginning_of_a_frame_by_chance_costs_no_other(compression, tmp_path):
    file = tmp_path / "frames"
    packer = compression.pack()
    good = packer.compress(b"good\n") + packer.flush()
    file.write_bytes(b"rubbish" + compression.magic + b"rubbish" + good + compression.magic[:2])
    with file.open("rb") as opened:
        found = list(find_frames(opened, 0, file.stat().st_size, compression))
        lines = [line for frame in found if frame.fault is None for line in read_lines(opened, frame, compression, 100)]
    assert lines == [b"good\n"]
    assert [frame.fault is None for frame in found] == [False, False, True, False]
    assert found[-1].end == file.stat().st_size


@COMPRESSIONS
def test_a_frame_is_read_in_little_memory(compression, tmp_path):
    """However much comes of a few bytes, and however long a line is."""
    file = FrameFile(AppendFile(tmp_path / "frames", 0), compression)
    piece = bytes(1 << 20)
    for _ in range(64):
        file.append(piece)
    file.append(b"\n")
    (size,) = [file.seal("it", rows=0, seqs=()).end]
    file.close()
    tracemalloc.start()
    with (tmp_path / "frames").open("rb") as opened:
        (frame,) = find_frames(opened, 0, size, compression)
        total = sum(map(len, read_lines(opened, frame, compression, LONGEST)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total == (64 << 20) + 1
    assert peak < 4 << 20


@pytest.mark.parametrize("is_there", [True, False], ids=["isal", "zlib"])
def test_gzip_is_written_with_and_without_the_faster_library(is_there, tmp_path, monkeypatch):
    if not is_there:
        monkeypatch.setattr(compressions, "isal_zlib", None)
    packers = set()
    monkeypatch.setattr(compressions.zlib, "compressobj", spy(compressions.zlib.compressobj, packers))
    (extent,) = written(JSONL_GZ, tmp_path, [page(seq) for seq in range(3)])
    assert gzip.decompress((tmp_path / extent.file).read_bytes()).count(b"\n") == 3
    assert seqs(JSONL_GZ.read(tmp_path, extent)) == [0, 1, 2]
    assert bool(packers) is not is_there


def spy(function, calls):
    def called(*args, **more):
        calls.add(function)
        return function(*args, **more)

    return called
