"""One process at a time, and a lock that dies with its owner."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys

import pytest

from penstock.errors import FolderInUse, OutputError
from penstock.runs.lock import Lock

HOLD = """
import sys
from pathlib import Path
from penstock.runs.lock import Lock
lock = Lock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def test_another_process_is_refused_until_the_owner_dies(tmp_path, holder):
    with pytest.raises(FolderInUse, match=f"in use by process {holder.pid} on"):
        Lock(tmp_path)
    with pytest.raises(FolderInUse):
        Lock(tmp_path, shared=True)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    Lock(tmp_path).close()


def test_the_lock_is_given_back_by_closing_it(tmp_path):
    with Lock(tmp_path) as lock:
        lock.close()
        lock.close()
        with Lock(tmp_path):
            pass


def test_readers_share_the_folder_and_keep_writers_out(tmp_path):
    Lock(tmp_path).close()
    told = pytest.raises(FolderInUse, match=r"in use by a process that reads it")
    with Lock(tmp_path, shared=True), Lock(tmp_path, shared=True), told:
        Lock(tmp_path)
    Lock(tmp_path).close()


def test_reading_another_descriptor_of_the_file_does_not_drop_the_lock(tmp_path):
    """As it would with the locks of POSIX."""
    with Lock(tmp_path):
        (tmp_path / "run.lock").read_bytes()
        with pytest.raises(FolderInUse):
            Lock(tmp_path)


def test_a_folder_that_cannot_be_locked_is_refused(tmp_path, monkeypatch):
    with pytest.raises(OutputError, match="cannot open a file in"):
        Lock(tmp_path / "missing")

    def flock(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(OutputError, match="cannot lock"):
        Lock(tmp_path)
