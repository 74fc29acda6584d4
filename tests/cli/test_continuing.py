"""One command that begins or goes on; an input that has moved; what an error names on the command line."""

from __future__ import annotations

import json
import re
import shlex
import signal
from contextlib import closing

import pytest

import penstock
from penstock.errors import FolderInUse
from penstock.fetching import sessions
from penstock.runs.folder import RunFolder
from penstock.settings import Settings

BRISK = ("--delay", "0", "--per-host", "10", "--attempts", "1")
FAST = {"delay": 0, "per_host": 10, "attempts": 1, "robots": False}


@pytest.fixture
def urls(web, listed):
    return listed(*(web.url(path=f"/page/{seq}") for seq in range(5)))


def settings(folder):
    return json.loads((folder / "run.json").read_text())["settings"]


def test_one_command_begins_goes_on_and_is_content_with_what_is_finished(run, urls, tmp_path, records, each_once):
    folder = tmp_path / "run"
    for _ in range(3):
        ended = run("fetch", urls, "-o", folder, "--resume", *BRISK)
        assert ended.exit_code == 0, ended.stderr
    assert "This run has finished already: all inputs have their outcome." in ended.stderr
    each_once(records(folder), 5)


@pytest.mark.parametrize("name", ["-pages", "my pages"])
def test_the_commands_that_a_summary_shows_can_be_typed(run, urls, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    said = run("fetch", urls, "-o", f"./{name}", *BRISK).stderr
    (shown,) = [shlex.split(line)[1:] for line in said.splitlines() if line.startswith("  penstock ")]
    assert shown[0] == "verify"
    assert run(*shown).exit_code == 0
    refused = run("fetch", urls, "-o", f"./{name}").stderr
    resume = re.search("penstock (resume .*), or", refused)[1]
    assert run(*shlex.split(resume)).exit_code == 0


def test_it_goes_on_where_another_command_was_stopped(run, urls, tmp_path, records, each_once):
    folder = tmp_path / "run"
    sessions.begin([str(urls)], folder, Settings.of(**FAST)).close()
    ended = run("fetch", urls, "-o", folder, "--resume", *BRISK, "--no-robots")
    assert ended.exit_code == 0, ended.stderr
    assert "finished already" not in ended.stderr
    each_once(records(folder), 5)


def test_it_goes_on_after_a_kill(process, web, listed, tmp_path):
    inputs, folder = listed(*(web.url(path=f"/slow/0.05/page/{seq}") for seq in range(30))), tmp_path / "run"
    pace = ("--per-host", "2", "--no-robots", "--flush-every", "0.01", "--progress", "json")
    killed = process("fetch", inputs, "-o", folder, "--resume", *pace)
    while json.loads(killed.stderr.readline()).get("done", 0) < 5:
        pass
    killed.kill()
    killed.communicate()
    assert not penstock.verify(folder).finished
    again = process("fetch", inputs, "-o", folder, "--resume", *pace)
    told = json.loads(again.communicate()[1].splitlines()[-1])
    assert again.returncode == 0
    assert told["session"]["outcomes"]["fetched"] < told["run"]["outcomes"]["fetched"] == 30
    assert penstock.verify(folder).ok


@pytest.fixture
def begun_meanwhile(monkeypatch, urls, tmp_path):
    """A session that another process begins just after it was seen that the folder holds no run."""
    with closing(sessions.begin([str(urls)], tmp_path / "run", Settings.of(**FAST))) as other:
        look, looks = RunFolder.holds_run, iter([False])
        monkeypatch.setattr(RunFolder, "holds_run", staticmethod(lambda path: next(looks, look(path))))
        yield other


@pytest.mark.usefixtures("begun_meanwhile")
def test_of_two_that_begin_at_once_one_finds_the_folder_in_use(run, urls, tmp_path):
    ended = run("fetch", urls, "-o", tmp_path / "run", "--resume", *BRISK)
    assert ended.exit_code == 4, ended.stderr
    assert "is in use" in ended.stderr


@pytest.mark.usefixtures("begun_meanwhile")
def test_of_two_programs_that_begin_at_once_one_finds_the_folder_in_use(urls, tmp_path):
    with pytest.raises(FolderInUse):
        penstock.run(urls, tmp_path / "run", **FAST)


def test_it_goes_on_with_a_run_that_was_begun_and_left_meanwhile(run, begun_meanwhile, urls, tmp_path):
    begun_meanwhile.close()
    ended = run("fetch", urls, "-o", tmp_path / "run", "--resume", *BRISK)
    assert ended.exit_code == 0, ended.stderr
    assert penstock.verify(tmp_path / "run").ok


def test_what_it_is_not_given_stays_as_it_was(run, urls, tmp_path):
    folder = tmp_path / "run"
    run("fetch", urls, "-o", folder, "--timeout", "9s", *BRISK)
    run("fetch", urls, "-o", folder, "--resume", "--delay", "1ms")
    assert {name: settings(folder)[name] for name in ("timeout", "delay", "per_host")} == {
        "timeout": 9,
        "delay": 0.001,
        "per_host": 10,
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--resume",), "--resume resumes a run folder; name it: -o DIR"),
        (("--resume", "-o", "{folder}", "--max-redirects", "3"), "--max-redirects is part of what this run is"),
        (("-o", "{folder}"), "resume it: penstock resume {folder}, or name another folder"),
    ],
)
def test_what_does_not_fit_is_refused(run, urls, tmp_path, arguments, said):
    folder = tmp_path / "run"
    run("fetch", urls, "-o", folder, *BRISK)
    ended = run("fetch", urls, *(argument.format(folder=folder) for argument in arguments))
    assert ended.exit_code == 2
    assert said.format(folder=folder) in ended.stderr


