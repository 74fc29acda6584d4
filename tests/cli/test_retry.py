"""Trying again what failed, as it is typed and told."""

from __future__ import annotations

import pytest

from penstock.testing.web import LocalWeb

BRISK = ("--delay", "0", "--per-host", "10", "--attempts", "1", "--progress", "none")


@pytest.fixture
def sick():
    """A web whose second host closes every connection."""
    with LocalWeb(hosts=2) as local:
        local.habits[local.host(1)] = "/close"
        yield local


@pytest.fixture
def finished(run, sick, listed, tmp_path):
    folder = tmp_path / "run"
    urls = listed(*(sick.url(number % 2, f"/page/{number}") for number in range(8)), "nonsense")
    assert run("fetch", urls, "-o", folder, *BRISK).exit_code == 0
    return folder


def test_what_failed_is_tried_again_and_the_summary_counts_all_inputs(run, sick, finished, records):
    sick.habits.clear()
    ended = run("retry", finished)
    assert ended.exit_code == 0, ended.stderr
    said = " ".join(ended.stderr.split())
    assert "Done: all 9 inputs have their outcome. 4 were retried in this session. It took" in said
    assert "fetched 8 200: 8 skipped 1 invalid_url: 1" in said
    assert len(records(finished)) == 13
    assert {record["seq"]: record for record in records(finished)}[1]["status"] == 200
    proof = run("verify", finished)
    assert proof.exit_code == 0
    assert "13 lines, " in proof.stdout
    assert "Newer lines replace 4 of them." in proof.stdout


def test_only_some_are_tried_again_however_they_are_named(run, sick, finished):
    before = sick.traffic().requests
    assert run("retry", finished, "--only", "timeout,host_down", "--only", "503").exit_code == 0
    assert sick.traffic().requests == before
    assert run("retry", finished, "--only", "timeout", "--only", "empty_reply").exit_code == 0
    assert sick.traffic().requests == before + 4


def test_a_reason_that_is_none_is_refused_with_the_list(run, finished):
    ended = run("retry", finished, "--only", "404,time-out")
    assert ended.exit_code == 2
    assert "'time-out' is no reason; name statuses, as 404 and 5xx, or errors: invalid_url, " in ended.stderr


def test_what_still_fails_can_be_too_much(run, finished):
    assert run("retry", finished, "--max-failures", "3").exit_code == 3
    assert run("retry", finished, "--fail-on", "empty_reply").exit_code == 3


def test_an_unfinished_retry_says_how_to_go_on_and_its_run_holds(run, sick, finished):
    sick.habits[sick.host(1)] = "/busy/503/3600/page"
    stopped = run("retry", finished, "--deadline", "0.05", "--attempts", "2", "--per-host", "1")
    assert stopped.exit_code == 5, stopped.stderr
    said = " ".join(stopped.stderr.split())
    assert "still to be retried." in said
    assert f"penstock resume {finished}" in stopped.stderr
    proof = run("verify", finished)
    assert proof.exit_code == 0
    assert "still to be retried:" in proof.stdout


def test_passes_are_told_of(run, sick, listed, tmp_path):
    urls = listed(*(sick.url(number % 2, f"/page/{number}") for number in range(8)))
    ended = run("fetch", urls, "-o", tmp_path / "again", "--passes", "2", *BRISK)
    assert "all 8 inputs have their outcome. 4 were retried in this session." in " ".join(ended.stderr.split())
    refused = run("fetch", urls, "--passes", "2")
    assert refused.exit_code == 2
    assert "-o DIR" in refused.stderr


def test_standard_input_has_no_second_pass(process, tmp_path):
    fetching = process("fetch", "-", "-o", tmp_path / "run", "--passes", "2")
    assert b"only once" in fetching.communicate(b"http://a.test/\n")[1]
    assert fetching.returncode == 2
