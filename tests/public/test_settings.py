"""Every setting has bounds, every message names the setting, and every part gets its own slice."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from penstock.core.schedule.answers import Finished, Pull
from penstock.core.schedule.frontier import Frontier
from penstock.core.schedule.verdicts import Done
from penstock.core.web.model import Attempt, Job, Reason
from penstock.errors import PenstockError, UsageError
from penstock.settings import (
    SETTINGS,
    HttpSettings,
    InputSettings,
    OutputSettings,
    Settings,
    Unit,
    parse_duration,
    parse_size,
)
from penstock.sink.formats import FORMATS
from penstock.version import __version__

BOUNDS = [(name, one.spec.low, one.spec.high) for name, one in SETTINGS.items() if one.spec.low is not None]


def refusal(**given: object) -> str:
    with pytest.raises(UsageError) as caught:
        Settings.of(**given)
    return str(caught.value)


# Defaults and bounds


def test_the_defaults_are_polite():
    """By default a host gets at most two requests at once, and one every 0.1 s."""
    settings = Settings.of()
    assert settings == Settings()
    assert (settings.concurrency, settings.per_host, settings.delay, settings.rate) == (100, 2, 0.1, None)
    assert (settings.attempts, settings.timeout, settings.connect_timeout) == (3, 30.0, 5.0)
    assert (settings.max_body, settings.max_redirects, settings.flush_every) == (100_000_000, 10, 5.0)
    assert (settings.sinks, settings.body, settings.insecure) == (("jsonl",), "inline", False)


def test_every_number_has_bounds():
    numbers = {name for name, one in SETTINGS.items() if one.type in (int, float, int | None, float | None)}
    assert numbers == {name for name, _, _ in BOUNDS}


@pytest.mark.parametrize(("name", "low", "high"), BOUNDS)
def test_a_number_goes_from_its_low_to_its_high_bound(name, low, high):
    least = low or (0.001 if name == "rate" else 0)
    assert getattr(Settings.of(**{name: least}), name) == least
    assert getattr(Settings.of(**{name: high}), name) == high
    above = "above " if name == "rate" else ""
    for wrong in (low - 1, high + 1):
        said = refusal(**{name: wrong})
        assert said.startswith(f"{name} is {wrong}")
        assert said.endswith(f"; it goes from {above}{low:,} to {high:,}")


def test_no_rate_is_none_and_not_nought():
    assert Settings.of(rate=None).rate is None
    assert refusal(rate=0) == "rate is a number of starts a second above 0; leave it out for no limit"


@pytest.mark.parametrize("name", ["delay", "rate", "timeout", "connect_timeout", "flush_every"])
@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_finite_number_is_refused(name, number):
    assert refusal(**{name: number}).startswith(f"{name} is {number}")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("concurrency", "50", "is '50'; it is a whole number, 1 to 10,000"),
        ("concurrency", 50.0, "is 50.0; it is a whole number, 1 to 10,000"),
        ("concurrency", True, "is True; it is a whole number, 1 to 10,000"),
        ("concurrency", None, "is None; it is a whole number, 1 to 10,000"),
        (
            "rate",
            "100/s",
            "is '100/s'; it is a number of requests a second, above 0 to 1,000,000, or None, as in rate=100",
        ),
        ("delay", [1], "is [1]; it is a number of seconds or a text such as 30s, 0 to 86,400 s"),
        ("stop_at", [1], "is [1]; it is a number or a text, 0.01 to 1, or None"),
        ("insecure", 1, "is 1; it is True or False"),
        ("insecure", "yes", "is 'yes'; it is True or False"),
        ("proxy", 5, "is of type int; it is a text, or None"),
        ("proxy", b"http://me:secret@a", "is of type bytes; it is a text, or None"),
        ("cacert", b"x", "is of type bytes; it is a text, or None"),
        ("column", 2.5, "is of type float; it is a text or a whole number, or None"),
        ("connect_to", [5], "is [5]; it is a text or a list of texts"),
        ("connect_to", 5, "is 5; it is a text or a list of texts"),
        ("sinks", 5, f"is 5; it is one of {', '.join(FORMATS)}"),
        ("body", None, "is None; it is one of inline, none"),
    ],
)
def test_a_value_of_another_type_is_refused_by_name_and_in_words(name, value, said):
    assert refusal(**{name: value}) == f"{name} {said}"


def test_of_a_long_value_the_beginning_is_shown():
    assert len(refusal(concurrency="x" * 10_000)) < 100


def test_an_unknown_name_is_refused_with_the_nearest_or_the_names_there_are():
    said = refusal(concurency=5)
    assert said == "there is no setting 'concurency'; did you mean concurrency?"
    assert refusal(nonsense=5) == f"there is no setting 'nonsense'; there are: {', '.join(sorted(SETTINGS))}"


def test_a_refusal_is_one_of_ours_and_a_value_error():
    with pytest.raises(ValueError, match="window"):
        Settings.of(window=0)
    assert issubclass(UsageError, PenstockError)


def test_settings_are_frozen():
    with pytest.raises(AttributeError):
        Settings.of().window = 5


# Choices


def test_body_and_input_format_are_one_of_a_few():
    assert refusal(body="all") == "body is 'all'; it is one of inline, none"
    assert (
        refusal(input_format="xml")
        == "input_format is 'xml'; it is one of lines, csv, tsv, jsonl, json, sitemap, parquet, arrow"
    )
    assert Settings.of(body="none", input_format="csv").input_format == "csv"


def test_one_sink_may_be_given_as_it_is():
    assert Settings.of(sinks="jsonl").sinks == Settings.of(sinks=["jsonl"]).sinks == ("jsonl",)


@pytest.mark.parametrize(("sinks", "shown"), [([], "empty"), (["jsonl", "jsonl"], "jsonl, jsonl")])
def test_sinks_are_known_and_each_at_most_once(sinks, shown):
    assert refusal(sinks=sinks) == f"sinks is {shown}; name each at most once of {', '.join(FORMATS)}"
    for unknown in ("parquet", ["parquet"], ["jsonl", "parquet"]):
        assert refusal(sinks=unknown) == f"sinks: there is no 'parquet'; choose from: {', '.join(FORMATS)}"


@pytest.mark.parametrize(
    "entry",
    [
        "a.example:80:127.0.0.1:8080",
        ":::",
        "::127.0.0.1:8080",
        "a.example::b.example:",
        "[::1]:80:[::1]:8080",
        "::[::1]:81",
    ],
)
def test_connect_to_is_written_as_for_curl(entry):
    assert Settings.of(connect_to=entry).connect_to == Settings.of(connect_to=[entry]).connect_to == (entry,)


@pytest.mark.parametrize(
    "entry", ["", "a", "a:1:b", "a:1:b:2:c", "a:x:b:2", "a:1:b:y", "a:1:b c:2", "[::1:80:b:2", "a:1:b:2\n"]
)
def test_connect_to_written_otherwise_is_refused(entry):
    assert refusal(connect_to=["::b:1", entry]).startswith(f"connect_to is {entry!r}; write HOST1:PORT1:HOST2:PORT2")


def test_connect_to_may_have_hosts_that_are_not_ascii():
    entry = "b\u00fccher.example::d\u00f6ner.example:"
    assert Settings.of(connect_to=entry).connect_to == (entry,)
    for wrong in ("\u00fc\ufffd::a:1", "::\u2100:1", "::\udcff:1"):
        assert refusal(connect_to=wrong).startswith(f"connect_to is {wrong!r}; ")


@pytest.mark.parametrize(
    "proxy", ["http://a\0b", "http://u:secret\r\n@a", "http://secret:\ud800@a", "http://secret\x7f@a"]
)
def test_a_proxy_that_cannot_be_told_to_libcurl_is_refused_without_showing_its_secret(proxy):
    said = refusal(proxy=proxy)
    assert said.startswith("proxy ")
    assert "secret" not in said


def test_a_proxy_may_be_written_in_any_letters_or_bytes():
    for proxy in ("http://jos\u00e9:p@a", "http://jos\udce9:p@a"):
        assert Settings.of(proxy=proxy).http().proxy == proxy


# Methods


@pytest.mark.parametrize("given", ["POST,PATCH", "post, patch", ["POST", "patch"], ("POST,PATCH", "POST")])
def test_methods_may_be_given_one_by_one_or_with_commas(given):
    assert Settings.of(retry_methods=given).retry_methods == ("POST", "PATCH")


@pytest.mark.parametrize(
    ("given", "shown"), [("", "''"), ("PUT,,PUT", "''"), ("P T", "'P T'"), (["\u00e9"], "'\u00c9'")]
)
def test_what_is_no_method_is_refused_by_name(given, shown):
    assert refusal(retry_methods=given) == f"retry_methods: {shown} is no method; write POST,PATCH"


def test_retry_methods_of_another_type_are_refused_by_name():
    for wrong in (5, [5], None, {"POST": 1}):
        assert "retry_methods" in refusal(retry_methods=wrong)


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "PATCH"])
def test_the_judge_tries_again_what_may_be_sent_again(method):
    _, judge = Settings.of(retry_methods="POST").rules()
    job = Job(0, "a", "http://a/", "http://a/", method)
    verdict = judge(Attempt(job, Reason.EMPTY_REPLY), 1.0, 0.0)
    assert isinstance(verdict, Done) is (method == "PATCH")


# Sizes


@pytest.mark.parametrize(
    ("size", "number"),
    [
        (0, 0),
        (500, 500),
        ("500", 500),
        ("500B", 500),
        ("10k", 10_000),
        ("10kB", 10_000),
        ("10MB", 10_000_000),
        (" 1.5 gb ", 1_500_000_000),
        ("1T", 10**12),
        ("1.001kB", 1_001),
        ("0.5", 0),
        ("1KiB", 1_024),
        ("10 MiB", 10_485_760),
        ("2Gi", 2**31),
    ],
)
def test_a_size_is_a_number_or_a_text(size, number):
    assert parse_size(size) == Settings.of(max_body=size).max_body == number


@pytest.mark.parametrize(
    "size", ["", "x", "10XB", "-5", "1e6", "10ib", "1,000", ".5MB", "1.MB", "9" * 400, 1.5, True, None, b"5"]
)
def test_what_is_no_size_is_refused_by_name(size):
    assert refusal(max_body=size) == f"max_body: {size!r} is not a size in bytes; write 500, 10MB or 1.5GB"


def test_a_size_out_of_bounds_is_refused_by_name():
    assert refusal(max_body="2TB").startswith("max_body is 2000000000000; it goes from 0 to 1,000,000,000,000")
    assert refusal(max_body=-1).startswith("max_body is -1;")


@given(st.text(max_size=20))
def test_any_text_is_a_size_or_refused(text):
    try:
        assert parse_size(text) >= 0
    except UsageError as error:
        assert "max_body" in str(error)  # noqa: PT017 - any text may be either


# Headers


@pytest.mark.parametrize(
    "given",
    [
        [("X-One", "1"), ("Accept", "a:b")],
        (["X-One", " 1 "], ["Accept", "a:b"]),
        {"X-One": "1", "Accept": "a:b"},
        ["X-One: 1", "Accept:a:b"],
        iter(["X-One:1", "Accept: a:b"]),
    ],
)
def test_headers_are_pairs_a_mapping_or_lines(given):
    assert Settings.of(headers=given).headers == (("X-One", "1"), ("Accept", "a:b"))


def test_one_header_may_be_given_as_it_is():
    assert Settings.of(headers="X-One: 1").headers == (("X-One", "1"),)


def test_a_header_may_be_given_twice_and_may_be_empty():
    assert Settings.of(headers=["A: 1", "a: 2", "B:"]).headers == (("A", "1"), ("a", "2"), ("B", ""))


@pytest.mark.parametrize(
    "given",
    [5, None, b"A: b", [5], [b"A: b"], [("A",)], [("A", "b", "c")], {"A": 5}, {1: "b"}, [("A", None)], [{"A": "b"}]],
)
def test_what_is_no_header_at_all_is_refused_by_name(given):
    assert refusal(headers=given).startswith("headers: write 'Name: value'")


@pytest.mark.parametrize(
    "line", ["A: b\r\nX-Evil: 1", "A: b\x00", "A: \x1b[2J", "A: \u20ac", "A b: c", ": c", "\u00e9: c"]
)
def test_a_header_that_would_break_the_request_is_refused(line):
    assert refusal(headers=[line]).startswith("headers: ")
    assert refusal(headers=[line]).isprintable()


def test_a_header_without_a_colon_is_refused_without_showing_its_secret():
    said = refusal(headers=["Authorization Bearer-secret"])
    assert said == "headers: 'Authorization' has no colon; write 'Name: value'"


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding", "CONNECTION", "TE", "Expect", "Proxy-Foo"])
def test_a_header_that_frames_the_message_is_refused(name):
    assert refusal(headers=[f"{name}: 1"]).startswith(f"headers: {name!r} frames the message")
    assert refusal(headers={name: ""}).startswith(f"headers: {name!r} frames the message")


@pytest.mark.parametrize("name", ["Host", "host", "HOST"])
def test_a_host_for_all_urls_is_refused(name):
    assert "connect_to" in refusal(headers=[f"{name}: a.example"])


# Who is asking


def test_the_user_agent_says_who_is_asking_and_where_to_complain():
    assert Settings.of().request_headers() == (("User-Agent", f"penstock/{__version__}"),)
    contact = Settings.of(contact="mailto:me@a.example", headers=["A: b"])
    agent = f"penstock/{__version__} (+mailto:me@a.example)"
    assert contact.request_headers() == (("User-Agent", agent), ("A", "b"))
    assert Settings.of(user_agent="mine/1", contact="x").request_headers() == (("User-Agent", "mine/1"),)


def test_a_user_agent_among_the_headers_is_the_only_one():
    assert Settings.of(headers=["user-agent: mine"], user_agent="x").request_headers() == (("user-agent", "mine"),)


@pytest.mark.parametrize("name", ["user_agent", "contact"])
@pytest.mark.parametrize("text", ["a\nb", "a\x00", "\u20ac", "a\x7f", "a\x85"])
def test_what_cannot_stand_in_a_header_is_refused_by_name(name, text):
    assert refusal(**{name: text}) == f"{name} has a control character or is not Latin-1"


# Slices


def sliced(part: msgspec.Struct, settings: Settings, left_out: frozenset[str] = frozenset()) -> None:
    """Each field of *part* has the value of its namesake."""
    for name in set(part.__struct_fields__) - left_out:
        assert getattr(part, name) == getattr(settings, name) != getattr(Settings(), name), name


def test_each_part_gets_its_own_slice():
    settings = Settings.of(
        concurrency=5,
        timeout=6.0,
        connect_timeout=4.0,
        max_body=7,
        insecure=True,
        cacert="ca.pem",
        connect_to="::b:1",
        resolver="127.0.0.1:53",
        max_redirects=3,
        cookies=True,
        input_format="csv",
        column="link",
        url_template="http://{}/",
        header=False,
        delimiter=";",
        select=("id",),
        body="none",
        flush_every=1.0,
    )
    for other in ({"proxy": "http://p.example"}, {"public_only": True}):  # which can't be together
        changed = replace(settings, **other)
        sliced(changed.http(), changed, left_out={"proxy", "public_only"} - other.keys())
    sliced(settings.input(), settings)
    output = settings.output()
    assert (output.sinks, output.body, output.flush_every) == (("jsonl",), "none", 1.0)


def test_the_slices_have_the_same_defaults_as_the_whole():
    settings = Settings()
    assert settings.http() == HttpSettings()
    assert settings.input() == InputSettings()
    assert settings.output() == OutputSettings()


def test_the_frontier_has_the_limits():
    frontier = Settings.of(window=3, concurrency=4, per_host=5, delay=6.0).rules()[0]
    assert isinstance(frontier, Frontier)
    assert (frontier.window, frontier.concurrency, frontier.per_key, frontier.delay) == (3, 4, 5, 6.0)
    assert frontier.next(0.0) == Pull()


@pytest.mark.parametrize(("settings", "error"), [({"attempts": 1}, Reason.RESET), ({"max_redirects": 0}, None)])
def test_the_judge_has_the_rules(settings, error):
    frontier, judge = Settings.of(**settings).rules()
    job = Job(0, "a", "http://a/", "http://a/")
    frontier.offer(job)
    frontier.next(0.0)
    head = b"HTTP/1.1 301 x\r\nLocation: /x\r\n\r\n"
    verdict = judge(Attempt(job, error, status=301, head=head), 1.0, 0.0)
    assert isinstance(verdict, Done)
    frontier.settle(job, verdict, 1.0)
    frontier.close()
    assert frontier.next(1.0) == Finished()


@pytest.mark.parametrize("resolver", ["9.9.9.9", "127.0.0.1:5353", "[2620:fe::fe]", "[::1]:53"])
def test_a_resolver_is_an_address_and_a_port(resolver):
    assert Settings.of(resolver=resolver).http().resolver == resolver


@pytest.mark.parametrize(
    "resolver",
    [
        "",
        "dns.example",
        "dns.example:53",
        "::1",
        "[::1",
        "9.9.9.9:",
        "9.9.9.9:0",
        "9.9.9.9:65536",
        "[fe80::1%eth0]",
        ":53",
    ],
)
def test_a_resolver_written_otherwise_is_refused(resolver):
    assert refusal(resolver=resolver).startswith(f"resolver is {resolver!r}; write an address")


def test_what_a_proxy_looks_up_cannot_be_promised_to_be_public():
    assert "proxy" in refusal(public_only=True, proxy="http://p.example")


# Durations


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30.0),
        ("0.5", 0.5),
        ("500ms", 0.5),
        (" 1.5 s ", 1.5),
        ("1m", 60.0),
        ("2 min", 120.0),
        ("1H30M", 5_400.0),
        ("1h 30m", 5_400.0),
        ("1m0.5s", 60.5),
        ("2h", 7_200.0),
    ],
)
def test_a_duration_has_a_unit_or_is_seconds(text, seconds):
    assert parse_duration(text, "timeout") == Settings.of(timeout=text).timeout == seconds


@pytest.mark.parametrize("text", ["", "soon", "1 m 30", "30 30", "-1s", "1y", "s", "1m-2s", "1e3", "0x10"])
def test_what_is_no_duration_says_how_to_write_one(text):
    with pytest.raises(UsageError, match=r"delay is .*500ms"):
        Settings.of(delay=text)


@pytest.mark.parametrize("field", [name for name, one in SETTINGS.items() if one.spec.unit is Unit.SECONDS])
def test_every_duration_has_its_bounds_whatever_its_unit(field):
    with pytest.raises(UsageError, match=rf"{field} is .* goes from"):
        Settings.of(**{field: "2000000000s"})


def test_a_share_of_more_than_all_is_a_percentage_that_lacks_its_sign():
    with pytest.raises(UsageError, match="write 99%"):
        Settings.of(stop_at="99")
