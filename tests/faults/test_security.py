"""docs/faults.md, section 6: what must never leave, be believed or be run, on real sockets, terminals and files."""

from __future__ import annotations

import ast
import json
import os
import pty
import re
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

import penstock
from penstock import fetch
from penstock.core.web.model import Job, Reason
from penstock.engine.curl import CurlEngine
from penstock.settings import HttpSettings
from penstock.testing.outcomes import in_a_word
from penstock.testing.web import LocalWeb

SOURCES = Path(penstock.__file__).parent


def received(outcome):
    return {name.lower(): value for name, value in json.loads(outcome.body)["headers"]}


# -- 1 and 2: what is sent


def test_a_cookie_that_is_set_is_never_sent_back(server, limits, each_once):
    """Not on the way of a redirect, not to the same host later, and not over a connection that was kept."""
    urls = [server.url("redirect_with_cookies"), server.page("/echo"), server.url("redirect_with_cookies")]
    outcomes = each_once(fetch(urls, **limits | {"concurrency": 1}), 3)
    assert all("cookie" not in received(outcome) for outcome in outcomes)


CLEAN = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}


def fetched_by_a_process(url, *arguments, **environment):
    """The one outcome of the real program in an environment with *environment* in it."""
    command = [sys.executable, "-m", "penstock", "fetch", url, "--attempts", "1", "--progress", "none", *arguments]
    ended = subprocess.run(command, env=CLEAN | environment, capture_output=True, check=True)
    return json.loads(ended.stdout)


def test_no_password_is_taken_from_a_netrc(web, tmp_path):
    for name in (".netrc", "_netrc"):
        (tmp_path / name).write_text("machine 127.0.0.1 login me password hush\ndefault login me password hush\n")
        (tmp_path / name).chmod(0o600)
    found = fetched_by_a_process(
        f"http://127.0.0.1:{web.port()}/echo", HOME=str(tmp_path), NETRC=str(tmp_path / ".netrc")
    )
    assert "authorization" not in {name.lower() for name, _ in json.loads(found["body"])["headers"]}


PROXIES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")


def test_no_proxy_is_taken_from_the_environment(server):
    with LocalWeb(hosts=0) as proxy:
        environment = {name: f"http://127.0.0.1:{proxy.port()}" for name in PROXIES} | {"no_proxy": "", "NO_PROXY": ""}
        for url in (server.page("/page"), server.url("tls_fine")):
            assert fetched_by_a_process(url, "--cacert", server.cacert, **environment)["status"] == 200
        assert proxy.traffic().connections == 0


def test_no_curlrc_is_read(web, tmp_path):
    (tmp_path / ".curlrc").write_text('header = "X-Mine: hush"\nproxy = "http://127.0.0.1:1"\n')
    found = fetched_by_a_process(web.url(0, "/echo"), HOME=str(tmp_path), CURL_HOME=str(tmp_path))
    assert "hush" not in found["body"]


def test_libcurl_itself_is_told_to_speak_nothing_but_http():
    """The second lock, for a URL that got past the first one: not even a connection is made."""
    engine = CurlEngine(HttpSettings(timeout=1))
    with LocalWeb() as web:
        target = f"ftp://{web.host(0)}:{web.port(0)}/"
        engine.start(Job(0, web.host(0), target, target), time.monotonic())
        [attempt] = engine.collect(2.0)
        engine.close()
        assert web.traffic().connections == 0
    assert attempt.error is Reason.PROTOCOL_ERROR


# -- 3: names of files


def test_no_name_of_a_file_comes_from_a_url_or_a_server(web, limits, tmp_path, each_once):
    urls = [
        web.url(0, path) for path in ("/../../escaped", "/%2e%2e/%2e%2e/escaped", "/page;name=/tmp/escaped", "/a\\b")
    ]
    urls += [web.url(0, f"/away/{web.host(1)}:{web.port(1)}/../../etc/escaped")]
    (tmp_path / "inner").mkdir()
    penstock.run(urls, tmp_path / "inner/run", **limits)
    assert [path.name for path in tmp_path.iterdir()] == ["inner"]
    assert [path.name for path in (tmp_path / "inner").iterdir()] == ["run"]
    files = {path.relative_to(tmp_path / "inner/run").as_posix() for path in (tmp_path / "inner/run").rglob("*")}
    assert files == {"run.db", "run.json", "run.lock", "outcomes-00000.jsonl"}
    lines = (tmp_path / "inner/run/outcomes-00000.jsonl").read_bytes().splitlines()
    each_once(map(json.loads, lines), len(urls))


# -- 4: what is printed

ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b2J\u202e"


def test_nothing_of_the_web_acts_on_a_terminal(server, web):
    """The real program on a real terminal, standard output and error both, with URLs and words that would."""
    urls = [
        *(f"http://{ESCAPES}/", f"{ESCAPES}", f"http://a{ESCAPES}.test/", web.url(0, f"/{ESCAPES}")),
        *(server.url(name) for name in ("garbage_status", "location_invalid", "header_without_colon")),
    ]
    ours, theirs = pty.openpty()
    command = [
        sys.executable,
        "-m",
        "penstock",
        "fetch",
        "-",
        "--attempts",
        "1",
        "--delay",
        "0",
        "-v",
        "--body",
        "none",
    ]
    environment = CLEAN | {"TERM": "dumb", "NO_COLOR": "1"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=theirs, stderr=theirs, env=environment) as fetching:
        os.close(theirs)
        fetching.stdin.write("\n".join(urls).encode())
        fetching.stdin.close()
        shown = bytearray()
        try:
            while piece := os.read(ours, 65_536):
                shown += piece
        except OSError:
            pass
    os.close(ours)
    text = shown.decode()
    assert text.count("invalid_url") >= 3
    # Cursor movements of the bar are our own; a title, a cleared screen, a C1 or a direction never is.
    assert not re.search("\x07|\x1b\\]|\x1b\\[2J|[\x80-\x9f]|[\u202a-\u202e\u2066-\u2069]", text)


