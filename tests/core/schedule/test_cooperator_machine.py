"""The rota as a state machine, against a model that keeps one list and looks at everybody each time."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from penstock.core.schedule.cooperator import Member, Rota, State

ENDS = (State.DONE, State.FAILED, State.STOPPED)

which = st.integers(0, 9)


class Task:
    """What the model knows of one task."""

    def __init__(self) -> None:
        self.member = Member()
        self.state = State.RUNNING
        self.pauses = 0
        self.waiting = False
        self.away = True  # stepped at the moment, or not there yet
        self.since = 0  # when it came to stand in line

    def stands(self) -> bool:
        return self.state is State.RUNNING and not self.pauses and not self.waiting and not self.away


class RotaMachine(RuleBasedStateMachine):
    """Tasks come, step, wait, pause and end in any order, in their own steps too."""

    @initialize(started=st.booleans())
    def begin(self, started: bool) -> None:
        self.rota: Rota[Member] = Rota(started=started)
        self.started, self.stopped = started, False
        self.tasks: list[Task] = []
        self.stepping: Task | None = None
        self.clock = 0

    def line(self) -> list[Task]:
        if not self.started or self.stopped:
            return []
        return sorted((task for task in self.tasks if task.stands()), key=lambda task: task.since)

    def place(self, task: Task) -> None:
        """*task* is not away any more; if it may stand in line now and did not, it does so since now."""
        stood = task.since > 0
        task.away = False
        if task.stands() and not stood:
            self.clock += 1
            task.since = self.clock

    def leave(self, task: Task) -> None:
        task.since = 0

    def finish(self, task: Task, end: State) -> None:
        running = task.state is State.RUNNING
        assert self.rota.finish(task.member, end) is running
        if running:
            task.state = end
            self.leave(task)

    def pick(self, number: int) -> Task:
        return self.tasks[number % len(self.tasks)]

    @rule()
    def add(self) -> None:
        task = Task()
        task.state = State.SCHEDULER_STOPPED if self.stopped else State.RUNNING
        assert self.rota.add(task.member) is task.state
        self.tasks.append(task)
        self.place(task)

    @precondition(lambda self: self.stepping is None)
    @rule()
    def next(self) -> None:
        line = self.line()
        member = self.rota.next()
        if not line:
            assert member is None
        else:
            assert member is line[0].member
            self.stepping = line[0]
            self.stepping.away = True
            self.leave(self.stepping)

    @precondition(lambda self: self.stepping is not None)
    @rule(came=st.sampled_from(["stepped", "stepped", "wait", "finish"]), end=st.sampled_from(ENDS))
    def say_what_came_of_the_step(self, came: str, end: State) -> None:
        task, self.stepping = self.stepping, None
        assert task is not None
        if came == "stepped":
            self.rota.end_step(task.member)
            self.place(task)
        elif came == "wait":
            self.rota.wait(task.member)
            task.away, task.waiting = False, True
            self.leave(task)
        else:
            self.finish(task, end)

    @precondition(lambda self: any(task.waiting for task in self.tasks))
    @rule(which=which)
    def wake(self, which: int) -> None:
        waiting = [task for task in self.tasks if task.waiting]
        task = waiting[which % len(waiting)]
        self.rota.wake(task.member)
        task.waiting = False
        self.place(task)

    @precondition(lambda self: self.tasks)
    @rule(which=which)
    def pause(self, which: int) -> None:
        task = self.pick(which)
        assert self.rota.pause(task.member) is task.state
        if task.state is State.RUNNING:
            task.pauses += 1
            self.leave(task)

    @precondition(lambda self: self.tasks)
    @rule(which=which)
    def resume(self, which: int) -> None:
        task = self.pick(which)
        assert self.rota.resume(task.member) is (task.pauses > 0)
        if task.pauses:
            task.pauses -= 1
            self.place(task)

    @precondition(lambda self: self.tasks)
    @rule(which=which, end=st.sampled_from(ENDS))
    def end(self, which: int, end: State) -> None:
        self.finish(self.pick(which), end)

    @rule()
    def start(self) -> None:
        self.rota.start()
        self.started, self.stopped = True, False

    @rule()
    def stop(self) -> None:
        running = [task for task in self.tasks if task.state is State.RUNNING]
        assert self.rota.stop() == [task.member for task in running]
        self.stopped = True
        for task in running:
            task.state = State.SCHEDULER_STOPPED
            self.leave(task)

    @invariant()
    def what_it_says_is_what_the_model_says(self) -> None:
        if not hasattr(self, "tasks"):
            return
        assert self.rota.running is (self.started and not self.stopped)
        assert self.rota.due is bool(self.line())
        assert len(self.rota) == sum(task.state is State.RUNNING for task in self.tasks)
        for task in self.tasks:
            assert (task.member.state, task.member.pauses) == (task.state, task.pauses)
            assert task.member.waiting is task.waiting

    def teardown(self) -> None:
        """Nobody who may have a turn is ever forgotten: each has one within a round."""
        if not hasattr(self, "tasks"):
            return
        expected = [task.member for task in self.line()]
        found = []
        while (member := self.rota.next()) is not None:
            found.append(member)
        assert found == expected


TestRota = RotaMachine.TestCase
TestRota.settings = settings(max_examples=150, stateful_step_count=50)
