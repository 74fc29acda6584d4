"""The keywords of the public functions are typed, documented, and equal to the table of settings."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from typing import Unpack, get_type_hints

import pytest

import penstock
import penstock.twisted
from penstock.settings import CHANGEABLE, SETTINGS, Resume, generate
from penstock.settings.keywords import FetchOptions, ResumeOptions, RunOptions
from penstock.throttling import ThrottleOptions, _Chosen

RUN_ONLY = {name for name, setting in SETTINGS.items() if setting.spec.run_only}
GIVEN_AGAIN = {name for name, setting in SETTINGS.items() if setting.spec.resume is Resume.GIVEN_AGAIN}


def test_the_generated_keywords_are_up_to_date():
    """If this fails: python -m penstock.settings.generate."""
    assert generate.PATH.read_text() == generate.module()


def test_the_keywords_are_the_settings():
    assert RunOptions.__annotations__.keys() == SETTINGS.keys()
    assert FetchOptions.__annotations__.keys() == SETTINGS.keys() - RUN_ONLY
    assert ResumeOptions.__annotations__.keys() == CHANGEABLE | GIVEN_AGAIN


def test_a_setting_that_only_a_run_uses_is_about_files_storing_or_an_early_end():
    files, storing = {"input_format", "header", "delimiter"}, {"sinks", "body", "flush_every", "passes"}
    ends = {"deadline", "stop_at", "min_speed"}
    assert files | storing | ends == RUN_ONLY


@pytest.mark.parametrize("name", sorted(RUN_ONLY))
@pytest.mark.parametrize("fetch", [penstock.fetch, penstock.twisted.fetch])
def test_a_flow_refuses_what_only_a_run_uses(fetch, name):
    """Even its default: the caller would believe that it does something."""
    with pytest.raises(penstock.UsageError, match=f"^fetch does not use {name}; penstock.run does$"):
        fetch([], **{name: SETTINGS[name].default})


@pytest.mark.parametrize(
    ("call", "wrong", "said"),
    [
        (
            lambda wrong: penstock.fetch([], **wrong),
            "concurency",
            "fetch has no argument 'concurency'; did you mean concurrency?",
        ),
        (lambda wrong: penstock.fetch([], **wrong), "on_pge", "fetch has no argument 'on_pge'; did you mean on_page?"),
        (lambda wrong: penstock.run([], "x", **wrong), "reprot", "run has no argument 'reprot'; did you mean report?"),
        (lambda wrong: penstock.run([], "x", **wrong), "sink", "run has no argument 'sink'; did you mean sinks?"),
        (lambda wrong: penstock.resume("x", **wrong), "foce", "resume has no argument 'foce'; did you mean force?"),
        (lambda wrong: penstock.retry("x", **wrong), "onyl", "retry has no argument 'onyl'; did you mean only?"),
        (lambda wrong: penstock.twisted.fetch([], **wrong), "eahc", "fetch has no argument 'eahc'; did you mean each?"),
        (
            lambda wrong: penstock.throttle(print, [], concurrency=3, **wrong),
            "atempts",
            "throttle has no argument 'atempts'; did you mean attempts?",
        ),
        (
            lambda wrong: penstock.throttle(print, [], concurrency=3, **wrong),
            "orderd",
            "throttle has no argument 'orderd'; did you mean ordered?",
        ),
    ],
)
def test_a_misspelled_keyword_is_answered_with_the_nearest(call, wrong, said):
    with pytest.raises(penstock.UsageError) as caught:
        call({wrong: 5})
    assert str(caught.value) == said


def test_a_keyword_like_no_other_is_answered_with_all_that_there_are():
    with pytest.raises(penstock.UsageError) as caught:
        penstock.fetch([], nonsense=5)
    said, listed = str(caught.value).split("; there are: ")
    assert said == "fetch has no argument 'nonsense'"
    assert set(listed.split(", ")) == {"urls", "on_page", "ordered"} | (SETTINGS.keys() - RUN_ONLY)


def test_each_keyword_of_throttle_is_one_of_its_options():
    assert [*ThrottleOptions.__annotations__] == [*_Chosen.__struct_fields__][1:]
    assert _Chosen.__struct_fields__[0] == "concurrency"


@pytest.mark.parametrize(
    ("function", "name", "kind"),
    [
        (penstock.fetch, "settings", FetchOptions),
        (penstock.run, "settings", RunOptions),
        (penstock.twisted.fetch, "settings", FetchOptions),
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


@pytest.mark.parametrize("kind", [FetchOptions, ResumeOptions, RunOptions, ThrottleOptions])
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
    "call",
    [
        "fetch([], ",
        "run([], 'x', ",
        "resume('x', ",
        "retry('x', ",
        "throttle(work, [], concurrency=5, ",
        "twisted.fetch([], ",
    ],
)
def test_a_type_checker_refuses_a_misspelled_keyword(call, tmp_path):
    program = tmp_path / "planted.py"
    work = "async def work(item: object) -> None: ..."
    program.write_text(f"import penstock.twisted\n\n{work}\n\npenstock.{call}rate=5)\npenstock.{call}rat=5)\n")
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(program)], capture_output=True, text=True, check=False
    )
    (said,) = [line for line in checked.stdout.splitlines() if "error:" in line]
    assert 'planted.py:6: error: Unexpected keyword argument "rat"' in said
