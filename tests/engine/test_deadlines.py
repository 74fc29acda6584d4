"""Deadlines: exact when somebody looks in time, put off when somebody comes late."""

from penstock.engine.deadlines import GRACE, Deadlines


def due(deadlines: Deadlines[str], now: float) -> list[str]:
    deadlines.extend(now)
    found = list(deadlines.due(now))
    deadlines.touch(now)
    return found


def test_a_deadline_is_due_at_its_time_and_once():
    deadlines: Deadlines[str] = Deadlines()
    deadlines.set("a", 10.0)
    assert deadlines.next() == 10.0
    assert due(deadlines, 9.9) == []
    assert due(deadlines, 10.0) == ["a"]
    assert due(deadlines, 10.1) == []
    assert deadlines.next() is None


def test_what_has_ended_is_not_due():
    deadlines: Deadlines[str] = Deadlines()
    deadlines.set("a", 10.0)
    deadlines.set("b", 11.0)
    deadlines.drop("a")
    assert deadlines.next() == 11.0
    assert due(deadlines, 11.0) == ["b"]


def test_a_second_deadline_takes_the_place_of_the_first():
    deadlines: Deadlines[str] = Deadlines()
    deadlines.set("a", 10.0)
    deadlines.set("a", 20.0)
    assert due(deadlines, 10.0) == []
    assert due(deadlines, 20.0) == ["a"]


def test_who_comes_late_puts_every_deadline_off_by_the_time_nobody_looked():
    """A consumer that takes a minute for a page must not cost the other requests their half minute."""
    deadlines: Deadlines[str] = Deadlines()
    due(deadlines, 0.0)
    deadlines.set("a", 30.0)
    assert due(deadlines, 10.0) == []
    assert due(deadlines, 70.0) == []
    assert deadlines.next() == 90.0
    assert due(deadlines, 90.0) == ["a"]


def test_who_comes_within_the_grace_puts_nothing_off():
    deadlines: Deadlines[str] = Deadlines()
    due(deadlines, 0.0)
    deadlines.set("a", 30.0)
    assert due(deadlines, 30.0 + GRACE) == ["a"]


def test_what_begins_after_a_late_look_has_all_its_time():
    deadlines: Deadlines[str] = Deadlines()
    due(deadlines, 0.0)
    deadlines.set("a", 30.0)
    due(deadlines, 70.0)
    deadlines.set("b", 75.0)
    assert due(deadlines, 75.0) == ["b"]


def test_ended_tokens_do_not_pile_up():
    """Ten thousand requests that end in time leave no more than a sweep's worth behind."""
    deadlines: Deadlines[str] = Deadlines()
    for number in range(10_000):
        deadlines.set("token", 30.0 + number)
        deadlines.drop("token")
    assert len(deadlines._heap) <= 65
