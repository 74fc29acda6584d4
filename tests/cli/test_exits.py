"""Every error has its exit code."""

from __future__ import annotations

import click
import pytest

from penstock import errors
from penstock.cli.exits import MEANINGS, Exit, code_of, exit_on_error
from penstock.cli.streams import ReaderGone

CODES = {
    errors.PenstockError: 1,
    errors.Stalled: 1,
    errors.CooperationError: 1,
    errors.NotPaused: 1,
    errors.SchedulerStopped: 1,
    errors.TaskDone: 1,
    errors.TaskFailed: 1,
    errors.TaskFinished: 1,
    errors.TaskStopped: 1,
    errors.WorkCancelled: 1,
    errors.UsageError: 2,
    errors.InputError: 2,
    errors.InputChanged: 2,
    errors.OutputError: 4,
    errors.FolderError: 2,
    errors.FolderMismatch: 2,
    errors.FolderInUse: 4,
    errors.FolderDamaged: 4,
}


def test_every_error_of_the_tree_is_in_the_table():
    assert {getattr(errors, name) for name in errors.__all__} == CODES.keys()


@pytest.mark.parametrize(("kind", "code"), CODES.items())
def test_an_error_leads_to_its_code(kind, code):
    assert code_of(kind("so it is")) == code


def test_every_code_says_what_it_means():
    assert MEANINGS.keys() == set(Exit)


def code_and_message(raised, capsys):
    with pytest.raises(click.exceptions.Exit) as end, exit_on_error(click.Context(click.Command("x"))):
        raise raised
    return end.value.exit_code, capsys.readouterr().err


def test_an_error_is_told_safely_with_its_notes(capsys):
    error = errors.OutputError("the disk says \x1b[2J")
    error.add_note("Go on:\n  penstock resume pages")
    assert code_and_message(error, capsys) == (
        4,
        "penstock: the disk says \\x1b[2J\nGo on:\n  penstock resume pages\n",
    )


def test_a_foreign_error_is_a_bug_of_ours(capsys):
    code, message = code_and_message(ZeroDivisionError("by \x9b0"), capsys)
    assert code == 1
    assert "ZeroDivisionError: by \\x9b0" in message
    assert "bug" in message


@pytest.mark.parametrize(("raised", "code"), [(ReaderGone(), 141), (KeyboardInterrupt(), 130), (click.Abort(), 130)])
def test_some_ends_need_no_words(raised, code, capsys):
    assert code_and_message(raised, capsys) == (code, "")


def test_what_is_wrong_with_the_call_is_left_to_click():
    with pytest.raises(click.UsageError), exit_on_error(click.Context(click.Command("x"))):
        raise click.UsageError("no")
