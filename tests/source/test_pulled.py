"""Pulling: at once, or from a thread that reads a little ahead and never keeps anybody waiting."""

import itertools
import os
import subprocess
import sys
import threading
import time
import tracemalloc
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap64

from penstock.core.web.model import Job
from penstock.seams import Signal
from penstock.settings import InputSettings
from penstock.source.opened import open_inputs
from penstock.source.pulled import BATCH, Inline, ReadAhead

NOT_YET, EXHAUSTED = Signal.NOT_YET, Signal.EXHAUSTED

PATIENCE = 10.0
"""Seconds after which a test fails that waits for something that does not come."""


def jobs(count=None):
    numbers = itertools.count() if count is None else range(count)
    return (Job(number, "a", "http://a/", "http://a/") for number in numbers)


class Bell:
    """What the driver does when woken: it stops waiting."""

    def __init__(self):
        self.rung = threading.Semaphore(0)
        self.times = 0

    def __call__(self):
        self.times += 1
        self.rung.release()

    def wait(self):
        assert self.rung.acquire(timeout=PATIENCE), "nobody woke us"


@pytest.fixture
def bell():
    return Bell()


@pytest.fixture
def ahead(bell):
    """A ReadAhead over an iterator, closed at the end of the test, its thread gone."""
    made = []

    def ahead(items, ahead=BATCH):
        made.append(ReadAhead(iter(items), bell, ahead))
        return made[-1]

    yield ahead
    for source in made:
        source.close()
        if source._thread is not None:
            source._thread.join(PATIENCE)
            assert not source._thread.is_alive()


def ask(source, room=1):
    """What a driver does that has *room*: pull, and request what is not there."""
    item = source.pull()
    if item is NOT_YET:
        source.request(room)
    return item


def pulled(source, bell, room=1):
    """The next answer that is not NOT_YET."""
    while (item := ask(source, room)) is NOT_YET:
        bell.wait()
    return item


def everything(source, bell):
    return list(iter(lambda: pulled(source, bell), EXHAUSTED))


class Witnessed:
    """An iterator that says how often it was asked, and when it was closed."""

    def __init__(self, count=None, error=None):
        self.asked = 0
        self.closed = 0
        self.error = error
        self._jobs = jobs(count)

    def __iter__(self):
        return self

    def __next__(self):
        self.asked += 1
        try:
            return next(self._jobs)
        except StopIteration:
            if self.error is not None:
                raise self.error from None
            raise

    def close(self):
        self.closed += 1


def test_inline_gives_the_items_and_then_says_that_there_are_no_more():
    source = Inline(jobs(2))

    assert [source.pull().seq, source.pull().seq] == [0, 1]
    assert source.pull() is source.pull() is EXHAUSTED


def test_inline_asks_for_nothing_by_itself():
    items = Witnessed()
    source = Inline(items)
    assert items.asked == 0
    source.pull()
    assert items.asked == 1


def test_inline_raises_what_the_iterator_raises_once():
    source = Inline(Witnessed(1, LookupError("gone")))
    source.pull()

    with pytest.raises(LookupError, match="gone"):
        source.pull()
    assert source.pull() is EXHAUSTED


def test_inline_closes_its_iterator_once_and_is_exhausted_then():
    items = Witnessed()
    source = Inline(items)
    source.close()
    source.close()

    assert items.closed == 1
    assert source.pull() is EXHAUSTED


def test_an_iterator_that_cannot_be_closed_is_let_go():
    source = Inline(iter([]))
    source.close()

    assert source.pull() is EXHAUSTED


@pytest.mark.parametrize("batch", [1, 2, 3, 64])
@pytest.mark.parametrize("count", [0, 1, 2, 63, 64, 65, 1_000])
def test_reading_ahead_gives_every_item_once_and_in_order(ahead, bell, batch, count):
    source = ahead(jobs(count), batch)

    assert [job.seq for job in everything(source, bell)] == list(range(count))
    assert source.pull() is EXHAUSTED


def test_nothing_is_read_before_the_first_pull(ahead, bell):
    items = Witnessed(3)
    source = ahead(items)
    assert (items.asked, source._thread) == (0, None)
    pulled(source, bell)
    assert items.asked > 0


