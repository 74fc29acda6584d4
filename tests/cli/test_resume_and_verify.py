"""Going on with a run, and proving what it holds."""

from __future__ import annotations

import pytest

BRISK = ("--delay", "0", "--per-host", "10", "--attempts", "1")


@pytest.fixture
def finished(run, web, tmp_path, listed):
    folder = tmp_path / "run"
    ended = run("fetch", listed(web.url(path="/page/1"), web.refusing()), "-o", folder, *BRISK)
    assert ended.exit_code == 0
    return folder


def test_a_finished_run_holds_and_a_resume_of_it_sends_nothing(run, web, finished, records, each_once):
    before = web.traffic().requests
    again = run("resume", finished)
    assert again.exit_code == 0
    assert again.stderr.partition("\n")[2].startswith(
        "Done: all 2 inputs have their outcome. 0 of them in this session."
    )
    assert web.traffic().requests == before
    each_once(records(finished), 2)
    proof = run("verify", finished)
    assert proof.exit_code == 0
    assert proof.stdout.startswith("Holds: 2 inputs, 2 outcomes, each once, every byte as committed.\n")
    assert proof.stderr == ""


def test_a_resume_judges_the_whole_run_by_what_it_tolerates(run, finished):
    assert run("resume", finished, "--max-failures", "0").exit_code == 3


def test_a_changed_byte_is_found_and_repaired(run, finished, records, each_once):
    (file,) = finished.glob("outcomes-*.jsonl")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    broken = run("verify", finished)
    assert broken.exit_code == 4
    assert broken.stdout.startswith("Damaged: ")
    assert run("verify", finished, "-q").output == ""
    repaired = run("verify", "--repair", finished)
    assert repaired.exit_code == 5, repaired.output
    assert "Holds so far" in repaired.stdout
    assert run("resume", finished).exit_code == 0
    assert run("verify", finished).exit_code == 0
    each_once(records(finished), 2)


def test_what_makes_another_job_of_a_run_is_no_option_of_a_resume(run, finished):
    assert run("resume", finished, "--max-redirects", "3").exit_code == 2


def test_a_changed_input_is_refused_unless_forced(run, finished, tmp_path):
    with (tmp_path / "urls.txt").open("a") as file:
        file.write("not a url\n")
    refused = run("resume", finished)
    assert refused.exit_code == 2
    assert "the input is not the one" in refused.stderr
    assert run("resume", finished, "--force").exit_code == 0


@pytest.mark.parametrize("command", ["resume", "retry", "verify"])
def test_a_folder_without_a_run_is_the_wrong_one(run, tmp_path, command):
    ended = run(command, tmp_path)
    assert ended.exit_code == 2
    assert "holds no run" in ended.stderr


@pytest.mark.parametrize("command", ["resume", "retry", "verify"])
def test_a_damaged_ledger_is_told_from_a_wrong_folder(run, finished, command):
    (finished / "run.db").write_bytes(b"nonsense" * 1_000)
    ended = run(command, finished)
    assert ended.exit_code == 4
    assert "Traceback" not in ended.stderr


def test_a_secret_that_was_not_kept_is_asked_for_by_name(run, web, tmp_path):
    folder = tmp_path / "run"
    assert run("fetch", web.url(), "-o", folder, "-H", "Cookie: hush").exit_code == 0
    refused = run("resume", folder)
    assert refused.exit_code == 2
    assert "-H 'Cookie: ...'" in refused.stderr
    assert run("resume", folder, "-H", "Cookie: hush").exit_code == 0
