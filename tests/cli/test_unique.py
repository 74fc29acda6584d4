"""``penstock fetch --unique``: what is told of duplicates."""

from __future__ import annotations

import pytest

BRISK = ("--delay", "0", "--per-host", "10")


@pytest.fixture
def twice(web, listed):
    """Four inputs, two requests."""
    pages = [web.url(path="/page/1"), web.url(path="/page/2")]
    return listed(*pages, *pages)


def test_each_line_is_written_once_and_the_rest_is_counted(run, twice, records):
    ended = run("fetch", twice, "--unique", *BRISK)
    assert ended.exit_code == 0
    assert sorted(record["seq"] for record in records(ended.stdout)) == [0, 1]
    assert ended.stderr.startswith("Done: all 4 inputs have their outcome.")
    assert "  2 inputs ask for the same as an earlier one and share its outcome (--unique)\n" in ended.stderr


def test_a_folder_is_resumed_and_proved_with_them(run, twice, tmp_path):
    folder = tmp_path / "run"
    assert run("fetch", twice, "--unique", "-o", folder, *BRISK).exit_code == 0
    again = run("resume", folder)
    assert again.stderr.partition("\n")[2].startswith(
        "Done: all 4 inputs have their outcome. 0 of them in this session."
    )
    assert "2 inputs ask for the same" in again.stderr
    proof = run("verify", folder)
    assert proof.exit_code == 0
    assert proof.stdout.startswith(
        "Holds: 4 inputs, 2 outcomes and 2 duplicates, each once, every byte as committed.\n"
    )


def test_it_is_part_of_what_a_run_is(run, twice, tmp_path):
    assert run("fetch", twice, "--unique", "-o", tmp_path / "run", *BRISK).exit_code == 0
    assert run("resume", tmp_path / "run", "--unique").exit_code == 2
