"""The frontier asks before it starts: one short story with exact times for each rule."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.core.web.told import make, settle

from penstock.core.schedule.answers import Ask, Bottleneck, Finished, Start, Wait
from penstock.core.schedule.frontier import Frontier
from penstock.core.schedule.verdicts import Again, Done, Redirected, Satisfied, Verdict
from penstock.core.web.model import Job, Prerequisite
from penstock.core.web.robots import prerequisite

NOTHING = Satisfied("an answer")


def job(key: str, number: int) -> Job:
    return Job(number, key, "", f"http://{key}.test/{number}")


a0, a1, a2 = (job("a", number) for number in range(3))
b0, b1 = (job("b", number) for number in range(3, 5))


def asking(*jobs: Job, **limits: Any) -> Frontier:
    frontier = make(*jobs, **limits)
    frontier.asks = True
    return frontier


def sent(frontier: Frontier, which: Job, now: float = 0.0) -> Prerequisite:
    """The prerequisite before *which*, which was asked about, started at *now*."""
    assert frontier.next(now) == Ask(which)
    ahead = prerequisite(which)
    frontier.defer(ahead)
    assert frontier.next(now) == Start(ahead)
    return ahead


def test_a_job_that_is_let_starts_within_its_limits():
    frontier = asking(a0, a1, delay=1.0)
    assert frontier.next(0.0) == Ask(a0)
    assert (frontier.running, frontier.held) == (0, 2)
    assert frontier.allow() is a0
    assert frontier.next(0.0) == Wait(1.0)
    assert frontier.next(1.0) == Ask(a1)


def test_one_that_is_not_let_takes_neither_a_slot_nor_a_turn_nor_the_delay():
    frontier = asking(a0, a1, b0, delay=1.0, rate=1.0)
    assert frontier.next(0.0) == Ask(a0)
    frontier.deny()
    assert frontier.next(0.0) == Ask(a1)
    frontier.deny()
    assert frontier.next(0.0) == Ask(b0)
    assert frontier.allow() is b0
    settle(frontier, b0, 0.5)
    assert frontier.next(0.5) == Finished()


def test_one_that_is_not_let_leaves_behind_what_its_host_asks_for():
    frontier = asking(a0, closed=False)
    settle(frontier, sent(frontier, a0), 0.5, NOTHING)
    assert frontier.next(0.5) == Ask(a0)
    frontier.deny(5.0)
    frontier.offer(a1)
    frontier.close()
    assert frontier.next(0.5) == Wait(5.0)
    assert frontier.next(5.0) == Ask(a1)


def test_nothing_of_a_key_starts_before_its_prerequisite_is_done_and_others_go_on():
    frontier = asking(a0, a1, b0)
    ahead = sent(frontier, a0)
    assert frontier.next(0.0) == Ask(b0)
    assert frontier.allow() is b0
    assert frontier.next(0.0) == Wait(None)
    assert [(entry.key, entry.bound) for entry in frontier.waiting()] == [("a", Bottleneck.ROBOTS)]

    settle(frontier, ahead, 1.0, NOTHING)
    assert frontier.next(1.0) == Ask(a0)
    assert frontier.allow() is a0
    assert frontier.next(1.0) == Ask(a1)


def test_an_prerequisite_that_is_the_jobs_own_misfortune_leaves_the_next_to_be_asked_about():
    frontier = asking(a0, a1)
    ahead = sent(frontier, a0)
    settle(frontier, ahead, 1.0, Done(a0))
    assert frontier.next(1.0) == Ask(a1)
    frontier.deny()
    assert frontier.next(1.0) == Finished()


def test_while_the_job_behind_waits_to_be_tried_again_the_next_is_asked_about():
    """A host that is not there: each of its inputs is tried on its own, none waits for another's attempts."""
    frontier = asking(a0, a1)
    ahead = sent(frontier, a0)
    settle(frontier, ahead, 1.0, Again(a0, 9.0))
    assert frontier.next(1.0) == Ask(a1)
    frontier.deny()
    assert frontier.next(1.0) == Wait(9.0)
    assert frontier.next(9.0) == Ask(a0)


def test_an_prerequisite_that_is_tried_again_goes_before_what_waits_for_it():
    frontier = asking(a0, a1)
    ahead = sent(frontier, a0)
    settle(frontier, ahead, 1.0, Again(ahead, 3.0))
    assert frontier.next(1.0) == Wait(3.0)
    assert frontier.next(3.0) == Start(ahead)


def test_an_prerequisite_led_elsewhere_takes_its_turn_there_and_is_not_asked_about():
    frontier = asking(a0, b0, b1, delay=1.0)
    ahead = sent(frontier, a0)
    led = Prerequisite(0, "b", "", "http://b.test/robots.txt", behind=a0)
    assert frontier.next(0.0) == Ask(b0)
    assert frontier.allow() is b0
    settle(frontier, ahead, 0.5, Redirected(led))
    assert frontier.next(0.5) == Wait(1.0)
    assert frontier.next(1.0) == Start(led)
    settle(frontier, led, 1.5, NOTHING)
    assert frontier.next(1.5) == Ask(a0)
    assert frontier.allow() is a0


def test_two_hosts_that_lead_to_each_other_do_not_wait_for_each_other():
    frontier = asking(a0, b0)
    to_a, to_b = sent(frontier, a0), sent(frontier, b0)
    from_a = Prerequisite(0, "b", "", "http://b.test/robots.txt", behind=a0)
    from_b = Prerequisite(3, "a", "", "http://a.test/robots.txt", behind=b0)
    settle(frontier, to_a, 1.0, Redirected(from_a))
    settle(frontier, to_b, 1.0, Redirected(from_b))
    assert {frontier.next(1.0), frontier.next(1.0)} == {Start(from_a), Start(from_b)}
    settle(frontier, from_a, 2.0, NOTHING)
    settle(frontier, from_b, 2.0, NOTHING)
    assert {answer.job for answer in (frontier.next(2.0),)} <= {a0, b0}


