"""An error names what to do as its reader writes it: a program, or a person at a command line."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from penstock.cli.options import flags_of
from penstock.errors import FolderDamaged, PenstockError, UsageError
from penstock.remedies import Message, Remedy, call, keyword, name_settings, spell_for_shell
from penstock.settings import CHANGEABLE, SETTINGS, Resume, Settings


@pytest.mark.parametrize(
    ("remedy", "python", "typed"),
    [
        (keyword("force", True), "force=True", "--force"),
        (keyword("header", False), "header=False", "--no-header"),
        (keyword("robots", False), "robots=False", "--no-robots"),
        (keyword("delimiter", ";"), "delimiter=';'", "--delimiter ';'"),
        (keyword("column", "it's"), 'column="it\'s"', """--column 'it'"'"'s'"""),
        (keyword("per_host"), "per_host", "--per-host"),
        (keyword("only", "404,timeout"), "only='404,timeout'", "--only 404,timeout"),
        (
            call("verify", "my run", repair=True),
            "penstock.verify('my run', repair=True)",
            "penstock verify --repair 'my run'",
        ),
        (call("resume", Path("./-a b")), "penstock.resume('-a b')", "penstock resume './-a b'"),
        (call("resume", "a\tb"), "penstock.resume('a\\tb')", r"penstock resume $'a\011b'"),
        (call("resume", "pages"), "penstock.resume('pages')", "penstock resume pages"),
    ],
)
def test_a_remedy_is_spelled_for_both(remedy, python, typed):
    assert remedy == Remedy(python, typed)


def test_an_error_says_the_one_to_a_program_and_the_other_to_a_shell():
    error = FolderDamaged("it is damaged: ", call("verify", "pages", repair=True), ", or not")
    assert str(error) == "it is damaged: penstock.verify('pages', repair=True), or not"
    assert error.spell_for_shell() == "it is damaged: penstock verify --repair pages, or not"
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.spell_for_shell()) == (FolderDamaged, str(error), error.spell_for_shell())


def test_a_message_is_the_text_for_a_program_and_knows_the_one_for_a_shell():
    message = Message("it may be a table: ", keyword("input_format", "csv"))
    assert message == "it may be a table: input_format='csv'"
    assert message.typed == spell_for_shell([message]) == "it may be a table: --input-format csv"
    assert spell_for_shell(["a text is itself"]) == "a text is itself"
    again = pickle.loads(pickle.dumps(message))
    assert (type(again), again, again.typed) == (Message, message, message.typed)


def test_settings_named_in_a_text_have_both_spellings():
    message = name_settings("raise {per_host}, or lower {delay} for {}", delay=0.5)
    assert message == "raise per_host, or lower delay=0.5 for {}"
    assert message.typed == "raise --per-host, or lower --delay 0.5 for {}"


def test_a_message_in_an_error_keeps_both():
    error = PenstockError("no list: ", Message("it may be a table: ", keyword("input_format", "csv")))
    assert str(error) == "no list: it may be a table: input_format='csv'"
    assert error.spell_for_shell() == "no list: it may be a table: --input-format csv"


def test_an_error_without_a_remedy_is_its_text():
    assert (str(PenstockError("so it is")), PenstockError("so it is").spell_for_shell(), str(PenstockError())) == (
        "so it is",
        "so it is",
        "",
    )


def test_a_wrong_setting_is_named_by_its_keyword_in_python_and_by_its_option_when_typed(run_fetch):
    with pytest.raises(UsageError, match=r"^per_host is 0; it goes from 1 to 10,000$"):
        Settings.of(per_host=0)
    assert "penstock: --per-host is 0; it goes from 1 to 10,000" in run_fetch("--per-host", "0")
    assert "penstock: --rate is -5.0; it goes from above 0 to 1,000,000" in run_fetch("--rate", "-5")
    assert "penstock: --header: 'A' has no colon; write 'Name: value'" in run_fetch("-H", "A")
    assert "penstock: --retry-methods: 'A B' is no method" in run_fetch("--retry-methods", "A B")


@pytest.fixture
def run_fetch():
    from click.testing import CliRunner  # noqa: PLC0415 - of this test alone

    from penstock.cli import main  # noqa: PLC0415 - of this test alone

    def run(*arguments):
        ended = CliRunner().invoke(main, ["fetch", "http://a.test/", *arguments])
        assert ended.exit_code == 2
        return ended.stderr

    return run


def test_every_setting_is_called_by_its_option():
    """Also those whose option has another name."""
    for name, setting in SETTINGS.items():
        assert keyword(name).typed in [part for flag in flags_of(setting) for part in flag.split("/")]


def test_every_setting_that_a_resume_may_change_is_an_option_of_it():
    assert {name for name, setting in SETTINGS.items() if setting.spec.resume is not Resume.FIXED} >= CHANGEABLE


def test_every_setting_has_an_option_to_be_named_by():
    assert all(flags_of(setting)[-1].startswith("--") for setting in SETTINGS.values())