def test_another_list_is_refused(run, web, urls, listed, tmp_path):
    folder = tmp_path / "run"
    run("fetch", urls, "-o", folder, *BRISK)
    ended = run("fetch", listed(web.url(path="/page/9"), name="other.txt"), "-o", folder, "--resume")
    assert ended.exit_code == 2
    assert "the input is not the one that this run began with" in ended.stderr
    assert f"by its line numbers: penstock resume --force --input INPUT {folder}\n" in ended.stderr


def test_a_list_that_has_moved_is_named(run, urls, tmp_path):
    folder, moved = tmp_path / "run", tmp_path / "moved.txt"
    run("fetch", urls, "-o", folder, *BRISK)
    urls.rename(moved)
    assert run("resume", folder).exit_code == 2
    assert run("resume", folder, "--input", moved).exit_code == 0
    assert run("retry", folder, "--only", "404").exit_code == 0


def test_a_run_of_standard_input_goes_on_with_a_file(run, process, urls, tmp_path):
    folder = tmp_path / "run"
    with process("fetch", "-", "-o", folder, *BRISK) as fetching:
        fetching.communicate(urls.read_bytes())
    assert fetching.returncode == 0
    assert run("resume", folder, "--input", urls).exit_code == 0
    assert run("resume", folder).exit_code == 0
    changed = tmp_path / "changed.txt"
    changed.write_text(urls.read_text().replace("/page/3", "/page/33"))
    refused = run("resume", folder, "--input", changed)
    assert refused.exit_code == 2
    assert "/page/33" in refused.stderr


def test_what_fails_for_good_is_named_when_there_is_nothing_to_try_again(run, web, listed, tmp_path):
    folder = tmp_path / "run"
    run("fetch", listed(web.url(), *(web.url(path=f"/status/404/{seq}") for seq in range(3))), "-o", folder, *BRISK)
    idle = run("retry", folder)
    assert idle.exit_code == 0
    assert "Nothing to try again: 404 (3) is final; to try anyway: --only 404" in idle.stderr
    assert (
        "Nothing to try again for timeout: the failures are 404 (3)."
        in run("retry", folder, "--only", "timeout").stderr
    )
    tried = run("retry", folder, "--only", "4xx")
    assert "3 were retried in this session" in tried.stderr
    assert "Nothing" not in tried.stderr


def test_where_nothing_failed_nothing_is_named(run, urls, tmp_path):
    run("fetch", urls, "-o", tmp_path / "run", *BRISK)
    assert "Nothing to try again: no input has failed." in run("retry", tmp_path / "run").stderr


