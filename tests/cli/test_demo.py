"""The demo fetches its own web."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from penstock.cli.demo_list import HABITS, urls
from penstock.core.web.hosts import Place, locate


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_list_is_always_the_same_and_has_all_that_a_web_has():
    lines = list(urls(20_000))
    assert len(lines) == 20_000
    assert lines == list(urls(20_000))
    places = [locate(line) for line in lines]
    hosts = {place.key for place in places if isinstance(place, Place)}
    assert hosts >= HABITS.keys()
    assert len(hosts) > 300
    assert all("\n" not in line for line in lines)
    assert sum(not isinstance(place, Place) for place in places) == 40


def test_a_demo_ends_with_an_outcome_for_every_line_and_what_to_type_next(run, tmp_path, records, each_once):
    ended = run("demo", "--pages", "120")
    assert ended.exit_code == 0, ended.stderr
    outcomes = each_once(records(tmp_path / "penstock-demo"), 120)
    assert {"fetched", "failed", "skipped"} == {record["outcome"] for record in outcomes}
    assert "penstock verify penstock-demo" in ended.stderr
    assert run("verify", "penstock-demo").exit_code == 0
    look = next(line for line in ended.stderr.splitlines() if line.endswith("| head"))
    said = subprocess.run(look, shell=True, capture_output=True, text=True, check=True).stdout
    assert "invalid_url" in said
    remove = ended.stderr.splitlines()[-1]
    subprocess.run(remove, shell=True, check=True)
    assert list(tmp_path.iterdir()) == []


def test_without_jq_python_shows_what_failed(run, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    ended = run("demo", "--pages", "50", "-o", "it")
    look = next(line for line in ended.stderr.splitlines() if line.endswith("| head"))
    assert "jq" not in look
    said = subprocess.run(look, shell=True, capture_output=True, text=True, check=True).stdout
    assert "invalid_url" in said


def test_a_second_demo_takes_a_free_name(run, tmp_path):
    (tmp_path / "penstock-demo").mkdir()
    assert run("demo", "--pages", "1", "-q").exit_code == 0
    assert (tmp_path / "penstock-demo-2").is_dir()
    assert run("demo", "--pages", "1", "-q").exit_code == 0
    assert (tmp_path / "penstock-demo-3").is_dir()


def test_a_demo_that_was_stopped_is_gone_on_with(process, tmp_path, records):
    """Its web had another port; the run finds the new one."""
    demo = process("demo", "-o", "it", "--pages", "20000", "--progress", "json", cwd=tmp_path)
    while b'"progress"' not in demo.stderr.readline():
        continue
    demo.terminate()
    _, err = demo.communicate()
    assert demo.returncode == 143
    assert err.decode().endswith("penstock demo -o it\n")
    begun = len(records(tmp_path / "it"))
    assert 0 < begun < 20_000
    # The rest of the list would take seconds. That the web is found again shows in the pages that come next.
    again = process("demo", "-o", "it", "--progress", "json", cwd=tmp_path)
    while b'"progress"' not in again.stderr.readline():
        continue
    again.terminate()
    again.communicate()
    more = records(tmp_path / "it")[begun:]
    assert more
    assert {record["status"] for record in more if record["url"].startswith("http://mill-")} <= {200, 404}


def test_a_folder_that_is_something_else_is_refused(run, tmp_path):
    (tmp_path / "it").mkdir()
    (tmp_path / "it" / "mine.txt").write_text("")
    ended = run("demo", "-o", "it", "--pages", "1")
    assert ended.exit_code == 2
    assert "not empty" in ended.stderr


@pytest.mark.parametrize("pages", ["0", "-1", "1000001", "many"])
def test_the_number_of_pages_has_its_bounds(run, pages):
    assert run("demo", "--pages", pages).exit_code == 2