@given(st.integers(1, 20), st.integers(1, 60))
def test_no_more_is_read_than_the_batch_that_nobody_has_pulled(batch, count):
    """The witness is looked at when the thread has gone to rest: it must have stopped at the bound."""
    items, bell = Witnessed(), Bell()
    source = ReadAhead(iter(items), bell, batch)
    for number in range(count):
        pulled(source, bell)
        assert items.asked <= number + 1 + batch
    source.close()
    source._thread.join(PATIENCE)
    assert items.asked <= count + batch
    assert items.closed == 1


def test_memory_is_flat_however_much_is_read(ahead, bell):
    source = ahead(jobs())
    for _ in range(100):
        pulled(source, bell)
    tracemalloc.start()
    for _ in range(5_000):
        pulled(source, bell)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 200_000


def test_pull_does_not_wait_for_an_iterator_that_does(ahead, bell):
    """Other work goes on; what comes at last wakes whoever waits."""
    gate = threading.Event()

    def slow():
        yield "first"
        assert gate.wait(PATIENCE)
        yield "second"

    source = ahead(slow())
    assert pulled(source, bell) == "first"
    assert ask(source) is NOT_YET
    assert ask(source) is NOT_YET
    gate.set()
    assert pulled(source, bell) == "second"
    assert pulled(source, bell) is EXHAUSTED


def test_one_waking_is_enough_however_often_there_was_nothing(ahead, bell):
    gate, rest = threading.Event(), threading.Event()

    def slow():
        assert gate.wait(PATIENCE)
        yield "item"
        assert rest.wait(PATIENCE)

    source = ahead(slow())
    assert [ask(source) for _ in range(3)] == [NOT_YET] * 3
    gate.set()
    bell.wait()
    assert source.pull() == "item"
    assert bell.times == 1
    rest.set()
    assert pulled(source, bell) is EXHAUSTED


class Interleaved(deque):
    """A deque in which something else happens at the worst moment: once, while it says that it is empty."""

    meanwhile = None

    def _happen(self):
        if self.meanwhile is not None and threading.current_thread() is threading.main_thread():
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()

    def popleft(self):
        try:
            return super().popleft()
        except IndexError:
            self._happen()
            raise

    def __bool__(self):
        empty = not len(self)
        if empty:
            self._happen()
        return not empty


@pytest.fixture
def interleaved(ahead, bell):
    """A source whose second item, and whose end, come when the test lets them."""
    second, given_second, end = threading.Event(), threading.Event(), threading.Event()

    def slow():
        yield "first"
        assert second.wait(PATIENCE)
        yield "second"
        given_second.set()
        assert end.wait(PATIENCE)

    source = ahead(slow())
    source._held = Interleaved()
    assert pulled(source, bell) == "first"
    source.come = lambda: second.set() or given_second.wait(PATIENCE)
    source.end = lambda: second.set() or end.set() or source._thread.join(PATIENCE)
    return source


def test_an_item_that_comes_just_when_there_was_nothing_is_not_missed(interleaved):
    """The thread sees nobody waiting and wakes nobody: so pull must look again once it has said so."""
    interleaved._held.meanwhile = interleaved.come

    assert interleaved.pull() == "second"
    interleaved.end()


def test_items_that_come_with_the_end_just_when_there_was_nothing_are_not_missed(interleaved, bell):
    """Looking for the end after looking for items would take the last ones for nothing."""
    held = interleaved._held
    held.meanwhile = lambda: setattr(held, "meanwhile", interleaved.end)

    assert everything(interleaved, bell) == ["second"]


def test_the_end_wakes_too(ahead, bell):
    gate = threading.Event()

    def nothing():
        assert gate.wait(PATIENCE)
        yield from ()

    source = ahead(nothing())
    assert ask(source) is NOT_YET
    gate.set()
    bell.wait()
    assert source.pull() is EXHAUSTED


@pytest.mark.parametrize("error", [LookupError("gone"), KeyboardInterrupt(), SystemExit(3)])
def test_what_the_iterator_raises_comes_once_after_what_it_gave(ahead, bell, error):
    source = ahead(Witnessed(3, error))
    assert [pulled(source, bell).seq for _ in range(3)] == [0, 1, 2]

    with pytest.raises(type(error)):
        pulled(source, bell)
    assert source.pull() is EXHAUSTED


def test_closing_before_the_first_pull_starts_no_thread(bell):
    items = Witnessed()
    source = ReadAhead(items, bell)
    source.close()
    source.close()

    assert (items.closed, items.asked, source._thread) == (1, 0, None)
    assert source.pull() is EXHAUSTED


