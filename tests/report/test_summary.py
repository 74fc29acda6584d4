"""How it ended, word for word."""

from __future__ import annotations

import os
import shutil
import subprocess
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.report.summary import command, headline, summary, wrap
from penstock.settings import Settings

SETTINGS = Settings.of(delay=0.1)

TIMES = "\N{MULTIPLICATION SIGN}"


def text_of(ending, **how):
    return "\n".join(summary(ending, SETTINGS, **how))


def golden(text):
    return textwrap.dedent(text).strip("\n")


def test_a_complete_run_says_what_came_of_it_and_how_to_prove_it(ended, tally_of):
    tally = tally_of(
        {200: 18_900, 404: 213, 503: 100},
        {"connect_refused": 300, "timeout_first_byte": 287, "invalid_url": 200},
        bytes=214_000_000,
    )
    assert text_of(ended(tally, elapsed=14.0)) == golden("""
        Done: all 20,000 inputs have their outcome. It took 14 s.

          fetched  19,213  200: 18,900  404: 213  503: 100
          failed      587  connect_refused: 300  timeout_first_byte: 287
          skipped     200  invalid_url: 200
          214 MB of bodies, 1,429 outcomes a second

        300 X connect_refused, 287 X timeout_first_byte, 100 X 503 may work later:
          penstock retry pages

        Prove it:
          penstock verify pages
    """).replace("X", TIMES)


def test_what_may_work_later_is_named_with_the_command_on_one_line(ended, tally_of):
    said = summary(ended(tally_of({200: 9, 503: 3, 500: 1, 404: 5}, {"dns_not_found": 2})), SETTINGS)
    assert f"3 {TIMES} 503, 1 {TIMES} 500 may work later: penstock retry pages" in said


def test_of_many_reasons_to_try_again_the_rest_is_counted(ended, tally_of):
    reasons = ("reset", "timeout", "truncated", "empty_reply", "host_down", "dns_temporary", "timeout_tls")
    said = text_of(ended(tally_of({200: 9}, {reason: 9 - number for number, reason in enumerate(reasons)})), width=200)
    assert f"4 {TIMES} dns_temporary, 3 {TIMES} others may work later: penstock retry pages" in said


def test_what_is_final_and_what_was_not_kept_is_not_offered_again(ended, tally_of):
    assert "later" not in text_of(ended(tally_of({200: 9, 404: 3}, {"dns_not_found": 2})))
    assert "later" not in text_of(ended(tally_of({503: 3}), folder=None))


@pytest.mark.parametrize(
    ("reason", "settings", "suggested"),
    [
        (
            "dns_not_found",
            {},
            "All 20 outcomes are alike (dns_not_found), which suggests no network",
        ),
        ("timeout_connect", {"proxy": "http://127.0.0.1:1"}, "suggests a proxy that is down"),
        ("invalid_url", {}, "suggests another input format"),
        ("truncated", {}, "All 20 outcomes are alike (truncated)."),
    ],
)
def test_what_nearly_all_came_to_suggests_something(ended, tally_of, reason, settings, suggested):
    lines = summary(ended(tally_of({}, {reason: 20})), Settings.of(**settings), width=300)
    assert any(suggested in line for line in lines)


def test_of_a_stopped_run_few_outcomes_are_enough(ended, tally_of):
    """A network that is cut off lets a run wait, so it never has many."""
    for count, suggests in ((4, False), (5, True)):
        said = text_of(ended(tally_of({}, {"connect_refused": count}), complete=False), width=200)
        assert ("outcomes are alike (connect_refused), which suggests no network" in said) == suggests


def test_a_share_of_nearly_all_is_counted(ended, tally_of):
    assert "96 of 100 outcomes are alike (401), which suggests credentials" in text_of(
        ended(tally_of({200: 4, 401: 96})), width=200
    )


@pytest.mark.parametrize(
    ("ended_by", "said"),
    [
        ("sigterm", "Stopped by SIGTERM after 10 s: "),
        ("min_speed", "Stopped by --min-speed after 10 s: "),
        ("stop", "Stopped after 10 s: "),
        (None, "Stopped after 10 s: "),
    ],
)
def test_a_stopped_run_says_by_what(ended, tally_of, ended_by, said):
    assert summary(ended(tally_of({200: 3}), complete=False, ended_by=ended_by), SETTINGS)[0].startswith(said)


def test_a_program_gets_the_setting_that_stopped_it(ended, tally_of):
    stopped = ended(tally_of({200: 3}), complete=False, ended_by="min_speed")
    assert str(headline(stopped)).startswith("Stopped by min_speed after 10 s: ")


def test_a_stopped_run_says_how_many_inputs_are_left_if_anything_says_it(ended, stands, tally_of):
    tally = tally_of({200: 100}, duplicates=10)
    for fields, said in (
        ({"pulled": 210, "exhausted": True}, "and 100 inputs are left."),
        ({"pulled": 111, "exhausted": True}, "and 1 input is left."),
        ({"pulled": 210, "read": (500, 1_000)}, "and about 310 inputs are left."),
        ({"pulled": 210}, "and the rest can be done later."),
    ):
        ending = ended(tally, complete=False, inputs=None, statistics=stands(100, **fields))
        assert said in " ".join(summary(ending, SETTINGS))


