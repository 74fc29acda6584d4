"""Names of files, folders and URLs may have bytes that are not UTF-8: every command works with them, and on them."""

from __future__ import annotations

import json
import os
import sys

import pytest

ODD = os.fsdecode(b"caf\xe9 \xff")


@pytest.fixture
def odd(tmp_path):
    """A folder whose name is not UTF-8."""
    folder = tmp_path / ODD
    folder.mkdir()
    return folder


in_ascii = pytest.mark.skipif(
    not sys.prefix.isascii(),
    reason="Python 3.11 itself does not start here: its site module reads the path of an editable install as ASCII",
)


@pytest.mark.parametrize(
    "environment",
    [
        pytest.param({"LC_ALL": "C"}, marks=in_ascii),
        {"LC_ALL": "C.UTF-8"},
        pytest.param({"LC_ALL": "POSIX", "PYTHONUTF8": "0"}, marks=in_ascii),
    ],
)
def test_a_run_in_a_folder_of_any_name_can_be_gone_on_with(odd, process, *, web, records, environment, each_once):
    """Also the list, a URL given as an argument, and what is printed as JSON."""
    listed, output = odd / f"{ODD}.txt", odd / ODD
    listed.write_text(f"{web.url(path='/page/1')}\n")
    url = web.url(path="/") + ODD

    def done(*arguments):
        started = process(*arguments, environment=environment)
        out, err = started.communicate()
        assert started.returncode == 0, err.decode()
        assert b"Traceback" not in err
        return out, err

    _, err = done("fetch", listed, url, "-o", output, "--delay", "0", "--progress", "json")
    *_, last = map(json.loads, err.decode("ascii").splitlines())
    assert last["folder"] == str(output)
    for arguments in (("verify",), ("resume", "--progress", "plain"), ("retry", "--only", "reset"), ("leftover",)):
        done(arguments[0], output, *arguments[1:])
    outcomes = each_once(records(output), 2)
    assert {record["seq"]: record["error"] for record in outcomes} == {0: None, 1: "invalid_url"}
    assert json.loads((output / "run.json").read_bytes())["inputs"] == [str(listed), url]


def test_a_folder_of_any_name_that_is_refused_is_named_in_the_message(odd, process):
    (odd / "film.mkv").touch()
    started = process("fetch", "http://127.0.0.1:9/", "-o", odd)
    _, err = started.communicate()
    assert started.returncode == 2
    assert "caf\\udce9 \\udcff is not empty" in err.decode()
