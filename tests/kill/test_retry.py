"""A retry, and a pass of a run that has several, ended at any operation and gone on with: as if nobody had ended it.

At every moment each input has one outcome, the old one or a newer one that is on the disk, and the proof holds.
"""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import orjson
import pytest
from shim import Cut, Death, Plan, Shim, die_softly
from test_real_process import PACE, Trap, _Page
from tests.kill.instant import Instant

import penstock
from penstock.core.web.model import Attempt, Job, Reason
from penstock.errors import PenstockError
from penstock.fetching import sessions, wiring
from penstock.runs import store

KINDS = ("page", "page", "later", "never", "busy")
INPUTS = 30
FAST = {
    "robots": False,
    "pace": "fixed",
    "delay": 0,
    "per_host": 1,
    "concurrency": 1,
    "flush_every": 0.01,
    "attempts": 1,
}


class Failing(Instant):
    """What is asked for ``later`` fails until ``mended``."""

    mended = False

    def answer(self, job: Job) -> Attempt:
        kind = job.target.split("/")[3]
        if kind == "never" or (kind == "later" and not self.mended):
            return Attempt(job, Reason.RESET, "reset")
        status = 503 if kind == "busy" and not self.mended else 200
        return Attempt(job, status=status, head=b"HTTP/1.1 200 OK\r\n\r\n", body=b"x" * status)


@pytest.fixture
def engine(monkeypatch):
    """The engine in the place of the real one; every outcome is a commit of its own."""
    Failing.asked, Failing.mended = [], False
    monkeypatch.setattr(wiring, "CurlEngine", Failing)
    monkeypatch.setattr(store, "FLUSH_BYTES", 1)
    return Failing


@pytest.fixture
def finished(engine, tmp_path):
    """A folder with a run that has finished, to be copied."""
    root = tmp_path / "whole"
    begin(root)
    penstock.run(root / "urls.txt", root / "run", **FAST)
    engine.asked.clear()
    engine.mended = True
    return root


def begin(root: Path) -> Path:
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    lines = (f"http://host{seq % 3}.test/{KINDS[seq % 5]}/{seq}" for seq in range(INPUTS))
    (root / "urls.txt").write_text("\n".join(lines))
    return root


def copied(finished: Path) -> Path:
    """The folder of the run, put back to how it was when it finished."""
    kept = finished.with_name("kept")
    if not kept.exists():
        shutil.copytree(finished, kept)
    shutil.rmtree(finished)
    shutil.copytree(kept, finished)
    return finished


def newest(folder: Path) -> dict[int, dict]:
    """The rule for whoever reads the files: of several lines with one seq the last counts."""
    files = sorted(folder.glob("outcomes-*.jsonl"))
    records = [orjson.loads(line) for file in files for line in file.read_bytes().splitlines()]
    return {record["seq"]: record for record in records}


def in_words(folder: Path) -> list[str]:
    return [str(record["error"] or record["status"]) for _, record in sorted(newest(folder).items())]


def end(root: Path, plan: Plan, action) -> None:
    try:
        with Shim(root, plan, die_softly):
            action()
    except Death:
        pass


