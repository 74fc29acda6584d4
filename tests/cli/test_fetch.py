"""``penstock fetch``: arguments, streams and exit codes."""

from __future__ import annotations

import gzip

import pytest

from penstock.errors import Stalled
from penstock.fetching import lines

BRISK = ("--delay", "0", "--per-host", "10")


def test_without_a_folder_outcomes_go_to_standard_output_and_all_else_to_standard_error(run, web, records, each_once):
    ended = run("fetch", web.url(path="/page/1"), web.url(path="/status/404/x"), *BRISK)
    assert ended.exit_code == 0
    found = each_once(records(ended.stdout), 2)
    assert {record["status"] for record in found} == {200, 404}
    assert ended.stderr.startswith("Done: all 2 inputs have their outcome.")


def test_with_a_folder_nothing_goes_to_standard_output(run, web, tmp_path, records, each_once):
    urls = [web.url(path=f"/page/{number}") for number in range(5)]
    ended = run("fetch", *urls, "-o", tmp_path / "run", *BRISK)
    assert ended.exit_code == 0
    assert ended.stdout == ""
    assert f"penstock verify {tmp_path / 'run'}" in ended.stderr
    each_once(records(tmp_path / "run"), 5)


@pytest.mark.parametrize("arguments", [["-"], []])
def test_standard_input_is_read_when_named_or_when_nothing_is(process, web, records, each_once, arguments):
    fetching = process("fetch", *arguments, *BRISK)
    out, err = fetching.communicate(f"{web.url(path='/page/1')}\n# no input\n{web.url(path='/page/2')}\n".encode())
    assert fetching.returncode == 0, err
    each_once(records(out.decode()), 2)


def test_formats_are_told_by_name_and_by_option(run, web, tmp_path, records, each_once):
    table = tmp_path / "table.csv.gz"
    table.write_bytes(gzip.compress(f"id,link\n7,{web.url(path='/page/1')}\n".encode()))
    ended = run("fetch", table, "--column", "link")
    (record,) = each_once(records(ended.stdout), 1)
    assert record["input"] == {"id": "7"}


def test_a_template_makes_urls_from_lines(run, web, listed, records, each_once):
    ended = run("fetch", listed("one", "two"), "--url-template", web.url(path="/page/{}"), *BRISK)
    assert {record["url"] for record in each_once(records(ended.stdout), 2)} == {
        web.url(path="/page/one"),
        web.url(path="/page/two"),
    }


def test_quiet_shows_nothing_but_errors(run, web):
    assert run("fetch", web.url(), "-q").stderr == ""
    assert run("fetch", "no-such-file", "-q").stderr != ""


def test_verbose_shows_the_settings_without_their_secrets(run, web):
    said = run(
        *(
            "fetch",
            web.url(),
            "-v",
            "--attempts",
            "1",
            "-H",
            "Authorization: Bearer hush",
            "--connect-to",
            "a.test:80::",
        ),
        *("--url-template", "http://me:hush@a.test/{}", "--contact", "me@a.test", "--proxy", web.refusing()),
    ).stderr
    assert said.startswith("Settings: concurrency 100, per_host 2, delay 0.1, ")
    assert "headers Authorization" in " ".join(said.split())
    assert "hush" not in said
    assert "1 attempt, 0 redirects" in said


def test_quiet_and_verbose_contradict_each_other(run):
    assert run("fetch", "http://a.test/", "-q", "-v").exit_code == 2


@pytest.mark.parametrize("how", [(), ("-q",)])
def test_insecure_is_loud(run, web, how):
    assert "WARNING: --insecure" in run("fetch", web.url(), "--insecure", *how).stderr
    assert "WARNING" not in run("fetch", web.url()).stderr


def test_progress_as_json_is_json_to_the_end(run, web, records):
    ended = run("fetch", web.url(path="/page/1"), "--progress", "json")
    *_, summary = records(ended.stderr)
    assert summary["event"] == "summary"
    assert summary["exit_code"] == 0
    assert summary["run"]["statuses"] == {"200": 1}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("no-such-file",), "no-such-file'; if it is a URL, write http://"),
        (("http://a.test/", "--concurrency", "0"), "--concurrency is 0; it goes from 1 to"),
        (("http://a.test/", "-H", "no colon"), "has no colon"),
        (("http://a.test/", "-H", "Content-Length: 5"), "frames the message"),
        (("http://a.test/", "-H", "proxy-authorization: x"), "frames the message"),
        (("http://a.test/", "-H", "Host: a.test"), "connect_to"),
        (("http://a.test/", "-H", "X-Euro: \u20ac"), "Latin-1"),
        (("http://a.test/", "--contact", "\u20ac"), "Latin-1"),
        (("http://a.test/", "--proxy", "http://a\r\nb"), "control character"),
        (("http://a.test/", "--cacert", "jos\u00e9.pem"), "cannot be read"),
        (("http://a.test/", "--retry-methods", "PO ST"), "no method"),
        (("http://a.test/", "--connect-to", "a"), "HOST1:PORT1:HOST2:PORT2"),
        (("http://a.test/", "--max-body", "much"), "'much'"),
        (("http://a.test/", "--nonsense"), "--nonsense"),
        (("http://a.test/", "--sink", "papyrus"), "papyrus"),
        (("-", "-"), "more than once"),
        (("table.csv", "--column", "link"), "link"),
    ],
)
def test_what_is_wrong_with_the_call_is_said_before_anything_is_sent(run, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "table.csv").write_text("url\nhttp://a.test/\n")
    ended = run("fetch", *arguments, "-o", "run")
    assert ended.exit_code == 2
    assert said in ended.stderr
    assert not (tmp_path / "run").exists()


