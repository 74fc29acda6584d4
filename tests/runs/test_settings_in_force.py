"""What a resume or a retry is told stays so for the next session; secrets never do."""

from __future__ import annotations

import json

import pytest

import penstock
from penstock.errors import UsageError
from penstock.fetching import sessions
from penstock.runs.folder import read_manifest
from penstock.runs.repair import repair
from penstock.testing.web import LocalWeb

FAST = {"robots": False, "delay": 0, "per_host": 10, "attempts": 1}
CHANGES = {"timeout": 7, "rate": 500, "contact": "me@a.test", "max_body": "1MB", "body": "none", "deadline": "1h"}
CHANGED = {"timeout": 7.0, "rate": 500.0, "contact": "me@a.test", "max_body": 10**6, "body": "none", "deadline": 3600.0}


@pytest.fixture
def web():
    with LocalWeb() as local:
        yield local


@pytest.fixture
def listed(web, tmp_path):
    path = tmp_path / "urls.txt"
    path.write_text("\n".join(web.url(path=f"/status/503/page/{seq}") for seq in range(6)))
    return path


@pytest.fixture
def folder(listed, tmp_path):
    penstock.run(listed, tmp_path / "run", **FAST)
    return tmp_path / "run"


def said(folder):
    return json.loads((folder / "run.json").read_text())["settings"]


def in_force(folder):
    return {name: said(folder)[name] for name in CHANGES}


@pytest.mark.parametrize("again", [penstock.resume, penstock.retry])
def test_what_is_given_once_is_in_force_from_then_on(folder, again):
    before = said(folder)
    assert again(folder, **CHANGES).complete
    assert said(folder) == before | CHANGED
    for next_one in (lambda: sessions.resume(folder, {}), lambda: sessions.retry(folder, (), {"rate": 600})):
        session = next_one()
        session.close()
        assert session.settings.timeout == 7
    assert in_force(folder) == CHANGED | {"rate": 600}
    assert penstock.verify(folder).ok


def test_a_run_that_is_called_again_keeps_what_it_is_given_last(folder, listed):
    assert penstock.run(listed, folder, timeout=9, **FAST).complete
    assert said(folder)["timeout"] == 9


def test_a_run_that_is_called_again_keeps_what_a_resume_was_given(folder, listed):
    """A script that is started again must not make a host's requests faster than a resume had made them."""
    penstock.resume(folder, **CHANGES)
    assert penstock.run(listed, folder, timeout=9, **FAST).complete
    assert in_force(folder) == CHANGED | {"timeout": 9}


def test_a_run_that_is_called_again_does_not_go_round_a_proxy_that_a_resume_was_given(web, folder, listed):
    sessions.resume(folder, {"proxy": "http://me:s3cret@127.0.0.1:1"}).close()
    requests = web.traffic().requests
    with pytest.raises(UsageError, match=r"began with proxy.*proxy=\.\.\."):
        penstock.run(listed, folder, **FAST)
    assert penstock.run(listed, folder, proxy=None, **FAST).complete
    assert (said(folder)["proxy"], web.traffic().requests) == (None, requests)


def test_the_run_stays_the_same_one(folder):
    run, created = read_manifest(folder).run, read_manifest(folder).created
    penstock.resume(folder, **CHANGES)
    assert (read_manifest(folder).run, read_manifest(folder).created) == (run, created)


def test_a_file_is_written_only_if_something_changes(folder):
    before = (folder / "run.json").stat()
    penstock.resume(folder)
    penstock.retry(folder, delay=0)
    assert (folder / "run.json").stat().st_ino == before.st_ino


def test_no_secret_is_kept(web, tmp_path, listed):
    folder = tmp_path / "run"
    secret = {"Authorization": "Bearer s3cret"}
    penstock.run(listed, folder, headers=secret, **FAST)
    with pytest.raises(UsageError, match=r"headers=\{'Authorization': \.\.\.\}"):
        penstock.resume(folder, timeout=7)
    penstock.resume(folder, timeout=7, headers=secret)
    assert said(folder)["timeout"] == 7
    session = sessions.resume(folder, {"proxy": "http://me:s3cret@127.0.0.1:1", "headers": secret})
    session.close()
    assert said(folder)["proxy"] == "http://***@127.0.0.1:1"
    with pytest.raises(UsageError, match=r"began with proxy.*proxy=\.\.\."):
        penstock.resume(folder, headers=secret)
    assert all(b"s3cret" not in file.read_bytes() for file in folder.iterdir())


def test_a_header_that_the_run_was_not_begun_with_is_refused_and_not_forgotten(folder):
    with pytest.raises(UsageError, match="header X-New is part of what this run is"):
        penstock.resume(folder, headers={"X-New": "1"})


def test_what_makes_another_job_is_refused_unless_it_is_the_same(folder):
    assert penstock.resume(folder, robots=False).complete
    with pytest.raises(UsageError, match="robots is part of what this run is"):
        penstock.resume(folder, robots=True)


def test_a_refused_change_changes_nothing(folder, listed):
    before = (folder / "run.json").read_bytes()
    with pytest.raises(UsageError):
        penstock.resume(folder, timeout=7, unique=True)
    listed.write_text("http://other.test/")
    with pytest.raises(penstock.InputChanged):
        penstock.resume(folder, timeout=7)
    assert (folder / "run.json").read_bytes() == before


def test_bodies_of_a_size_that_was_once_allowed_outlive_a_repair(web, tmp_path):
    """A lower ``max_body`` must not make a repair take longer lines for damage."""
    folder = tmp_path / "run"
    penstock.run([web.url(path=f"/page/{seq}") for seq in range(20)], folder, **FAST)
    penstock.run([web.url(path=f"/page/{seq}") for seq in range(20)], folder, max_body=0, **FAST)
    assert (read_manifest(folder).settings.max_body, read_manifest(folder).longest) == (0, 100_000_000)
    assert repair(folder).lost == 0
    assert penstock.verify(folder).ok
