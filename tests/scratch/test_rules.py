"""What hosts said of robots is remembered, also by the next session."""

from __future__ import annotations

import os
import random
import sqlite3
import zlib
from contextlib import closing

import pytest

from penstock.core.web.robots import RobotsAnswer
from penstock.scratch.rules import DAMAGED, FILE, LONGEST, Kept, RulesStore

RULES = Kept(RobotsAnswer("http://a.test", b"User-agent: *\nDisallow: /\n" * 50), 1000.0)
NONE = Kept(RobotsAnswer("http://b.test"), 2000.0)
TROUBLE = Kept(RobotsAnswer("http://c.test", trouble="status 503"), 3000.0)


@pytest.fixture(params=["folder", "nameless"])
def store(request, tmp_path):
    store = RulesStore(tmp_path if request.param == "folder" else None)
    yield store
    store.close()


def test_what_was_put_is_got_and_the_newest_counts(store):
    for kept in (RULES, NONE, TROUBLE):
        store.put(kept)
    assert [store.get(kept.heard.origin) for kept in (RULES, NONE, TROUBLE)] == [RULES, NONE, TROUBLE]
    store.put(Kept(RobotsAnswer("http://a.test"), 5.0))
    assert store.get("http://a.test") == Kept(RobotsAnswer("http://a.test"), 5.0)
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


# -- a file that may be lost never stops a run


def change(path, statement, *values):
    """Change the database as a broken disk would, or a user with another tool."""
    with closing(sqlite3.connect(path)) as file:
        file.execute(statement, values)
        file.commit()


DAMAGES = {
    "not a database": lambda path: path.write_bytes(b"not a database at all" * 100),
    "torn": lambda path: path.write_bytes(path.read_bytes()[:5000]),
    "a page of zeros": lambda path: path.write_bytes(path.read_bytes()[:4096] + bytes(4096)),
    "a header alone": lambda path: path.write_bytes(path.read_bytes()[:100]),
    "another schema": lambda path: change(path, "ALTER TABLE rules RENAME COLUMN until TO once"),
    "a view": lambda path: (change(path, "DROP TABLE rules"), change(path, "CREATE VIEW rules AS SELECT 1 AS origin")),
    "a time that is a text": lambda path: change(path, "UPDATE rules SET until = 'soon'"),
    "a time that never comes": lambda path: change(path, "UPDATE rules SET until = 9e999"),
    "a text that is a number": lambda path: change(path, "UPDATE rules SET text = 5"),
    "a text that is not packed": lambda path: change(path, "UPDATE rules SET text = ?", b"Disallow: /"),
    "a text that is cut": lambda path: change(path, "UPDATE rules SET text = ?", zlib.compress(b"a" * 99)[:-3]),
    "a text too long": lambda path: change(path, "UPDATE rules SET text = ?", zlib.compress(bytes(LONGEST + 1))),
    "a reason that is none": lambda path: change(path, "UPDATE rules SET trouble = ?", b"\xff"),
    "a reason not in UTF-8": lambda path: change(path, "UPDATE rules SET trouble = CAST(x'ff' AS TEXT)"),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "a link": lambda path: (path.rename(path.with_name("theirs")), path.symlink_to("theirs")),
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
    "a log that is a folder": lambda path: path.with_name(f"{FILE}-wal").mkdir(),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_set_aside_once_and_said_once_and_asked_anew(tmp_path, damage):
    before = RulesStore(tmp_path)
    for number in range(200):
        before.put(Kept(RobotsAnswer(f"http://{number}.test", random.Random(number).randbytes(200)), 1000.0))
    before.close()
    damage(tmp_path / FILE)
    said = []
    store = RulesStore(tmp_path, said.append)
    # If the changed values are those of a failure, they are forgotten before they are looked at.
    assert store.get("http://7.test") is None
    for kept in (RULES, NONE):
        assert store.get(kept.heard.origin) is None
        store.put(kept)
    store.close()
    again = RulesStore(tmp_path, said.append)
    assert [again.get(kept.heard.origin) for kept in (RULES, NONE)] == [RULES, NONE]
    again.close()
    assert len(said) <= 1
    if said:
        assert f"{FILE} is damaged" in said[0]
        assert sorted({file.name.partition("-")[0] for file in tmp_path.iterdir()} - {"theirs"}) == [FILE, DAMAGED]


def test_of_two_damaged_files_one_is_kept(tmp_path):
    for content in (b"first" * 200, b"second" * 200):
        (tmp_path / FILE).write_bytes(content)
        store = RulesStore(tmp_path)
        store.put(RULES)
        store.close()
    assert (tmp_path / DAMAGED).read_bytes() == b"second" * 200


def test_what_stands_beside_a_damaged_file_goes_with_it(tmp_path):
    """Beside the new one it would be taken for that one's."""
    before = RulesStore(tmp_path)
    before.put(RULES)
    before.close()
    (tmp_path / f"{FILE}-wal").mkdir()
    store = RulesStore(tmp_path)
    store.put(NONE)
    assert (tmp_path / f"{FILE}-wal").is_file()
    assert (tmp_path / f"{DAMAGED}-wal").is_dir()
    store.close()


@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED])
def test_a_file_that_is_only_full_or_in_use_stays_and_is_done_without(tmp_path, code, monkeypatch):
    before = RulesStore(tmp_path)
    before.put(RULES)
    before.close()
    kept = (tmp_path / FILE).read_bytes()
    connect = sqlite3.connect

    def refuse(name, **how):
        if name:
            error = sqlite3.OperationalError("not now")
            error.sqlite_errorcode = code
            raise error
        return connect(name, **how)

    monkeypatch.setattr(sqlite3, "connect", refuse)
    said = []
    store = RulesStore(tmp_path, said.append)
    store.put(NONE)
    assert store.get(NONE.heard.origin) == NONE
    assert store.get(RULES.heard.origin) is None
    assert said == [f"{tmp_path / FILE} can't be used (not now): what hosts say in robots.txt is not kept for a resume"]
    assert (tmp_path / FILE).read_bytes() == kept
    store.close()


def test_where_nothing_can_be_kept_the_run_does_without(tmp_path):
    said = []
    store = RulesStore(tmp_path / "gone", said.append)
    store.put(RULES)
    assert store.get(RULES.heard.origin) == RULES
    assert len(said) == 1
    store.close()
