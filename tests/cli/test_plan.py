"""``penstock plan``: what a list would come to, before anything is sent."""

from __future__ import annotations

import gzip
import json

import pytest

from penstock.cli.plan import command
from penstock.scratch.seen import SeenRequests


def test_a_plan_sends_nothing(run, web, listed):
    before = web.traffic().requests
    ended = run("plan", listed(web.url(path="/1"), "", "# a comment", "nonsense", web.url(path="/2")))
    assert ended.exit_code == 0
    assert ended.stdout.startswith("Nothing was sent. 3 inputs, counted exactly:\n")
    assert "invalid_url: 1, line 4: not a URL" in ended.stdout
    assert ended.stderr == ""
    assert web.traffic().requests == before


def test_the_host_that_sets_the_time_is_named(run, listed):
    urls = [f"https://x.example/{number}" for number in range(101)] + ["http://y.example/"]
    said = run("plan", listed(*urls), "--delay", "0.2").stdout
    assert "It takes at least 20 s. x.example sets that: 101 starts, 0.2 s apart" in said
    assert "Hint: without x.example" in said
    assert "--rate 1 sets that" in run("plan", listed(*urls), "--delay", "0.2", "--rate", "1").stdout


def test_what_a_plan_says_of_the_number_of_requests_is_what_a_fetch_does(run, web, listed):
    urls = [web.url(path=f"/page/{number % 3}") for number in range(7)] + ["nonsense", "ftp://a.test/"]
    for unique in ((), ("--unique",)):
        planned = json.loads(run("plan", listed(*urls), "--json", *unique).stdout)
        before = web.traffic().requests
        fetched = run("fetch", listed(*urls), "--no-robots", "--delay", "0", "--progress", "json", *unique)
        told = json.loads(fetched.stderr.splitlines()[-1])
        assert planned["requests"] == web.traffic().requests - before
        assert planned["inputs"] == told["inputs"] == 9
        assert sum(refused["count"] for refused in planned["refused"]) == told["run"]["outcomes"]["skipped"] == 2
        assert told["run"]["duplicates"] == (planned["duplicates"] if unique else 0)


def test_several_inputs_and_formats_are_read_as_fetch_reads_them(run, tmp_path):
    table = tmp_path / "table.csv.gz"
    table.write_bytes(gzip.compress(b"id,link\n7,http://a.example/\n8,nothing\n"))
    lines = tmp_path / "lines.txt"
    lines.write_text("http://b.example/\n")
    said = json.loads(run("plan", table, "http://c.example/", "--column", "link", "--json").stdout)
    assert (said["inputs"], said["hosts"]) == (3, 2)
    assert said["refused"][0]["first"] == [{"seq": 1, "line": 3}]
    assert "(Each input counts its lines from 1.)" in run("plan", lines, table, "--input-format", "lines").stdout


def test_a_template_is_filled(run, listed):
    said = json.loads(run("plan", listed("a", "b"), "--url-template", "http://{}.example/", "--json").stdout)
    assert [host["host"] for host in said["biggest"]] == ["a.example", "b.example"]


@pytest.mark.parametrize("arguments", [["-"], []])
def test_standard_input_of_a_real_process(process, arguments):
    planning = process("plan", *arguments, "--hosts", "1")
    out, err = planning.communicate(b"http://a.example/1\nhttp://a.example/2\nhttp://b.example/\n")
    assert planning.returncode == 0, err
    assert b"a.example  2  66 %  0.1 s\n  1 other    1  33 %\n" in out
    assert err == b""


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("no-such-file",), 2, "no-such-file"),
        (("http://a.test/", "--per-host", "0"), 2, "--per-host is 0; it goes from 1 to"),
        (("http://a.test/", "--rate", "0"), 2, "rate is a number of starts a second above 0"),
        (("http://a.test/", "--hosts", "-1"), 2, "--hosts"),
        (("http://a.test/", "--attempts", "3"), 2, "No such option"),
        (("-", "-"), 2, "more than once"),
    ],
)
def test_what_is_wrong_with_the_call_is_an_error_of_usage(run, arguments, code, said):
    ended = run("plan", *arguments)
    assert ended.exit_code == code
    assert said in ended.stderr
    assert ended.stdout == ""


def test_an_input_that_breaks_off_is_an_error_and_no_half_of_a_plan(run, tmp_path):
    packed = tmp_path / "urls.gz"
    packed.write_bytes(gzip.compress(b"http://a.example/\n")[:-4])
    ended = run("plan", packed)
    assert ended.exit_code == 2
    assert ended.stdout == ""


def test_no_room_for_what_must_be_remembered_is_an_output_that_cannot_be_written(run, listed, monkeypatch):
    class Full(SeenRequests):
        def __init__(self):
            super().__init__()
            self._database.execute("PRAGMA max_page_count = 4")

    monkeypatch.setattr("penstock.fetching.auditing.SeenRequests", Full)
    ended = run("plan", listed(*(f"http://a.example/{number}" for number in range(2_000))))
    assert ended.exit_code == 4
    assert "TMPDIR" in ended.stderr


def test_a_terminal_is_not_waited_for(run, monkeypatch):
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True, raising=False)
    ended = run("plan")
    assert ended.exit_code == 2
    assert "as in: penstock plan urls.txt" in ended.stderr


def test_what_is_in_the_list_does_not_act_on_a_terminal(run, tmp_path):
    path = tmp_path / "urls.txt"
    path.write_bytes(b"\x1b[2J\x9b\nhttp://a.example/\x1b]0;owned\x07\nevil\x1b[31m://x/\n")
    for how in ((), ("--json",)):
        ended = run("plan", path, *how)
        assert ended.exit_code == 0
        assert all(line.isprintable() for line in ended.stdout.splitlines())


def test_passwords_in_the_list_are_not_shown(run, listed):
    urls = ["http://me:hush@a.example/", "http://me:hush@a.example:99999/", "http://me:hush@/", "me:hush@b.example"]
    for how in ((), ("--json",)):
        assert "hush" not in run("plan", listed(*urls), *how).output


def test_its_help_names_no_option_that_has_no_say(run):
    names = {parameter.name for parameter in command.params}
    assert not names & {"attempts", "timeout", "headers", "output", "progress"}