def test_a_finished_run_names_the_command_for_what_may_work_later(run, web, listed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asks = ["/status/503/a", "/status/503/b", "/status/500/c", "/page"]
    ended = run("fetch", listed(*(web.url(path=path) for path in asks)), "-o", "run", *BRISK)
    assert ended.exit_code == 0
    said = "2 X 503, 1 X 500 may work later: penstock retry run".replace("X", "\N{MULTIPLICATION SIGN}")
    assert said in ended.stderr.splitlines()


def test_by_default_a_retry_takes_statuses_that_may_be_others_later(run, web, listed, tmp_path):
    folder = tmp_path / "run"
    run("fetch", listed(web.url(path="/status/429/a"), web.url(path="/status/404/b")), "-o", folder, *BRISK)
    assert "1 was retried in this session" in run("retry", folder).stderr


def test_statuses_can_be_too_much(run, web, listed):
    inputs = listed(web.url(), web.url(path="/status/404/a"), web.url(path="/status/503/b"))
    assert run("fetch", inputs, *BRISK).exit_code == 0
    assert run("fetch", inputs, *BRISK, "--fail-on", "4xx,timeout").exit_code == 3
    assert run("fetch", inputs, *BRISK, "--fail-on", "401").exit_code == 0
    assert run("fetch", inputs, *BRISK, "--max-failures", "1").exit_code == 3
    assert run("fetch", inputs, *BRISK, "--max-failures", "2").exit_code == 0


def test_nearly_all_in_one_way_exits_with_3_and_says_what_that_suggests(run, listed):
    inputs = listed(*(f"row {number}" for number in range(12)))
    ended = run("fetch", inputs, "--no-robots")
    assert ended.exit_code == 3
    assert "All 12 outcomes are alike (invalid_url), which suggests" in " ".join(ended.stderr.split())
    assert run("fetch", inputs, "--max-failures", "100%").exit_code == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_run_says_by_which_signal_and_how_many_are_left(process, web, listed, tmp_path, number):
    inputs = listed(*(web.url(path=f"/slow/0.2/page/{seq}") for seq in range(40)))
    fetching = process("fetch", inputs, "-o", tmp_path / "run", "--per-host", "1", "--no-robots", "--progress", "json")
    for line in fetching.stderr:
        if json.loads(line)["event"] == "progress":
            break
    fetching.send_signal(number)
    summary = json.loads(fetching.communicate()[1].splitlines()[-1])
    assert (summary["event"], summary["complete"], summary["ended_by"]) == ("summary", False, number.name.lower())
    assert summary["inputs_left"] == 40 - summary["run"]["outcomes"].get("fetched", 0)


def commands_in(said):
    return [shlex.split(found) for found in re.findall(r": penstock (.*)$", said, re.MULTILINE)]


def test_if_the_input_has_changed_the_command_is_named_that_takes_it_as_it_is(run, urls, web, tmp_path):
    """Neither fetch nor leftover has --force."""
    folder = tmp_path / "run"
    sessions.begin([str(urls)], folder, Settings.of(**FAST)).close()
    urls.write_text(web.url(path="/other"))
    for arguments in (("fetch", urls, "-o", folder, "--resume"), ("leftover", folder)):
        ended = run(*arguments)
        assert ended.exit_code == 2
        assert commands_in(ended.stderr) == [["resume", "--force", str(folder)]]
    assert run("resume", "--force", folder, *BRISK).exit_code == 0


def test_also_if_it_is_seen_only_as_the_rows_are_read(process, web, tmp_path):
    folder, urls = tmp_path / "run", [web.url(path=f"/page/{seq}") for seq in range(3)]

    def fetch(listed):
        started = process("fetch", "-o", folder, "--resume", "-", *BRISK)
        return started.communicate("\n".join(listed).encode())[1].decode(), started.returncode

    assert fetch(urls)[1] == 0
    said, code = fetch(reversed(urls))
    assert code == 2
    assert "input 0 (counted from 0" in said
    assert commands_in(said) == [["resume", "--force", str(folder)]]


def test_urls_with_credentials_are_given_again_as_they_were(run, web, tmp_path):
    folder = tmp_path / "run"
    urls = [web.url(path=f"/page/{seq}").replace("http://", "http://me:s3cret@") for seq in range(2)]
    sessions.begin(urls, folder, Settings.of(**FAST)).close()
    for command in ("resume", "leftover"):
        ended = run(command, folder)
        assert ended.exit_code == 2
        assert "credentials" in ended.stderr
        assert ("--input URL for each" in ended.stderr) == (command == "resume")
        assert "FILE" not in ended.stderr
    again = [part for url in urls for part in ("--input", url)]
    assert run("resume", folder, *again).exit_code == 0
    assert penstock.verify(folder).ok


def test_a_run_of_a_program_has_no_leftover_to_list(run, web, tmp_path):
    folder = tmp_path / "run"
    penstock.run([web.url(path="/slow/0.2"), web.url()], folder, deadline=0.01, **FAST | {"per_host": 1})
    ended = run("leftover", folder)
    assert ended.exit_code == 2
    assert "an iterable of a program, which can't be read again" in ended.stderr
    assert "--" not in ended.stderr


PYTHON = r"\b(input_format|url_template|user_agent|max_body|per_host|with column|with select)\b"
"""What is called otherwise on the command line."""


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ((), "with --column"),
        (("--url-template", "http://a.test/{x}"), "with --url-template"),
        (("--column", "link", "--select", "x"), "with --select"),
        (("--input-format", "lines", "--select", "x"), "with --input-format"),
    ],
)
def test_a_column_that_is_missing_is_asked_for_with_the_option(run, listed, options, option):
    ended = run("fetch", listed("link,name", "http://127.0.0.1:9/,a", name="list.csv"), *options)
    assert ended.exit_code == 2
    assert option in ended.stderr
    assert not re.search(PYTHON, ended.stderr)


def test_what_a_run_is_and_what_may_change_are_named_by_their_options(run, urls, tmp_path):
    folder = tmp_path / "run"
    secret = "http://me:s3cret@a.test/{}"
    settings = Settings.of(url_template=secret, input_format="lines", **FAST)
    sessions.begin([str(urls)], folder, settings).close()
    fetch, resume = ("fetch", urls, "-o", folder, "--resume"), ("resume", folder)
    for arguments, said in (
        ((*fetch, "--url-template", secret, "--max-redirects", "3"), "--max-redirects is part of what this run is"),
        (resume, "began with --url-template, which is not kept in the folder; give it again: --url-template ..."),
        ((*resume, "--url-template", secret.replace("a.test", "b.test")), "other settings: --url-template was"),
    ):
        ended = run(*arguments)
        assert ended.exit_code == 2
        assert said in ended.stderr
        assert not re.search(PYTHON, ended.stderr), ended.stderr
