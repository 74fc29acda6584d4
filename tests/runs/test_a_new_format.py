"""A format is one module and one row of the table: nothing else has to know it."""

from __future__ import annotations

import re

import pytest
from msgspec.structs import replace
from tests.kill.instant import Instant
from tests.runs.toys import PARTS, TABS

import penstock
from penstock.core.web.model import Attempt, Reason
from penstock.errors import FolderError, FolderMismatch, UsageError
from penstock.fetching import wiring
from penstock.runs import store
from penstock.runs.files import is_left, outputs
from penstock.runs.folder import RunFolder
from penstock.sink.files import FILES
from penstock.sink.formats import FORMATS
from penstock.sink.jsonl import JSONL, JSONL_GZ, JSONL_ZST
from penstock.sink.sqlite import SQLITE
from penstock.sink.table import CSV
from penstock.testing.format_contract import check_format

INPUTS = [f"http://host{seq}.test/{'later' if seq % 4 == 3 else 'page'}/{seq}" for seq in range(24)]
FAILED = len(INPUTS) // 4
FAST = {"robots": False, "pace": "fixed", "delay": 0, "concurrency": 1, "attempts": 1, "flush_every": 0.01}

CHOICES = [
    ("tabs",),
    ("parts",),
    ("jsonl.zst",),
    ("parquet",),
    ("jsonl.gz", "tabs", "jsonl"),
    ("jsonl", "tabs"),
    ("jsonl", "parts"),
    ("jsonl", "parquet"),
    ("parts", "jsonl", "tabs"),
    ("files",),
    ("files", "jsonl"),
    ("sqlite",),
    ("jsonl", "sqlite"),
]


class Engine(Instant):
    """Answers at once; what is asked for ``later`` fails until ``mended``."""

    mended = False

    def answer(self, job):
        if "later" in job.target and not self.mended:
            return Attempt(job, Reason.RESET, "reset")
        return Attempt(job, status=200, head=b"HTTP/1.1 200 OK\r\n\r\n", body=b"page of " + job.target.encode())


@pytest.fixture(autouse=True)
def formats(monkeypatch):
    """The two rows, and an engine without a web; every few outcomes are a commit."""
    monkeypatch.setitem(FORMATS, "tabs", TABS)
    monkeypatch.setitem(FORMATS, "parts", PARTS)
    monkeypatch.setattr(wiring, "CurlEngine", Engine)
    monkeypatch.setattr(store, "FLUSH_BYTES", 150)
    monkeypatch.setattr(Engine, "asked", [], raising=False)
    monkeypatch.setattr(Engine, "mended", False)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run"


def run(path, sinks):
    return penstock.run(INPUTS, path, sinks=sinks, **FAST)


def damage(file):
    """Change one byte in the middle of *file*, of a database one of the last body: the middle may be free."""
    data = bytearray(file.read_bytes())
    data[data.rfind(b"page of") if file.suffix == ".db" else len(data) // 2] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize(
    "format_",
    [
        *(JSONL, JSONL_ZST, JSONL_GZ, CSV, TABS, PARTS, FILES, SQLITE),
        *(replace(format_, file_bytes=1) for format_ in (JSONL, JSONL_ZST, FILES)),
        *(replace(format_, file_bytes=900) for format_ in (CSV, TABS)),
    ],
    ids=lambda f: f.name,
)
def test_a_format_keeps_the_contract(format_, tmp_path):
    check_format(format_, tmp_path)


@pytest.mark.parametrize("sinks", CHOICES)
def test_a_run_is_stored_in_the_formats_that_were_chosen_and_in_no_other(path, sinks):
    assert run(path, sinks).complete
    assert {name for name, format_ in FORMATS.items() if outputs(path, format_)} == set(sinks)
    found = penstock.verify(path)
    assert (found.ok, found.settled, found.rows) == (True, len(INPUTS), len(sinks) * len(INPUTS)), found.problems


@pytest.mark.parametrize("sinks", CHOICES)
@pytest.mark.parametrize("after", [1, 9, 20])
def test_a_run_that_was_stopped_goes_on(path, monkeypatch, sinks, after):
    answer = Engine.answer

    def answering(engine, job):
        if len(engine.asked) == after:
            raise KeyboardInterrupt
        return answer(engine, job)

    monkeypatch.setattr(Engine, "answer", answering)
    with pytest.raises(KeyboardInterrupt):
        run(path, sinks)
    monkeypatch.setattr(Engine, "answer", answer)
    assert penstock.verify(path).ok
    assert penstock.resume(path, inputs=INPUTS).complete
    found = penstock.verify(path)
    assert (found.ok, found.settled, found.rows) == (True, len(INPUTS), len(sinks) * len(INPUTS)), found.problems


