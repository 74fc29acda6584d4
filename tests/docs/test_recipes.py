"""docs/recipes.md: what can be run here is run in order, in one folder, against a local web."""

from __future__ import annotations

import ast
import asyncio
import importlib.util
import inspect
import shutil

import pytest
from tests.docs.blocks import DOCS, Block, blocks, commands, execute, is_as_said

from penstock.testing.web import LocalWeb

PAGE = (DOCS / "recipes.md").read_text(encoding="utf-8")

NEEDED = {"jq": shutil.which("jq"), "pandas": importlib.util.find_spec("pandas")} | {
    "duckdb": importlib.util.find_spec("duckdb")
}
MISSING = sorted(name for name, found in NEEDED.items() if found is None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a list of 60 inputs, three of which fail, and the run of it."""
    folder = tmp_path_factory.mktemp("recipes")
    with LocalWeb(hosts=20) as web:
        urls = [web.url(number % 20, f"/page/{number}") for number in range(57)]
        urls += [web.url(0, "/flaky/3/page/1"), web.refusing(), "nothing"]
        (folder / "urls.txt").write_text("\n".join(urls))
        execute("penstock fetch urls.txt -o pages --quiet", folder)
        yield folder


def needs(block: Block) -> list[str]:
    """Those of NEEDED that *block* uses and that are not here."""
    return [name for name in MISSING if name in block.text]


def sections() -> list[tuple[str, list[Block]]]:
    """The headings of the page, each with the blocks below it."""
    parts = PAGE.split("\n## ")[1:]
    return [(part.partition("\n")[0], blocks(part)) for part in parts]


def execute_python(code: str, names: dict[str, object]) -> None:
    """In a coroutine, as a notebook runs a cell."""
    coroutine = eval(compile(code, "recipes.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
    if inspect.iscoroutine(coroutine):
        asyncio.run(coroutine)


@pytest.mark.parametrize(("heading", "shown"), sections(), ids=[heading for heading, _ in sections()])
def test_a_recipe_works(heading, shown, folder, monkeypatch, capsys):
    """Blocks without a prompt are for networks that are not here; ``test_commands.py`` reads their options."""
    monkeypatch.chdir(folder)
    missing = sorted({name for block in shown for name in needs(block)})
    if missing:
        pytest.skip(f"not installed here: {', '.join(missing)}")
    names: dict[str, object] = {}
    for block in shown:
        if block.language == "python":
            execute_python(block.text, names)
            assert capsys.readouterr().out.strip()
        elif block.language == "console":
            for command in commands(block):
                prints = execute(command.line, folder)
                assert is_as_said(prints, command.prints), (command, prints)


def test_what_recipes_need_is_installed_by_the_group_of_developers():
    """So that a skip above is never the usual case; jq is a program of the system."""
    assert set(MISSING) <= {"jq"}


def test_what_the_recipes_make_is_right(folder, monkeypatch):
    import duckdb  # noqa: PLC0415 - as the page does

    monkeypatch.chdir(folder)
    execute_python(dict(sections())["DuckDB"][0].text + dict(sections())["DuckDB"][1].text, {})
    assert duckdb.sql("SELECT count(*), count(body) FROM 'pages.parquet'").fetchall() == [(60, 58)]
