"""``export`` and ``cat``, as commands."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

import penstock
from penstock.testing.web import LocalWeb

BAD = b"<p>\x1b[2J\x9b31m red"


@pytest.fixture(scope="module")
def web():
    with LocalWeb(files={"/bad": BAD}) as local:
        yield local


@pytest.fixture(scope="module")
def folder(web, tmp_path_factory):
    path = tmp_path_factory.mktemp("read") / "pages"
    urls = [web.url(path="/bad"), web.url(path="/page/1"), "no URL"]
    penstock.run(urls, path, delay=0, robots=False)
    return path


def penstock_command(*arguments, **how):
    return subprocess.run(
        [sys.executable, "-m", "penstock", *map(str, arguments)], capture_output=True, check=False, **how
    )


def test_cat_writes_the_body_as_it_came(folder, web):
    assert penstock_command("cat", folder, web.url(path="/bad")).stdout == BAD
    assert penstock_command("cat", folder, "0").stdout == BAD


def test_cat_shows_no_control_character_on_a_terminal(folder):
    reader, writer = pty.openpty()
    with subprocess.Popen([sys.executable, "-m", "penstock", "cat", str(folder), "0"], stdout=writer) as cat:
        assert cat.wait() == 0
    os.close(writer)
    shown = os.read(reader, 4096)
    os.close(reader)
    assert b"\x1b" not in shown
    assert b"\\x1b[2J" in shown


@pytest.mark.parametrize(("which", "said"), [("2", b"has no page: invalid_url"), ("http://x.test/", b"no outcome")])
def test_cat_says_why_there_is_no_page(folder, which, said):
    ended = penstock_command("cat", folder, which)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert not ended.stdout


def test_export_says_how_many(folder, tmp_path):
    ended = penstock_command("export", folder, "--to", "jsonl", "-o", tmp_path / "out", "--where", "outcome=fetched")
    assert (ended.returncode, ended.stdout) == (0, b"")
    assert b"2 outcomes in" in ended.stderr
    assert len((tmp_path / "out" / "outcomes-00000.jsonl").read_bytes().splitlines()) == 2
    again = penstock_command("export", folder, "--to", "jsonl", "-o", tmp_path / "out")
    assert again.returncode == 2
    assert b"exists" in again.stderr