def test_a_terminal_is_not_waited_for(run, monkeypatch):
    """Who types ``penstock fetch`` is told what to do, not left before a silent prompt."""
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True, raising=False)
    ended = run("fetch")
    assert ended.exit_code == 2
    assert "no INPUT: name a URL, a file, or -" in ended.stderr


def test_a_folder_with_a_run_in_it_is_refused_with_the_command_that_goes_on(run, web, tmp_path):
    folder = tmp_path / "run"
    assert run("fetch", web.url(), "-o", folder).exit_code == 0
    again = run("fetch", web.url(), "-o", folder)
    assert again.exit_code == 2
    assert f"penstock resume {folder}" in again.stderr


@pytest.mark.parametrize("where", ["missing/run", "file", "file/run"])
def test_a_folder_that_cannot_be_is_refused_before_any_request(run, web, tmp_path, where):
    (tmp_path / "file").write_text("")
    before = web.traffic().requests
    ended = run("fetch", web.url(), "-o", tmp_path / where)
    assert ended.exit_code == 4
    assert ended.stderr.startswith("penstock: ")
    assert web.traffic().requests == before


def test_an_input_that_breaks_off_leaves_a_run_that_can_be_resumed(run, web, tmp_path, records, each_once):
    """What came before the damage is kept; the message is followed by the command that goes on."""
    packed = tmp_path / "urls.gz"
    packed.write_bytes(gzip.compress(f"{web.url(path='/page/1')}\n".encode())[:-4])
    ended = run("fetch", packed, "-o", tmp_path / "run")
    assert ended.exit_code == 2
    preflight, first, *_, last = ended.stderr.splitlines()
    assert " Preflight: " in preflight
    assert first.startswith("penstock: ")
    assert last == f"  penstock resume {tmp_path / 'run'}"
    each_once(records(tmp_path / "run"), 1)


def test_a_bug_of_ours_is_told_in_full_and_safely(run, web, monkeypatch):
    def stumble(*_):
        raise Stalled("at \x1b[2J")

    monkeypatch.setattr(lines, "stream_lines", stumble)
    ended = run("fetch", web.url())
    assert ended.exit_code == 1
    assert "Traceback" in ended.stderr
    assert "please report it" in ended.stderr.lower()
    assert "\x1b" not in ended.stderr


def test_ctrl_c_before_anything_has_begun_is_no_bug(run, web, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(lines, "stream_lines", interrupt)
    ended = run("fetch", web.url())
    assert ended.exit_code == 130
    assert ended.stderr == ""


def test_too_many_failures_are_an_exit_code(run, web, listed):
    inputs = listed(web.url(), web.refusing(), web.refusing())
    assert run("fetch", inputs, "--attempts", "1").exit_code == 0
    assert run("fetch", inputs, "--attempts", "1", "--max-failures", "2").exit_code == 0
    ended = run("fetch", inputs, "--attempts", "1", "--max-failures", "50%")
    assert ended.exit_code == 3
    assert ended.stderr.endswith("penstock: --max-failures 50%: 2 of 3 inputs have failed: connect_refused (2)\n")
    ended = run("fetch", inputs, "--attempts", "1", "--fail-on", "timeout,connect_refused", "-q")
    assert ended.exit_code == 3
    assert ended.stderr == "penstock: --fail-on: connect_refused (2) among the outcomes\n"


def test_no_follow_records_each_redirect_as_it_came(run, web, records):
    ended = run("fetch", web.url(path="/redirect/1/page"), "--no-follow", *BRISK)
    (record,) = records(ended.stdout)
    assert (record["status"], record["redirects"], record["body"]) == (302, [], "<p>Over there.</p>\n")


def test_no_follow_and_a_number_of_redirects_exclude_each_other(run, web):
    ended = run("fetch", web.url(), "--no-follow", "--max-redirects", "3")
    assert (ended.exit_code, "drop either" in ended.stderr) == (2, True)


@pytest.mark.parametrize("option", ["-X", "--request", "-d", "--data"])
def test_an_option_of_curls_is_answered_with_the_way_there_is(run, web, option):
    ended = run("fetch", web.url(), option, "POST")
    assert (ended.exit_code, "rows.jsonl" in ended.stderr) == (2, True)


def test_an_input_without_a_command_is_answered_with_the_command(run, listed):
    ended = run(listed("http://127.0.0.1:9/"))
    assert (ended.exit_code, "penstock fetch" in ended.stderr) == (2, True)
    assert "penstock fetch https://a.example/" in run("https://a.example/").stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fech", "urls.txt"], "fech is no command; did you mean fetch?"),
        (["\x1b[2Jetry"], "\\x1b[2Jetry is no command; did you mean retry?"),
        (["xyz"], "xyz is no command; there are: plan, fetch, resume, retry, leftover, verify, export, cat, demo"),
        (["fetch", "--concurency", "5"], "'--concurrency'"),
        (["fetch", "--sinks", "jsonl"], "'--sink'"),
    ],
)
def test_a_misspelled_command_or_option_is_answered_with_the_nearest(run, arguments, said):
    ended = run(*arguments)
    assert (ended.exit_code, said in ended.stderr) == (2, True), ended.stderr