def test_closing_closes_the_iterator_and_ends_the_thread(bell):
    items = Witnessed()
    source = ReadAhead(items, bell, 4)
    pulled(source, bell)
    source.close()
    source._thread.join(PATIENCE)

    assert not source._thread.is_alive()
    assert items.closed == 1
    assert source.pull() is EXHAUSTED


def test_closing_does_not_wait_for_a_thread_that_waits(bell, recwarn):
    """The thread closes the iterator itself when it comes back; nobody is woken for it."""
    inside, gate, ended = threading.Event(), threading.Event(), []

    def slow():
        try:
            inside.set()
            assert gate.wait(PATIENCE)
            yield "late"
        finally:
            ended.append(threading.current_thread().name)

    source = ReadAhead(slow(), bell)
    assert ask(source) is NOT_YET
    assert inside.wait(PATIENCE)
    source.close()
    assert source.pull() is EXHAUSTED
    assert ended == []

    gate.set()
    source._thread.join(PATIENCE)
    assert ended == ["penstock-source"]
    assert source.pull() is EXHAUSTED
    assert bell.times == 0
    assert not list(recwarn)


def test_a_generator_that_fails_when_it_is_closed_on_the_thread_disturbs_nobody(bell):
    """An exception nobody catches on a thread is a warning, and warnings are errors here."""
    inside, gate = threading.Event(), threading.Event()

    def stubborn():
        inside.set()
        assert gate.wait(PATIENCE)
        try:
            yield "late"
        finally:
            raise LookupError

    source = ReadAhead(stubborn(), bell)
    ask(source)
    assert inside.wait(PATIENCE)
    source.close()
    gate.set()
    source._thread.join(PATIENCE)
    assert not source._thread.is_alive()


@pytest.fixture
def pipe():
    read, write = os.pipe()
    with open(read, "rb", buffering=0) as reader, open(write, "wb", buffering=0) as writer:
        yield reader, writer


def test_a_pipe_that_trickles_gives_each_line_at_once(ahead, bell, pipe):
    reader, writer = pipe
    source = ahead(open_inputs(["-"], InputSettings(), reader.fileno()).rows(BitMap64()))
    for number in range(3):
        assert ask(source) is NOT_YET
        writer.write(b"http://a/\n")
        assert pulled(source, bell).seq == number
    writer.close()

    assert pulled(source, bell) is EXHAUSTED


def test_closing_does_not_wait_for_a_pipe_nobody_writes_to(ahead, bell, pipe):
    reader, writer = pipe
    source = ahead(open_inputs(["-"], InputSettings(), reader.fileno()).rows(BitMap64()))
    writer.write(b"http://a/\n")
    pulled(source, bell)
    assert ask(source) is NOT_YET

    before = time.monotonic()
    source.close()
    assert time.monotonic() - before < 1.0
    writer.close()


def test_an_endless_pipe_is_pulled_as_far_as_one_likes(ahead, bell):
    with subprocess.Popen(["yes", "http://a/"], stdout=subprocess.PIPE) as yes:
        opened = open_inputs(["-"], InputSettings(), yes.stdout.fileno())
        source = ahead(opened.rows(BitMap64()))
        rows = [pulled(source, bell) for _ in range(5_000)]
        source.close()
        yes.kill()

    assert [row.seq for row in rows] == list(range(5_000))


STUCK = """
import threading
from penstock.core.extents import SeqSet
from penstock.seams import Signal
from penstock.settings import InputSettings
from penstock.source.pulled import BATCH, ReadAhead
from penstock.source.opened import open_inputs

bell = threading.Semaphore(0)
source = ReadAhead(open_inputs(["-"], InputSettings()).rows(SeqSet()), bell.release, BATCH)
while (row := source.pull()) is Signal.NOT_YET:
    source.request(1)
    bell.acquire()
print(row.url, source.pull().value)
if {close}:
    source.close()
"""


@pytest.mark.parametrize("close", [True, False])
def test_the_interpreter_ends_quietly_while_a_thread_waits_for_standard_input(close):
    """A thread inside sys.stdin.buffer would abort it: "could not acquire lock for BufferedReader"."""
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", STUCK.format(close=close)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as child:
        patience = threading.Timer(PATIENCE, child.kill)
        patience.start()
        child.stdin.write(b"http://a/\n")
        child.stdin.flush()
        said, complained = child.stdout.read(), child.stderr.read()
        code = child.wait()
        patience.cancel()
        patience.join()

    assert (code, said, complained) == (0, b"http://a/ not yet\n", b"")