@pytest.mark.parametrize("sinks", CHOICES)
@pytest.mark.parametrize("repaired", [True, False])
def test_what_failed_is_tried_again_in_every_format(path, sinks, repaired):
    run(path, sinks)
    Engine.mended = True
    assert penstock.retry(path, inputs=INPUTS).again == FAILED
    found = penstock.verify(path, repair=repaired)
    assert (found.ok, found.settled) == (True, len(INPUTS)), found.problems
    with RunFolder.open(path) as folder:
        assert folder.ledger.tally().statuses == {200: len(INPUTS)}
        assert folder.ledger.total == len(INPUTS)


@pytest.mark.parametrize("sinks", CHOICES)
@pytest.mark.parametrize("lost", [True, False])
@pytest.mark.parametrize("retried", [True, False])
def test_a_byte_that_changed_costs_no_more_than_the_inputs_around_it(path, sinks, lost, retried):
    """Whichever format it is in: the proof finds it, a repair drops the inputs, a resume fetches them again."""
    run(path, sinks)
    Engine.mended = True
    if retried:
        penstock.retry(path, inputs=INPUTS)
    files = outputs(path, FORMATS[sinks[-1]])
    with RunFolder.open(path) as folder:
        of_file = [extent for extent in folder.ledger.extents() if extent.file == files[len(files) // 2].name]
        around = max(extent.rows for extent in of_file)
    damage(files[len(files) // 2])
    found = penstock.verify(path)
    assert not found.ok
    assert any(files[len(files) // 2].name in problem for problem in found.problems)
    if lost:
        (path / "run.db").unlink()
    found = penstock.verify(path, repair=True)
    assert found.ok, found.problems
    assert len(INPUTS) - around <= found.settled
    Engine.asked.clear()
    assert penstock.resume(path, inputs=INPUTS).complete
    assert len(Engine.asked) <= len(INPUTS) - found.settled + FAILED
    found = penstock.verify(path)
    assert (found.ok, found.settled, found.total) == (True, len(INPUTS), len(INPUTS)), found.problems


@pytest.mark.parametrize("sinks", CHOICES)
def test_a_repair_of_what_is_in_order_changes_no_file(path, sinks):
    run(path, sinks)
    before = {file: file.read_bytes() for file in outputs(path)}
    for lost in (False, True):
        if lost:
            (path / "run.db").unlink()
        assert penstock.verify(path, repair=True).settled == len(INPUTS)
        assert {file: file.read_bytes() for file in outputs(path)} == before


def test_a_row_that_one_format_lacks_is_found(path):
    run(path, ("jsonl", "tabs"))
    (file,) = outputs(path, TABS)
    rows = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(rows[:5] + rows[6:]))
    assert any("tabs: its rows are not those" in problem for problem in penstock.verify(path).problems)
    assert penstock.verify(path, repair=True).ok


def test_a_format_of_which_nothing_was_stored_is_found(path, monkeypatch):
    run(path, ("jsonl",))
    manifest = path / "run.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"jsonl"\n', b'"jsonl",\n      "tabs"\n'))
    assert penstock.verify(path).problems == (f"tabs: its rows are not those of the {len(INPUTS)} settled inputs",)


def test_what_a_crash_leaves_of_a_file_that_is_renamed_later_is_removed(path):
    run(path, ("parts",))
    (path / "part-00009.json.part").write_bytes(b"half")
    assert is_left("part-00009.json.part")
    assert not is_left("outcomes-00009.jsonl.part"), "lines are never written aside"
    penstock.resume(path, inputs=INPUTS)
    assert not list(path.glob("*.part"))


def test_a_link_in_the_place_of_a_formats_folder_is_refused(path, tmp_path):
    run(path, ("files",))
    (path / "bodies").rename(tmp_path / "elsewhere")
    (path / "bodies").symlink_to(tmp_path / "elsewhere")
    for action in (penstock.resume, penstock.verify):
        with pytest.raises(FolderError, match=r"bodies in .* is a link, or no folder"):
            action(path)


def test_a_body_that_is_lost_costs_its_own_input_alone(path):
    run(path, ("files",))
    next((path / "bodies").glob("*/*")).unlink()
    assert any("is not the one that was fetched" in problem for problem in penstock.verify(path).problems)
    found = penstock.verify(path, repair=True)
    assert (found.ok, found.settled) == (True, len(INPUTS) - 1), found.problems
    assert penstock.resume(path, inputs=INPUTS).complete
    assert [page.body for page in penstock.open(path) if page.seq == 0] == [b"page of http://host0.test/page/0"]


def test_a_format_that_is_not_known_is_refused(path, monkeypatch):
    known = re.escape(", ".join(FORMATS))
    with pytest.raises(UsageError, match=f"sinks: there is no 'orc'; choose from: {known}$"):
        run(path, ("orc",))
    assert not path.exists()
    run(path, ("tabs",))
    monkeypatch.delitem(FORMATS, "tabs")
    for action in (penstock.resume, penstock.verify):
        known = re.escape(", ".join(FORMATS))
        with pytest.raises(FolderMismatch, match=f"names the format tabs, this Penstock knows {known}"):
            action(path)
