"""docs/formats/parquet.md: its table has the columns and their types, and its programs read a run."""

from __future__ import annotations

import importlib.util
import re

import pytest
from tests.docs.blocks import DOCS, blocks

import penstock
from penstock.sink.parquet.columns import schema
from penstock.testing.web import LocalWeb

pa = pytest.importorskip("pyarrow", reason="the extra parquet is not installed")

PAGE = (DOCS / "formats" / "parquet.md").read_text(encoding="utf-8")
PROGRAMS = [block.text for block in blocks(PAGE) if block.language == "python"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the run ``out``, one input of which was tried again."""
    folder = tmp_path_factory.mktemp("parquet")
    with LocalWeb(hosts=2) as web:
        urls = [web.url(number % 2, f"/page/{number}") for number in range(20)] + [web.refusing()]
        settings = {"delay": 0, "robots": False, "attempts": 1}
        penstock.run(urls, folder / "out", sinks=["parquet"], **settings)
        penstock.retry(folder / "out", inputs=urls)
    return folder


def rows():
    """Yield the names, the type, and when it is null, of each row of the table."""
    for line in PAGE.splitlines():
        if line.startswith("| `"):
            names, kind, null, _ = re.split(r"(?<!\\) \| ", line.strip("| "), maxsplit=3)
            for name in re.findall(r"`(\w+)`", names):
                yield name, kind.replace("`", ""), null


def described(type_):
    """Return how the page describes *type_*."""
    if pa.types.is_list(type_):
        return f"list of struct ({', '.join(f'{field.name} {field.type}' for field in type_.value_type)})"
    names = {"timestamp[ms, tz=UTC]": "timestamp, milliseconds, UTC", "large_binary": "binary"}
    return names.get(str(type_), str(type_))


def test_the_table_has_every_column_with_its_type():
    assert [(name, kind, null != "never") for name, kind, null in rows()] == [
        (field.name, described(field.type), field.nullable) for field in schema()
    ]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda text: text.split("import ")[-1].split()[0])
def test_a_program_reads_a_run(program, folder, monkeypatch, capsys):
    used = re.findall(r"^import (\w+)", program, re.MULTILINE)
    missing = [name for name in used if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"not installed here: {', '.join(missing)}")
    monkeypatch.chdir(folder)
    names = {}
    exec(program, names)
    if "pages" in names:
        assert len(names["pages"]) == (22 if "read_parquet(sorted" in program else 20)
    elif "newest" in names:
        assert [row[0] for row in sorted(names["newest"])] == list(range(21))
    else:
        assert sum(map(int, capsys.readouterr().out.split())) == 22
