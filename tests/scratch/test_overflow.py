"""The overflow on disk: what went in comes out, oldest first, and nothing is left behind."""

from __future__ import annotations

import contextlib
import os
from datetime import date
from decimal import Decimal

import pytest

from penstock.core.web.model import Hop, Job
from penstock.errors import OutputError
from penstock.scratch.overflow import BATCH, DiskOverflow

HEADERS = (("User-Agent", "penstock"),)


def job(seq: int, key: str = "a", **fields) -> Job:
    return Job(seq, key, f"http://{key}/{seq}", f"http://{key}/{seq}", headers=HEADERS, **fields)


@pytest.fixture
def overflow(tmp_path):
    overflow = DiskOverflow(tmp_path)
    yield overflow
    overflow.close()
    overflow.close()


def test_a_jobs_own_key_gets_it_back_and_oldest_first(overflow):
    jobs = [job(seq, key) for seq, key in enumerate("abacabad")]
    overflow.put(jobs[:3])
    overflow.put(jobs[3:])
    assert overflow.take("a", 3) == [jobs[0], jobs[2], jobs[4]]
    assert overflow.take("b", 100) == [jobs[1], jobs[5]]
    assert overflow.take("a", 100) == [jobs[6]]
    assert overflow.take("a", 100) == []
    assert overflow.take("nobody", 100) == []


def test_thousands_come_back_in_order(overflow):
    jobs = [job(seq) for seq in range(3 * BATCH + 7)]
    for begin in range(0, len(jobs), 100):
        overflow.put(jobs[begin : begin + 100])
    back = []
    while taken := overflow.take("a", 64):
        back += taken
    assert back == jobs


def test_everything_of_a_job_comes_back(overflow):
    whole = job(
        7,
        method="POST",
        body=b"\x00\xff",
        fields={"id": 7, "name": "ü", "nested": [None, 1.5]},
        ready=12.5,
        earlier=1,
        spent=0.25,
        public=True,
        hops=(Hop("http://b/", 302),),
    )
    overflow.put([whole])
    assert overflow.take("a", 1) == [whole]


def test_shared_headers_are_shared_again(overflow):
    """The engine knows them by identity, and sets them up once."""
    first, second = job(0), job(1)
    overflow.put([first, second, Job(2, "a", "u", "u", headers=(("X", "1"),))])
    back = overflow.take("a", 3)
    assert back[0].headers is HEADERS is back[1].headers
    assert back[2].headers == (("X", "1"),)


def test_what_cannot_be_written_is_kept_all_the_same(overflow):
    """A program's own objects come back in its outcomes, as they are."""
    strange = job(0, fields={"what": object()})
    lonely = job(1, fields={"text": "\ud800"})
    overflow.put([strange, lonely, job(2)])
    assert overflow.take("a", 2) == [strange, lonely]
    assert overflow.take("a", 2) == [job(2)]


def test_a_number_that_is_none_is_written_like_any_other(overflow):
    """Not kept in memory, of which a list of them would take all."""
    overflow.put([job(0, fields={"score": float("nan")})])
    assert overflow._unwritable == {}
    assert repr(overflow.take("a", 1)) == repr([job(0, fields={"score": float("nan")})])


def test_its_file_has_no_name_and_goes_with_it(overflow, tmp_path):
    overflow.put([job(0)])
    assert overflow.take("a", 1)
    assert list(tmp_path.iterdir()) == []
    assert any(str(tmp_path) in target for target in opened())
    overflow.close()
    assert not any(str(tmp_path) in target for target in opened())


def test_nothing_is_made_before_there_is_something_to_keep(overflow, tmp_path):
    assert not any(str(tmp_path) in target for target in opened())


def test_a_disk_that_takes_no_more_is_an_error_that_says_what_to_do(tmp_path):
    overflow = DiskOverflow(tmp_path)
    overflow.put([job(seq) for seq in range(BATCH)])
    limited = overflow._file
    limited.execute("PRAGMA max_page_count = 1")
    with pytest.raises(OutputError, match=f"in {tmp_path}: .*make room there"):
        overflow.put([job(seq, fields={"text": "x" * 10_000}) for seq in range(BATCH)])
    overflow.close()


def test_a_folder_that_cannot_be_written_is_an_error_that_names_it(tmp_path):
    overflow = DiskOverflow(tmp_path / "missing")
    overflow.put([job(0)])
    with pytest.raises(OutputError, match="missing"):
        overflow.take("a", 1)


def opened() -> list[str]:
    """What this process has open, by name."""
    found = []
    for descriptor in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # the folder's own, closed since
            found.append(os.readlink(f"/proc/self/fd/{descriptor}"))
    return found


@pytest.mark.parametrize(
    "value",
    [Decimal("1.50"), (0, 2), date(2026, 1, 1), {1: "a key that is none"}, {"deep": [(1,)]}, b"bytes", 1.0, True],
)
def test_what_a_program_put_into_a_row_comes_back_as_it_was(overflow, value):
    """Whether it had to wait or not."""
    overflow.put([job(0, fields={"mine": value})])
    (back,) = overflow.take("a", 1)
    assert back.fields == {"mine": value}
    assert type(back.fields["mine"]) is type(value)
