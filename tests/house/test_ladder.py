"""The ladder: every script of examples/ does what docs/ladder.md says, and stands in it word for word."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from penstock.testing.pages import page
from penstock.testing.web import LocalWeb

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
LADDER = ROOT / "docs" / "ladder.md"

SCRIPTS = sorted(path.name for path in EXAMPLES.glob("[1-9]*.py"))
WITH_PENSTOCK = [name for name in SCRIPTS if "without" not in name]

REACTORS = ("select", "epoll", "asyncio")

ON_REACTOR = """
import runpy, sys
from twisted.internet import {0}reactor
{0}reactor.install()
sys.argv[:] = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
from twisted.internet import reactor
assert type(reactor).__name__.lower().startswith({0!r}), reactor
"""


@pytest.fixture(scope="module")
def web():
    """Forty hosts, so that the pages of a list need not wait for one another."""
    with LocalWeb(hosts=40) as web:
        yield web


@pytest.fixture(scope="module")
def urls(web):
    """Eight pages, each of its own host."""
    return [web.url(number, f"/page/{number}") for number in range(8)]


@pytest.fixture(scope="module")
def sizes(web):
    return [len(page(web.host(number), f"/page/{number}")) for number in range(8)]


@pytest.fixture(scope="module")
def missing(web):
    return web.url(8, "/status/404/page/8")


def start(name, urls, *, piped=False, limit=None, code=None):
    """Run the script *name*; the process as it ended. Its warnings are errors, as everybody's here."""
    command = [sys.executable, "-W", "error", *(["-c", code] if code else []), EXAMPLES / name]
    if limit:
        command = ["sh", "-c", 'ulimit -n "$1" && shift && exec "$@"', "sh", str(limit), *command]
    text = "".join(f"{url}\n" for url in urls) if piped else ""
    given = [] if piped else urls
    return subprocess.run([*command, *given], input=text, capture_output=True, text=True, timeout=60, check=False)


def run(name, urls, **options):
    """The lines that the script *name* prints; it must end well, without another word."""
    ended = start(name, urls, **options)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout.splitlines()


# Each script


def test_1_results_come_in_the_order_of_the_urls(urls, sizes, missing):
    lines = run("1_a_list_of_results.py", [urls[0], "nothing", *urls[1:], missing])
    good = [f"{number + (number > 0)} 200 {size}" for number, size in enumerate(sizes)]
    assert lines[:-1] == [good[0], "1 invalid_url 0", *good[1:]]
    assert lines[-1].startswith("9 404 ")


def test_1_without_penstock_one_failure_is_all_that_comes(urls, sizes, missing):
    assert run("1_without_penstock.py", urls) == [f"{number} {size}" for number, size in enumerate(sizes)]
    ended = start("1_without_penstock.py", [*urls, missing])
    assert (ended.returncode, ended.stdout) == (1, "")


def test_1_without_penstock_the_descriptors_run_out(web):
    """Every connection is opened at once; the same list goes through the same process 50 at a time."""
    slow = [web.url(number % 40, f"/slow/0.02/page/{number}") for number in range(400)]
    ended = start("1_without_penstock.py", slow, limit=250)
    assert ended.returncode == 1
    assert "Too many open files" in ended.stderr
    assert len(run("8a_coiterate.py", slow, limit=250)) == 400
    assert len(run("8b_twisted.py", slow, limit=250)) == 400


def test_2_pages_are_counted_together(urls, sizes, missing, web):
    found = len(page(web.host(8), "/page/8"))
    lines = run("2_processing_them_together.py", [*urls, missing, "nothing"])
    assert (lines[0], {*lines[1:-1]}) == ("8 200", {"1 404", "1 invalid_url"})
    assert lines[-1] == f"{sum(sizes) + found} bytes"
    assert run("2_without_penstock.py", [*urls, missing]) == ["8 of 9", f"{sum(sizes)} bytes"]


def test_3_a_callback_that_raises_costs_only_its_own_page(web, urls):
    *lines, last = sorted(run("3_a_callback_per_page.py", [*urls, web.url(9, "/echo")]))
    assert lines == [f"{web.host(number)}/page/{number}" for number in range(8)]
    assert last.startswith("callback_error: title: TypeError")


