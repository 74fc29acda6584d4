"""fetch, run and resume against a local web, over real sockets."""

import asyncio
import json
import threading
from pathlib import Path

import orjson
import pytest

import penstock
from penstock.errors import FolderMismatch, InputChanged, UsageError
from penstock.testing.outcomes import assert_each_once
from penstock.testing.web import LocalWeb

FAST = {"robots": False, "delay": 0, "per_host": 10, "concurrency": 10}


@pytest.fixture(scope="module")
def web():
    with LocalWeb(hosts=5) as local:
        yield local


def records(folder: Path) -> list[dict]:
    return [
        orjson.loads(text)
        for file in sorted(folder.glob("outcomes-*.jsonl"))
        for text in file.read_bytes().splitlines()
    ]


def pages(web: LocalWeb, count: int) -> list[str]:
    return [web.url(seq % 5, f"/page/{seq}") for seq in range(count)]


def test_fetch_gives_a_page_for_every_url(web):
    outcomes = list(penstock.fetch(pages(web, 40), **FAST))
    assert_each_once(outcomes, 40)
    assert {outcome.status for outcome in outcomes} == {200}
    page = outcomes[0]
    assert page.body
    assert page.text().startswith("<")
    assert page.header("CONTENT-TYPE").startswith("text/html")
    assert page.http == "1.1"
    assert page.times.total > 0


def test_fetch_gives_the_same_inside_a_coroutine(web):
    async def all_of_them() -> list[penstock.Outcome]:
        return [outcome async for outcome in penstock.fetch(pages(web, 40), **FAST)]

    assert_each_once(asyncio.run(all_of_them()), 40)


def test_a_single_url_may_be_given_as_it_is(web):
    (page,) = penstock.fetch(web.url())
    assert page.status == 200


