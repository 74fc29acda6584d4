"""``unique``: of inputs that ask for the same, the first alone has an outcome, and inputs = outcomes + duplicates."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import penstock
from penstock.core.schedule.tally import Tally
from penstock.core.schedule.verdicts import Duplicate
from penstock.core.web.model import Failed, Fetched, Reason
from penstock.errors import FolderMismatch
from penstock.fetching import sessions, wiring
from penstock.loop.delivery import Delivery
from penstock.runs.repair import repair
from penstock.testing.web import LocalWeb

FAST = {"robots": False, "delay": 0, "per_host": 10, "concurrency": 10}


@pytest.fixture(scope="module")
def web():
    with LocalWeb(hosts=3) as local:
        yield local


def listed(web, count=12):
    """Each page twice, the second time in another spelling, and two lines that are no URLs."""
    firsts = [web.url(number % 3, f"/page/{number}") for number in range(count)]
    agains = [f"{url.replace('http://', 'HTTP://')}#again" for url in firsts]
    return [*firsts[:6], "nonsense", *agains, "nonsense", *firsts[6:]]


def expected(urls):
    """The seqs that have an outcome."""
    seen, seqs = set(), []
    for seq, url in enumerate(urls):
        plain = url.lower().removesuffix("#again")
        if plain == "nonsense" or plain not in seen:
            seqs.append(seq)
        seen.add(plain)
    return seqs


def stored(folder: Path):
    return [
        json.loads(line)
        for file in sorted(folder.glob("*.jsonl"))
        for line in file.read_text(encoding="utf-8").splitlines()
    ]


def test_each_request_is_made_once_and_the_first_input_has_the_outcome(web):
    urls = listed(web)
    flow = penstock.fetch(urls, unique=True, **FAST)
    assert sorted(outcome.seq for outcome in flow) == expected(urls)
    assert flow.statistics().tally.duplicates == 12
    assert flow.complete


def test_without_it_every_input_has_its_own(web, each_once):
    urls = listed(web)
    flow = penstock.fetch(urls, **FAST)
    each_once(flow, len(urls))
    assert flow.statistics().tally.duplicates == 0


@pytest.mark.parametrize("kind", ["list", "generator"])
def test_in_order_a_duplicate_holds_nobody_up(web, kind):
    urls = listed(web)
    given = urls if kind == "list" else (url for url in urls)
    assert [outcome.seq for outcome in penstock.fetch(given, unique=True, ordered=True, **FAST)] == expected(urls)


def test_an_async_iterable_is_told_apart_as_well(web):
    urls = listed(web)

    async def given():
        for url in urls:
            yield url

    async def fetched():
        return [outcome.seq async for outcome in penstock.fetch(given(), unique=True, ordered=True, **FAST)]

    assert asyncio.run(fetched()) == expected(urls)


def test_a_callback_is_not_called_for_a_duplicate(web):
    called = []
    list(penstock.fetch([web.url()] * 3, unique=True, on_page=lambda page: called.append(page.seq), **FAST))
    assert called == [0]


def test_a_run_counts_its_duplicates_and_verify_proves_them(web, tmp_path):
    urls = tmp_path / "urls.txt"
    urls.write_text("\n".join(listed(web)))
    summary = penstock.run(urls, tmp_path / "out", unique=True, **FAST)
    assert summary.complete
    assert (summary.inputs, summary.tally.total, summary.tally.duplicates) == (26, 14, 12)
    found = penstock.verify(tmp_path / "out")
    assert found.problems == ()
    assert (found.total, found.settled, found.duplicates) == (26, 14, 12)
    assert json.loads((tmp_path / "out" / "run.json").read_text())["settings"]["unique"] is True


def test_a_resume_passes_over_the_same_ones_though_what_they_repeat_is_settled(tmp_path):
    """The iterator breaks off between an input and its duplicate: the resume must remember what it does not fetch."""
    with LocalWeb(hosts=3) as web:
        urls = listed(web)

        def broken():
            yield from urls[:10]
            raise OSError("the list is on a bad disk")

        with pytest.raises(OSError, match="bad disk"):
            penstock.run(broken(), tmp_path / "out", unique=True, **FAST)
        assert len(stored(tmp_path / "out")) == 7
        summary = penstock.run(iter(urls), tmp_path / "out", unique=True, **FAST)
        assert web.traffic().requests == 12
    assert sorted(record["seq"] for record in stored(tmp_path / "out")) == expected(urls)
    assert (summary.inputs, summary.tally.total, summary.tally.duplicates) == (26, 14, 12)
    assert summary.session.total == 7


def test_a_finished_run_that_is_resumed_sends_nothing_and_counts_the_same(tmp_path):
    with LocalWeb(hosts=3) as web:
        urls = tmp_path / "urls.txt"
        urls.write_text("\n".join(listed(web)))
        first = penstock.run(urls, tmp_path / "out", unique=True, **FAST)
        sent = web.traffic().requests
        again = penstock.resume(tmp_path / "out")
        assert web.traffic().requests == sent
    assert (again.inputs, again.tally.duplicates, again.session.total) == (first.inputs, 12, 0)
    assert penstock.verify(tmp_path / "out").ok


def test_what_is_unique_cannot_be_changed_midway(web, tmp_path):
    penstock.run([web.url()], tmp_path / "out", unique=True, **FAST)
    with pytest.raises(FolderMismatch, match="unique was true, is false"):
        penstock.run([web.url()], tmp_path / "out", **FAST)


def test_what_is_settled_stays_so_though_a_changed_input_makes_a_duplicate_of_it(web, tmp_path):
    urls = tmp_path / "urls.txt"
    urls.write_text(f"{web.url(0)}\n{web.url(1)}\n")
    penstock.run(urls, tmp_path / "out", unique=True, **FAST)
    urls.write_text(f"{web.url(0)}\n{web.url(0)}\n{web.url(0)}\n")
    summary = sessions.resume(tmp_path / "out", {}, force=True).execute()
    assert (summary.inputs, summary.tally.total, summary.tally.duplicates) == (3, 2, 1)
    assert penstock.verify(tmp_path / "out").ok


@pytest.fixture
def finished(web, tmp_path):
    urls = tmp_path / "urls.txt"
    urls.write_text("\n".join(listed(web)))
    penstock.run(urls, tmp_path / "out", unique=True, **FAST)
    return tmp_path / "out"


def problems(folder):
    return " ".join(penstock.verify(folder).problems)


def execute(folder, statement):
    with closing(sqlite3.connect(folder / "run.db", isolation_level=None)) as database:
        database.execute(statement)


def test_a_wrong_number_of_duplicates_is_found(finished):
    execute(finished, "UPDATE run SET duplicates = 11")
    assert "finished with 26 inputs, 11 of them duplicates, but 14 have outcomes" in problems(finished)
    assert "there are 12 duplicates, but the run has finished with 11" in problems(finished)


def test_an_outcome_of_the_wrong_one_of_two_is_found(web, tmp_path, monkeypatch):
    """A planted bug: duplicates are told from the end of the list. The sums are right, and yet it is not so."""

    class Last:
        def __init__(self, requests):
            self.first, self.seen = requests.prepare, set()

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def prepare(self, row, now):
            return Duplicate(row.seq) if row.seq == 0 else self.first(row, now)

    urls = tmp_path / "urls.txt"
    urls.write_text(f"{web.url()}\n{web.url()}\n")
    with monkeypatch.context() as patch:
        patch.setattr(wiring, "Once", Last)
        penstock.run(urls, tmp_path / "out", unique=True, **FAST)
    assert "input 1 asks for the same as an earlier one, but has an outcome of its own" in problems(tmp_path / "out")


def test_a_repaired_run_knows_its_duplicates(finished):
    repair(finished)
    found = penstock.verify(finished)
    assert found.ok
    assert (found.total, found.duplicates) == (26, 12)


def test_a_run_whose_ledger_is_gone_is_finished_by_a_resume(finished):
    (finished / "run.db").unlink()
    repair(finished)
    assert not penstock.verify(finished).finished
    assert penstock.resume(finished).session.total == 0
    assert penstock.verify(finished).duplicates == 12


# -- the last stretch of the way, by itself


def page(seq):
    return Fetched(seq, "u", status=200)


def test_a_duplicate_has_its_turn_and_nothing_comes_out():
    delivery = Delivery(Tally(), ordered=True)
    for outcome in (page(3), Duplicate(1), Failed(0, "u", Reason.RESET)):
        delivery.put(outcome)
    assert [outcome.seq for outcome in delivery.ready] == [0]
    assert delivery.withheld == 1
    delivery.put(Duplicate(2))
    assert [outcome.seq for outcome in delivery.ready] == [0, 3]
    assert delivery.withheld == 0
    assert delivery.tally().duplicates == 2
    assert delivery.tally().total == 2


def test_a_duplicate_that_waits_at_the_end_does_not_come_out_either():
    delivery = Delivery(Tally(), ordered=True)
    for outcome in (page(4), Duplicate(2), page(1)):
        delivery.put(outcome)
    delivery.release()
    assert [outcome.seq for outcome in delivery.ready] == [1, 4]
