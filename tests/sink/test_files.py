"""The format ``files``: what its files are called, what a crash leaves, and what is read back."""

from __future__ import annotations

import json
import os

import pytest

from penstock.core.web.model import Failed, Fetched, Reason, Skipped
from penstock.errors import FolderDamaged, OutputError
from penstock.sink import files
from penstock.sink.files import FILES
from penstock.testing.contracts import flush


def page(seq, body=b"<p>", kind="text/html", extra=""):
    head = f"HTTP/1.1 200 OK\r\nServer: x\r\ncontent-type: {kind}\r\n{extra}\r\n".encode()
    return Fetched(seq, f"http://a.test/{seq}", status=200, head=head, body=body)


def store(folder, *outcomes, committed=None, inline_body=True):
    """Commit *outcomes* and return the extents."""
    sink = FILES.open(folder, committed or {}, inline_body=inline_body)
    for outcome in outcomes:
        sink.take(outcome)
    extents = flush(sink)
    sink.close()
    return extents


def named(folder):
    return [json.loads(line)["file"] for line in (folder / "index-00000.jsonl").read_bytes().splitlines()]


def bodies(folder):
    return {str(file.relative_to(folder)) for file in (folder / "bodies").rglob("*") if file.is_file()}


def lengths(extents):
    return {extent.file: extent.end for extent in extents}


def test_a_line_of_the_index_has_the_fields_of_the_record_and_names_the_file_of_the_body(tmp_path):
    store(tmp_path, page(0, b"one"), Failed(1, "http://b.test/", Reason.RESET, "reset"), Skipped(2, "x"), page(3, b""))
    assert named(tmp_path) == ["bodies/000000/000000000.html", None, None, None]
    assert (tmp_path / "bodies/000000/000000000.html").read_bytes() == b"one"
    first = json.loads((tmp_path / "index-00000.jsonl").read_bytes().splitlines()[0])
    assert (first["v"], first["bytes"], first["body"], first["headers"][0]) == (1, 3, None, ["Server", "x"])


@pytest.mark.parametrize(
    ("kind", "extension"),
    [
        ("TEXT/HTML; charset=utf-8", "html"),
        ("image/png,", "png"),
        ("application/x-sh", "bin"),
        ("../../etc/passwd", "bin"),
        ("text/html\0", "bin"),
        ("", "bin"),
    ],
)
def test_the_extension_is_one_of_ours_whatever_the_server_says(tmp_path, kind, extension):
    store(tmp_path, page(0, kind=kind))
    assert named(tmp_path) == [f"bodies/000000/000000000.{extension}"]


def test_a_body_that_is_still_encoded_is_not_called_html(tmp_path):
    store(tmp_path, page(0, extra="Content-Encoding: strange\r\n"))
    assert named(tmp_path) == ["bodies/000000/000000000.bin"]


def test_the_outcomes_come_back_with_their_bodies(tmp_path):
    given = [page(0, b"\xff\0"), Failed(1, "http://b.test/", Reason.TRUNCATED, status=200, body=b"ha"), page(2, b"")]
    (extent,) = store(tmp_path, *given)
    assert [(one.seq, one.kind, one.body) for one in FILES.outcomes(tmp_path, extent)] == [
        (one.seq, one.kind, one.body) for one in given
    ]


def test_without_bodies_no_file_is_written(tmp_path):
    (extent,) = store(tmp_path, page(0, b"one"), inline_body=False)
    assert not (tmp_path / "bodies").exists()
    assert [(row.length, row.intact) for row in FILES.read(tmp_path, extent)] == [(3, True)]


def test_a_folder_has_no_more_than_a_thousand_files(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "FOLDER_FILES", 2)
    store(tmp_path, *(page(seq) for seq in range(5)))
    assert named(tmp_path)[1:3] == ["bodies/000000/000000001.html", "bodies/000001/000000002.html"]


def test_a_second_session_begins_a_new_folder_and_writes_over_no_file(tmp_path):
    committed = lengths(store(tmp_path, page(0, b"old")))
    store(tmp_path, page(0, b"new"), committed=committed)
    assert named(tmp_path) == ["bodies/000000/000000000.html", "bodies/000001/000001000.html"]
    assert (tmp_path / "bodies/000000/000000000.html").read_bytes() == b"old"


