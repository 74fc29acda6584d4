"""A session that is given other settings, ended at any operation: the folder has the old ones or the new ones."""

from __future__ import annotations

import shutil

import pytest
from shim import Cut, Death, Plan, Shim, die_softly
from tests.kill.instant import Instant

import penstock
from penstock.fetching import wiring
from penstock.runs.folder import read_manifest

FAST = {"robots": False, "pace": "fixed", "delay": 0, "concurrency": 1, "attempts": 1}


@pytest.fixture
def finished(monkeypatch, tmp_path):
    """A folder with a run that has finished, to be copied."""
    monkeypatch.setattr(wiring, "CurlEngine", Instant)
    Instant.asked = []
    (tmp_path / "whole").mkdir()
    (tmp_path / "urls.txt").write_text("\n".join(f"http://host.test/page/{seq}" for seq in range(5)))
    penstock.run(tmp_path / "urls.txt", tmp_path / "whole" / "run", **FAST)
    return tmp_path / "whole"


@pytest.mark.parametrize("cut", [None, *Cut])
def test_a_change_of_settings_is_whole_or_has_not_been(finished, tmp_path, cut):
    found = set()
    with Shim(copied(finished), None, die_softly) as shim:
        penstock.resume(finished / "run", timeout=7)
    assert len(shim.operations) > 5
    for at in range(1, len(shim.operations) + 1):
        root = copied(finished)
        try:
            with Shim(root, Plan(at, cut=cut), die_softly):
                penstock.resume(root / "run", timeout=7)
        except Death:
            pass
        found.add(read_manifest(root / "run").settings.timeout)
        assert penstock.resume(root / "run").complete
        assert penstock.verify(root / "run").ok
        assert sorted(file.name for file in (root / "run").iterdir() if "part" in file.name) == []
    assert found == {30.0, 7.0}


def copied(finished):
    """The folder of the run, put back to how it was when it finished."""
    kept = finished.with_name("kept")
    if not kept.exists():
        shutil.copytree(finished, kept)
    shutil.rmtree(finished)
    shutil.copytree(kept, finished)
    return finished
