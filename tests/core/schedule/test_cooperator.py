"""Short stories of tasks that take turns, with the exact order."""

from __future__ import annotations

import pytest

from penstock.core.schedule.cooperator import Member, Rota, State


class Named(Member):
    def __init__(self, name):
        super().__init__()
        self.name = name


def members(rota, names):
    found = [Named(name) for name in names]
    for member in found:
        rota.add(member)
    return found


def turns(rota, count):
    """The names of the next *count* tasks, each of which does a step of work."""
    names = ""
    for _ in range(count):
        member = rota.next()
        if member is None:
            break
        names += member.name
        rota.end_step(member)
    return names


def test_tasks_take_turns():
    rota = Rota()
    members(rota, "abc")
    assert turns(rota, 7) == "abcabca"


def test_nobody_has_a_turn_where_nobody_is():
    rota = Rota()
    assert rota.next() is None
    assert not rota.due


def test_a_newcomer_stands_at_the_end_of_the_line():
    """So a task whose steps bring new tasks does not keep the old ones from their turn."""
    rota = Rota()
    members(rota, "ab")
    assert turns(rota, 1) == "a"
    members(rota, "c")
    assert turns(rota, 4) == "bacb"


def test_nobody_has_a_turn_before_the_start():
    rota = Rota(started=False)
    members(rota, "ab")
    assert (rota.running, rota.due, rota.next()) == (False, False, None)
    rota.start()
    assert (rota.running, rota.due) == (True, True)
    assert turns(rota, 3) == "aba"


def test_a_paused_task_has_no_turn_and_comes_back_at_the_end_of_the_line():
    rota = Rota()
    a, *_ = members(rota, "abc")
    assert rota.pause(a) is State.RUNNING
    assert turns(rota, 3) == "bcb"
    assert rota.resume(a)
    assert turns(rota, 4) == "cbac"


def test_pauses_are_counted():
    rota = Rota()
    (a,) = members(rota, "a")
    rota.pause(a)
    rota.pause(a)
    assert rota.resume(a)
    assert not rota.due
    assert rota.resume(a)
    assert rota.due
    assert not rota.resume(a)
    assert turns(rota, 2) == "aa"


def test_a_task_may_pause_in_its_own_step():
    rota = Rota()
    a, _ = members(rota, "ab")
    assert rota.next() is a
    rota.pause(a)
    rota.end_step(a)
    assert turns(rota, 2) == "bb"


def test_a_task_that_pauses_and_resumes_in_its_own_step_has_one_place():
    rota = Rota()
    a, _ = members(rota, "ab")
    assert rota.next() is a
    rota.pause(a)
    rota.resume(a)
    rota.end_step(a)
    assert turns(rota, 4) == "baba"


def test_a_task_that_pauses_resumes_and_then_waits_has_no_place():
    rota = Rota()
    (a,) = members(rota, "a")
    assert rota.next() is a
    rota.pause(a)
    rota.resume(a)
    rota.wait(a)
    assert rota.next() is None


def test_a_waiting_task_has_no_turn_before_it_is_woken():
    rota = Rota()
    a, _ = members(rota, "ab")
    assert rota.next() is a
    rota.wait(a)
    assert turns(rota, 2) == "bb"
    rota.wake(a)
    assert turns(rota, 3) == "bab"


def test_a_wait_is_no_pause():
    """Who merely waits cannot be resumed, so nobody steps it before its time."""
    rota = Rota()
    (a,) = members(rota, "a")
    rota.next()
    rota.wait(a)
    assert not rota.resume(a)
    assert not rota.due


@pytest.mark.parametrize("first", ["wake", "resume"])
def test_who_waits_and_is_paused_needs_both_to_end(first):
    rota = Rota()
    (a,) = members(rota, "a")
    rota.next()
    rota.wait(a)
    rota.pause(a)
    order = [rota.wake, rota.resume] if first == "wake" else [rota.resume, rota.wake]
    order[0](a)
    assert not rota.due
    order[1](a)
    assert turns(rota, 2) == "aa"


@pytest.mark.parametrize("end", [State.DONE, State.FAILED, State.STOPPED])
def test_an_end_is_final(end):
    rota = Rota()
    a, _ = members(rota, "ab")
    assert rota.finish(a, end)
    for other in (State.DONE, State.FAILED, State.STOPPED):
        assert not rota.finish(a, other)
    assert rota.pause(a) is end
    assert not rota.resume(a)
    rota.end_step(a)
    rota.wake(a)
    assert (a.state, len(rota)) == (end, 1)
    assert turns(rota, 2) == "bb"


def test_a_task_may_end_in_its_own_step():
    rota = Rota()
    a, _ = members(rota, "ab")
    assert rota.next() is a
    assert rota.finish(a, State.STOPPED)
    rota.end_step(a)
    assert turns(rota, 2) == "bb"


def test_the_pauses_of_an_ended_task_can_be_taken_back():
    """Whoever paused it need not know that it has ended since."""
    rota = Rota()
    (a,) = members(rota, "a")
    rota.pause(a)
    rota.finish(a, State.STOPPED)
    assert rota.resume(a)
    assert not rota.resume(a)
    assert not rota.due


def test_stop_tells_every_task():
    rota = Rota()
    found = members(rota, "abcdefghij")
    rota.pause(found[3])
    assert rota.next() is found[0]
    rota.wait(found[0])
    assert rota.next() is found[1]
    assert rota.stop() == found
    assert {member.state for member in found} == {State.SCHEDULER_STOPPED}
    rota.end_step(found[1])
    rota.wake(found[0])
    assert rota.resume(found[3])
    assert (rota.running, rota.due, rota.next(), len(rota)) == (False, False, None, 0)
    assert rota.stop() == []


def test_who_comes_after_the_stop_is_told_at_once():
    rota = Rota()
    rota.stop()
    assert rota.add(Named("a")) is State.SCHEDULER_STOPPED
    assert len(rota) == 0


def test_a_rota_can_be_started_again():
    rota = Rota()
    members(rota, "ab")
    rota.stop()
    rota.start()
    assert rota.running
    members(rota, "cd")
    assert turns(rota, 3) == "cdc"


def test_a_member_and_a_rota_say_what_they_are():
    rota = Rota()
    a, _ = members(rota, "ab")
    rota.wait(a)
    rota.pause(a)
    assert repr(a) == "<Named running waiting pauses=1>"
    assert repr(rota) == "<Rota running members=2 in line=1>"
    rota.stop()
    assert repr(rota) == "<Rota not running members=0 in line=0>"
