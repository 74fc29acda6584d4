"""docs/formats: what can be run here is run in order, in one folder, against a local web."""

from __future__ import annotations

import csv
import importlib.util
import shutil

import pytest
from tests.docs.blocks import DOCS, blocks, commands, execute, is_as_said

from penstock.testing.web import LocalWeb

PAGES = ("jsonl-zst-gz.md", "csv.md")
LIBRARIES = ("pandas", "polars", "duckdb", "backports.zstd")
PROGRAMS = ("zstd", "zcat", "jq")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with lists of 30 inputs, two of which fail."""
    folder = tmp_path_factory.mktemp("formats")
    with LocalWeb(hosts=20) as web:
        urls = [*(web.url(number % 20, f"/page/{number}") for number in range(28)), web.refusing(), "nothing"]
        (folder / "urls.txt").write_text("\n".join(urls))
        rows = "".join(f'{url},"a name, quoted",=1+1\n' for url in urls)
        (folder / "sites.csv").write_text(f"url,name,sum\n{rows}")
        yield folder


@pytest.fixture(autouse=True)
def field_limit():
    """What a page sets for its reader holds for all of the process."""
    before = csv.field_size_limit()
    yield
    csv.field_size_limit(before)


def is_here(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_shows_works(name, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    names: dict[str, object] = {}
    ran = 0
    for block in blocks((DOCS / "formats" / name).read_text(encoding="utf-8")):
        if block.language == "python" and all(is_here(one) for one in LIBRARIES if uses(block.text, one)):
            exec(compile(block.text, name, "exec"), names)
            assert capsys.readouterr().out.strip()
            ran += 1
        for command in commands(block) if block.language == "console" else ():
            if all(shutil.which(program) for program in PROGRAMS if program in command.line.split()):
                prints = execute(command.line, folder)
                assert is_as_said(prints, command.prints), (command, prints)
    assert ran >= 3


def uses(code: str, library: str) -> bool:
    """Whether *code* imports *library*, or has what an earlier block imported."""
    package, _, module = library.partition(".")
    return f"import {package}" in code or f"from {package}" in code or (bool(module) and f"{module}.open" in code)


def test_all_readers_agree_on_what_a_run_has(folder, monkeypatch):
    import duckdb  # noqa: PLC0415 - as the pages do
    import pandas as pd  # noqa: PLC0415 - as the pages do

    monkeypatch.chdir(folder)
    execute("penstock fetch sites.csv -o all --sink jsonl --sink jsonl.zst --sink jsonl.gz --sink csv --quiet", folder)
    counted = "SELECT count(*), sum(seq), sum(bytes), count(error) FROM"
    found = {
        suffix: duckdb.sql(f"{counted} '{folder}/all/outcomes-*.{suffix}'").fetchall()
        for suffix in ("jsonl", "jsonl.zst", "jsonl.gz", "csv")
    }
    assert set(map(tuple, found.values())) == {tuple(found["jsonl"])}, found
    table = pd.read_csv(folder / "all" / "outcomes-00000.csv")
    assert (len(table), set(table["name"]), set(table["sum"])) == (30, {"a name, quoted"}, {"'=1+1"})
