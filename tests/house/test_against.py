"""The comparison of two source trees: its table, and the tree that each process imports."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.against import COMPARED, Comparison, check_tree, comparison_table, pairs
from benchmarks.measure import ROOT, Broken
from benchmarks.roster import ROSTER, THROTTLES


def lines_of(comparison):
    return comparison_table([comparison]).splitlines()[1:]


@pytest.mark.parametrize(("ratios", "mark"), [((0.97, 0.98, 1.2), "pass"), ((0.9, 0.979, 1.2), "SHORT")])
def test_the_median_of_the_rounds_decides(ratios, mark):
    (line,) = lines_of(Comparison("50", "a client", 100, 98, ratios, 0.99))
    assert line.split()[-1] == mark


def test_a_failure_and_too_few_pages_have_no_ratio():
    failed = lines_of(Comparison("50", "a client", 0, 0, (0,), None, "new: 3 good pages of 4"))
    assert failed[0].split()[-1] == "FAILED"
    assert failed[1] == "a client, 50: new: 3 good pages of 4"
    (rough,) = lines_of(Comparison("50", "a client", 100, 98, (1.0,), 1.0, is_rough=True))
    assert rough.endswith("too few")


def test_each_client_runs_with_the_old_tree_and_then_with_this_one():
    old = Path("/old")
    both = pairs("50", old, ["penstock_for"])
    assert [(client.name, client.tree) for client in both] == [("penstock_for", old), ("penstock_for", ROOT)]


def test_every_client_compared_is_in_the_roster():
    known = {client.name for client in (*ROSTER, *THROTTLES)}
    assert {name for names in COMPARED.values() for name in names} <= known


def test_a_process_imports_the_penstock_of_its_tree(tmp_path):
    check_tree(ROOT, tmp_path)
    other = tmp_path / "other"
    (other / "src" / "penstock").mkdir(parents=True)
    (other / "src" / "penstock" / "__init__.py").touch()
    check_tree(other, tmp_path)


def test_a_folder_without_penstock_is_found(tmp_path):
    with pytest.raises(Broken, match="has no penstock"):
        check_tree(tmp_path, tmp_path)
