"""The comparison of two builds: its table, the commit it finds, and the tree that each process imports."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from benchmarks.against import ALONE, COMPARED, Comparison, compare_parts, comparison_table, pairs
from benchmarks.bars import AGAINST, AT_LEAST, BASELINE, at_least
from benchmarks.builds import HERE, Build, check, find_commit
from benchmarks.measure import Broken
from benchmarks.options import parse
from benchmarks.roster import ROSTER, THROTTLES


def lines_of(comparison):
    return comparison_table([comparison]).splitlines()[1:]


@pytest.mark.parametrize(
    ("bar", "ratios", "mark"),
    [
        (0.98, (0.97, 0.98, 1.2), "pass"),
        (0.98, (0.9, 0.979, 1.2), "SHORT"),
        (1.5, (1.0, 1.5, 1.6), "pass"),
        (1.5, (1.0, 1.49, 1.6), "SHORT"),
    ],
)
def test_the_median_of_the_rounds_decides(bar, ratios, mark):
    (line,) = lines_of(Comparison("50", "a client", bar, 100, 98, ratios, 0.99))
    assert line.split()[-3:] == [">=", f"{bar:g}", mark]


def test_a_failure_and_too_few_pages_have_no_ratio():
    failed = lines_of(Comparison("50", "a client", 1, 0, 0, (0,), None, "new: 3 good pages of 4"))
    assert failed[0].split()[-1] == "FAILED"
    assert failed[1] == "a client, 50: new: 3 good pages of 4"
    (rough,) = lines_of(Comparison("50", "a client", 1, 100, 98, (1.0,), 1.0, is_rough=True))
    assert rough.endswith("too few")


def test_each_client_runs_with_the_old_build_and_then_with_this_one():
    old = Build(Path("/old"), "/old/python")
    both = pairs("50", old, ["penstock_for"])
    assert [(client.name, client.build) for client in both] == [("penstock_for", old), ("penstock_for", HERE)]


def test_every_client_compared_is_in_the_roster():
    known = {client.name for client in (*ROSTER, *THROTTLES)}
    assert {name for names in COMPARED.values() for name in names} <= known


# The numbers to reach


def test_the_higher_bars_hold_against_their_commit_only():
    """A folder has no commit, as it may hold anything."""
    assert at_least("50", "penstock_run", BASELINE) == 1.5
    assert at_least("50", "penstock_for", BASELINE) == AT_LEAST
    assert at_least("50", "penstock_run", "0" * 40) == AT_LEAST
    assert at_least("50", "penstock_run", None) == AT_LEAST


def test_each_higher_bar_is_of_something_compared():
    """A bar of anything else would never be printed."""
    compared = {(scenario, client) for scenario, clients in COMPARED.items() for client in clients}
    assert set(AGAINST) <= compared | {(part, part) for part in ALONE}


# Parts


def test_a_part_runs_with_both_builds_in_turn_and_new_is_divided_by_old(tmp_path, monkeypatch):
    old = Build(tmp_path)
    readings = iter([(old, 100), (HERE, 150), (HERE, 240), (old, 120)])

    def measure(build, _folder, lines):
        expected, speed = next(readings)
        assert (build, lines) == (expected, 7)
        return speed

    monkeypatch.setitem(ALONE, "frontier", ("a part", measure))
    compared = compare_parts("frontier", old, tmp_path, rounds=2, lines=7, tell=lambda _: None)
    assert (compared.ratios, compared.old, compared.new) == ((1.5, 2.0), 110, 195)


def test_a_part_that_one_build_cannot_run_is_a_failure_of_its_own(tmp_path, monkeypatch):
    def measure(build, _folder, _lines):
        if build == HERE:
            raise Broken("no such module")
        return 1.0

    monkeypatch.setitem(ALONE, "frontier", ("a part", measure))
    compared = compare_parts("frontier", Build(tmp_path), tmp_path, rounds=2, lines=None, tell=lambda _: None)
    assert compared.fault == "new: no such module"


# The old build


def git(folder, *arguments):
    author = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"]
    ran = subprocess.run(["git", *author, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return ran.stdout.strip()


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """Two commits: one without a penstock, tagged before, and one with it."""
    folder = tmp_path_factory.mktemp("repository")
    git(folder, "init", "--quiet")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "nothing")
    git(folder, "tag", "before")
    package = folder / "src" / "penstock"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "a penstock")
    return folder


def test_the_option_takes_a_commit_or_a_folder():
    assert parse(["--against", "932e14d"]).against == "932e14d"
    assert parse(["--against", "../penstock-old"]).against == "../penstock-old"
    assert parse([]).against is None


def test_a_revision_is_found_by_any_of_its_names(repository):
    commit = git(repository, "rev-parse", "HEAD")
    assert {find_commit(name, repository) for name in ("HEAD", "main", commit[:7], commit)} == {commit}


@pytest.mark.parametrize("revision", ["932e14d", "nowhere", "--all", "HEAD~9"])
def test_a_revision_that_is_not_there_is_said(repository, revision):
    with pytest.raises(Broken, match=r"neither a folder nor a commit of \S*$"):
        find_commit(revision, repository)


def test_a_shallow_clone_is_said_with_its_remedy(repository, tmp_path):
    git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{repository}", "clone")
    with pytest.raises(Broken, match="git fetch --unshallow"):
        find_commit("HEAD~1", tmp_path / "clone")


def test_a_commit_without_penstock_is_said(repository):
    with pytest.raises(Broken, match="before is no older Penstock"):
        find_commit("before", repository)


def test_a_folder_that_is_no_repository_is_said(tmp_path):
    with pytest.raises(Broken, match="not a git repository"):
        find_commit("HEAD", tmp_path)


def test_a_process_imports_the_penstock_of_its_tree(tmp_path):
    check(HERE, tmp_path)
    other = tmp_path / "other"
    (other / "src" / "penstock").mkdir(parents=True)
    (other / "src" / "penstock" / "__init__.py").touch()
    check(Build(other), tmp_path)


def test_a_folder_without_penstock_is_found(tmp_path):
    with pytest.raises(Broken, match="has no penstock"):
        check(Build(tmp_path), tmp_path)
