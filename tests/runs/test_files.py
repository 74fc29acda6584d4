"""A run touches plain files of its own names alone: whatever else is in a folder is refused, and stays as it is."""

from __future__ import annotations

import os

import pytest

from penstock.errors import FolderError
from penstock.runs.files import LOCK_HEAD, MANIFEST_HEAD, is_left, outputs, refuse_foreign
from penstock.runs.folder import RunFolder
from penstock.runs.lock import Lock
from penstock.runs.repair import repair
from penstock.runs.verify import verify
from penstock.scratch.overflow import DiskOverflow
from penstock.scratch.rules import FILE
from penstock.sink.jsonl import JSONL

OUTPUT = "outcomes-00000.jsonl"
SIDES = ("-journal", "-wal", "-shm")
KEPT = [
    *("run.json", "run.lock", "run.db", *(f"run.db{side}" for side in SIDES)),
    *(f"{name}{side}" for name in (FILE, f"{FILE}.damaged") for side in ("", *SIDES)),
    *(OUTPUT, "outcomes-12345.jsonl", f"{OUTPUT}.torn-12-0123abcd", "run.db.torn-0-0123abcd"),
]
LEFT = [
    *("run.json.part", "run.db.part", "run.db.part.part", *(f"run.db.part{side}" for side in SIDES)),
    *(f"{OUTPUT}.torn.part", "run.db.torn.part", ".penstock-overflow-abc_1234"),
]
FOREIGN = [
    *("film.mkv.part", "film.mkv.part-journal", "run.jsonx", "run.json.part.part", "run.db.bak", "notes.txt"),
    *("outcomes-mine.jsonl", "outcomes-1.jsonl", f"{OUTPUT}.xz", f"{OUTPUT}.torn-x", "a.torn-0-00000000", "run.db\n"),
    *("my-outcomes-00000.jsonl", "robots.db.old", "thesis.torn.part"),
]


def bytes_of(path):
    """Every name in the folder, with where a link leads or the bytes of a file."""
    return {file.name: os.readlink(file) if file.is_symlink() else file.read_bytes() for file in path.iterdir()}


def begin(path, runs):
    RunFolder.create(path, runs.manifest()).close()


def go_on(path, runs):
    RunFolder.open(path).close()


def mend(path, runs):
    repair(path)


def look(path, runs):
    verify(path)


# -- names


@pytest.mark.parametrize("name", [*KEPT, *LEFT])
def test_the_names_of_a_runs_files_are_known(tmp_path, name):
    (tmp_path / name).touch()
    refuse_foreign(tmp_path)
    assert is_left(name) == (name in LEFT)


