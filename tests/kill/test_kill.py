"""Promise 3 and promise 4: a run that is ended anywhere and resumed is the run that was not ended.

Dying after an operation is dying before the next one: nothing that outlives the process lies between.
So every operation is died before, every write also in the middle, each by a kill and by every power cut.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import scripted
from msgspec.structs import replace
from pyroaring import BitMap64
from shim import Cut, Death, Plan, Shim, die_softly
from tests.runs.toys import PARTS, TABS

import penstock.runs.folder
from penstock.core.extents import Extent
from penstock.errors import PenstockError
from penstock.runs.files import outputs
from penstock.runs.ledger import Ledger
from penstock.runs.repair import repair
from penstock.sink import durable
from penstock.sink.durable import AppendFile
from penstock.sink.files import FILES
from penstock.sink.formats import FORMATS
from penstock.sink.jsonl import JSONL, JSONL_GZ, JSONL_ZST
from penstock.sink.table import CSV

ENDS = (None, *Cut)

FILE_BYTES = dict.fromkeys((JSONL, TABS), scripted.FILE_BYTES) | dict.fromkeys((JSONL_ZST, JSONL_GZ, CSV), 700)
"""Each run has several files of a format; what is compressed, or has no bodies, is shorter."""


@pytest.fixture(autouse=True)
def small_files(monkeypatch):
    monkeypatch.setattr(durable, "BUFFER", scripted.BUFFER)
    for format_, file_bytes in FILE_BYTES.items():
        monkeypatch.setitem(FORMATS, format_.name, replace(format_, file_bytes=file_bytes))
    monkeypatch.setitem(FORMATS, PARTS.name, PARTS)
    monkeypatch.setitem(FORMATS, FILES.name, replace(FILES, file_bytes=scripted.FILE_BYTES))


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    return root


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """The outcomes of a run that nobody ended."""
    path = tmp_path_factory.mktemp("whole") / "run"
    scripted.work(path)
    return scripted.identities(path)


def plans(operations):
    """Every way to end a run of these operations."""
    for at, operation in enumerate(operations):
        for cut in ENDS:
            yield Plan(at, cut=cut)
            if operation.startswith("write") and not operation.endswith("run.lock"):
                yield Plan(at, middle=True, cut=cut)


def operations_of(root, action):
    with Shim(root, None, die_softly) as shim:
        action()
    return shim.operations


def end(root, action, plan):
    """Carry *action* out until it is ended as planned, or to its end where that never happens.

    Also the way to do things fast: the shim spares the disk its flushes.
    """
    try:
        with Shim(root, plan, die_softly):
            action()
    except Death:
        pass


def emptied(root):
    shutil.rmtree(root)
    root.mkdir()
    return root / "run"


def faults(root, expected, *ends, sinks=("jsonl",)):
    """End the run once for each plan of *ends*, then resume it to its end, and return what is wrong with it."""
    path, promised = emptied(root), set()
    try:
        for plan in ends:
            end(root, partial(scripted.work, path, promised, sinks), plan)
            if promised and promised - scripted.settled_in(path):
                return ["what was durable is lost"]
        end(root, partial(scripted.work, path, None, sinks), None)
    except PenstockError as error:
        return [str(error)]
    return scripted.problems(path, expected)


@pytest.mark.parametrize("sink", ["jsonl", "files", "sqlite"])
def test_a_run_ended_at_any_operation_and_resumed_is_as_if_it_had_not_been(root, expected, sink):
    operations = operations_of(root, partial(scripted.work, root / "run", None, (sink,)))
    assert len(operations) > 30, "the shim sees less than it did"
    wrong = {plan: found for plan in plans(operations) if (found := faults(root, expected, plan, sinks=(sink,)))}
    assert not wrong


def test_a_resume_may_be_ended_at_any_operation_too(root, expected):
    """The first run ends at random places; the resume after it at every one."""
    draw = random.Random(2)
    operations = operations_of(root, partial(scripted.work, root / "run"))
    firsts = [Plan(at, middle=True, cut=draw.choice(ENDS)) for at in draw.sample(range(4, len(operations)), 6)]
    wrong = {}
    for first in firsts:
        path = emptied(root)
        end(root, partial(scripted.work, path), first)
        again = operations_of(root, partial(scripted.work, path))
        for second in draw.choices(list(plans(again)), k=16):
            found = faults(root, expected, first, second)
            if found:
                wrong[first, second] = found
    assert not wrong


def test_a_run_ended_many_times_comes_to_its_end(root, expected):
    draw = random.Random(3)
    for _ in range(12):
        ends = [Plan(draw.randrange(30), draw.random() < 0.5, draw.choice(ENDS)) for _ in range(8)]
        assert not faults(root, expected, *ends)


def test_a_repair_may_be_ended_at_any_operation(root, expected):
    """The ledger is gone and a byte has changed; whatever the repair had come to, repairing again helps."""
    path = damaged(root)
    wrong = {}
    for plan in random.Random(4).choices(list(plans(operations_of(root, partial(repair, path)))), k=50):
        path = damaged(root)
        end(root, partial(repair, path), plan)
        end(root, partial(repair, path), None)
        end(root, partial(scripted.work, path), None)
        found = scripted.problems(path, expected)
        if found:
            wrong[plan] = found
    assert not wrong


OTHERS = [
    ("jsonl", "tabs"),
    ("parts", "jsonl"),
    ("jsonl.zst",),
    ("jsonl.gz",),
    ("csv",),
    ("parquet",),
    ("jsonl", "parquet"),
    ("jsonl", "jsonl.zst", "csv"),
    ("csv", "jsonl.gz", "jsonl"),
    ("jsonl", "files"),
    ("sqlite", "jsonl"),
]


@pytest.mark.parametrize("sinks", OTHERS)
def test_a_run_in_other_formats_may_be_ended_at_any_operation_too(root, expected, sinks):
    draw = random.Random(6)
    every = list(plans(operations_of(root, partial(scripted.work, root / "run", None, sinks))))
    wrong = {}
    for _ in range(40):
        ends = draw.choices(every, k=2)
        if found := faults(root, expected, *ends, sinks=sinks):
            wrong[tuple(ends)] = found
    assert not wrong


@pytest.mark.parametrize("sinks", OTHERS)
def test_a_repair_of_other_formats_may_be_ended_at_any_operation_too(root, expected, sinks):
    path = damaged(root, sinks)
    wrong = {}
    for plan in random.Random(7).choices(list(plans(operations_of(root, partial(repair, path)))), k=40):
        path = damaged(root, sinks)
        end(root, partial(repair, path), plan)
        end(root, partial(repair, path), None)
        end(root, partial(scripted.work, path, None, sinks), None)
        if found := scripted.problems(path, expected):
            wrong[plan] = found
    assert not wrong


def damaged(root, sinks=("jsonl",)):
    path = emptied(root)
    end(root, partial(scripted.work, path, None, sinks), None)
    file = outputs(path, FORMATS[sinks[-1]])[0]
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    (path / "run.db").write_bytes(b"not a database")
    return path


# -- the bugs that all this is there to find, planted


def seal_without_flush(file: AppendFile, sink: str, *, rows: int, seqs: BitMap64) -> Extent | None:
    """The bytes are written and claimed; ``commit_then_flush`` flushes them, too late."""
    file._write()
    if file._written == file._start:
        return None
    checksum = durable.checksum_text(file._checksum)
    extent = Extent(sink, file.path.name, file._start, file._written, rows, checksum, seqs)
    file._start, file._checksum = file._written, 0
    return extent


def commit_then_flush(ledger, extents, *of_them, commit=Ledger.commit):
    commit(ledger, extents, *of_them)
    for extent in extents:
        fd = os.open(ledger._path.parent / extent.file, os.O_RDWR)
        os.fsync(fd)
        os.close(fd)


def plant_no_truncation(monkeypatch):
    monkeypatch.setattr(durable.AppendFile, "_cut", lambda file, committed: os.lseek(file._fd, 0, os.SEEK_END))


def plant_truncation_forgotten(monkeypatch):
    monkeypatch.setattr(durable.AppendFile, "_cut", lambda file, committed: os.lseek(file._fd, committed, os.SEEK_SET))


def plant_commit_before_fsync(monkeypatch):
    monkeypatch.setattr(durable.AppendFile, "seal", seal_without_flush)
    monkeypatch.setattr(Ledger, "commit", commit_then_flush)


def plant_rename_before_fsync(monkeypatch):
    def write_file(path: Path, data: bytes) -> None:
        part = path.with_name(path.name + ".part")
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.write(fd, data)
        os.replace(part, path)
        os.fsync(fd)
        os.close(fd)

    monkeypatch.setattr(penstock.runs.folder, "write_file", write_file)


def plant_name_not_flushed(monkeypatch):
    monkeypatch.setattr(durable, "_flush_folder", lambda folder: None)


@pytest.mark.parametrize(
    "plant",
    [
        plant_no_truncation,
        plant_truncation_forgotten,
        plant_commit_before_fsync,
        plant_rename_before_fsync,
        plant_name_not_flushed,
    ],
)
def test_a_planted_bug_is_found(plant, root, expected, monkeypatch):
    plant(monkeypatch)
    operations = operations_of(root, partial(scripted.work, root / "run"))
    shuffled = random.Random(5).sample(every := list(plans(operations)), len(every))
    assert any(faults(root, expected, plan) for plan in shuffled)


# -- real processes, real SIGKILL


def spawn(root, what, *arguments):
    here = Path(__file__).parent
    command = [
        sys.executable,
        here / "shim.py",
        "--root",
        root,
        *arguments,
        "--",
        here / "scripted.py",
        what,
        root / "run",
    ]
    return subprocess.run([str(part) for part in command], check=False, timeout=60).returncode


def test_a_real_process_killed_again_and_again_loses_nothing(root, expected):
    """A process dies by SIGKILL at operations spread over the run, each resume as well."""
    for at in (9, 20, 3, 8, 7, 5):
        assert spawn(root, "work", "--at", at, "--middle") == -9
    assert spawn(root, "work") == 0
    assert not scripted.problems(root / "run", expected)


@pytest.mark.parametrize("cut", [cut.name for cut in Cut])
def test_a_real_process_whose_power_is_cut_loses_nothing(root, expected, cut):
    assert spawn(root, "work", "--at", 24, "--cut", cut) == -9
    assert spawn(root, "work", "--at", 8, "--cut", cut) == -9
    assert spawn(root, "work") == 0
    assert not scripted.problems(root / "run", expected)
