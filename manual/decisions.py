"""docs/decisions/README.md: the list of all decisions, from their headings.

Knows that a decision is a page with one heading. A page with none, or with several, fails here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

__all__ = ["FOLDER", "page", "title"]

FOLDER: Final = Path(__file__).parents[1] / "docs" / "decisions"

INTRODUCTION: Final = """\
# Decisions

<!-- Made by: python -m manual -->

Why Penstock works as it does: one page for each decision, with the measurements and the
rejected ways. The module that obeys a decision names its page.
"""


def page(folder: Path = FOLDER) -> str:
    """The whole page; ValueError if a decision has not exactly one heading."""
    entries = sorted((title(path), path.name) for path in folder.glob("*.md") if path.name != "README.md")
    return "\n".join((INTRODUCTION, *(f"- [{said}]({name})" for said, name in entries), ""))


def title(path: Path) -> str:
    """The one heading of the page *path*; ValueError if it has none or several."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings: list[str] = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    if len(headings) != 1 or not text.startswith("# "):
        raise ValueError(f"{path.name} has {len(headings)} headings; a decision begins with one and has no other")
    return headings[0]
