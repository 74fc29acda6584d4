"""A decision is a page of its own, with one heading, and the list of decisions has them all."""

from __future__ import annotations

import pytest
from manual.decisions import FOLDER, page, title


def test_every_decision_is_listed():
    listed = page()
    names = {path.name for path in FOLDER.glob("*.md")} - {"README.md"}
    assert len(names) >= 19
    assert all(f"]({name})" in listed for name in names)


@pytest.mark.parametrize(
    "text", ["no heading\n", "# One\n\n## Another\n", "before\n\n# One\n"], ids=["none", "two", "not first"]
)
def test_a_page_without_its_one_heading_is_refused(text, tmp_path):
    (tmp_path / "planted.md").write_text(text)
    with pytest.raises(ValueError, match=r"planted\.md has"):
        page(tmp_path)


def test_a_hash_in_code_is_no_heading(tmp_path):
    (tmp_path / "planted.md").write_text("# One\n\n```\n# a comment\n```\n")
    assert title(tmp_path / "planted.md") == "One"
