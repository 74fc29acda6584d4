"""The site of docs/: strict, by itself, and with nothing from other hosts."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from manual import site

ROOT = Path(__file__).parents[2]


def build(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder / "site", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def test_it_is_built_and_loads_nothing_from_other_hosts(tmp_path):
    built = build(tmp_path)
    assert built.returncode == 0, built.stderr
    pages = {path: path.read_text(encoding="utf-8") for path in (tmp_path / "site").rglob("*.html")}
    assert len(pages) > 50
    for page in pages.values():
        assert re.findall(r"<(?:script|img|iframe)[^>]+src=\"(?:https?:)?//[^>]*", page) == []
        assert re.findall(r"<link[^>]+href=\"(?:https?:)?//[^>]*", page) == []
    styles = [path.read_text(encoding="utf-8") for path in (tmp_path / "site").rglob("*.css")]
    assert styles
    assert re.findall(r"(?:url\(|@import )['\"]?(?:https?:)?//[^;)]*", "".join(styles)) == []


def on_page(text: str) -> str:
    file = SimpleNamespace(abs_src_path=ROOT / "docs" / "planted.md", src_dir=ROOT / "docs")
    return site.on_page_markdown(text, page=SimpleNamespace(file=file))


@pytest.mark.parametrize(
    ("page", "made"),
    [
        ("see [the list](../README.md) here", "see the list here"),
        ("see [the list](../README.md#limits) here", "see the list here"),
        ("[a](cli.md) [b](decisions/pace.md)", "[a](cli.md) [b](decisions/pace.md)"),
        (r"| `a\|b` | c\|d |", r"| `a|b` | c\|d |"),
        (r"no row: `a\|b`", r"no row: `a\|b`"),
    ],
)
def test_what_the_site_needs_otherwise_is_changed(page, made):
    assert on_page(page) == made


def test_a_link_out_of_docs_that_leads_nowhere_is_an_error():
    with pytest.raises(FileNotFoundError):
        on_page("[the list](../nothing.md)")


def test_an_anchor_begins_with_no_digit():
    assert site.anchor("1. Install `it`", "-") == "_1-install-it"
    assert site.anchor("Exit codes", "-") == "exit-codes"
