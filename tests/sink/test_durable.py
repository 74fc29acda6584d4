"""Bytes that are claimed are on the disk; a disk that refuses is believed at once and for good."""

from __future__ import annotations

import errno
import os
import resource
import stat
import zlib

import pytest
from pyroaring import BitMap64

from penstock.errors import FolderDamaged, OutputError
from penstock.sink import durable
from penstock.sink.durable import (
    AppendFile,
    certify,
    checksum,
    make_folder,
    remove,
    rename,
    set_aside,
    sweep,
    write_file,
)

ONE = BitMap64([1])


def seal(file):
    return file.seal("jsonl", rows=1, seqs=ONE)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "outcomes-00000.jsonl"


@pytest.fixture
def opened():
    """Opens files that are closed when the test ends."""
    files = []

    def open_at(path, committed=0):
        files.append(AppendFile(path, committed))
        return files[-1]

    yield open_at
    for file in files:
        file.close()


def failing(number):
    def fail(*_):
        raise OSError(number, os.strerror(number))

    return fail


# -- what is claimed


def test_an_extent_says_where_the_bytes_are_and_what_they_sum_up_to(path, opened):
    file = opened(path)
    file.append(b"one\n")
    first = seal(file)
    file.append(b"two\n")
    file.append(b"three\n")
    second = seal(file)

    assert path.read_bytes() == b"one\ntwo\nthree\n"
    assert (first.file, first.start, first.end, first.seqs) == (path.name, 0, 4, ONE)
    assert (second.start, second.end, second.rows) == (4, 14, 1)
    assert first.checksum == f"crc32:{zlib.crc32(b'one' + bytes([10])):08x}"
    assert second.checksum == checksum(path, 4, 14)


def test_nothing_appended_is_no_extent(path, opened):
    file = opened(path)
    assert seal(file) is None
    file.append(b"one\n")
    assert seal(file) is not None
    assert seal(file) is None


def test_bytes_are_claimed_only_after_they_were_flushed(path, opened, monkeypatch):
    """At the moment of the fsync everything is written, and nothing is claimed yet."""
    file = opened(path)
    file.append(b"one\n")
    seen = []
    monkeypatch.setattr(os, "fsync", lambda fd: seen.append(path.read_bytes()))
    assert seal(file).end == 4
    assert seen == [b"one\n"]


def test_many_appends_are_one_write(path, opened, monkeypatch):
    writes = []
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: writes.append(len(data)) or real(fd, data))
    file = opened(path)
    for _ in range(1000):
        file.append(b"x" * 100)
    seal(file)
    assert writes == [100_000]


def test_what_fills_the_buffer_is_written_without_waiting_for_the_seal(path, opened, monkeypatch):
    monkeypatch.setattr(durable, "BUFFER", 100)
    file = opened(path)
    file.append(b"x" * 60)
    assert path.stat().st_size == 0
    file.append(b"x" * 60)
    assert path.stat().st_size == 120
    assert file.end == 120


def test_a_write_that_takes_a_few_bytes_at_a_time_is_gone_on_with(path, opened, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data)[:7]))
    file = opened(path)
    file.append(b"a line that is longer than seven bytes\n")
    extent = seal(file)
    assert path.read_bytes() == b"a line that is longer than seven bytes\n"
    assert extent.checksum == checksum(path, 0, extent.end)


def test_a_new_file_is_named_on_the_disk_before_anything_is_claimed_of_it(path, opened, monkeypatch):
    flushed = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: flushed.append(stat.S_ISDIR(os.fstat(fd).st_mode)) or real(fd))
    file = opened(path)
    assert flushed == [True]
    file.append(b"x")
    seal(file)
    assert flushed == [True, False]


