"""What is said before anything is sent: one line, where somebody may want it."""

from __future__ import annotations

import resource
from contextlib import contextmanager

import pytest

from penstock.machine.descriptors import free_descriptors


@contextmanager
def few_descriptors(free):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft - free_descriptors()[1] + free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def fixed(monkeypatch):
    """The limit stays where a test has put it."""
    monkeypatch.setattr("penstock.machine.descriptors.raise_descriptors", lambda: None)


def test_a_run_begins_with_what_was_found(run, listed, tmp_path):
    said = run("fetch", listed(), "-o", tmp_path / "pages").stderr
    preflight, done, *_ = said.splitlines()
    assert " Preflight: " in preflight
    assert "descriptors, so 100 requests at once fit; 512 MB for bodies; " in preflight
    assert preflight.endswith(f" free in {tmp_path / 'pages'}.")
    assert done.startswith("Done")


@pytest.mark.parametrize("asked", [["-q"], []])
def test_nobody_is_told_who_did_not_ask(run, listed, tmp_path, asked):
    """Quietly, or for lines on standard output."""
    where = ["-o", tmp_path / "pages", *asked] if asked else []
    assert "Preflight" not in run("fetch", listed(), *where).stderr


def test_for_lines_on_standard_output_it_is_said_on_request(run, listed):
    assert "Preflight: " in run("fetch", listed(), "-v").stderr


@pytest.mark.usefixtures("fixed")
@pytest.mark.parametrize("to_folder", [True, False])
def test_what_does_not_fit_is_said_once(run, listed, tmp_path, web, to_folder):
    where = ["-o", tmp_path / "pages"] if to_folder else []
    with few_descriptors(60):
        said = run("fetch", listed(*[web.url(0, f"/{number}") for number in range(5)]), *where, "--delay", "0")
    assert said.exit_code == 0
    assert said.stderr.count("requests run at once, not 100") == 1
    assert said.stderr.count("Preflight") == to_folder