@pytest.mark.parametrize("kind", [str, Path])
def test_the_name_of_a_file_is_no_url_and_the_error_names_the_function_for_files(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("urls.txt").write_text("http://a.test/\n")
    said = (
        "'urls.txt' is a file, and fetch takes URLs; to fetch those in the file: penstock.run\\('urls.txt', 'pages'\\)$"
    )
    with pytest.raises(UsageError, match=said):
        penstock.fetch(kind("urls.txt"))


@pytest.mark.parametrize("text", ["urls.txt", "a\0b", "x" * 5_000])
def test_a_text_that_names_no_file_is_one_input(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (page,) = penstock.fetch(text)
    assert page.error is penstock.Reason.INVALID_URL


def test_a_generator_is_read_on_a_thread_and_only_as_far_as_needed(web):
    threads, taken = set(), 0

    def urls():
        nonlocal taken
        while True:
            threads.add(threading.current_thread())
            taken += 1
            yield web.url(0, f"/{taken}")

    flow = penstock.fetch(urls(), **FAST)
    for count, _ in enumerate(flow, 1):
        if count == 100:
            break
    flow.close()
    assert taken <= 100 + 10 + 64 + 10
    assert threading.main_thread() not in threads


def test_a_bad_web_and_bad_lines_are_outcomes(web):
    urls = [web.url(), web.refusing(), "not a url", "ftp://h/", web.url(1, "/status/404")]
    outcomes = {outcome.seq: outcome for outcome in penstock.fetch(urls, attempts=1, **FAST)}
    assert_each_once(outcomes.values(), 5)
    assert [outcomes[seq].outcome for seq in range(5)] == ["fetched", "failed", "skipped", "skipped", "fetched"]
    assert outcomes[1].error is penstock.Reason.CONNECT_REFUSED
    assert outcomes[2].error is penstock.Reason.INVALID_URL
    assert outcomes[3].error is penstock.Reason.BLOCKED_SCHEME
    assert outcomes[4].status == 404


def test_what_a_page_callback_returns_becomes_data(web):
    (page,) = penstock.fetch([web.url()], on_page=lambda page: len(page.body))
    assert page.data == len(page.body)


def test_a_callback_that_raises_costs_its_own_page_nothing_but_the_slug(web):
    def refuse(page: penstock.Fetched) -> None:
        raise ValueError(f"no like {page.status}")

    good, bad = [], []
    for outcome in penstock.fetch(pages(web, 10), on_page=refuse, **FAST):
        (bad if outcome.error else good).append(outcome)
    assert not good
    assert {outcome.error for outcome in bad} == {penstock.Reason.CALLBACK_ERROR}
    assert all(outcome.body and outcome.status == 200 for outcome in bad)
    assert "ValueError: no like 200" in bad[0].detail


def test_a_row_says_method_headers_and_body_and_its_other_fields_come_back(web):
    rows = [{"url": web.url(0, "/echo"), "method": "POST", "headers": {"X-Mine": "1"}, "body": "hello", "id": 7}]
    (page,) = penstock.fetch(rows)
    assert page.input == {"id": 7}
    echoed = json.loads(page.body)
    assert echoed["method"] == "POST"
    assert echoed["body"] == "hello"


def test_limits_hold_as_the_server_counts_them():
    with LocalWeb(hosts=3) as web:
        urls = [web.url(seq % 3, f"/slow/0.01/{seq}") for seq in range(60)]
        outcomes = list(penstock.fetch(urls, concurrency=5, per_host=2, delay=0))
        seen = web.traffic()
    assert_each_once(outcomes, 60)
    assert seen.most <= 5
    assert max(host.most for host in seen.hosts.values()) <= 2


def test_run_makes_a_folder_with_one_record_for_every_line(web, tmp_path):
    urls = tmp_path / "urls.txt"
    urls.write_text("# a list\n\n" + "\n".join(pages(web, 30)) + "\nnonsense\n")
    summary = penstock.run(urls, tmp_path / "out", **FAST)
    assert summary.complete
    assert (summary.inputs, summary.tally.total) == (31, 31)
    assert_each_once(records(tmp_path / "out"), 31)


def test_run_twice_does_the_work_once(tmp_path):
    with LocalWeb(hosts=5) as web:
        urls = pages(web, 20)
        penstock.run(urls, tmp_path / "out", **FAST)
        again = penstock.run(urls, tmp_path / "out", **FAST)
        assert web.traffic().requests == 20
    assert again.complete
    assert (again.tally.total, again.session.total) == (20, 0)
    assert_each_once(records(tmp_path / "out"), 20)


def test_a_run_whose_iterator_fails_keeps_what_it_has_and_goes_on_later(web, tmp_path):
    urls = pages(web, 20)

    def failing():
        yield from urls[:12]
        raise OSError("the list is on a bad disk")

    with pytest.raises(OSError, match="bad disk"):
        penstock.run(failing(), tmp_path / "out", **FAST)
    assert_each_once(records(tmp_path / "out"), 12)
    summary = penstock.run(iter(urls), tmp_path / "out", **FAST)
    assert summary.complete
    assert summary.session.total == 8
    assert_each_once(records(tmp_path / "out"), 20)


def test_resume_finds_its_input_by_itself(web, tmp_path, monkeypatch):
    (tmp_path / "urls.txt").write_text("\n".join(pages(web, 5)))
    monkeypatch.chdir(tmp_path)
    penstock.run("urls.txt", "out", **FAST)
    monkeypatch.chdir("/")
    summary = penstock.resume(tmp_path / "out", concurrency=3)
    assert summary.complete
    assert summary.session.total == 0


def test_resume_refuses_an_input_that_changed(web, tmp_path):
    urls = tmp_path / "urls.txt"
    urls.write_text("\n".join(pages(web, 5)))
    penstock.run(urls, tmp_path / "out", **FAST)
    urls.write_text("\n".join(pages(web, 6)))
    with pytest.raises(InputChanged):
        penstock.resume(tmp_path / "out")


def test_run_refuses_other_settings_on_the_same_folder(web, tmp_path):
    penstock.run(pages(web, 3), tmp_path / "out", **FAST)
    with pytest.raises(FolderMismatch, match="max_redirects"):
        penstock.run(pages(web, 3), tmp_path / "out", max_redirects=3, **FAST)


def test_resume_refuses_to_change_what_the_run_is(web, tmp_path):
    urls = tmp_path / "urls.txt"
    urls.write_text("\n".join(pages(web, 3)))
    penstock.run(urls, tmp_path / "out", **FAST)
    with pytest.raises(UsageError, match="max_redirects"):
        penstock.resume(tmp_path / "out", max_redirects=3)


def test_secrets_are_in_no_file_of_the_folder(web, tmp_path):
    secret = "s3cret-t0ken"
    urls = [web.url(0, "/a").replace("http://", f"http://user:{secret}@"), web.url(1, "/b")]
    penstock.run(urls, tmp_path / "out", headers={"Authorization": f"Bearer {secret}"}, **FAST)
    for file in (tmp_path / "out").iterdir():
        assert secret.encode() not in file.read_bytes(), file.name
    assert {record["status"] for record in records(tmp_path / "out")} == {200}
