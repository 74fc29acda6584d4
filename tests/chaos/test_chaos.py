"""The chaos in small: the same web, the same kills, the same account; and that the account finds what is wrong."""

from __future__ import annotations

import json

import msgspec
import pytest
from tests.chaos.account import broken, report
from tests.chaos.kinds import cast
from tests.chaos.listing import Sizes
from tests.chaos.run import chaos

HOSTS = 80
SEED = next(seed for seed in range(1_000) if "busy_429" in {kind.name for kind in cast(HOSTS, seed)})
"""The first one with a busy host, however many kinds of faults there are."""

SIZES = Sizes(inputs=1_200, hosts=HOSTS, lengthy=1, seed=SEED)
"""One input, tried three times, is no more of a host that nobody can reach than are tried before it is left alone."""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """The resolver works: how long a run waits for one that does not is shown, in less time, by test_breakers.py."""
    return chaos(SIZES, tmp_path_factory.mktemp("chaos"), outage=0.0)


def test_a_bad_web_and_three_kills_break_no_promise(found):
    assert broken(found) == []
    assert len(found.killed) == 3
    assert any("kills" in line for line in report(found))


def test_the_account_finds_an_outcome_too_many_and_one_too_few(found, tmp_path):
    lines = (found.folder / "outcomes-00000.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "outcomes-00000.jsonl").write_bytes(b"".join([*lines[1:], lines[2]]))
    problems = broken(msgspec.structs.replace(found, folder=tmp_path))
    assert any(problem.startswith("2 inputs do not have one outcome") for problem in problems)


def test_the_account_finds_another_body_and_another_word(found, tmp_path):
    lines = (found.folder / "outcomes-00000.jsonl").read_bytes().splitlines()
    records = [json.loads(line) for line in lines]
    good = [record for record in records if "/page/0." in record["url"] and record["status"] == 200]
    good[0]["body"] += " "
    good[1] |= {"outcome": "failed", "error": "dns_temporary"}
    (tmp_path / "outcomes-00000.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    problems = "\n".join(broken(msgspec.structs.replace(found, folder=tmp_path)))
    assert "of good came to another body" in problems
    assert "1 of good came to dns_temporary" in problems
    assert "the summary has" in problems


def test_the_account_finds_a_limit_that_was_not_kept(found):
    starts = [number / 100 for number in range(100)]
    crowded = {"requests": 100, "most": 999, "hosts": {"h0.test": [100, 3, starts]}}
    problems = "\n".join(broken(msgspec.structs.replace(found, seen=crowded)))
    assert "999 requests at once" in problems
    assert "h0.test saw 3 requests at once" in problems
    assert "starts" in problems


def test_the_account_finds_a_host_that_was_not_left_alone(found):
    busy = next(must for must in found.expected if must.kind.startswith("busy_")).url.split("/")[2].partition(":")[0]
    hasty = {"requests": 9, "most": 1, "hosts": {busy: [9, 1, [number * 0.5 for number in range(9)]]}}
    problems = "\n".join(broken(msgspec.structs.replace(found, seen=hasty)))
    assert f"{busy} was not left alone 8 times out of 8" in problems


def test_the_account_finds_a_session_that_failed(found):
    problems = "\n".join(broken(msgspec.structs.replace(found, code=1, verified=5, told={})))
    assert "the last session ended with 1" in problems
    assert "verify ended with 5" in problems
    assert "there was no summary" in problems