@pytest.mark.parametrize("tail", [files.TAIL_BYTES, 100])
def test_the_next_opening_removes_bodies_that_no_committed_line_names_and_no_other_file(tmp_path, monkeypatch, tail):
    """However little of the index is read at first."""
    monkeypatch.setattr(files, "TAIL_BYTES", tail)
    committed = lengths(store(tmp_path, page(0), page(1), Failed(2, "http://c.test/", Reason.RESET, "r" * 200)))
    sink = FILES.open(tmp_path, committed, inline_body=True)
    sink.take(page(3))
    sink.write(sink.cut())
    sink.close()
    mine = tmp_path / "bodies/000001/notes.txt"
    mine.write_text("mine")
    elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    elsewhere.mkdir()
    (elsewhere / "000009000.html").write_text("theirs")
    (tmp_path / "bodies/000009").symlink_to(elsewhere)
    assert "bodies/000001/000001000.html" in bodies(tmp_path)
    store(tmp_path, committed=committed)
    assert bodies(tmp_path) == {
        "bodies/000000/000000000.html",
        "bodies/000000/000000001.html",
        "bodies/000001/notes.txt",
    }
    assert (elsewhere / "000009000.html").exists()


def test_nothing_is_removed_while_a_line_of_the_index_is_damaged(tmp_path):
    committed = lengths(store(tmp_path, page(0), page(1)))
    index = tmp_path / "index-00000.jsonl"
    index.write_bytes(index.read_bytes().replace(b'{"v":1', b'["v":1', 1))
    store(tmp_path, committed=committed)
    assert len(bodies(tmp_path)) == 2


def test_a_body_that_changed_or_is_gone_is_found(tmp_path):
    (extent,) = store(tmp_path, page(0), page(1), page(2))
    first, second, _ = sorted(tmp_path.glob("bodies/*/*"))
    first.write_bytes(b"<q>")
    second.unlink()
    assert [row.intact for row in FILES.read(tmp_path, extent)] == [False, False, True]
    assert [hasattr(one, "reason") for one in FILES.outcomes(tmp_path, extent)] == [False, True, False]


@pytest.mark.parametrize("file", ["/etc/passwd", "bodies/../run.json", "bodies/000000/../../x.bin", "bodies/000000/1"])
def test_a_path_that_is_not_ours_is_not_opened(tmp_path, file):
    (extent,) = store(tmp_path, page(0))
    index = tmp_path / "index-00000.jsonl"
    index.write_bytes(index.read_bytes().replace(b"bodies/000000/000000000.html", file.encode()))
    found = extent.__class__(extent.sink, extent.file, 0, index.stat().st_size, 1, extent.checksum, extent.seqs)
    assert [row.intact for row in FILES.read(tmp_path, found)] == [False]
    assert "is not the name of a body" in next(FILES.outcomes(tmp_path, found)).reason


@pytest.mark.parametrize("which", ["file", "folder"])
def test_no_link_is_followed(tmp_path, which):
    (extent,) = store(tmp_path, page(0))
    old = tmp_path / "bodies/000000" / ("000000000.html" if which == "file" else "")
    new = tmp_path / "moved"
    old.rename(new)
    old.symlink_to(new)
    assert [row.intact for row in FILES.read(tmp_path, extent)] == [False]


def test_every_body_and_every_folder_is_flushed_before_the_index(tmp_path, monkeypatch):
    flushed, fsync = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (flushed.append(os.readlink(f"/proc/self/fd/{fd}")), fsync(fd)))
    monkeypatch.setattr(files, "FOLDER_FILES", 30)
    sink = FILES.open(tmp_path, {}, inline_body=True)
    for seq in range(40):
        sink.take(page(seq))
    sink.write(sink.cut())
    flushed.clear()
    sink.flush()
    sink.close()
    places = [str(tmp_path / name) for name in ("bodies/000001", "bodies/000000", "bodies", "index-00000.jsonl")]
    assert flushed[40:] == places
    assert set(flushed[:40]) == {str(tmp_path / file) for file in bodies(tmp_path)}


def test_a_file_in_the_way_is_not_written_over(tmp_path):
    sink = FILES.open(tmp_path, {}, inline_body=True)
    for folder in ("bodies", "bodies/000000"):
        (tmp_path / folder).mkdir()
    sink.take(page(0))
    with pytest.raises(OutputError, match="something else has that name"):
        sink.write(sink.cut())
    with pytest.raises(OutputError, match="unknown state"):
        sink.flush()
    sink.close()


def test_a_body_that_is_removed_before_the_flush_ends_the_session(tmp_path):
    sink = FILES.open(tmp_path, {}, inline_body=True)
    sink.take(page(0))
    sink.write(sink.cut())
    os.unlink(tmp_path / "bodies/000000/000000000.html")
    with pytest.raises(FolderDamaged, match=r"000000000.html was removed or cut"):
        sink.flush()
    sink.close()
