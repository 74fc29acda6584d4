"""Items are worked on by a few threads at once; an exception ends all of it."""

from __future__ import annotations

import threading

import pytest

from penstock.sink.parallel import THREADS, run_each

MANY = range(10 * THREADS)


@pytest.mark.parametrize("items", [range(0), range(3), MANY])
def test_each_item_is_worked_on_once(items):
    done = []
    run_each(done.append, items)
    assert sorted(done) == list(items)


def test_so_many_items_are_worked_on_at_once():
    meeting = threading.Barrier(THREADS, timeout=60)
    run_each(lambda _: meeting.wait(), MANY)


def test_few_items_need_no_thread():
    threads = set()
    run_each(lambda _: threads.add(threading.get_ident()), range(THREADS))
    assert threads == {threading.get_ident()}


@pytest.mark.parametrize("count", [3, len(MANY)])
def test_an_exception_comes_out_after_which_nothing_begins(count):
    def work(item):
        done.append(item)
        raise OSError(item)

    done = []
    with pytest.raises(OSError, match=r"^[0-9]+$"):
        run_each(work, range(count))
    assert len(done) <= THREADS
