"""docs/formats: the snippets run, and the tables of fields are those of the formats."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing

import pytest
from tests.docs.blocks import DOCS, blocks, execute

from penstock.sink.rows import COLUMNS
from penstock.testing.web import LocalWeb

FORMATS = ("files", "sqlite")
SNIPPETS = [
    (name, block.text)
    for name in FORMATS
    for block in blocks((DOCS / "formats" / f"{name}.md").read_text(encoding="utf-8"))
    if block.language == "python"
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder for each format, with a run of three pages, one of which fails."""
    found = {}
    with LocalWeb(hosts=3) as web:
        for name in FORMATS:
            found[name] = tmp_path_factory.mktemp(name)
            (found[name] / "urls.txt").write_text("\n".join([web.url(0, "/page/1"), web.url(1, "/page/2"), "nothing"]))
            execute(f"penstock fetch urls.txt -o pages --sink {name} --quiet", found[name])
    return found


@pytest.mark.parametrize(("name", "text"), SNIPPETS)
def test_a_snippet_works(name, text, folders, monkeypatch, capsys):
    monkeypatch.chdir(folders[name])
    exec(compile(text, f"{name}.md", "exec"), {})
    said = capsys.readouterr().out
    if "os.link" in text:
        assert (folders[name] / "page-0.html").stat().st_nlink == 2
    elif "LIKE" in text:
        assert said == "(2,)\n"
    else:
        assert said.count(" 200") == 2


def test_there_are_snippets_of_each_format():
    assert [name for name, _ in SNIPPETS] == ["files"] * 2 + ["sqlite"] * 3


def test_the_table_of_columns_is_that_of_the_database(folders):
    page = (DOCS / "formats" / "sqlite.md").read_text(encoding="utf-8")
    said = dict(re.findall(r"^\| `(\w+)` \| ([A-Z]+)(?: or BLOB)? \|", page, re.MULTILINE))
    with closing(sqlite3.connect(folders["sqlite"] / "pages" / "outcomes.db")) as database:
        columns = database.execute("SELECT name, type FROM pragma_table_info('outcomes')").fetchall()
    assert list(said) == ["id", *COLUMNS]
    assert [(name, kind or "TEXT") for name, kind in columns] == list(said.items())