def test_what_a_host_asks_for_between_two_starts_counts_from_the_prerequisite_on():
    frontier = asking(a0, a1, a2, delay=1.0)
    ahead = sent(frontier, a0)
    settle(frontier, ahead, 0.5, NOTHING)
    assert frontier.next(1.0) == Ask(a0)
    assert frontier.allow(5.0) is None
    assert frontier.next(1.0) == Wait(5.0)
    assert frontier.next(5.0) == Ask(a0)
    assert frontier.allow(5.0) is a0
    assert frontier.next(5.0) == Wait(10.0)
    assert frontier.next(10.0) == Ask(a1)
    # No longer than it asks for, and never less than our own.
    assert frontier.allow(0.2) is a1
    assert frontier.next(10.0) == Wait(11.0)


def test_what_a_host_asks_for_counts_from_when_others_may_have_asked_it_last():
    """An earlier session was at work until 0.0, of whose last requests nobody knows; its rules are remembered."""
    frontier = asking(closed=False)
    frontier.suspend(0.1, 0.0)
    for which in (a0, b0):
        frontier.offer(which)
    assert frontier.next(0.0) == Wait(0.1)
    assert frontier.next(0.1) == Ask(a0)
    assert frontier.allow(5.0) is None
    assert frontier.next(0.1) == Ask(b0)
    assert frontier.allow() is b0
    frontier.close()
    assert frontier.next(0.1) == Wait(5.0)
    assert frontier.next(5.0) == Ask(a0)
    assert frontier.allow(5.0) is a0


def test_what_is_dropped_while_an_prerequisite_runs_is_not_started_by_its_end():
    frontier = asking(a0, a1)
    ahead = sent(frontier, a0)
    assert frontier.drain() == [a1]
    settle(frontier, ahead, 1.0, NOTHING)
    assert frontier.next(1.0) == Finished()
    assert not frontier._queues


def test_an_prerequisite_that_waits_is_dropped_as_well():
    frontier = asking(a0)
    ahead = sent(frontier, a0)
    settle(frontier, ahead, 1.0, Again(ahead, 3.0))
    assert frontier.drain() == [ahead]
    assert frontier.next(1.0) == Finished()


class World:
    """Hosts with rules of their own, which must be heard before any of their jobs starts; *draw* says what happens."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.jobs = [job(self.any("aaabc"), number) for number in range(draw(st.integers(1, 12)))]
        self.unread = list(self.jobs)
        self.frontier = Frontier(
            window=6,
            concurrency=3,
            per_key=2,
            delay=self.any([0.0, 1.0]),
        )
        self.frontier.asks = True
        self.spacing = {key: self.any([0.0, 0.0, 2.5]) for key in "abc"}
        self.running: list[Any] = []
        self.ended: list[int] = []
        self.satisfied: set[str] = set()
        self.last: dict[str, float] = {}
        self.now = 0.0

    def any(self, choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def begin(self, which: Any) -> None:
        key = which.key
        if type(which) is not Prerequisite:
            assert key in self.satisfied
            assert self.now >= self.last.get(key, -9.0) + max(self.spacing[key], self.frontier.delay)
            self.last[key] = self.now
        self.running.append(which)
        assert sum(other.key == key for other in self.running) <= 2
        prerequisites = [other.behind.key for other in self.running if type(other) is Prerequisite]
        assert len(set(prerequisites)) == len(prerequisites)

    def end(self, which: Any) -> None:
        self.running.remove(which)
        means = self.any(["done", "done", "again", "away"])
        verdict: Verdict = Done(None)
        if means == "again":
            own = type(which) is Prerequisite and which.key == which.behind.key
            kept = which.behind if own and self.any([True, False]) else which
            verdict = Again(kept, self.now + 0.7)
        elif means == "away" and type(which) is Prerequisite:
            verdict = Redirected(Prerequisite(0, self.any("abc"), "", "", behind=which.behind))
        elif type(which) is Prerequisite and self.any([True, True, False]):
            self.satisfied.add(which.behind.key)
            verdict = NOTHING
        else:
            self.ended.append(which.behind.seq if type(which) is Prerequisite else which.seq)
        settle(self.frontier, which, self.now, verdict)

    def ask(self, which: Job) -> None:
        if which.key not in self.satisfied:
            self.frontier.defer(prerequisite(which))
        elif self.any([True, True, False]):
            started = self.frontier.allow(self.spacing[which.key])
            if started is not None:
                self.begin(started)
        else:
            self.ended.append(which.seq)
            self.frontier.deny(self.spacing[which.key])

    def wait(self, until: float | None) -> None:
        if self.running:
            self.end(self.any(self.running))
        else:
            assert until is not None
            self.now = until

    def step(self) -> bool:
        """Obey one answer; whether there are more."""
        answer = self.frontier.next(self.now)
        if isinstance(answer, Start):
            self.begin(answer.job)
        elif isinstance(answer, Ask):
            self.ask(answer.job)
        elif isinstance(answer, Wait):
            self.wait(answer.until)
        elif self.unread and not isinstance(answer, Finished):
            self.frontier.offer(self.unread.pop(0))
        else:
            self.frontier.close()
        return not isinstance(answer, Finished)


@given(st.data())
def test_whatever_hosts_let_each_job_ends_once_and_no_limit_is_broken(data):
    """Random worlds."""
    world = World(data.draw)
    while world.step():
        pass
    assert sorted(world.ended) == list(range(len(world.jobs)))
    assert (world.frontier.held, world.frontier.running) == (0, 0)