RESET = ["200", "200", "200", "reset", "503"] * (INPUTS // 5)
"""What the inputs come to when those that were reset have been tried again."""

ALL = ["200", "200", "200", "reset", "200"] * (INPUTS // 5)
"""And when the 503s have been, too."""


def test_a_retry_that_nobody_ends(engine, finished):
    summary = penstock.retry(finished / "run", only="reset")
    assert len(engine.asked) == summary.again == 2 * INPUTS // 5
    assert in_words(finished / "run") == RESET
    assert (summary.inputs, summary.tally.total, summary.session.total) == (INPUTS, INPUTS, 2 * INPUTS // 5)
    assert summary.tally.reasons == {"reset": INPUTS // 5}
    summary = penstock.retry(finished / "run")
    assert in_words(finished / "run") == ALL
    assert summary.tally.statuses == {200: 4 * INPUTS // 5}
    assert penstock.verify(finished / "run").ok


@pytest.mark.parametrize("then", [penstock.retry, penstock.resume])
def test_a_retry_ended_at_any_operation_is_brought_to_its_end_by_either_command(engine, finished, then):
    draw = random.Random(4)
    with Shim(copied(finished), None, die_softly) as shim:
        penstock.retry(finished / "run")
    assert len(shim.operations) > 40
    wrong = {}
    for at in range(1, len(shim.operations), 2):
        run = copied(finished) / "run"
        for plan in (Plan(at, cut=draw.choice((None, *Cut))), Plan(draw.randrange(3, 20), middle=True)):
            end(finished, plan, lambda run=run: penstock.retry(run))
            if not (found := penstock.verify(run)).ok or found.total != found.settled:
                wrong[at, "in between"] = found.problems
        then(run)
        if found := faults(run, ALL):
            wrong[at] = found
    assert not wrong


def test_no_input_is_tried_again_twice_where_it_was_stored(engine, finished):
    """What an ended retry had on the disk for good is not asked for by the next."""
    run = copied(finished) / "run"
    end(finished, Plan(30), lambda: penstock.retry(run))
    before = len(engine.asked)
    left = penstock.verify(run).pending
    assert 0 < left < 3 * INPUTS // 5
    penstock.retry(run)
    assert len(engine.asked) - before == left


def faults(run: Path, expected: list[str]) -> list[str]:
    try:
        found = penstock.verify(run)
    except PenstockError as error:
        return [str(error)]
    wrong = list(found.problems)
    if (found.total, found.settled, found.pending) != (INPUTS, INPUTS, 0):
        wrong.append(f"it counts {found.total}, {found.settled}, {found.pending}")
    if in_words(run) != expected:
        wrong.append(f"its outcomes are {in_words(run)}")
    return wrong


@pytest.fixture
def mended_later(engine, monkeypatch):
    """What failed in the first pass is mended in all others, of whatever process."""
    begin_flow = wiring.Passes._begin

    def begin(passes):
        engine.mended = passes._folder.ledger.passes > 1
        return begin_flow(passes)

    monkeypatch.setattr(wiring.Passes, "_begin", begin)


def work(root: Path) -> penstock.Summary:
    return penstock.run(root / "urls.txt", root / "run", passes=3, **FAST)


def test_a_run_of_three_passes_that_nobody_ends(engine, mended_later, tmp_path):
    root = begin(tmp_path / "root")
    summary = work(root)
    each = INPUTS // 5
    assert len(engine.asked) == INPUTS + 3 * each + each
    assert (summary.session.total, summary.again, summary.tally.total) == (INPUTS + 4 * each, 4 * each, INPUTS)
    assert not faults(root / "run", ALL)
    assert work(root).session.total == 0, "the passes are over"


def test_a_run_of_three_passes_ended_at_any_operation_is_as_if_it_had_not_been(engine, mended_later, tmp_path):
    draw = random.Random(5)
    with Shim(begin(tmp_path / "root"), None, die_softly) as shim:
        work(tmp_path / "root")
    assert len(shim.operations) > 120
    wrong = {}
    for at in range(2, len(shim.operations), 5):
        root = begin(tmp_path / "root")
        for plan in (Plan(at, cut=draw.choice((None, *Cut))), Plan(draw.randrange(3, 40), middle=True)):
            end(root, plan, lambda root=root: work(root))
        work(root)
        if found := faults(root / "run", ALL):
            wrong[at] = found
    assert not wrong


def test_a_retry_that_forgets_the_old_outcomes_first_is_found(engine, finished, monkeypatch):
    """The bug that this is there to find, planted: an old outcome is given up before a newer one is on the disk."""
    chosen = sessions._make_session

    def hasty(folder, *rest, **more):
        for file in folder.path.glob("outcomes-*.jsonl"):
            file.write_bytes(b"".join(line for line in file.read_bytes().splitlines(True) if b'"reset"' not in line))
        return chosen(folder, *rest, **more)

    run = copied(finished) / "run"
    monkeypatch.setattr(sessions, "_make_session", hasty)
    with pytest.raises(PenstockError):
        penstock.retry(run)
    assert not penstock.verify(run).ok


# -- the real program, killed


class _Busy(_Page):
    """Those that are ``busy`` answer 503 until the server is mended."""

    def do_GET(self) -> None:  # noqa: N802 - http.server's name for it
        if self.path.startswith("/busy") and not getattr(self.server, "mended", False):
            self.server.count()
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            super().do_GET()


def launch(*arguments) -> subprocess.Popen:
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "penstock",
            *map(str, arguments),
            *PACE,
            "--attempts",
            "1",
            "--pace",
            "fixed",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.fixture
def trap():
    with Trap() as server:
        server.RequestHandlerClass = _Busy
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_the_real_program_killed_in_its_retry_again_and_again(trap, tmp_path):
    here = f"http://127.0.0.1:{trap.server_port}"
    urls, folder = tmp_path / "urls.txt", tmp_path / "run"
    urls.write_text("\n".join(f"{here}/{'busy' if seq % 2 else 'page'}/{seq}" for seq in range(200)))
    assert launch("fetch", urls, "-o", folder, "--no-robots").wait() == 0
    trap.mended = True
    draw, killed = random.Random(10), 0
    for _ in range(5):
        trap.arm(draw.randint(1, 30))
        program = launch("retry", folder, "--only", "503")
        trap.watch(program)
        killed += program.wait() == -signal.SIGKILL
        found = penstock.verify(folder)
        assert found.ok, found.problems
        assert (found.total, found.settled) == (200, 200)
    trap.arm(0)
    assert killed >= 3, "the kills missed the work"
    assert launch("resume", folder).wait() == 0
    assert {record["status"] for record in newest(folder).values()} == {200}
    found = penstock.verify(folder)
    assert (found.problems, found.replaced, found.pending) == ((), 100, 0)
