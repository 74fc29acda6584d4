"""docs/formats/warc.md: each way to read the files is run on a crawl."""

from __future__ import annotations

import ast
import os
import re
import sys
from pathlib import Path

import pytest
from tests.docs.blocks import DOCS
from tests.sink.warc_files import kinds

import penstock
from penstock.testing.web import LocalWeb

PAGE = (DOCS / "formats" / "warc.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = re.findall(r"```console\n\$ (.*?)\n```", PAGE)


@pytest.fixture
def crawled(tmp_path, monkeypatch):
    """A folder with a run of two pages and a failure, and scripts of this environment first."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    with LocalWeb() as web:
        urls = [web.url(path="/page/1"), web.url(path="/page/2"), "nothing"]
        penstock.run(urls, "pages", sinks=["warc"], robots=False, delay=0)
    return tmp_path


@pytest.mark.parametrize(("name", "code"), list(zip(("pages", "types", "outcomes"), SNIPPETS, strict=True)))
def test_a_snippet_reads_the_files(name, code, crawled):
    names = {}
    exec(compile(code, "warc.md", "exec"), names)
    found = names[name]
    if name == "pages":
        assert sorted(url.rpartition("/")[2] for url in found) == ["1", "2"]
        assert all(found.values())
    elif name == "types":
        assert [kind for kind, _ in found] == kinds(crawled / "pages")
    else:
        assert sorted(outcome["outcome"] for outcome in found) == ["fetched", "fetched", "skipped"]
    assert len(ast.parse(code).body) <= 3


def test_the_command_makes_an_index(crawled):
    (command,) = COMMANDS
    assert os.system(command) == 0
    assert (crawled / "pages.cdxj").read_text().count("\n") == kinds(crawled / "pages").count("response") == 2
