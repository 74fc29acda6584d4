"""What is remembered on the disk is what would be remembered in memory."""

from __future__ import annotations

import os
import threading
from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.errors import OutputError
from penstock.scratch import temporary
from penstock.scratch.seen import NameCounts, SeenRequests


@given(st.lists(st.binary(max_size=2)))
def test_seen_is_a_set(texts):
    there = set()
    with SeenRequests() as seen:
        for text in texts:
            assert seen.add(text) == (text not in there)
            there.add(text)


@given(st.lists(st.sampled_from(["a.test", "b.test", "c.test", "d.test", "xn--e.test"])), st.integers(1, 4))
def test_counts_are_those_of_a_counter_however_few_names_are_held(names, held):
    with NameCounts(held) as counts:
        for name in names:
            counts.add(name)
        expected = Counter(names)
        assert counts.names() == len(expected)
        rank = sorted(expected.items(), key=lambda entry: (-entry[1], entry[0]))
        assert counts.largest(3) == rank[:3]
        assert counts.largest(100) == rank


def test_counting_goes_on_after_a_question():
    with NameCounts() as counts:
        counts.add("a")
        assert counts.largest(1) == [("a", 1)]
        counts.add("a")
        assert counts.largest(1) == [("a", 2)]


def test_no_more_names_are_held_than_allowed():
    with NameCounts(held=10) as counts:
        for number in range(1000):
            counts.add(f"host{number}")
            assert len(counts._counts) <= 10
        assert counts.names() == 1000


def test_a_thread_may_go_on_where_another_left_off():
    """A source that reads ahead does so on a thread of its own, and may be closed by another."""
    seen = SeenRequests()
    thread = threading.Thread(target=seen.add, args=(b"a",))
    thread.start()
    thread.join()
    assert not seen.add(b"a")
    seen.close()
    seen.close()


@pytest.mark.parametrize("make", [SeenRequests, lambda: NameCounts(held=1)])
def test_a_full_disk_is_told_with_the_remedy(make):
    with make() as full:
        full._database.execute("PRAGMA max_page_count = 8")
        with pytest.raises(OutputError, match="TMPDIR"):
            for number in range(100_000):
                full.add(f"{number:040}".encode() if isinstance(full, SeenRequests) else f"{number:040}")


def test_what_outgrows_its_cache_is_on_the_disk_in_a_file_without_a_name(monkeypatch):
    """So a kill leaves nothing behind."""
    monkeypatch.setattr(temporary, "CACHE_BYTES", 16 << 10)
    before = set(nameless())
    with SeenRequests() as seen:
        assert all(seen.add(b"%d" % number) for number in range(20_000))
        assert not any(seen.add(b"%d" % number) for number in range(0, 20_000, 100))
        assert len(set(nameless()) - before) == 1
    assert set(nameless()) == before


def nameless():
    """The files that this process has open and nobody else can open."""
    for fd in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):
            where = os.readlink(f"/proc/self/fd/{fd}")
            if where.endswith(" (deleted)"):
                yield where
