"""Real processes: signals, closed pipes, terminals that hang up."""

from __future__ import annotations

import fcntl
import os
import pty
import shutil
import signal
import struct
import subprocess
import sys
import termios

import pytest

from penstock.cli.signals import ABORTING, STOPPING

SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]

CONTROLLED = """
import fcntl, runpy, sys, termios
fcntl.ioctl(2, termios.TIOCSCTTY, 0)
runpy.run_module("penstock", run_name="__main__", alter_sys=True)
"""
"""``penstock`` with standard error as its controlling terminal."""


@pytest.fixture
def terminal():
    """Both ends of a terminal of 70 columns: ours, and the one for a process."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 70, 0, 0))
    yield ours, theirs
    for end in (ours, theirs):
        try:
            os.close(end)
        except OSError:
            continue


def everything(ours):
    """What was shown on a terminal, once nobody holds the other end."""
    shown = bytearray()
    while True:
        try:
            shown += os.read(ours, 65_536)
        except OSError:
            return shown.decode()


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_lets_what_runs_finish(begun, web, number, code):
    """The slow page was under way when the signal came; it still comes out."""
    with begun(before=[web.url(path="/slow/0.3/page/slow")]) as fetching:
        fetching.send_signal(number)
        assert fetching.outcome()["url"].endswith("/page/slow")
        out, err = fetching.communicate()
    assert fetching.returncode == code
    assert out == b""
    first, rest = err.decode().split("\n", 1)
    assert first == STOPPING
    assert rest.startswith(f"Stopped by {number.name} after ")
    assert "2 outcomes written" in rest


def test_the_second_signal_stops_at_once(begun, web):
    """What would never end is dropped; there are no two minutes of waiting for it."""
    with begun("--timeout", "1000", before=[web.url(path="/hang")]) as fetching:
        fetching.send_signal(signal.SIGINT)
        assert fetching.stderr.readline().decode() == f"{STOPPING}\n"
        fetching.send_signal(signal.SIGINT)
        assert fetching.stderr.readline().decode() == f"{ABORTING}\n"
        _, err = fetching.communicate()
    assert fetching.returncode == 130
    assert "1 outcome written" in err.decode()


def test_a_run_that_was_stopped_twice_is_resumed_to_its_end(process, run, *, web, listed, tmp_path, records, each_once):
    folder = tmp_path / "my run"
    urls = [web.url(path=f"/page/{number}") for number in range(20)]
    inputs = listed(web.url(path="/hang"), *urls)
    pace = ("--delay", "0", "--per-host", "30")
    fetching = process("fetch", inputs, "-o", folder, *pace, "--timeout", "1000", "--progress", "json")
    # The first progress is told with the first outcome, and the page that hangs is under way by then.
    assert b'"text":"Preflight: ' in fetching.stderr.readline()
    assert b'"progress"' in fetching.stderr.readline()
    fetching.send_signal(signal.SIGTERM)
    # A notice is lost if its signal comes in the middle of a write. Two more lines of progress are a second apart.
    progress = 0
    while progress < 2 and b'"notice"' not in (line := fetching.stderr.readline()):
        progress += b'"progress"' in line
    fetching.send_signal(signal.SIGTERM)
    fetching.communicate()
    assert fetching.returncode == 143

    held = run("verify", folder)
    assert held.exit_code == 5
    assert f"penstock resume '{folder}'" in held.stdout
    resumed = run("resume", folder, "--timeout", "0.2", "--attempts", "1")
    assert resumed.exit_code == 0, resumed.stderr
    outcomes = each_once(records(folder), 21)
    assert [record["url"] for record in outcomes if record["error"]] == [web.url(path="/hang")]
    assert run("verify", folder).exit_code == 0


def test_a_reader_that_has_had_enough_ends_it_quietly(begun, web):
    with begun() as fetching:
        fetching.stdout.close()
        fetching.stdout = None
        with pytest.raises(BrokenPipeError):
            while True:
                fetching.feed(web.url())
        _, err = fetching.communicate()
    assert fetching.returncode == 141
    assert err == b""


@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("yes")), reason="needs bash and yes")
def test_an_endless_list_into_head_ends_quietly(web):
    pipeline = (
        f"yes {web.url()} | {sys.executable} -m penstock fetch - -c 50 --per-host 50 --delay 0 --body none"
        " --progress none | head -n 2000 >/dev/null; echo ${PIPESTATUS[@]}"
    )
    ended = subprocess.run(["bash", "-c", pipeline], capture_output=True, text=True, check=True)
    assert ended.stdout == "141 141 0\n"
    assert ended.stderr == ""


def test_nobody_on_standard_error_changes_nothing(process, web, records, each_once):
    reader, writer = os.pipe()
    os.close(reader)
    fetching = process("fetch", "-", "-v", "--progress", "plain", stderr=writer)
    os.close(writer)
    out, _ = fetching.communicate(f"{web.url()}\n".encode())
    assert fetching.returncode == 0
    each_once(records(out.decode()), 1)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_behind_standard_output_is_told(process, web):
    with open("/dev/full", "wb") as full:
        fetching = process("fetch", web.url(), stdout=full)
    _, err = fetching.communicate()
    assert fetching.returncode == 4
    assert err == b"penstock: cannot write to standard output: No space left on device\n"


@pytest.mark.parametrize("environment", [{"TERM": "xterm"}, {"TERM": "xterm", "NO_COLOR": "1"}])
def test_on_a_terminal_there_is_a_bar_and_in_the_end_the_summary(
    process, web, *, listed, tmp_path, terminal, environment
):
    ours, theirs = terminal
    inputs = listed(*(web.url(path=f"/page/{number}") for number in range(50)))
    fetching = process(
        *("fetch", inputs, "-o", tmp_path / "run", "--delay", "0", "--per-host", "10"),
        stderr=theirs,
        environment=environment,
    )
    os.close(theirs)
    shown = everything(ours)
    assert fetching.wait() == 0
    live, _, after = shown.rpartition("\x1b[2K")
    assert "in flight" in live
    assert "\x1b[?25h" in live[live.rindex("\x1b[?25l") :]
    assert ("\x1b[32m" in live) == ("NO_COLOR" not in environment)
    assert after.startswith("Done: all 50 inputs have their outcome.")
    assert "\x1b" not in after
    assert all(len(line) <= 70 for line in after.splitlines() if not line.startswith("  penstock "))


def test_data_and_bar_do_not_share_a_terminal(process, web, terminal):
    ours, theirs = terminal
    fetching = process("fetch", web.url(), stdout=theirs, stderr=theirs, environment={"TERM": "xterm"})
    os.close(theirs)
    shown = everything(ours)
    assert fetching.wait() == 0
    assert "\x1b" not in shown
    assert shown.startswith('{"v":1,')
    assert "Done: 1 input has its outcome." in shown


def test_a_terminal_that_hangs_up_stops_the_run_and_not_its_commit(process, run, *, web, tmp_path, terminal, records):
    """The hang-up is the signal, and from then on nothing can be shown; the exit code still tells."""
    ours, theirs = terminal
    folder = tmp_path / "run"
    fetching = process(
        *("fetch", "-", "-o", folder, "--delay", "0"),
        wrapper=("-c", CONTROLLED),
        stderr=theirs,
        start_new_session=True,
        environment={"TERM": "xterm"},
    )
    os.close(theirs)
    fetching.feed(web.url())
    shown = b""
    while b"in flight" not in shown:
        shown += os.read(ours, 65_536)
    os.close(ours)
    assert fetching.wait() == 129
    assert run("verify", folder).exit_code == 5
    assert len(records(folder)) == 1
