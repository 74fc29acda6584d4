"""run.json says what the run is for, to people and to a resume, and keeps no secret."""

from __future__ import annotations

import json
import os
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from penstock.core.web.fields import is_framing
from penstock.core.web.model import Headers
from penstock.errors import FolderDamaged, FolderMismatch, InputChanged, UsageError
from penstock.runs.manifest import Manifest
from penstock.settings import CHANGEABLE, Settings

SECRETS = {
    "headers": [("Authorization", "Bearer s3cret"), ("Accept", "text/html"), ("cookie", "id=s3cret")],
    "proxy": "http://user:s3cret@proxy.test:3128",
    "url_template": "http://user:s3cret@host.test/{}",
}


LIST = {"kind": "items", "count": 100, "sha256": "aa"}


def manifest(inputs=("list.txt",), fingerprint=None, **settings):
    return Manifest.of(Settings.of(**settings), inputs, fingerprint)


def test_what_is_written_can_be_read_back():
    written = manifest(("a.txt", "b.csv"), {"files": [{"bytes": 3}]}, column="url", rate=2.5, headers=[("A", "b")])
    assert Manifest.decode(written.encode(), "run.json") == written


SURROGATES = st.characters(categories=("Cs",))
NAMES = st.text(st.one_of(st.characters(), SURROGATES))
"""Text as Python may have it: also bytes of names that are not UTF-8 (PEP 383), and halves of characters."""

HEADERS = st.lists(st.tuples(NAMES.filter(lambda name: not is_framing(name)), NAMES)).map(tuple)
"""Fields that settings can hold: they refuse those that frame a message, and ``decode`` drops them."""

VALUES = {
    bool: st.booleans(),
    int: st.integers(0, 2**62),
    int | None: st.none() | st.integers(0, 2**62),
    float: st.floats(allow_nan=False, allow_infinity=False),
    str: NAMES,
    str | None: st.none() | NAMES,
    float | None: st.none() | st.floats(allow_nan=False, allow_infinity=False),
    tuple[str, ...]: st.lists(NAMES).map(tuple),
    Headers: HEADERS,
}
SETTINGS = st.fixed_dictionaries({name: VALUES[kind] for name, kind in get_type_hints(Settings).items()})
FINGERPRINTS = st.none() | st.dictionaries(NAMES, st.recursive(NAMES | st.integers(0, 2**62), st.lists))


@given(SETTINGS, st.lists(NAMES).map(tuple), FINGERPRINTS)
def test_whatever_is_written_can_be_read_back(settings, inputs, fingerprint):
    """Every setting and every argument, whatever characters and bytes a name consists of."""
    written = Manifest.of(Settings(**settings), inputs, fingerprint)
    assert Manifest.decode(written.encode(), "run.json") == written


def test_a_name_that_is_not_utf_8_stands_there_as_any_json_reader_takes_it():
    written = manifest((os.fsdecode(b"/lists/caf\xe9.txt"),))
    assert json.loads(written.encode().decode("ascii"))["inputs"] == ["/lists/caf\udce9.txt"]


def test_a_person_can_read_it():
    text = manifest(max_body="10MB").encode().decode()
    assert text.count("\n") > 20
    assert json.loads(text)["settings"]["max_body"] == 10_000_000
    assert json.loads(text)["inputs"] == ["list.txt"]


def test_two_runs_are_never_the_same_run():
    assert manifest().run != manifest().run


def test_no_secret_is_written():
    inputs = ("http://user:s3cret@host.test/", "list.txt")
    written = manifest(inputs, {"first": ["http://user:s3cret@host.test/"]}, **SECRETS)
    assert b"s3cret" not in written.encode()
    assert written.withheld == ("header Authorization", "header cookie", "proxy", "url_template", "inputs")
    assert written.settings.headers == (("Authorization", "***"), ("Accept", "text/html"), ("cookie", "***"))
    assert written.settings.proxy == "http://***@proxy.test:3128"


@pytest.mark.parametrize(
    ("proxy", "kept"),
    [
        ("user:s3cret@proxy.test:3128", "***@proxy.test:3128"),
        ("socks5h://u:p@ss@proxy.test", "socks5h://***@proxy.test"),
        ("proxy.test:3128", "proxy.test:3128"),
    ],
)
def test_a_proxy_is_kept_without_its_password(proxy, kept):
    assert manifest(proxy=proxy).settings.proxy == kept


def test_secrets_given_again_are_filled_in():
    written = manifest(**SECRETS)
    restored = written.restore(
        headers=(("AUTHORIZATION", "Bearer s3cret"), ("Cookie", "id=s3cret")),
        proxy=SECRETS["proxy"],
        url_template=SECRETS["url_template"],
    )
    assert restored == Settings.of(**SECRETS)


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ({}, r"header Authorization.*headers=\{'Authorization': \.\.\.\}"),
        ({"headers": (("Authorization", "a"),)}, "header cookie"),
        ({"headers": (("Authorization", "a"), ("Cookie", "b"))}, r"proxy.*: proxy=\.\.\."),
        ({"headers": (("Authorization", "a"), ("Cookie", "b")), "proxy": "c"}, r"url_template.*: url_template=\.\.\."),
    ],
)
def test_a_secret_that_is_missing_is_asked_for(given, asked):
    with pytest.raises(UsageError, match=asked):
        manifest(**SECRETS).restore(**given)


