"""The pages that are made from the code are what the code makes now."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Annotated

import pytest
from manual import DOCS, PAGES, python

import penstock
import penstock.twisted
from penstock.settings import SETTINGS


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_its_maker_returns(name):
    """If this fails: python -m manual."""
    there = (DOCS / name).read_text(encoding="utf-8").splitlines()
    assert list(difflib.unified_diff(there, PAGES[name]().splitlines(), name, "now", lineterm="")) == []


def test_every_public_name_has_its_heading():
    headings = {line.removeprefix("### ") for line in python.page().splitlines() if line.startswith("### ")}
    values = {"__version__"}
    borrowed = {
        name for name in penstock.twisted.__all__ if "twisted.internet" in getattr(penstock.twisted, name).__module__
    }
    assert headings == {
        *(f"penstock.{name}" for name in penstock.__all__ if name not in values),
        *(f"penstock.twisted.{name}" for name in penstock.twisted.__all__ if name not in borrowed),
    }


def test_every_public_member_of_a_class_is_there():
    page = python.page()
    for name in ("concurrency", "pause", "statistics", "stop"):
        assert f"#### Flow.{name}\n" in page
    assert "| `seq` | `int` | required |" in page
    assert "#### Result.unwrap\n" in page


@pytest.mark.parametrize("name", SETTINGS)
def test_each_setting_is_described_once(name):
    """By the function that takes it; ``Settings`` has no table of them besides."""
    fetching, settings = (
        python.page().partition(f"\n## {section}\n")[2].partition("\n## ")[0] for section in ("Fetching", "Settings")
    )
    assert fetching.count(f"\n* `{name}`: ") == 1
    assert f"| `{name}` |" not in settings
    assert "#### Settings.of\n" in settings


Alias = Callable[[int], str]


def planted(first, second: int = 3, *, third: str = "x", **rest: float) -> None:
    """The first line, with ``code``.

    More.
    """


def planted_with_aliases(first: Alias, n: Annotated[int | None, "from 1"] = None) -> list[Alias]:
    """Show types by what they are."""


def planted_without_a_word(first):
    pass


class Planted(penstock.PenstockError):
    """Planted, and not known to the generator."""


def test_a_change_of_a_signature_or_a_docstring_changes_the_page(monkeypatch):
    before = python.page()
    monkeypatch.setattr(penstock, "fetch", planted)
    after = python.page()
    assert "\nfetch(first, second: int = 3, *, third: str = 'x', **rest: float) -> None\n" in after
    assert "The first line, with `code`.\n\nMore.\n" in after
    assert before != after


def test_a_type_is_shown_as_a_reader_may_write_it(monkeypatch):
    monkeypatch.setattr(penstock, "fetch", planted_with_aliases)
    shown = "fetch(first: Callable[[int], str], n: int | None = None) -> list[Callable[[int], str]]"
    assert f"\n{shown}\n" in python.page()


def test_a_public_name_without_a_docstring_is_refused(monkeypatch):
    monkeypatch.setattr(penstock, "fetch", planted_without_a_word)
    with pytest.raises(AssertionError, match="has no docstring"):
        python.page()


def test_a_new_public_name_comes_by_itself(monkeypatch):
    monkeypatch.setattr(penstock, "Planted", Planted, raising=False)
    monkeypatch.setattr(penstock, "__all__", [*penstock.__all__, "Planted"])
    assert "### penstock.Planted\n\n*A kind of PenstockError.* Planted, and" in python.page()
