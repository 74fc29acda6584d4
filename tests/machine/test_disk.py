"""A disk that runs full: the run stops before it is, keeps what it has, and can be resumed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import penstock
from penstock.errors import OutputError
from penstock.fetching import wiring
from penstock.machine.disk import RESERVE, STEP, Space, scratch_folder
from penstock.testing.web import LocalWeb

LARGE = 10**12

SMALL_DISK = """
import os, subprocess, sys
from pathlib import Path
from penstock.testing.web import LocalWeb

disk, python = sys.argv[1], [sys.executable, "-m", "penstock"]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", disk], check=True)
with LocalWeb() as web:
    Path(disk, "urls.txt").write_text("".join(f"{web.url(0, f'/{number}')}\\n" for number in range(4000)))
    command = [*python, "fetch", "urls.txt", "-o", "pages", "--delay", "0", "--per-host", "20"]
    full = subprocess.run(command, cwd=disk, capture_output=True, text=True)
    left = os.statvfs(disk)
    print(full.returncode, left.f_bavail * left.f_frsize >= 200_000)
    print(full.stderr)
    print(subprocess.run([*python, "verify", "pages"], cwd=disk, capture_output=True).returncode)
    print(subprocess.run([*python, "resume", "pages"], cwd=disk, capture_output=True).returncode)
    subprocess.run(["mount", "-o", "remount,size=80m", disk], check=True)
    print(subprocess.run([*python, "resume", "pages"], cwd=disk, capture_output=True).returncode)
    print(subprocess.run([*python, "verify", "pages"], cwd=disk, capture_output=True).returncode)
"""


@pytest.fixture(scope="module")
def web():
    with LocalWeb() as local:
        yield local


class Disk:
    """A disk on which *free* bytes are left of so many, and each look is counted."""

    def __init__(self, free: int, total: int = LARGE) -> None:
        self.free = free
        self.total = total
        self.looks = 0

    def __call__(self, _folder: Path) -> tuple[int, int, int]:
        self.looks += 1
        return self.total, self.total - self.free, self.free


def test_what_stays_free_is_said_with_what_is():
    with pytest.raises(OutputError, match=r"only 50 MB are free on the disk of /pages, and 100 MB are to stay free"):
        Space([Path("/pages")], Disk(50_000_000)).check()


def test_of_a_small_disk_a_twentieth_stays_free():
    space = Space([Path("/pages")], Disk(1_900_000, 25_000_000))
    space.check(600_000)
    with pytest.raises(OutputError, match=r"only 1\.9 MB are free on .*, and 1\.2 MB are to stay free"):
        space.check(700_000)


def test_every_disk_counts():
    fine, full = Path("/fine"), Path("/full")
    disks = {fine: Disk(LARGE), full: Disk(0)}
    with pytest.raises(OutputError, match="/full"):
        Space([fine, full], lambda folder: disks[folder](folder)).check()


def test_the_disk_is_looked_at_once_for_so_many_bytes():
    disk = Disk(LARGE)
    space = Space([Path()], disk)
    for _ in range(100):
        space.admit(STEP // 10)
    assert disk.looks == 10


def test_a_body_that_would_not_fit_is_seen_before_it_is_written():
    space = Space([Path()], Disk(RESERVE + 10 * STEP))
    space.admit(10 * STEP)
    with pytest.raises(OutputError):
        space.admit(10 * STEP + 1)


def test_scratch_lies_where_sqlite_puts_it(monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert scratch_folder() == tmp_path
    monkeypatch.setenv("SQLITE_TMPDIR", str(tmp_path / "none"))
    assert scratch_folder() == tmp_path


def test_nothing_is_made_or_sent_where_the_disk_is_full_from_the_start(monkeypatch, tmp_path, web):
    monkeypatch.setattr(wiring, "Space", lambda folders: Space(folders, Disk(0)))
    before = web.traffic().connections
    with pytest.raises(OutputError, match="make room"):
        penstock.run([web.url()], tmp_path / "pages")
    assert not (tmp_path / "pages").exists()
    assert web.traffic().connections == before


@pytest.mark.parametrize("looks", [1, 2, 5])
def test_a_disk_that_fills_stops_the_run_which_can_be_resumed(monkeypatch, tmp_path, web, looks, each_once):
    """What was taken before is committed; nothing is asked for twice but what was under way."""

    class Filling(Disk):
        def __call__(self, folder):
            self.free = LARGE if self.looks < 1 + looks else 0
            return super().__call__(folder)

    disk = Filling(LARGE)
    urls = [web.url(0, f"/{looks}/{seq}") for seq in range(900)]
    settings = {"delay": 0, "per_host": 10, "concurrency": 10}
    with monkeypatch.context() as filling:
        filling.setattr(wiring, "Space", lambda folders: Space(folders, disk))
        with pytest.raises(OutputError, match=r"only 0\.0 MB are free"):
            penstock.run(urls, tmp_path / "pages", **settings)
    kept = penstock.verify(tmp_path / "pages")
    assert kept.ok
    before = sum(len(file.read_bytes().splitlines()) for file in (tmp_path / "pages").glob("outcomes-*.jsonl"))
    assert before > 0
    summary = penstock.run(urls, tmp_path / "pages", **settings)
    assert summary.complete
    assert summary.session.total == 900 - before
    lines = [line for file in (tmp_path / "pages").glob("outcomes-*.jsonl") for line in file.read_bytes().splitlines()]
    each_once(map(json.loads, lines), 900)


def test_a_small_file_system_is_never_filled(tmp_path):
    """A real one, of 24 MB: exit 4, nothing lost; made larger, the rest."""
    if sys.platform != "linux" or os.geteuid() or subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("mounting takes root and Linux")
    said = subprocess.run(
        ["unshare", "-m", sys.executable, "-c", SMALL_DISK, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    first, *told, verified, refused, resumed, proven = said.stdout.splitlines()
    assert first == "4 True"
    assert "MB are free on the disk of" in "".join(told)
    assert "penstock resume pages" in "".join(told)
    assert (verified, refused, resumed, proven) == ("5", "4", "0", "0")


def test_a_disk_that_cannot_be_asked_is_left_to_whoever_writes(tmp_path):
    Space([tmp_path / "gone"]).check()