def test_headers_of_one_name_are_filled_in_by_their_order():
    """Also if others stand between them, and whatever case their names are written in."""
    begun = (("Cookie", "a=1"), ("X-Key", "k"), ("Accept", "text/html"), ("cookie", "b=2"))
    written = manifest(headers=begun)
    again = (("X-Key", "k"), ("COOKIE", "a=1"), ("Accept", "text/html"), ("Cookie", "b=2"))
    assert written.restore(headers=again).headers == begun


@pytest.mark.parametrize(("values", "often"), [(("a=1",), "once"), (("a=1", "b=2", "c=3"), "3 times")])
def test_a_header_that_is_given_more_or_less_often_than_before_is_refused(values, often):
    written = manifest(headers=(("Cookie", "a=1"), ("Cookie", "b=2")))
    with pytest.raises(UsageError, match=f"began with Cookie 2 times, and it is given {often}"):
        written.restore(headers=tuple(("Cookie", value) for value in values))


def test_a_run_without_secrets_needs_nothing():
    assert manifest(rate=3).restore() == Settings.of(rate=3)


# -- the same job?


def test_a_secret_may_change_since_nobody_knows_what_it_was():
    manifest(headers=[("Cookie", "id=1")]).check(manifest(headers=[("Cookie", "id=2")]))


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ({}, {"unique": True}, "unique was false, is true"),
        ({"input_format": "csv"}, {}, 'input_format was "csv", is null'),
        ({}, {"column": "link"}, 'column was null, is "link"'),
        ({"headers": [("Cookie", "a")]}, {}, r"headers was \[\[\"Cookie\", \"\*\*\*\"\]\], is \[\]"),
        ({}, {"column": "x", "max_redirects": 3}, 'max_redirects was 10, is 3; column was null, is "x"'),
    ],
)
def test_another_job_is_refused_with_every_difference(was, now, said):
    with pytest.raises(FolderMismatch, match=said):
        manifest(**was).check(manifest(**now))


def test_another_pace_is_the_same_job():
    changed = {
        "attempts": 9,
        "body": "none",
        "cacert": "/ca.pem",
        "concurrency": 9,
        "connect_timeout": 9.0,
        "connect_to": ["::127.0.0.1:80"],
        "contact": "me@a.test",
        "delay": 9.0,
        "flush_every": 9.0,
        "deadline": 99.0,
        "insecure": True,
        "max_body": 9,
        "memory": 9_000_000,
        "min_speed": 9.0,
        "passes": 9,
        "per_host": 9,
        "proxy": "http://proxy.test",
        "rate": 9.0,
        "resolver": "127.0.0.1:9",
        "retry_methods": ["POST"],
        "stop_at": 0.9,
        "timeout": 9.0,
        "user_agent": "me",
        "window": 9,
        "pace": "fixed",
    }
    assert changed.keys() == CHANGEABLE
    manifest().check(manifest(**changed))


@pytest.mark.parametrize("name", ["Connection", "host", "Proxy-Authorization"])
def test_a_run_that_was_begun_with_a_header_that_is_refused_now_goes_on_without_it(name):
    """An older Penstock took it; it could never be given again."""
    made = manifest(headers=[("Accept", "a"), ("X-Key", "b")])
    old = replace(made, settings=replace(made.settings, headers=((name, "***"), *made.settings.headers)))
    read = Manifest.decode(old.encode(), "run.json")
    assert read == made
    assert read.restore(headers=(("X-Key", "b"),)).headers == (("Accept", "a"), ("X-Key", "b"))


def test_every_pace_is_a_setting():
    assert set(Settings.__struct_fields__) > CHANGEABLE


def test_another_input_is_refused_with_the_difference():
    with pytest.raises(InputChanged, match="it was a list of 100 and is a list of 120"):
        manifest(fingerprint=LIST).check(manifest(fingerprint=LIST | {"count": 120, "sha256": "bb"}))


def test_the_same_input_under_another_name_is_the_same_job():
    manifest(("list.txt",), LIST).check(manifest(("/data/list.txt",), LIST))


@pytest.mark.parametrize("fingerprint", [None, LIST])
def test_an_input_that_cannot_be_told_goes_by_its_name(fingerprint):
    manifest(("-",), fingerprint).check(manifest(("-",), None))
    with pytest.raises(InputChanged, match=r"it was - and is list\.txt"):
        manifest(("-",), fingerprint).check(manifest(("list.txt",), None))


# -- what stands there is not always what was written


def test_a_newer_manifest_is_refused():
    data = manifest().encode().replace(b'"schema": 1', b'"schema": 2')
    with pytest.raises(FolderMismatch, match=r"run\.json has schema 2.*use the newer"):
        Manifest.decode(data, "run.json")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"schema": "x"}',
        b"\xff",
        manifest().encode()[:-5],
        manifest().encode().replace(b'"rate": null', b'"rate": "fast"'),
    ],
)
def test_a_damaged_manifest_is_refused(data):
    with pytest.raises(FolderDamaged, match=r"run\.json is damaged"):
        Manifest.decode(data, "run.json")
