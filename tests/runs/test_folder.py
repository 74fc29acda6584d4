"""A run folder is refused before any request wherever it could not be trusted at the end."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from penstock.errors import (
    FolderDamaged,
    FolderError,
    FolderInUse,
    FolderMismatch,
    InputChanged,
    OutputError,
)
from penstock.runs.folder import RunFolder
from penstock.runs.lock import Lock


def test_a_new_run_has_its_files_and_nobody_else_can_read_them(path, runs):
    with RunFolder.create(path, runs.manifest()) as folder:
        assert not folder.ledger.settled()
    assert sorted(file.name for file in path.iterdir()) == ["run.db", "run.json", "run.lock"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.iterdir()} == {0o600}
    assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_a_run_goes_on_where_it_was(path, runs):
    begun = runs.manifest(max_body=10)
    with RunFolder.create(path, begun) as folder:
        runs.settle(folder, [0, 1], [4])
    with RunFolder.open(path) as folder:
        assert list(folder.ledger.settled()) == [0, 1, 4]
        assert folder.manifest == begun


def test_an_empty_folder_may_be_used(path, runs):
    path.mkdir()
    with RunFolder.create(path, runs.manifest()):
        assert RunFolder.holds_run(path)


def test_a_folder_with_something_else_in_it_is_refused_and_left_alone(path, runs):
    path.mkdir(mode=0o755)
    (path / "thesis.txt").touch()
    with pytest.raises(FolderError, match=r"thesis\.txt is in it.*name another folder"):
        RunFolder.create(path, runs.manifest())
    assert [file.name for file in path.iterdir()] == ["thesis.txt"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o755


def test_a_folder_that_holds_a_run_is_not_begun_again(finished, runs):
    with pytest.raises(FolderError, match=r"penstock\.resume\("):
        RunFolder.create(finished, runs.manifest())


def test_a_folder_that_another_process_makes_just_before_is_taken(path, runs, monkeypatch):
    """Which of the two may work in it the lock says."""
    make = os.mkdir

    def late(name, mode):
        make(name)
        make(name, mode)

    monkeypatch.setattr(os, "mkdir", late)
    RunFolder.create(path, runs.manifest()).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_a_file_in_the_place_of_the_folder_is_refused(path, runs):
    path.touch()
    with pytest.raises(OutputError, match="is a file"):
        RunFolder.create(path, runs.manifest())


def test_a_folder_in_no_folder_is_refused(path, runs):
    with pytest.raises(OutputError, match="mkdir -p"):
        RunFolder.create(path / "pages", runs.manifest())


@pytest.mark.skipif(shutil.which("bash") is None, reason="a shell of the kind that people type into")
@pytest.mark.parametrize("name", ["a b/c d", "-a/b", "$(x);/'", "\x1b[2J/b"])
def test_the_command_that_makes_the_folder_above_makes_that_one(tmp_path, runs, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError) as raised:
        RunFolder.create(Path(name) / "pages", runs.manifest())
    subprocess.run(["bash", "-c", str(raised.value).partition(": ")[2]], check=True)
    assert Path(name).is_dir()


@pytest.mark.parametrize("call", ["mkdir", "open"])
def test_a_disk_that_is_read_only_is_refused(path, runs, monkeypatch, call):
    if call == "open":
        path.mkdir()
    real = getattr(os, call)

    def refuse(where, *given, **more):
        if os.fspath(where).startswith(os.fspath(path)):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), where)
        return real(where, *given, **more)

    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(OutputError, match=r"[Rr]ead-only"):
        RunFolder.create(path, runs.manifest())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may do anything")
def test_a_folder_without_permission_is_refused(tmp_path, runs):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="permission"):
        RunFolder.create(tmp_path / "pages", runs.manifest())


def test_a_folder_without_a_run_cannot_be_gone_on_with(tmp_path):
    with pytest.raises(FolderError, match="holds no run"):
        RunFolder.open(tmp_path)
    with pytest.raises(FolderError, match="holds no run"):
        RunFolder.open(tmp_path / "missing")


def test_a_second_user_of_the_folder_is_refused_and_told_who_is_there(path, runs):
    with RunFolder.create(path, runs.manifest()), pytest.raises(FolderInUse, match=f"process {os.getpid()} on "):
        RunFolder.open(path)
    RunFolder.open(path).close()


def test_a_refused_folder_is_not_left_locked(finished):
    (finished / "run.db").write_bytes(b"not a database at all, but long enough to be looked at")
    for _ in range(2):
        with pytest.raises(FolderDamaged):
            RunFolder.open(finished)


def test_a_crash_before_the_manifest_leaves_a_folder_that_can_be_begun_in(path, runs):
    path.mkdir()
    (path / "run.lock").touch()
    (path / "run.json.part").write_bytes(b"{")
    with RunFolder.create(path, runs.manifest()):
        assert not (path / "run.json.part").exists()


def test_somebody_who_begins_in_the_same_folder_at_the_same_moment_wins_or_loses(path, runs, monkeypatch):
    """The folder is looked at again under the lock: the other one may have been quicker."""

    def late(folder):
        lock = Lock(folder)
        (folder / "run.json").write_bytes(b"theirs")
        return lock

    monkeypatch.setattr("penstock.runs.folder.Lock", late)
    with pytest.raises(FolderError, match="holds a run"):
        RunFolder.create(path, runs.manifest())
    assert (path / "run.json").read_bytes() == b"theirs"


def test_what_a_crash_left_half_done_is_cleared_away(finished):
    (finished / "outcomes-00000.jsonl.torn.part").write_bytes(b"half")
    RunFolder.open(finished).close()
    assert not list(finished.glob("*.part"))


def test_a_crash_before_the_ledger_leaves_a_run_that_can_be_gone_on_with(path, runs):
    RunFolder.create(path, runs.manifest()).close()
    (path / "run.db").unlink()
    (path / "run.db.part").write_bytes(b"half a database")
    with RunFolder.open(path) as folder:
        assert not folder.ledger.settled()


def test_a_ledger_that_is_missing_beside_outputs_is_not_begun_anew(finished):
    """A new one would have every output set aside."""
    (finished / "run.db").unlink()
    with pytest.raises(FolderDamaged, match=r"run\.db is damaged: it is missing.*repair=True"):
        RunFolder.open(finished)
    assert not (finished / "run.db").exists()


def test_a_manifest_that_is_missing_says_what_is_lost(finished):
    (finished / "run.json").unlink()
    with pytest.raises(FolderDamaged, match=r"run\.json.*put a copy of it back"):
        RunFolder.open(finished)


def test_a_ledger_of_another_run_is_refused(finished, tmp_path, runs):
    RunFolder.create(tmp_path / "other", runs.manifest()).close()
    (tmp_path / "other" / "run.db").replace(finished / "run.db")
    with pytest.raises(FolderMismatch, match="another run"):
        RunFolder.open(finished)


def test_going_on_with_another_job_is_refused(path, runs):
    with RunFolder.create(path, runs.manifest()) as folder:
        folder.check(runs.manifest(concurrency=7))
        with pytest.raises(FolderMismatch, match="max_redirects was 10, is 3"):
            folder.check(runs.manifest(max_redirects=3))
        with pytest.raises(InputChanged, match="it was a list of 100 and is a list of 120"):
            folder.check(runs.manifest(fingerprint={"kind": "items", "count": 120, "sha256": "bb"}))
