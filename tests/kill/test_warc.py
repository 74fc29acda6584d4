"""A run that stores WARC may be ended anywhere as well, and then no revisit is left without its response."""

from __future__ import annotations

import gzip
import random
import re
import shutil
from functools import partial

import pytest
import scripted
from msgspec.structs import replace
from shim import Cut, Death, Plan, Shim, die_softly

from penstock.core.web.model import Fetched
from penstock.errors import PenstockError
from penstock.runs.files import outputs
from penstock.runs.repair import repair
from penstock.sink import durable, warc_records
from penstock.sink.formats import FORMATS
from penstock.sink.jsonl import JSONL
from penstock.sink.warc import WARC

pytest.importorskip("isal", reason="the extra is missing: pip install 'penstock[warc]'")

SINKS = [("warc",), ("warc", "jsonl"), ("jsonl", "warc")]
SMALL = {"file_bytes": 6_000}
ENDS = (None, *Cut)


@pytest.fixture(autouse=True)
def small_files_of_pages_alike(monkeypatch):
    """Every third page is the first of its three, so there are revisits; some are in another file than that."""
    script = scripted.script

    def alike(*, again):
        for outcome in script(again=again):
            page = b"page %d " % (outcome.seq // 6) * 40
            yield replace(outcome, body=page) if isinstance(outcome, Fetched) else outcome

    monkeypatch.setattr(scripted, "script", alike)
    monkeypatch.setattr(warc_records, "REPEATED", 1)
    monkeypatch.setattr(durable, "BUFFER", scripted.BUFFER)
    for format_ in (WARC, JSONL):
        monkeypatch.setitem(FORMATS, format_.name, replace(format_, **SMALL))


@pytest.fixture
def root(tmp_path):
    return emptied(tmp_path / "root").parent


@pytest.fixture
def expected(tmp_path):
    scripted.work(tmp_path / "whole", None, ("warc",))
    return scripted.identities(tmp_path / "whole")


def emptied(root):
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    return root / "run"


def end(root, action, plan):
    try:
        with Shim(root, plan, die_softly):
            action()
    except Death:
        pass


def plans_of(root, action):
    with Shim(root, None, die_softly) as shim:
        action()
    for at, operation in enumerate(shim.operations):
        for cut in ENDS:
            yield Plan(at, cut=cut)
            if operation.startswith("write") and not operation.endswith("run.lock"):
                yield Plan(at, middle=True, cut=cut)


def dangling(path):
    """Revisits whose response is not before them in their file, and how many revisits there are."""
    found, count = [], 0
    for file in outputs(path, WARC):
        names = set()
        for record in gzip.decompress(file.read_bytes()).split(b"WARC/1.1\r\n"):
            head = record.partition(b"\r\n\r\n")[0]
            for name in re.findall(rb"WARC-Refers-To: (.*)\r", head):
                count += 1
                found += [] if name in names else [(file.name, name)]
            names.update(re.findall(rb"WARC-Record-ID: (.*)\r", head))
    return found, count


def problems(path, expected):
    return scripted.problems(path, expected) or dangling(path)[0]


@pytest.mark.parametrize("sinks", SINKS)
def test_a_run_ended_at_any_operation_and_resumed_is_as_if_it_had_not_been(root, expected, sinks):
    every = list(plans_of(root, partial(scripted.work, root / "run", None, sinks)))
    assert dangling(root / "run")[1] > 2, "there are revisits"
    draw, wrong = random.Random(8), {}
    for first in draw.sample(every, 40):
        path, promised = emptied(root), set()
        ends = (first, draw.choice(every))
        try:
            for plan in ends:
                end(root, partial(scripted.work, path, promised, sinks), plan)
                if promised and promised - scripted.settled_in(path):
                    wrong[ends] = "what was durable is lost"
            end(root, partial(scripted.work, path, None, sinks), None)
            if found := problems(path, expected):
                wrong[ends] = found
        except PenstockError as error:
            wrong[ends] = str(error)
    assert not wrong


@pytest.mark.parametrize("sinks", SINKS)
def test_a_repair_may_be_ended_at_any_operation(root, expected, sinks):
    """A byte of the first file has changed; whatever a repair had come to, repairing again helps."""

    def damaged():
        path = emptied(root)
        end(root, partial(scripted.work, path, None, sinks), None)
        file = outputs(path, FORMATS[sinks[0]])[0]
        data = bytearray(file.read_bytes())
        data[len(data) // 3] ^= 1
        file.write_bytes(data)
        (path / "run.db").write_bytes(b"not a database")
        return path

    wrong = {}
    for plan in random.Random(9).choices(list(plans_of(root, partial(repair, damaged()))), k=25):
        path = damaged()
        end(root, partial(repair, path), plan)
        end(root, partial(repair, path), None)
        end(root, partial(scripted.work, path, None, sinks), None)
        if found := problems(path, expected):
            wrong[plan] = found
    assert not wrong


def test_revisits_of_what_a_repair_drops_are_found(root, expected, monkeypatch):
    """The bug that this is there to find, planted: a repair that keeps every revisit."""
    monkeypatch.setattr("penstock.sink.warc._keep_with_responses", lambda keep: keep)
    with pytest.raises(AssertionError):
        test_a_repair_may_be_ended_at_any_operation(root, expected, ("warc",))