# -- 5: TLS


def test_insecure_work_shares_no_connection_with_verified_work(server, limits, each_once):
    """The same host, the same process, one flow inside of the other: the verified one is refused all the same."""
    url = server.url("tls_self_signed")
    with fetch([url] * 3, **limits | {"insecure": True, "concurrency": 1}) as insecure:
        outcomes = iter(insecure)
        assert in_a_word(next(outcomes)) == "fetched"
        [verified] = each_once(fetch([url], **limits), 1)
        assert in_a_word(next(outcomes)) == "fetched"
    assert in_a_word(verified) == "tls_certificate"


# -- 6: nothing from the web is run

DANGEROUS = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "yaml", "xml", "lxml", "code", "runpy"}


TOKENIZER = {"xml.parsers"}
"""Expat itself opens nothing, and makes nothing of what it reads. That a document with entities is refused is shown by
tests/source/test_sitemaps.py."""


def dangers(text: str) -> list[str]:
    """What in a module could run, or resolve to a Python name, something that was data."""
    found = []
    for node in ast.walk(ast.parse(text)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("eval", "exec", "compile")
        ):
            found.append(node.func.id)
        found += [name for name in names if name.partition(".")[0] in DANGEROUS and name not in TOKENIZER]
    return found


def test_nothing_that_unpickles_or_evaluates_is_in_the_package():
    modules = [path for path in SOURCES.rglob("*.py") if "testing" not in path.parts]
    assert len(modules) > 50
    assert {
        path.name: dangers(path.read_text(encoding="utf-8"))
        for path in modules
        if dangers(path.read_text(encoding="utf-8"))
    } == {}


@pytest.mark.parametrize(
    "planted", ["import pickle", "from xml.etree import ElementTree", "eval('1')", "import yaml as y"]
)
def test_what_could_is_found(planted):
    assert dangers(planted)


# -- 7: who listens, and who may read

LISTENING = "0A"


def listeners() -> set[str]:
    """The addresses at which this process listens, as /proc has them."""
    inodes = set()
    for fd in os.listdir("/proc/self/fd"):
        try:
            inodes.add(os.readlink(f"/proc/self/fd/{fd}"))
        except OSError:
            continue
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/self/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            if state == LISTENING and f"socket:[{rest[5]}]" in inodes:
                found.add(local.partition(":")[0])
    return found


@pytest.mark.skipif(not Path("/proc/self/net/tcp").exists(), reason="only Linux tells who listens")
def test_whatever_listens_does_so_on_loopback_alone(server, web):
    """A server for tests is a server: nobody outside of this machine is to reach it."""
    found = listeners()
    assert found
    # The kernel writes the four bytes as a number of its own order.
    first = slice(6, 8) if sys.byteorder == "little" else slice(0, 2)
    assert {address[first] for address in found} == {"7F"}


@pytest.mark.skipif(not Path("/proc/self/net/tcp").exists(), reason="only Linux tells who listens")
def test_a_fetch_listens_nowhere(web, limits):
    before = listeners()
    with fetch([web.url(0, "/page/1"), web.url(0, "/page/2")], **limits) as flow:
        next(iter(flow))
        assert listeners() == before


SECRET = "hush-hush-hush"


@pytest.mark.usefixtures("a_lax_umask")
def test_a_run_folder_is_for_its_owner_alone_and_has_no_secret_in_it(server, limits, tmp_path, each_once):
    rows = [
        server.page("/page/1").replace("//", f"//me:{SECRET}@"),
        server.url("refused").replace("//", f"//me:{SECRET}@"),
    ]
    rows += [{"url": server.page("/page/2"), "headers": {"Authorization": SECRET, "X-Api-Key": SECRET}}]
    rows += [f"http://me:{SECRET}@", f"ftp://me:{SECRET}@here.test/"]
    headers = {"Cookie": SECRET, "X-Token": SECRET}
    penstock.run(rows, tmp_path / "run", headers=headers, **limits | {"robots": True})
    folder = tmp_path / "run"
    assert {file.name for file in folder.iterdir()} >= {"run.db", "run.json", "robots.db", "outcomes-00000.jsonl"}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) & 0o077 for file in folder.iterdir()} == {0}
    for file in folder.iterdir():
        assert SECRET.encode() not in file.read_bytes(), file.name
    each_once(map(json.loads, (folder / "outcomes-00000.jsonl").read_bytes().splitlines()), len(rows))


@pytest.fixture
def a_lax_umask():
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_secret_in_a_proxy_is_in_no_file_either(tmp_path, limits):
    with LocalWeb(hosts=0) as proxy:
        settings = limits | {"proxy": f"http://me:{SECRET}@127.0.0.1:{proxy.port()}"}
        penstock.run(["http://far.test/page"], tmp_path / "run", **settings)
        assert proxy.traffic().requests == 1
    for file in (tmp_path / "run").iterdir():
        assert SECRET.encode() not in file.read_bytes(), file.name