def test_it_says_who_wanted_more_time_than_they_got(ended, stands, tally_of):
    stood = stands(capped={"a.test": 61.0, "b\x1b.test": 300.0})
    assert (
        "  2 hosts ask for more than 60 s between two requests (robots.txt), and got\n  that: b\\x1b.test wants 5 min\n"
    ) in text_of(ended(tally_of({200: 3}), statistics=stood))


def test_a_run_that_had_enough_says_how_to_go_beyond_it(ended, tally_of):
    """A resume goes by the same share as before: by itself it would stop again at once."""
    said = text_of(ended(tally_of({200: 98}), complete=False, inputs=None, ended_by="stop_at"))
    assert said.endswith("Continue:\n  penstock resume --stop-at 100% pages")


def test_a_stopped_run_says_how_to_go_on_and_what_will_take_long(ended, stands, tally_of):
    tally = tally_of({200: 8_123}, bytes=81_230_000)
    stood = stands(8_123, pulled=20_000, held=11_777, running=100, exhausted=True, busiest=("big.test", 10_800))
    ending = ended(tally, complete=False, inputs=None, statistics=stood, elapsed=100.0)
    assert text_of(ending) == golden("""
        Stopped after 1 min 40 s: 8,123 outcomes stored durably, and 11,877 inputs are
        left.

          fetched  8,123  200: 8,123
          81 MB of bodies, 81 outcomes a second

        Hint: big.test holds 90 % of the remaining inputs; at 10 a second it needs
        18 min: raise --per-host or lower --delay if it is yours.

        Continue:
          penstock resume pages
    """)


def test_a_resumed_run_tells_its_session_from_the_whole(ended, tally_of):
    ending = ended(tally_of({200: 100}), session=tally_of({200: 40}), elapsed=2.0)
    first, *_ = summary(ending, SETTINGS, width=100)
    assert first == "Done: all 100 inputs have their outcome. 40 of them in this session. It took 2 s."
    assert "20 outcomes a second" in text_of(ending)


def test_lines_on_standard_output_can_neither_be_verified_nor_resumed(ended, tally_of):
    stopped = text_of(ended(tally_of({200: 3}), folder=None, complete=False, inputs=None))
    assert "3 outcomes written" in stopped
    assert "-o DIR" in stopped
    assert "penstock" not in stopped
    assert "penstock" not in text_of(ended(tally_of({200: 3}), folder=None))


def test_an_empty_input_is_complete(ended, tally_of):
    assert text_of(ended(tally_of(), folder=None)) == "Done: the input is empty.\n"


def test_one_input_is_singular(ended, tally_of):
    assert summary(ended(tally_of({200: 1})), SETTINGS)[0] == "Done: 1 input has its outcome. It took 10 s."


def test_only_verbose_names_everything(ended, tally_of):
    tally = tally_of(dict.fromkeys(range(200, 210), 1), attempts=12, redirects=1)
    assert "other: 5" in text_of(ended(tally))
    verbose = text_of(ended(tally), verbose=True)
    assert "other" not in verbose
    assert "209: 1" in verbose
    assert "12 attempts, 1 redirect" in verbose


@pytest.mark.parametrize("width", [20, 30, 40, 60, 80, 200])
def test_on_any_terminal_no_entry_is_torn_apart(ended, tally_of, width):
    """Only a single word, and a command to copy, may be longer than the line."""
    tally = tally_of({200: 18_900, 404: 213, 503: 100}, {"timeout_first_byte": 287, "connect_unreachable": 300})
    lines = summary(ended(tally, complete=False, inputs=None), SETTINGS, width=width)
    for entry in ("404: 213", "timeout_first_byte: 287", "connect_unreachable: 300"):
        assert any(entry in line for line in lines)
    for line in lines:
        assert len(line) <= width or len(line.split()) <= 4


@given(st.text(st.characters(categories=("L",)), min_size=1), st.integers(0, 200))
def test_wrapping_loses_no_word(text, width):
    assert " ".join(wrap(f"{text} a b {text}", width)).split() == f"{text} a b {text}".split()


def test_a_command_is_quoted_for_a_shell_and_safe_to_print():
    assert command("resume", "pages") == "penstock resume pages"
    assert command("resume", "my pages; rm") == "penstock resume 'my pages; rm'"
    assert command("resume", "\x1b[2J") == r"penstock resume $'\033[2J'"
    assert command("resume", "-pages", "--stop-at", "100%") == "penstock resume --stop-at 100% ./-pages"
    assert command("resume", "\ud800") == r"penstock resume '\ud800'"


@pytest.mark.skipif(shutil.which("bash") is None, reason="a shell of the kind that people type into")
@pytest.mark.parametrize(
    "name", [b"caf\xe9", b"a'b\\\xff1", b"\x1b[2J$(x)", b"pages", b"my pages", "josé".encode(), b"./-p"]
)
def test_a_name_of_any_bytes_can_be_typed_again(name):
    """What is not UTF-8 cannot be shown, and a command to copy must lead to the same folder."""
    line = command("resume", os.fsdecode(name)).removeprefix("penstock resume ")
    assert line.isprintable()
    typed = subprocess.run(["bash", "-c", f"printf %s {line}"], capture_output=True, check=True)
    assert typed.stdout == name


def test_what_is_left_alone_when_it_stops_is_named(ended, stands, tally_of):
    stood = stands(5, alone=1, parked=(("a.test", 600.0),))
    lines = summary(ended(tally_of({200: 5}), complete=False, statistics=stood), Settings(), width=200)
    assert "Paused, as they asked for it or could not be reached: a.test (10 min)." in lines