def test_3_without_penstock_it_ends_them_all(web, urls):
    titles = [f"{web.host(number)}/page/{number}" for number in range(8)]
    assert sorted(run("3_without_penstock.py", urls)) == titles
    late = [web.url(number, "/slow/5/page/1") for number in range(8)]
    ended = start("3_without_penstock.py", [*late, web.url(9, "/echo")])
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "TypeError" in ended.stderr


def test_4_a_failure_knows_its_url_as_a_page_does(web, urls, missing):
    moved = web.url(9, "/redirect/1/page/9")
    lines = run("4_which_url_was_this.py", [*urls, missing, "nothing", moved])
    assert sorted(lines, key=lambda line: int(line.split()[0])) == [
        *(f"{number} {url} 200 1 {url}" for number, url in enumerate(urls, 1)),
        f"9 {missing} 404 1 {missing}",
        "10 nothing invalid_url 0 None",
        f"11 {moved} 200 1 {web.url(9, '/redirect/0/page/9')}",
    ]


def test_4_without_penstock_it_does_not(web, urls, sizes):
    *lines, last = sorted(run("4_without_penstock.py", [*urls, web.refusing("/which")]))
    assert lines == [f"{url} {size}" for url, size in zip(urls, sizes, strict=True)]
    assert last.startswith("which URL was this? [Errno 111]")


@pytest.mark.parametrize("piped", [False, True])
def test_5_links_are_followed_to_the_limit_each_once(web, piped):
    seeds = [web.url(number, "/page/1") for number in range(30)]
    lines = run("5_results_that_lead_to_more.py", [*seeds, seeds[0]], piped=piped)
    assert len(lines) == len(set(lines)) == 100
    assert all(line.endswith(" 200") for line in lines)
    assert {f"{url} 200" for url in seeds} < set(lines)


def test_5_it_ends_where_nothing_leads_further(web):
    """Whatever the last pages were: without links, failed, or none at all."""
    assert run("5_results_that_lead_to_more.py", [web.url(9, "/echo"), "nothing"]) != []
    assert run("5_results_that_lead_to_more.py", ["nothing"]) == ["nothing invalid_url"]
    assert run("5_results_that_lead_to_more.py", [], piped=True) == []


def test_5_without_penstock_one_failure_ends_it(web, urls, missing):
    lines = run("5_without_penstock.py", urls)
    assert len(lines) == len({line.split()[0] for line in lines}) == 100
    assert start("5_without_penstock.py", [missing]).returncode == 1


def test_6_a_batch_keeps_to_its_parameters(web, urls, missing):
    lines = run("6_a_parametrised_batch.py", [*urls, missing, web.url(9, "/status/429/x")])
    assert sorted(line.split()[1] for line in lines) == ["200"] * 8 + ["404", "429"]
    lines = run("6_without_penstock.py", [*urls, missing])
    assert lines[:-1] == [f"{url} {len(page(web.host(n), f'/page/{n}'))}" for n, url in enumerate(urls)]
    assert lines[-1] == f"{missing} {missing} answered 404"


@pytest.mark.parametrize("name", ["7_a_semaphore.py", "7_without_penstock.py"])
def test_7_a_host_gets_two_requests_at_once(name, sizes):
    with LocalWeb(hosts=3) as web:
        slow = [web.url(number % 3, f"/slow/0.05/page/{number}") for number in range(18)]
        lines = run(name, [*slow, web.refusing()])
        assert len(lines) == 19
        assert {line.split()[0] for line in lines} == {*slow, web.refusing()}
        assert {seen.most for seen in web.traffic().hosts.values()} == {2}


def test_8a_no_failure_costs_a_lane_and_without_penstock_each_does(web, urls):
    """Sixty failures before eight pages, for fifty lanes."""
    failing = [web.url(number % 40, f"/status/404/{number}") for number in range(60)]
    lines = run("8a_coiterate.py", [*failing, *urls])
    assert {line.split()[0] for line in lines} == {*failing, *urls}
    assert run("8_without_penstock.py", [*failing, *urls]) == []
    assert len(run("8_without_penstock.py", urls)) == 8