@pytest.mark.parametrize("name", FOREIGN)
def test_no_other_name_is_taken_for_one(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(FolderError, match="which no run made"):
        refuse_foreign(tmp_path)
    assert not is_left(name)
    assert not outputs(tmp_path)


def test_the_names_are_those_that_are_given(tmp_path):
    assert outputs(tmp_path) == []
    (tmp_path / JSONL.file_name(3)).touch()
    assert outputs(tmp_path) == [tmp_path / JSONL.file_name(3)]


def test_the_overflow_has_a_name_that_is_swept_away_if_it_was_killed_before_it_lost_it(tmp_path, monkeypatch):
    monkeypatch.setattr("pathlib.Path.unlink", lambda file: None)
    overflow = DiskOverflow(tmp_path)
    overflow.take("a", 1)
    overflow.close()
    assert [is_left(file.name) for file in tmp_path.iterdir()] == [True]


def test_the_heads_of_what_a_killed_create_leaves_are_those_that_are_written(path, runs):
    begin(path, runs)
    assert (path / "run.lock").read_bytes().startswith(LOCK_HEAD)
    assert (path / "run.json").read_bytes().startswith(MANIFEST_HEAD)


# -- a new run


@pytest.mark.parametrize("name", [*KEPT, *LEFT, *FOREIGN, ".git"])
@pytest.mark.parametrize("kind", ["file", "link", "hanging", "folder"])
def test_a_run_is_not_begun_where_anything_is_that_a_killed_one_did_not_leave(path, tmp_path, runs, name, kind):
    other = tmp_path / "thesis.txt"
    if kind != "hanging":
        other.write_bytes(b"years of work")
    path.mkdir()
    if kind == "file":
        (path / name).write_bytes(b"years of work")
    elif kind == "folder":
        (path / name).mkdir()
    else:
        (path / name).symlink_to(other)
    with pytest.raises(FolderError, match=r"not empty|holds a run"):
        begin(path, runs)
    assert [file.name for file in path.iterdir()] == [name]
    assert (path / name).is_symlink() == (kind in ("link", "hanging"))
    if kind == "hanging":
        assert not other.exists()
    elif kind == "file":
        assert (path / name).read_bytes() == b"years of work"
    else:
        assert other.read_bytes() == b"years of work"


@pytest.mark.parametrize("lock", [b"", b"proc", b"process 12 on here", bytes(20)])
@pytest.mark.parametrize("manifest", [None, b"", b"{", MANIFEST_HEAD, MANIFEST_HEAD + b"abc", bytes(700)])
def test_what_a_killed_or_cut_off_create_left_is_as_good_as_nothing(path, runs, lock, manifest):
    path.mkdir()
    (path / "run.lock").write_bytes(lock)
    if manifest is not None:
        (path / "run.json.part").write_bytes(manifest)
    begin(path, runs)
    assert not (path / "run.json.part").exists()


# -- a run that is there


@pytest.mark.parametrize("action", [go_on, mend])
@pytest.mark.parametrize("name", FOREIGN)
def test_a_run_is_not_gone_on_with_beside_files_that_are_not_its_own(finished, runs, name, action):
    (finished / name).write_bytes(b"years of work")
    before = bytes_of(finished)
    with pytest.raises(FolderError, match="which no run made; move it out"):
        action(finished, runs)
    assert bytes_of(finished) == before
    assert verify(finished).ok


@pytest.mark.parametrize("action", [go_on, mend, look])
@pytest.mark.parametrize("name", [*KEPT, *LEFT])
def test_no_link_is_followed(finished, tmp_path, runs, name, action):
    """Also where it leads to the very file that had its place."""
    other = tmp_path / "thesis.txt"
    if (finished / name).exists():
        (finished / name).rename(other)
    else:
        other.write_bytes(b"years of work")
    (finished / name).symlink_to(other)
    before = bytes_of(finished), other.read_bytes()
    with pytest.raises(FolderError, match="is a link"):
        action(finished, runs)
    assert (bytes_of(finished), other.read_bytes()) == before


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
def test_a_lock_is_a_plain_file(tmp_path, shared, kind):
    """It is looked at when it is opened, too: what was there a moment before may have been put in another's place."""
    other, lock = tmp_path / "thesis.txt", tmp_path / "run.lock"
    other.write_bytes(b"years of work")
    {"link": lambda: lock.symlink_to(other), "folder": lock.mkdir, "pipe": lambda: os.mkfifo(lock)}[kind]()
    with pytest.raises(FolderError, match="no plain file"):
        Lock(tmp_path, shared=shared)
    assert other.read_bytes() == b"years of work"


@pytest.mark.parametrize("action", [go_on, mend, look])
def test_what_is_no_run_is_left_as_it_is(path, runs, action):
    """The run.json of another program says so, before anything is made or removed."""
    path.mkdir()
    (path / "run.json").write_bytes(b'{"steps": 3}')
    (path / "run.db.part").write_bytes(b"years of work")
    before = bytes_of(path)
    with pytest.raises(FolderError):
        action(path, runs)
    assert bytes_of(path) == before


def test_a_journal_that_goes_while_it_is_looked_at_is_no_matter(finished, monkeypatch):
    """Another process may be at work; whether it is, the lock says a moment later."""
    listdir = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: [*listdir(path), "run.db-journal"])
    refuse_foreign(finished)


def test_what_systems_put_into_folders_is_left_alone(finished, runs):
    for name in (".DS_Store", ".nfs0000000000000001", "._run.json"):
        (finished / name).write_bytes(b"theirs")
    go_on(finished, runs)
    mend(finished, runs)
    assert {(finished / name).read_bytes() for name in (".DS_Store", ".nfs0000000000000001", "._run.json")} == {
        b"theirs"
    }
