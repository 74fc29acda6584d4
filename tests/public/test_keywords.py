"""The keywords of the public functions are typed, documented, and equal to the table of settings."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from typing import Unpack, get_type_hints

import pytest

import penstock
from penstock.settings import CHANGEABLE, SETTINGS, Resume, generate
from penstock.settings.keywords import FetchOptions, ResumeOptions
from penstock.throttling import ThrottleOptions, _Chosen

GIVEN_AGAIN = {name for name, setting in SETTINGS.items() if setting.spec.resume is Resume.GIVEN_AGAIN}


def test_the_generated_keywords_are_up_to_date():
    """If this fails: python -m penstock.settings.generate."""
    assert generate.PATH.read_text() == generate.module()


def test_the_keywords_are_the_settings():
    assert FetchOptions.__annotations__.keys() == SETTINGS.keys()
    assert ResumeOptions.__annotations__.keys() == CHANGEABLE | GIVEN_AGAIN


def test_each_keyword_of_throttle_is_one_of_its_options():
    assert [*ThrottleOptions.__annotations__] == [*_Chosen.__struct_fields__][1:]
    assert _Chosen.__struct_fields__[0] == "concurrency"


@pytest.mark.parametrize(
    ("function", "name", "kind"),
    [
        (penstock.fetch, "settings", FetchOptions),
        (penstock.run, "settings", FetchOptions),
        (penstock.resume, "changes", ResumeOptions),
        (penstock.retry, "changes", ResumeOptions),
        (penstock.throttle, "options", ThrottleOptions),
    ],
)
def test_each_public_function_takes_them_and_its_help_names_each(function, name, kind):
    annotation = get_type_hints(function)[name]
    assert annotation == Unpack[kind]
    named = set(re.findall(r"``(\w+)``", inspect.getdoc(function)))
    assert named >= kind.__annotations__.keys()


@pytest.mark.parametrize("kind", [FetchOptions, ThrottleOptions])
def test_each_keyword_has_a_docstring_for_editors(kind):
    text = inspect.getsource(sys.modules[kind.__module__])
    for name in kind.__annotations__:
        assert re.search(rf'^    {name}: .+\n    """\w', text, re.MULTILINE), name


def test_a_row_says_all_that_is_derived_from_it():
    for name, setting in SETTINGS.items():
        spec = setting.spec
        assert spec.text[0].isupper() or name == "pace"
        assert spec.text.endswith(".")
        assert (spec.low is None) == (spec.high is None)
        assert set(re.findall("`(.+?)`", spec.text)) <= SETTINGS.keys()


@pytest.mark.parametrize(
    "call", ["fetch([], ", "run([], 'x', ", "resume('x', ", "retry('x', ", "throttle(work, [], concurrency=5, "]
)
def test_a_type_checker_refuses_a_misspelled_keyword(call, tmp_path):
    program = tmp_path / "planted.py"
    work = "async def work(item: object) -> None: ..."
    program.write_text(f"import penstock\n\n{work}\n\npenstock.{call}rate=5)\npenstock.{call}rat=5)\n")
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(program)], capture_output=True, text=True, check=False
    )
    (said,) = [line for line in checked.stdout.splitlines() if "error:" in line]
    assert 'planted.py:6: error: Unexpected keyword argument "rat"' in said
