"""A run whose list repeats itself, ended anywhere and resumed, is the run that was not ended: ``--unique``.

Which inputs are duplicates is nowhere on the disk while the run goes on. A resume finds it out again by reading the
input from its beginning, what is settled included; here it is shown that it finds the same.
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
from test_real_process import PACE, Trap
from tests.kill.instant import Instant

import penstock
from penstock.fetching import wiring
from penstock.runs import store

INPUTS = 60
FAST = {"delay": 0, "per_host": 4, "concurrency": 4, "flush_every": 0.01, "unique": True}


@pytest.fixture
def engine(monkeypatch):
    """The engine in the place of the real one; every outcome is a commit of its own."""
    Instant.asked = []
    monkeypatch.setattr(wiring, "CurlEngine", Instant)
    monkeypatch.setattr(store, "FLUSH_BYTES", 1)
    return Instant


def lines():
    """Twenty addresses in three spellings each, the firsts of them all over the list; always the same."""
    draw = random.Random(7)
    spelled = [
        spelling.format(number)
        for number in range(INPUTS // 3)
        for spelling in ("http://a.test/{}", "HTTP://A.test:80/{}", "http://a.test/{}#again")
    ]
    draw.shuffle(spelled)
    spelled[11] = "nonsense"
    return spelled


def firsts():
    """The seqs that have an outcome: those of the first of each, and of the line that is no URL."""
    seen, seqs = set(), set()
    for seq, line in enumerate(lines()):
        number = line.removesuffix("#again").rpartition("/")[2]
        if line == "nonsense" or number not in seen:
            seqs.add(seq)
        seen.add(number)
    return seqs


def work(root: Path) -> penstock.Summary:
    return penstock.run(root / "urls.txt", root / "run", **FAST)


def stored(root: Path) -> list[int]:
    return sorted(
        orjson.loads(line)["seq"]
        for file in (root / "run").glob("outcomes-*.jsonl")
        for line in file.read_bytes().splitlines()
    )


def begin(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    (root / "urls.txt").write_text("\n".join(lines()))
    return root


def end(root: Path, plan: Plan) -> None:
    try:
        with Shim(root, plan, die_softly):
            work(root)
    except Death:
        pass


def faults(root: Path) -> list[str]:
    summary = work(root)
    found = list(penstock.verify(root / "run").problems)
    if stored(root) != sorted(firsts()):
        found.append("its outcomes are not those of the firsts")
    if (summary.inputs, summary.tally.total, summary.tally.duplicates) != (
        INPUTS,
        len(firsts()),
        INPUTS - len(firsts()),
    ):
        found.append(f"it counts {summary.inputs} inputs, {summary.tally.duplicates} duplicates")
    return found


def test_a_run_that_nobody_ends(engine, tmp_path):
    root = begin(tmp_path)
    assert faults(root) == []
    asked = [url for url in engine.asked if not url.endswith("/robots.txt")]
    assert len(asked) == len(set(asked)) == len(firsts()) - 1


def test_ended_at_any_operation_and_resumed_it_is_as_if_it_had_not_been(engine, tmp_path):
    draw = random.Random(8)
    wrong = {}
    for at in range(1, 60, 2):
        root = begin(tmp_path)
        for plan in (Plan(at, cut=draw.choice((None, *Cut))), Plan(draw.randrange(4, 30), middle=True)):
            end(root, plan)
        if found := faults(root):
            wrong[at] = found
    assert not wrong


def test_a_resume_that_forgets_what_the_settled_asked_for_is_found(engine, tmp_path, monkeypatch):
    """The bug that this is there to find, planted: what is settled is passed over unread, as without ``unique``."""

    def hasty(source, settled, settings, *_):
        with wiring.make_row_preparer(settings) as prepare:
            for row in source.rows(settled):
                yield prepare(row, 0.0)

    monkeypatch.setattr(wiring, "read_jobs", hasty)
    root = begin(tmp_path)
    for at in (30, 20):
        end(root, Plan(at))
    found = faults(root)
    assert "its outcomes are not those of the firsts" in found
    assert any("asks for the same as an earlier one, but has an outcome of its own" in problem for problem in found)


# -- the real program, killed


@pytest.fixture
def trap():
    with Trap() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def launch(*arguments) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "penstock", *map(str, arguments), *PACE],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_the_real_program_killed_again_and_again_ends_as_if_nobody_had(trap, tmp_path):
    here = f"http://127.0.0.1:{trap.server_port}"
    paths = [f"/page/{number}" for number in range(100)]
    spelled = [*(here + path for path in paths[:50]), *(f"{here}{path}#again" for path in paths)]
    spelled += [here + path for path in paths[50:]]
    urls, folder = tmp_path / "urls.txt", tmp_path / "run"
    urls.write_text("\n".join(spelled))
    draw, killed = random.Random(9), 0
    for _ in range(6):
        trap.arm(draw.randint(1, 30))
        begun = (folder / "run.json").exists()
        program = launch("resume", folder) if begun else launch("fetch", urls, "-o", folder, "--unique")
        trap.watch(program)
        killed += program.wait() == -signal.SIGKILL
    trap.arm(0)
    assert launch("resume", folder).wait() == 0
    assert killed >= 3, "the kills missed the work"
    seqs = [orjson.loads(line)["seq"] for line in (folder / "outcomes-00000.jsonl").read_bytes().splitlines()]
    # The firsts: the fifty that came first, and of the others the spelling that did.
    assert sorted(seqs) == [*range(50), *range(100, 150)]
    found = penstock.verify(folder)
    assert found.problems == ()
    assert (found.total, found.settled, found.duplicates) == (200, 100, 100)