def test_only_the_owner_can_read_what_was_fetched(path, opened):
    opened(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


# -- what a crash left


def test_bytes_after_the_committed_ones_are_set_aside_and_cut(path, opened):
    path.write_bytes(b"good\ntorn")
    file = opened(path, 5)
    aside = path.with_name(f"{path.name}.torn-5-{zlib.crc32(b'torn'):08x}")
    assert path.read_bytes() == b"good\n"
    assert aside.read_bytes() == b"torn"

    file.append(b"next\n")
    assert seal(file).start == 5
    assert path.read_bytes() == b"good\nnext\n"


def test_a_file_of_which_nothing_was_committed_is_set_aside_whole(path, opened):
    path.write_bytes(b"torn")
    opened(path)
    assert path.read_bytes() == b""
    assert [file.read_bytes() for file in path.parent.glob("*.torn-*")] == [b"torn"]


def test_setting_the_same_bytes_aside_again_makes_no_second_copy(path, opened):
    """So a crash between the copy and the cut leaves nothing behind."""
    for _ in range(2):
        path.write_bytes(b"good\ntorn")
        opened(path, 5)
    assert len(list(path.parent.glob("*.torn-*"))) == 1


def test_the_cut_comes_after_the_copy_is_safe(path, opened, monkeypatch):
    path.write_bytes(b"good\ntorn")
    seen = []
    real = os.ftruncate

    def ftruncate(fd, length):
        seen.extend(file.read_bytes() for file in path.parent.glob("*.torn-*"))
        real(fd, length)

    monkeypatch.setattr(os, "ftruncate", ftruncate)
    opened(path, 5)
    assert seen == [b"torn"]


def test_the_cut_is_on_the_disk_before_the_file_is_used(path, opened, monkeypatch):
    """It may be the last thing that is done to this file; the bytes must not come back."""
    path.write_bytes(b"good\ntorn")
    steps = []
    for name in ("ftruncate", "fsync", "lseek"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *given, name=name, real=real: steps.append(name) or real(*given))
    opened(path, 5)
    assert steps[-3:] == ["ftruncate", "fsync", "lseek"]


def test_a_file_of_the_committed_length_is_left_alone(path, opened):
    path.write_bytes(b"good\n")
    opened(path, 5)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("data", [b"good", b""])
def test_a_file_shorter_than_committed_is_damaged(path, data):
    path.write_bytes(data)
    with pytest.raises(FolderDamaged, match=r"fewer than the 5.*penstock\.verify\(.*, repair=True\)"):
        AppendFile(path, 5)
    assert path.read_bytes() == data


def test_a_missing_file_of_which_something_was_committed_is_damaged_and_not_made(path):
    with pytest.raises(FolderDamaged, match=r"is missing.*penstock\.verify\(.*, repair=True\)"):
        AppendFile(path, 5)
    assert not path.exists()


# -- a disk that refuses


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EDQUOT, "quota"),
        (errno.EIO, "the disk fails"),
        (errno.EFBIG, "ulimit"),
    ],
)
def test_a_failed_write_says_what_to_do_and_ends_all_use_of_the_file(path, opened, monkeypatch, number, remedy):
    file = opened(path)
    file.append(b"one\n")
    with monkeypatch.context() as broken:
        broken.setattr(os, "write", failing(number))
        with pytest.raises(OutputError, match=remedy):
            seal(file)

    with pytest.raises(OutputError, match="unknown state"):
        file.append(b"two\n")
    with pytest.raises(OutputError, match="unknown state"):
        seal(file)


def test_a_failed_fsync_is_never_tried_again_and_trusted(path, opened, monkeypatch):
    """The second fsync of a file whose first one failed may well succeed: the pages are marked clean."""
    file = opened(path)
    file.append(b"one\n")
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", failing(errno.EIO))
        with pytest.raises(OutputError, match="cannot flush"):
            seal(file)

    tried = []
    monkeypatch.setattr(os, "fsync", tried.append)
    with pytest.raises(OutputError):
        seal(file)
    assert tried == []