@pytest.mark.parametrize("reactor", REACTORS)
def test_8b_a_thousand_pages_are_fetched_fifty_at_once_on_any_reactor(reactor):
    """One in ten fails, reaches its errback, and costs no lane: those are twice as many as there are lanes."""
    with LocalWeb(hosts=10) as web:
        urls = [
            web.url(number % 10, f"/slow/0.02/{'status/404' if number % 10 == 3 else 'page'}/{number}")
            for number in range(1_000)
        ]
        lines = run("8b_twisted.py", urls, piped=True, code=ON_REACTOR.format(reactor))
        seen = web.traffic()
    assert {line.split()[0] for line in lines} == set(urls)
    assert sum(line.endswith(" 404 Not Found") for line in lines) == 100
    assert (len(lines), seen.requests) == (1_000, 1_000)
    assert 25 < seen.most <= 50


def test_8c_one_line_does_the_same(web, urls, sizes, missing):
    lines = run("8c_one_line.py", [*urls, missing, "nothing"], piped=True)
    assert {f"{url} 200 {size}" for url, size in zip(urls, sizes, strict=True)} < set(lines)
    assert "nothing invalid_url 0" in lines
    assert len(lines) == 10


@pytest.mark.parametrize("name", WITH_PENSTOCK)
def test_an_empty_list_is_done_at_once(name):
    assert run(name, [], piped=True) in ([], ["0 bytes"])


# What is counted at 100,000 items, at fewer


@pytest.mark.parametrize(
    ("name", "most", "tasks"),
    [("1_without_penstock", 2_000, 2_001), ("7_without_penstock", 50, 2_001), ("8a_coiterate", 50, 51)],
)
def test_what_docs_count_is_counted(name, most, tasks):
    command = [sys.executable, "-m", "benchmarks.ladder", "2000", name, "plain"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    found = json.loads(ran.stdout)
    assert (found["most"], found["tasks"], found["lines"], found["error"]) == (most, tasks, 2_000, None)


# The page


def texts(ladder):
    """The code of every block, and the file that the line before it links to."""
    return re.findall(r"(?:\[[^]\n]*\]\(\.\./(examples/[\w.]+)\)\n\n)?```python\n(.*?)```", ladder, re.DOTALL)


def wrong(ladder):
    """What is not true of the page: a block that is not the text of its file, a script that has none, a dead link."""
    for name, code in texts(ladder):
        if not name:
            yield f"a block without its file: {code[:40]!r}"
        elif not (ROOT / name).exists() or (ROOT / name).read_text(encoding="utf-8") != code:
            yield f"{name} says something else"
    shown = [name for name, _ in texts(ladder)]
    yield from (f"{name} is not shown" for name in (*SCRIPTS, "get.py") if f"examples/{name}" not in shown)
    yield from (f"{name} is shown twice" for name in set(shown) if shown.count(name) > 1)
    links = re.findall(r"\]\(([^)#]+)\)", ladder)
    yield from (f"{link} leads nowhere" for link in links if not (LADDER.parent / link).exists())


def test_every_block_is_the_text_of_a_script_and_every_script_is_there():
    assert list(wrong(LADDER.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("concurrency=50):\n        print(page.url", "concurrency=60):\n        print(page.url", "8c_one_line.py says"),
        ("](../examples/8c_one_line.py)", "](../examples/8d_one_line.py)", "8c_one_line.py is not shown"),
        ("```python\n", "```python\nimport this\n", "says something else"),
        ("](../examples/get.py)\n\n", "](../examples/get.py)\n\nHere it is:\n\n", "a block without its file"),
        ("# The ladder", "# The [ladder](nowhere.md)", "nowhere.md leads nowhere"),
    ],
)
def test_a_page_that_is_not_true_is_found(old, new, said):
    ladder = LADDER.read_text(encoding="utf-8")
    assert old in ladder
    assert said in "\n".join(wrong(ladder.replace(old, new)))
