"""Data on standard output, everything else on standard error, whoever still reads them."""

from __future__ import annotations

import io
import os
import sys

import pytest

from penstock.cli.streams import ReaderGone, Stderr, Stdout, show, tell, terminal_width
from penstock.errors import OutputError


class Terminal(io.TextIOWrapper):
    def isatty(self):
        return True


@pytest.fixture
def replaced(monkeypatch):
    """Puts another stream in the place of a standard one."""

    def replace(name, stream):
        monkeypatch.setattr(sys, name, stream)
        return stream

    return replace


@pytest.fixture
def unread():
    """A text stream into a pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as stream:
        yield stream


FULL = "/dev/full"


def test_data_is_passed_on_as_it_is(replaced):
    stream = replaced("stdout", io.TextIOWrapper(io.BytesIO()))
    Stdout().write(b'{"body":"\xc2\x9b"}\n')
    assert stream.buffer.getvalue() == b'{"body":"\xc2\x9b"}\n'


def test_data_on_a_terminal_cannot_act_upon_it(replaced):
    stream = replaced("stdout", Terminal(io.BytesIO()))
    Stdout().write(b'{"body":"\xc2\x9b"}\n')
    assert stream.buffer.getvalue() == b'{"body":"\\u009b"}\n'


def test_a_reader_that_left_is_no_error_and_leaves_none_behind(replaced, unread):
    """What is still in the buffer goes nowhere: closing the stream at the end raises no second error."""
    replaced("stdout", unread)
    with pytest.raises(ReaderGone):
        Stdout().write(b"x" * 100_000)
    unread.flush()


@pytest.mark.parametrize("error", [RuntimeError("reentrant call inside <_io.BufferedWriter>"), BlockingIOError()])
def test_a_message_that_cannot_be_written_now_goes_unheard(replaced, error):
    """Python refuses a write from a signal handler that interrupted a write; later ones are heard again."""

    class Busy(io.StringIO):
        def write(self, text):
            if text == "now\n":
                raise error
            return super().write(text)

    stream = replaced("stderr", Busy())
    tell("now")
    tell("later")
    assert stream.getvalue() == "later\n"


@pytest.mark.skipif(not os.path.exists(FULL), reason="needs /dev/full")
def test_a_full_disk_is_an_output_error(replaced):
    with open(FULL, "w") as stream:
        replaced("stdout", stream)
        with pytest.raises(OutputError, match="No space left"):
            Stdout().write(b"x")
        stream.flush()


def test_a_pipe_that_somebody_made_non_blocking_is_waited_for(replaced):
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with open(reader, "rb"), open(writer, "w") as stream:
        replaced("stdout", stream)
        Stdout()
        assert os.get_blocking(writer)


def test_a_closed_standard_output_is_told_before_anything_is_fetched(replaced):
    replaced("stdout", None)
    with pytest.raises(OutputError, match="-o DIR"):
        Stdout()
    show("nobody sees this")


def test_messages_are_made_safe(capsys):
    tell("one\n\x1b[2J")
    assert capsys.readouterr().err == "one\n\\x1b[2J\n"


def test_messages_for_nobody_are_not_an_error(replaced, unread):
    replaced("stderr", unread)
    tell("x" * 100_000)
    tell("y")
    unread.flush()
    replaced("stderr", None)
    tell("z")
    assert Stderr().isatty() is False
    assert terminal_width() == 80