def test_an_interrupt_between_a_write_and_its_account_ends_all_use_of_the_file(path, opened, monkeypatch):
    """Otherwise the next extent would be claimed at the wrong offset."""
    real = os.write

    def write(fd, data):
        real(fd, data)
        raise KeyboardInterrupt

    file = opened(path)
    file.append(b"one\n")
    with monkeypatch.context() as interrupted:
        interrupted.setattr(os, "write", write)
        with pytest.raises(KeyboardInterrupt):
            seal(file)
    with pytest.raises(OutputError):
        seal(file)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_disk_that_is_really_full(path, opened):
    file = opened(path)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, file._fd)
    os.close(full)
    file.append(b"one\n")
    with pytest.raises(OutputError, match="disk is full"):
        seal(file)


def test_a_file_that_really_may_not_grow(path, opened):
    """The kernel takes some of the bytes, then none: what it took is cut off by the next opening."""
    file = opened(path)
    file.append(b"one\n")
    committed = seal(file).end
    file.append(b"x" * 100_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(OutputError, match="ulimit"):
            seal(file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.stat().st_size == 50_000
    opened(path, committed)
    assert path.read_bytes() == b"one\n"


def test_what_was_not_sealed_is_not_written_by_closing(path, opened):
    file = opened(path)
    file.append(b"one\n")
    file.close()
    file.close()
    assert path.read_bytes() == b""
    with pytest.raises(OutputError, match="is closed"):
        file.append(b"two\n")


def test_a_file_that_cannot_be_made_says_so(tmp_path):
    with pytest.raises(OutputError, match="cannot make"):
        AppendFile(tmp_path / "missing" / "file", 0)
    with pytest.raises(OutputError, match="cannot open"):
        AppendFile(tmp_path, 0)


def test_a_folder_that_cannot_be_flushed_is_refused_unless_its_kind_keeps_names_by_itself(path, opened, monkeypatch):
    with monkeypatch.context() as context:
        context.setattr(os, "fsync", failing(errno.EINVAL))
        opened(path)
    monkeypatch.setattr(os, "fsync", failing(errno.EIO))
    with pytest.raises(OutputError, match="the disk fails"):
        AppendFile(path, 0)


# -- whole files


def test_a_file_appears_under_its_name_whole(tmp_path, monkeypatch):
    path = tmp_path / "run.json"
    steps = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *given, name=name, real=real: steps.append(name) or real(*given))
    write_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert steps == ["fsync", "replace", "fsync"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_cannot_be_replaced_stays_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "run.json"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "write", failing(errno.ENOSPC))
    with pytest.raises(OutputError, match="free some space"):
        write_file(path, b"new")
    assert path.read_bytes() == b"old"


def test_sweeping_removes_what_it_is_told_and_nothing_else(tmp_path):
    for name in ("run.json.part", "run.db.part", "film.mkv.part", "run.json"):
        (tmp_path / name).touch()
    sweep(tmp_path, {"run.json.part", "run.db.part"}.__contains__)
    assert {file.name for file in tmp_path.iterdir()} == {"film.mkv.part", "run.json"}


@pytest.mark.parametrize("kind", ["file", "link"])
def test_half_a_file_is_never_written_over_what_is_there(tmp_path, kind):
    other = tmp_path / "thesis.txt"
    other.write_bytes(b"years of work")
    (tmp_path / "file").write_bytes(b"bytes")
    for part in ("run.json.part", "file.torn.part"):
        (tmp_path / part).symlink_to(other) if kind == "link" else (tmp_path / part).write_bytes(b"years of work")
        with pytest.raises(OutputError, match="move it away"):
            write_file(tmp_path / "run.json", b"new") if part == "run.json.part" else set_aside(tmp_path / "file", 0)
        assert (tmp_path / part).read_bytes() == b"years of work"
    assert other.read_bytes() == b"years of work"


@pytest.mark.parametrize("committed", [0, 5])
def test_a_link_is_not_appended_to(tmp_path, committed):
    (tmp_path / "thesis.txt").write_bytes(b"years of work")
    (tmp_path / "outcomes").symlink_to(tmp_path / "thesis.txt")
    with pytest.raises(OutputError, match="it is a link"):
        AppendFile(tmp_path / "outcomes", committed)
    assert (tmp_path / "thesis.txt").read_bytes() == b"years of work"


def test_a_folder_is_for_its_owner_alone(tmp_path):
    made, found = tmp_path / "made", tmp_path / "found"
    found.mkdir(mode=0o755)
    for path in (made, found):
        make_folder(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "action",
    [
        lambda missing: rename(missing, missing),
        lambda missing: set_aside(missing, 0),
        lambda missing: sweep(missing, bool),
        lambda missing: make_folder(missing / "folder"),
        lambda missing: write_file(missing / "file", b""),
        lambda missing: certify(missing, 0, 1, sink="jsonl", seqs=ONE),
        lambda missing: remove(missing.parent / "folder"),
    ],
)
def test_what_cannot_be_done_is_an_output_error(tmp_path, action):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError):
        action(tmp_path / "missing")


