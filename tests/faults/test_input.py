"""docs/faults.md, section 2: what is wrong with the input, through the whole product, with servers that count."""

from __future__ import annotations

import json
import threading

import pytest

import penstock
from penstock import fetch
from penstock.testing.names import NameServer
from penstock.testing.outcomes import in_a_word
from penstock.testing.web import LocalWeb

NOT_URLS = [
    *("not a URL", "http://", "://here.test/", "http://here.test:99999/", "http://here.test:x/"),
    *("http://here.test/\x00", "http://here\x07.test/", "http://here.test/\r\nX-Injected: 1", "http://he re.test/"),
    *("http://here.test/\ud800", "http://here.test/" + "x" * 33_000, "http://[::1/", "http://%zz.test/", ""),
]
OTHER_SCHEMES = [
    *("file:///etc/passwd", "ftp://here.test/", "data:text/html,here", "javascript:alert(1)", "FILE:/etc/passwd"),
    *("gopher://here.test/", "dict://here.test/", "ws://here.test/"),
]


@pytest.fixture
def local():
    """A web that has seen nothing yet."""
    with LocalWeb(hosts=0) as web:
        yield web


@pytest.mark.parametrize(("urls", "word"), [(NOT_URLS, "invalid_url"), (OTHER_SCHEMES, "blocked_scheme")])
def test_nothing_is_sent_and_no_name_looked_up_for_what_is_no_url_of_ours(urls, word, local, limits, each_once):
    """Every name leads to the web, and every connection too."""
    with NameServer({"*": "127.0.0.1"}) as names:
        settings = limits | {"resolver": names.address, "connect_to": f"::127.0.0.1:{local.port()}"}
        outcomes = each_once(fetch(urls, **settings), len(urls))
        asked = names.questions()
    assert {in_a_word(outcome) for outcome in outcomes} == {word}
    assert {(outcome.outcome, outcome.status) for outcome in outcomes} == {("skipped", None)}
    assert (asked, local.traffic().connections) == (0, 0)


def test_bytes_that_are_no_text_are_an_outcome_like_any_other(local, limits, tmp_path, each_once):
    listed = tmp_path / "urls.txt"
    listed.write_bytes(b"http://here.test/\xff\xfe\n" + b"\x1b[2Jhttp://here.test/\nhttp://here.test/fine\n")
    settings = limits | {"connect_to": f"::127.0.0.1:{local.port()}"}
    penstock.run(listed, tmp_path / "out", **settings)
    lines = [json.loads(line) for line in (tmp_path / "out" / "outcomes-00000.jsonl").read_bytes().splitlines()]
    each_once(lines, 3)
    assert [line["error"] for line in sorted(lines, key=lambda line: line["seq"])] == [
        "invalid_url",
        "invalid_url",
        None,
    ]
    assert local.traffic().requests == 1


SPELLINGS = [
    "here.test",
    "HERE.TEST",
    "here.test:80",
    "here.test.",
    "Here.Test.:80",
    "%68ere.test",
    "\uff48\uff45\uff52\uff45.test",
]


def test_one_host_in_many_spellings_has_one_share_and_each_url_stays_as_given(local, limits, each_once):
    """Full-width letters, percent signs, a dot at the end, the default port: the server sees two at once, of seven."""
    urls = [f"http://{spelled}/slow/0.01/{number}" for number in range(4) for spelled in SPELLINGS]
    settings = limits | {"per_host": 2, "connect_to": f"::127.0.0.1:{local.port()}"}
    outcomes = each_once(fetch(urls, ordered=True, **settings), len(urls))
    assert {in_a_word(outcome) for outcome in outcomes} == {"fetched"}
    assert [outcome.url for outcome in outcomes] == urls
    assert local.traffic().most == 2


@pytest.mark.parametrize(
    "spelled", ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "\uff11\uff12\uff17.0.0.1"]
)
def test_an_address_in_any_spelling_is_the_same_host(spelled, local, limits, each_once):
    urls = [f"http://{name}:{local.port()}/slow/0.01/{n}" for n in range(3) for name in ("127.0.0.1", spelled)]
    each_once(fetch(urls, **limits | {"per_host": 1}), len(urls))
    assert local.traffic().most == 1


def test_an_international_name_is_one_host_with_its_punycode(local, limits, each_once):
    urls = [f"http://{name}/slow/0.01/{n}" for n in range(3) for name in ("bücher.test", "xn--bcher-kva.test")]
    settings = limits | {"per_host": 1, "connect_to": f"::127.0.0.1:{local.port()}"}
    each_once(fetch(urls, **settings), len(urls))
    seen = local.traffic()
    assert (set(seen.hosts), seen.most) == ({"xn--bcher-kva.test"}, 1)


def test_a_password_goes_to_its_origin_alone_and_shows_nowhere(server, limits, each_once, tmp_path, capsys):
    with_password = [
        url.replace("//", "//user:hush-hush@")
        for url in (
            server.page("/echo"),
            server.url("redirect_away"),
            server.url("refused"),
            server.url("redirect_loop"),
        )
    ] + ["http://user:hush-hush@", "ftp://user:hush-hush@here.test/", "http://user:hush-hush@here.test:99999/"]
    outcomes = each_once(fetch(with_password, ordered=True, **limits), len(with_password))
    sent = dict(json.loads(outcomes[0].body)["headers"])
    assert sent["Authorization"] == "Basic dXNlcjpodXNoLWh1c2g="
    assert "Authorization" not in dict(json.loads(outcomes[1].body)["headers"])
    for outcome in outcomes:
        assert "hush" not in f"{outcome.url} {outcome.detail} {outcome.final_url} {outcome.redirects}"
    assert "hush" not in capsys.readouterr().err


