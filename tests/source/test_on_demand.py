"""A thread takes only what it was asked for: how much that is, and how it is taken back."""

import itertools
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.source.test_pulled import NOT_YET, PATIENCE, Bell, Witnessed, ask, pulled

from penstock.core.schedule.verdicts import Duplicate
from penstock.source.pulled import BATCH, ReadAhead


@pytest.fixture
def bell():
    return Bell()


@given(st.integers(1, 20), st.integers(1, 60))
def test_no_more_is_taken_than_there_is_room_for(room, count):
    items, bell = Witnessed(), Bell()
    source = ReadAhead(iter(items), bell)
    for number in range(count):
        pulled(source, bell, room)
        assert items.asked <= number + room
    source.close()
    source._thread.join(PATIENCE)
    assert items.asked <= count - 1 + room


@pytest.fixture
def gated(bell):
    """A source of which each item waits until the test opens the gate, and the numbers of those it made."""
    gate, inside, made = threading.Semaphore(0), threading.Semaphore(0), []

    def slow():
        for number in itertools.count():
            inside.release()
            assert gate.acquire(timeout=PATIENCE)
            made.append(number)
            yield number

    source = ReadAhead(slow(), bell)
    source.made = made
    source.enter = lambda: inside.acquire(timeout=PATIENCE)
    source.open = gate.release
    yield source
    source.close()
    source.open()
    source._thread.join(PATIENCE)
    assert not source._thread.is_alive()


def test_a_request_takes_back_what_an_earlier_one_allowed(gated, bell):
    """Three were wanted, and the thread waits for the first of them; then there is no room any more."""
    assert ask(gated, 3) is NOT_YET
    assert gated.enter()
    gated.request(0)
    gated.open()
    bell.wait()
    assert not gated._room.wait(0)
    assert gated.pull() == 0
    assert not gated._has_room(gated._held)
    gated.request(1)
    assert gated.enter()
    assert gated.made == [0]
    gated.open()


def test_an_item_on_its_way_to_the_driver_is_counted_once(gated, bell):
    """It comes after the pull that found nothing, and before the request: it is one of the two that it allows."""
    assert ask(gated, 1) is NOT_YET
    assert gated.enter()
    assert gated.pull() is NOT_YET
    gated.open()
    bell.wait()
    gated.request(2)
    assert gated.enter()
    gated.open()
    bell.rung.acquire(timeout=0)
    while len(gated._held) < 2:
        assert gated._thread.is_alive()
    assert not gated._has_room(gated._held)
    assert gated.made == [0, 1]


def test_duplicates_need_no_room_but_are_not_held_without_end(bell):
    """They are finished once they are known: a long run of them must not take a turn each."""
    items = Witnessed()
    source = ReadAhead(itertools.chain((Duplicate(number) for number in range(1000)), items), bell)
    found = [pulled(source, bell) for _ in range(1000)]
    assert [item.seq for item in found] == list(range(1000))
    assert bell.times <= 1000 // BATCH + 2
    assert pulled(source, bell).seq == 0
    assert items.asked == 1
    source.close()
    source._thread.join(PATIENCE)
