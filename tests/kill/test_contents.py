"""Wherever a run of an iterable is ended: each input that has its outcome is known again, and so is another one."""

from __future__ import annotations

import random
import shutil
from contextlib import closing

import pytest
from shim import Cut, Death, Plan, Shim, die_softly
from tests.kill.instant import Instant

import penstock
from penstock.errors import InputChanged
from penstock.fetching import wiring
from penstock.runs import session
from penstock.runs.contents import WIDTH
from penstock.runs.folder import LEDGER_FILE, RunFolder, read_manifest
from penstock.runs.ledger import Ledger
from penstock.source.digests import digest_item

URLS = [f"http://host{number}.test/" for number in range(24)]
FAST = {"robots": False, "delay": 0, "per_host": 4, "concurrency": 4, "flush_every": 0.01}


@pytest.fixture(autouse=True)
def engine(monkeypatch):
    """An engine that needs no web; every outcome is a commit of its own."""
    Instant.asked = []
    monkeypatch.setattr(wiring, "CurlEngine", Instant)
    monkeypatch.setattr(session, "FLUSH_BYTES", 1)


@pytest.fixture
def root(tmp_path):
    return tmp_path / "root"


def end(root, items, plan):
    root.mkdir(exist_ok=True)
    try:
        with Shim(root, plan, die_softly):
            penstock.run(items, root / "run", **FAST)
    except Death:
        pass


def unknown(root):
    """The settled inputs whose digests are not those of their items."""
    if not RunFolder.holds_run(root / "run"):
        return []
    RunFolder.open(root / "run").close()
    with closing(Ledger(root / "run" / LEDGER_FILE, read_manifest(root / "run").run)) as ledger:
        kept = b"".join(bytes(held) for _, held in ledger.digests())
        return [
            seq
            for seq in ledger.settled()
            if kept[seq * WIDTH : (seq + 1) * WIDTH] != digest_item(URLS[seq]).to_bytes(WIDTH, "little")
        ]


@pytest.mark.parametrize("kind", [list, iter])
def test_a_settled_input_is_known_wherever_the_run_is_ended(root, kind):
    draw = random.Random(11)
    wrong, settled = {}, 0
    for at in range(1, 70, 3):
        shutil.rmtree(root, ignore_errors=True)
        for plan in (Plan(at, cut=draw.choice((None, *Cut))), Plan(draw.randrange(4, 30), middle=True)):
            end(root, kind(URLS), plan)
            if found := unknown(root):
                wrong[at, plan] = found
        first = penstock.run(kind(URLS), root / "run", **FAST)
        settled += first.tally.total - first.session.total
        if found := unknown(root):
            wrong[at] = found
        with pytest.raises(InputChanged, match="input 7 "):
            penstock.run(kind([*URLS[:7], *URLS[8:], URLS[7]]), root / "run", **FAST)
    assert not wrong
    assert settled > 100, "the ends missed the work"


def test_digests_that_are_not_kept_with_their_inputs_are_found(root, monkeypatch):
    """The bug that this is there to find, planted."""
    monkeypatch.setattr(Ledger, "_keep_held", lambda ledger: None)
    end(root, URLS, Plan(30))
    assert unknown(root)
