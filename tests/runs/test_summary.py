"""What a program gets of how its run ended."""

from __future__ import annotations

import pytest

import penstock
from penstock.fetching import sessions
from penstock.settings import Settings
from penstock.testing.web import LocalWeb

FAST = {"robots": False, "delay": 0, "per_host": 10, "attempts": 1}


@pytest.fixture
def listed(tmp_path):
    with LocalWeb() as web:
        path = tmp_path / "urls.txt"
        path.write_text("\n".join([*(web.url(path=f"/page/{seq}") for seq in range(1200)), web.refusing()]))
        yield path


def test_a_summary_is_shown_in_a_line(listed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    summary = penstock.run(listed, "pages", **FAST)
    assert (summary.inputs_left, summary.ended_by) == (0, None)
    took = f"{summary.elapsed:.1f} s"
    assert repr(summary) == f"<Summary: complete, 1,200 fetched, 1 failed, {took} in 'pages'>"
    assert f"{summary}" == repr(summary)


def test_a_session_that_is_told_to_stop_says_so(listed, tmp_path):
    session = sessions.begin([str(listed)], tmp_path / "run", Settings.of(**FAST))
    session.stop()
    summary = session.execute()
    assert (summary.complete, summary.ended_by, summary.inputs_left) == (False, "stop", None)
    assert repr(summary).startswith("<Summary: stopped, no outcomes, ")


def test_a_deadline_is_named_and_what_is_left_is_counted(tmp_path):
    """The second of ten would have to wait for a minute."""
    with LocalWeb() as web:
        urls = [web.url(path=f"/page/{seq}") for seq in range(10)]
        summary = penstock.run(urls, tmp_path / "run", **FAST | {"deadline": 0.5, "delay": 60})
    assert (summary.complete, summary.ended_by, summary.tally.total, summary.inputs_left) == (False, "deadline", 1, 9)
    assert repr(summary).startswith("<Summary: stopped by deadline, 1 fetched, 9 left, ")


def test_what_is_left_of_a_list_that_has_grown_is_counted_anew(tmp_path):
    """Three inputs are done; of those that came since, one is fetched."""
    folder = tmp_path / "run"
    with LocalWeb() as web:
        urls = [web.url(path=f"/slow/{seq // 3 * 0.1}/page/{seq}") for seq in range(10)]
        penstock.run(urls[:3], folder, **FAST)
        unread = sessions.resume(folder, {}, urls)
        unread.stop()
        assert unread.execute().inputs_left is None
        summary = penstock.resume(folder, inputs=urls, deadline=0.05, per_host=1)
    assert (summary.complete, summary.tally.total, summary.inputs_left) == (False, 4, 6)
    assert summary.statistics.total == 10