def test_what_never_ends_and_what_blocks_keeps_nobody_waiting(local, limits):
    """An iterator that has given three URLs and then waits for ever: their pages come, and the loop can be left."""
    never = threading.Event()
    here = f"http://127.0.0.1:{local.port()}"

    def urls():
        yield from (f"{here}/page/{number}" for number in range(3))
        never.wait()

    flow = fetch(urls(), **limits)
    found = []
    for outcome in flow:
        found.append(outcome)
        if len(found) == 3:
            break
    flow.close()
    never.set()
    assert {in_a_word(outcome) for outcome in found} == {"fetched"}


# -- requests that can't be sent

HEADERS_OF_THE_CONNECTION = [
    *("Content-Length", "Transfer-Encoding", "Connection", "TE", "Trailer", "Upgrade", "Expect", "Keep-Alive"),
    *("Proxy-Authorization", "Proxy-Connection", "proxy-anything", "content-length", "HOST"),
]
UNSENDABLE = [
    *({"headers": {name: "5"}} for name in HEADERS_OF_THE_CONNECTION),
    {"headers": {"X-Euro": "\u20ac"}},
    {"headers": {"X-Line": "a\r\nX-Injected: 1"}},
    {"headers": {"X-Nul": "a\0"}},
    {"headers": {"X\u00e9": "a"}},
    {"headers": {"X:": "a"}},
    {"headers": ["X: a"]},
    {"method": "GET / HTTP/1.1"},
    {"method": "CONNECT"},
    {"method": "HEAD", "body": "x"},
    {"body": 5},
    {"body": {"x": {1}}},
]


@pytest.mark.parametrize("request_", UNSENDABLE, ids=repr)
def test_a_request_that_cannot_be_sent_is_that_rows_own_fault(request_, local, limits, each_once):
    """The rows around it go on, and the connection they share has nothing of it."""
    url = f"http://127.0.0.1:{local.port()}/echo"
    rows = [{"url": url, "method": "POST", "body": "first"}, {"url": url, "id": 7} | request_, url]
    outcomes = each_once(fetch(rows, **limits | {"concurrency": 1}), 3)
    assert [in_a_word(outcome) for outcome in outcomes] == ["fetched", "invalid_request", "fetched"]
    assert (outcomes[1].url, outcomes[1].attempts, outcomes[1].input) == (url, 0, {"id": 7})
    assert outcomes[1].detail.startswith("line 2: ")
    assert json.loads(outcomes[0].body)["body"] == "first"
    assert json.loads(outcomes[2].body)["method"] == "GET"
    assert local.traffic().requests == 2


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_latin_1_is_sent_as_such(method, local, limits, each_once):
    """A run with such rows can be resumed, too: they are read again before it is known that they are settled."""
    url = f"http://127.0.0.1:{local.port()}/echo"
    row = {"url": url, "method": method, "headers": {"X-Name": "M\u00fcller\u00ff"}}
    [outcome] = each_once(fetch([row], **limits | {"headers": ["X-All: \u00e9"], "contact": "jos\u00e9"}), 1)
    sent = [tuple(pair) for pair in json.loads(outcome.body)["headers"]]
    assert {("X-Name", "M\u00fcller\u00ff"), ("X-All", "\u00e9")} <= set(sent)
    assert dict(sent)["User-Agent"].endswith("(+jos\u00e9)")


def test_a_host_header_of_a_row_does_not_travel(limits, each_once):
    """Neither to another origin nor to another port of the same."""
    with LocalWeb(hosts=2) as web:
        there = web.url(1, "/echo").removeprefix("http://")
        url = web.url(0, f"/away/{there}")
        [outcome] = each_once(fetch([{"url": url, "headers": {"host": url.split("/")[2]}}], **limits), 1)
        hosts = [value for name, value in json.loads(outcome.body)["headers"] if name.lower() == "host"]
    assert hosts == [there.partition("/")[0]]


def test_a_row_that_ended_a_run_does_not_end_it_any_more(local, limits, tmp_path, each_once):
    rows = [
        {"url": f"http://127.0.0.1:{local.port()}/{seq}", "headers": {"X-Name": name}}
        for seq, name in enumerate(("M\u00fcller", "\u20ac"))
    ]
    listed = tmp_path / "rows.jsonl"
    listed.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    penstock.run(listed, tmp_path / "out", **limits)
    assert penstock.resume(tmp_path / "out").complete
    assert penstock.verify(tmp_path / "out").ok
    lines = [json.loads(line) for line in (tmp_path / "out" / "outcomes-00000.jsonl").read_bytes().splitlines()]
    each_once(lines, 2)
    assert [line["error"] for line in sorted(lines, key=lambda line: line["seq"])] == [None, "invalid_request"]
