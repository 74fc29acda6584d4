"""Every link in a page of the repository leads to a file that is there, and to a heading that it has.

``make docs`` looks at the links of docs/ among themselves once more, as the site has them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [path for path in (*ROOT.glob("*.md"), *ROOT.glob("[a-z]*/**/*.md")) if "site" not in path.parts]


def without_code(page: str) -> str:
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL))


def anchors(page: str) -> set[str]:
    """The anchors of *page*, as GitHub makes them of headings; MkDocs makes the same of those that occur once."""
    text = re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead(path: Path, page: str) -> Iterator[str]:
    """The links of *page*, which is at *path*, that lead nowhere; those to other hosts are not followed."""
    for link in re.findall(r"\]\(([^)\s]+)\)", without_code(page)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        text = page
        if name:
            target = (path.parent / name).resolve()
            if not target.exists() or not target.is_relative_to(ROOT):
                yield link
                continue
            text = target.read_text(encoding="utf-8") if anchor else ""
        if anchor and anchor not in anchors(text):
            yield link


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(path):
    assert list(dead(path, path.read_text(encoding="utf-8"))) == []


def test_the_pages_of_the_repository_are_looked_at():
    names = {path.relative_to(ROOT).as_posix() for path in PAGES}
    assert names >= {"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/cli.md", "docs/decisions/failed.md"}


def test_a_link_that_leads_nowhere_is_found():
    here = ROOT / "docs" / "planted.md"
    page = (
        "# One heading, `coded`\n[a](cli.md) [b](cli.md#exit-codes) [c](#one-heading-coded) [d](../README.md)\n"
        "[e](nothing.md) [f](cli.md#nothing) [g](#nothing) [h](../../etc/passwd) [i](https://example.org/)\n"
        "`[j](nothing.md)`\n```\n[k](nothing.md)\n```\n"
    )
    assert list(dead(here, page)) == ["nothing.md", "cli.md#nothing", "#nothing", "../../etc/passwd"]
