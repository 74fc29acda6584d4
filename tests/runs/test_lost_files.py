"""A file of a run that is replaced, removed or cut while the run goes on ends it, and nothing more is claimed."""

from __future__ import annotations

import os
import shutil

import pytest
from msgspec.structs import replace

import penstock
from penstock.cli.exits import Exit, code_of
from penstock.errors import FolderDamaged
from penstock.fetching import sessions
from penstock.runs import store
from penstock.sink.formats import FORMATS
from penstock.sink.jsonl import JSONL
from penstock.testing.web import LocalWeb

PATIENCE = 30.0
"""Seconds that no commit takes."""

FIRST = 4
"""Pages that are committed before anything happens."""


@pytest.fixture(scope="module")
def web():
    with LocalWeb() as local:
        yield local


def replaced(path):
    """What ``sed -i`` does."""
    shutil.copyfile(path, path.with_name("copy"))
    path.with_name("copy").replace(path)


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def emptied(path):
    os.truncate(path, 0)


def moved(path):
    path.rename(path.with_name("elsewhere"))


def removed(path):
    path.unlink()


def run(web, folder, lose, *, when=FIRST, pages=2 * FIRST, **settings):
    """Fetch one page after the other, a commit after each, and *lose* something when so many have come."""
    seen = []

    def look(page):
        seen.append(page)
        if len(seen) == when:
            lose(folder)

    urls = [web.url(path=f"/page/{number}") for number in range(pages)]
    return penstock.run(
        urls, folder, on_page=look, **{"concurrency": 1, "delay": 0, "flush_every": 0.01, "robots": False} | settings
    )


@pytest.fixture
def often(monkeypatch):
    """A commit with each page."""

    class Often(store.FolderStore):
        def take(self, outcomes):
            self._due = 0.0
            super().take(outcomes)
            assert self.wait(PATIENCE)

    monkeypatch.setattr(sessions, "FolderStore", Often)


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize(
    ("name", "lose"),
    [
        *(("outcomes-00000.jsonl", lose) for lose in (replaced, removed, moved, cut, emptied)),
        *(("run.db", lose) for lose in (replaced, removed, moved, cut, emptied)),
        *(("run.json", lose) for lose in (removed, moved, cut, emptied)),
        *(("run.lock", lose) for lose in (replaced, removed, moved)),
    ],
)
def test_a_run_ends_and_says_which_file_it_lost(web, tmp_path, name, lose):
    with pytest.raises(FolderDamaged, match=name.replace(".", r"\.")) as raised:
        run(web, tmp_path / "pages", lambda folder: lose(folder / name))
    assert code_of(raised.value) is Exit.OUTPUT


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("lose", [replaced, removed, cut])
def test_a_file_that_was_finished_is_looked_at_too(web, tmp_path, monkeypatch, lose):
    monkeypatch.setitem(FORMATS, "jsonl", replace(JSONL, file_bytes=1))
    with pytest.raises(FolderDamaged, match=r"outcomes-00001\.jsonl"):
        run(web, tmp_path / "pages", lambda folder: lose(folder / "outcomes-00001.jsonl"))


@pytest.mark.parametrize("lose", [removed, replaced])
def test_what_is_lost_with_the_last_page_is_found_before_the_end(web, tmp_path, lose):
    with pytest.raises(FolderDamaged, match=r"outcomes-00000\.jsonl"):
        run(web, tmp_path / "pages", lambda folder: lose(folder / "outcomes-00000.jsonl"), pages=FIRST)


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("lose", [shutil.rmtree, moved])
def test_a_folder_that_is_removed_or_moved_ends_the_run(web, tmp_path, lose):
    with pytest.raises(FolderDamaged):
        run(web, tmp_path / "pages", lose)


@pytest.mark.usefixtures("often")
def test_nothing_is_claimed_of_what_went_to_a_file_without_a_name(web, tmp_path):
    """After a repair the run goes on, and every input has its outcome."""
    folder = tmp_path / "pages"
    with pytest.raises(FolderDamaged):
        run(web, folder, lambda folder: replaced(folder / "outcomes-00000.jsonl"))
    before = penstock.verify(folder, repair=True)
    assert before.ok
    assert before.settled < 2 * FIRST
    summary = run(web, folder, lambda folder: None)
    assert summary.complete
    assert summary.session.total == 2 * FIRST - before.settled
    assert penstock.verify(folder).ok


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("name", ["run.json", "run.lock", "outcomes-00000.jsonl", "run.db"])
def test_a_file_that_is_only_read_or_touched_is_not_lost(web, tmp_path, name):
    def touch(folder):
        (folder / name).read_bytes()
        (folder / name).touch()

    assert run(web, tmp_path / "pages", touch).complete