def test_removing_what_is_not_there_is_done_at_once(tmp_path):
    remove(tmp_path / "missing")


def test_bytes_found_in_a_file_are_flushed_and_read_back_before_they_are_certified(path, monkeypatch):
    path.write_bytes(b"one\ntwo\n")
    flushed = []
    monkeypatch.setattr(os, "fsync", flushed.append)
    extent = certify(path, 4, 8, sink="jsonl", seqs=ONE)
    assert len(flushed) == 1
    assert (extent.sink, extent.file, extent.start, extent.end, extent.rows) == ("jsonl", path.name, 4, 8, 1)
    assert extent.checksum == f"crc32:{zlib.crc32(b'two' + bytes([10])):08x}"


def test_a_file_that_cannot_be_read_back_is_damaged(tmp_path):
    with pytest.raises(FolderDamaged, match="cannot read"):
        checksum(tmp_path / "missing", 0, 1)


# -- the name of a file that is being written


def replace_it(path):
    """As ``sed -i`` and most editors do: the same bytes, another file."""
    path.with_name("copy").write_bytes(path.read_bytes())
    path.with_name("copy").replace(path)


def link_to_it(path):
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


LOSSES = {
    "replaced": replace_it,
    "removed": os.unlink,
    "renamed": lambda path: path.rename(path.with_name("elsewhere")),
    "moved and linked to": link_to_it,
    "emptied": lambda path: os.truncate(path, 0),
    "cut": lambda path: os.truncate(path, 3),
}


@pytest.mark.parametrize("lose", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("more", [b"", b"two\n", b"t" * (durable.BUFFER + 1)])
def test_what_was_replaced_removed_or_cut_is_not_written_to_any_more(path, lose, more):
    """Neither is more claimed, nor is a hole made where bytes were, nor anything said to be durable later."""
    file = AppendFile(path, 0)
    file.append(b"one\n")
    assert file.seal("jsonl", rows=1, seqs=ONE) is not None
    lose(path)
    with pytest.raises(FolderDamaged, match=r"during the run.*penstock\.verify"):
        for _ in range(2):
            file.append(more)
            file.seal("jsonl", rows=1, seqs=BitMap64([1]))
    with pytest.raises(OutputError, match="unknown state"):
        file.seal("jsonl", rows=1, seqs=BitMap64([1]))
    file.close()


def test_what_is_cut_between_the_write_and_the_flush_is_not_claimed(path, monkeypatch):
    file = AppendFile(path, 0)
    file.append(b"one\n")
    monkeypatch.setattr(os, "fsync", lambda fd: os.ftruncate(fd, 2))
    with pytest.raises(FolderDamaged, match="was cut to 2 of 4 bytes"):
        file.seal("jsonl", rows=1, seqs=ONE)
    file.close()


def test_a_file_to_which_another_has_appended_is_not_lost(path):
    """Bytes beyond what was written are written over."""
    file = AppendFile(path, 0)
    file.append(b"one\n")
    file.seal("jsonl", rows=1, seqs=ONE)
    with path.open("ab") as other:
        other.write(b"t")
    file.append(b"two\n")
    assert file.seal("jsonl", rows=1, seqs=BitMap64([1])) is not None
    file.close()
    assert path.read_bytes() == b"one\ntwo\n"
