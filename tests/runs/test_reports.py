"""A program hears how its run goes: by lines of text, or by the numbers."""

from __future__ import annotations

import pytest

import penstock
from penstock.report.plain import Plain
from penstock.testing.web import LocalWeb

SETTINGS = {"delay": 0, "robots": False, "pace": "fixed", "attempts": 1}


@pytest.fixture
def web():
    with LocalWeb() as local:
        yield local


@pytest.fixture
def often(monkeypatch):
    """Lines come as often as they can, also in the first second."""
    monkeypatch.setattr(Plain, "every", 0.0)
    monkeypatch.setattr("penstock.report.plain.SOON", 0.0)


@pytest.mark.usefixtures("often")
def test_a_function_is_given_lines_of_text(web, tmp_path):
    """Of run, resume and retry; the last one says how it ended."""
    said = []
    listed = tmp_path / "urls.txt"
    listed.write_text("".join(f"{web.url(path=f'/status/503/{number}')}\n" for number in range(3)))
    assert penstock.run(listed, tmp_path / "pages", report=said.append, **SETTINGS).complete
    assert "3 done of 3 (100 %)" in said[-2]
    assert said[-1].startswith("Done: all 3 inputs have their outcome.")
    assert all(type(line) is str and line.isprintable() for line in said)
    for again in (penstock.resume, penstock.retry):
        before = len(said)
        assert again(tmp_path / "pages", report=said.append).complete
        assert said[before:][-1].startswith("Done: ")


def test_print_is_such_a_function(web, tmp_path, capsys):
    assert penstock.run([web.url()], tmp_path / "pages", report=print, **SETTINGS).complete
    assert capsys.readouterr().out.startswith("Done: 1 input has its outcome.")


@pytest.mark.parametrize("again", [penstock.resume, penstock.retry])
def test_a_report_that_raises_at_once_lets_go_of_the_folder(web, tmp_path, again):
    """Also if it is the first remark that it raises at, before any work."""

    def fail(line):
        raise ZeroDivisionError(line)

    urls = [web.url(path="/status/404")]
    penstock.run(urls, tmp_path / "pages", **SETTINGS)
    with pytest.raises(ZeroDivisionError) as raised:
        again(tmp_path / "pages", inputs=urls, report=fail)
    assert penstock.verify(tmp_path / "pages").ok
    assert again(tmp_path / "pages", inputs=urls).complete
    assert raised.tb, "the traceback, and with it the session, is still held"


@pytest.mark.usefixtures("often")
def test_what_the_function_raises_ends_the_run_and_what_is_complete_is_stored(web, tmp_path):
    def fail(line):
        if " s: 1 done" in line:
            raise ZeroDivisionError

    urls = [web.url(path=f"/{number}") for number in range(5)]
    with pytest.raises(ZeroDivisionError):
        penstock.run(urls, tmp_path / "pages", report=fail, concurrency=1, **SETTINGS)
    assert penstock.verify(tmp_path / "pages").settled == 1
    assert penstock.run(urls, tmp_path / "pages", concurrency=1, **SETTINGS).complete


@pytest.mark.parametrize("wrong", ["plain", 5, Plain, object()])
def test_what_is_neither_is_refused_and_the_folder_let_go_of(web, tmp_path, wrong):
    with pytest.raises(penstock.UsageError, match="as print, or a Report"):
        penstock.run([web.url()], tmp_path / "pages", report=wrong, **SETTINGS)
    assert web.traffic().requests == 0
    assert penstock.run([web.url()], tmp_path / "pages", **SETTINGS).complete


def test_a_report_gets_the_numbers(web, tmp_path):
    class Counting:
        every = 0.0

        def __init__(self):
            self.seen, self.closed = [], 0

        def remark(self, text):
            raise AssertionError(text)

        def update(self, statistics):
            self.seen.append(statistics.tally.total)

        def close(self):
            self.closed += 1

    report = Counting()
    assert penstock.run([web.url()], tmp_path / "pages", report=report, **SETTINGS).complete
    assert (report.seen[-1], report.closed) == (1, 1)
    assert penstock.Report.__module__ == "penstock.seams"
