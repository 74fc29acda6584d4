"""What hosts said of robots is remembered, also by the next session."""

from __future__ import annotations

import pytest

from penstock.core.robots import Heard
from penstock.errors import OutputError
from penstock.scratch.rules import FILE, Kept, RulesStore

RULES = Kept(Heard("http://a.test", b"User-agent: *\nDisallow: /\n" * 50), 1000.0)
NONE = Kept(Heard("http://b.test"), 2000.0)
TROUBLE = Kept(Heard("http://c.test", trouble="status 503"), 3000.0)


@pytest.fixture(params=["folder", "nameless"])
def store(request, tmp_path):
    store = RulesStore(tmp_path if request.param == "folder" else None)
    yield store
    store.close()


def test_what_was_put_is_got_and_the_newest_counts(store):
    for kept in (RULES, NONE, TROUBLE):
        store.put(kept)
    assert [store.get(kept.heard.origin) for kept in (RULES, NONE, TROUBLE)] == [RULES, NONE, TROUBLE]
    store.put(Kept(Heard("http://a.test"), 5.0))
    assert store.get("http://a.test") == Kept(Heard("http://a.test"), 5.0)
    assert store.get("https://a.test") is None


def test_answers_outlive_the_session_and_trouble_does_not(tmp_path):
    before, after = RulesStore(tmp_path), RulesStore(tmp_path)
    for kept in (RULES, NONE, TROUBLE):
        before.put(kept)
    before.close()
    before.close()
    assert [file.name for file in tmp_path.iterdir()] == [FILE]
    assert [after.get(kept.heard.origin) for kept in (RULES, NONE, TROUBLE)] == [RULES, NONE, None]
    after.close()


def test_without_a_folder_nothing_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = RulesStore()
    store.put(RULES)
    assert list(tmp_path.iterdir()) == []
    store.close()


def test_a_file_that_cannot_be_read_gives_way_to_a_new_one(tmp_path):
    (tmp_path / FILE).write_bytes(b"not a database at all" * 100)
    store = RulesStore(tmp_path)
    assert store.get("http://a.test") is None
    store.put(RULES)
    assert store.get("http://a.test") == RULES
    store.close()


def test_where_nothing_can_be_kept_it_says_so(tmp_path):
    store = RulesStore(tmp_path / "gone")
    with pytest.raises(OutputError, match="robots"):
        store.put(RULES)
