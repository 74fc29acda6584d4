"""The pages of docs/ that are made from the code: ``python -m manual`` writes them.

Knows where each page is and what makes it. A test compares every page with what its maker returns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from manual import decisions, python, record
from penstock.cli import reference

__all__ = ["DOCS", "PAGES"]

DOCS: Final = Path(__file__).parents[1] / "docs"

PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "cli.md": reference.page,
    "decisions/README.md": decisions.page,
    "python.md": python.page,
    "record.md": record.page,
}
"""The pages, each with the function that returns its text."""
