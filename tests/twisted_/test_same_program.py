"""One program, run with Twisted's own cooperator and with ours: what happens is the same, in the same order.

Programs in which a task leaves while others stand behind it are compared task by task: there the original passes
over the next one, and the order is not its to promise.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import task as original
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

import penstock.twisted as ours


class Boom(Exception):
    pass


class Stage:
    """A cooperator by *module*, stepped by hand, and everything that happens on it."""

    def __init__(self, module, **options):
        self.module = module
        self.calls = []
        self.trace = []
        self.cooperator = module.Cooperator(lambda: lambda: True, self.schedule, **options)

    def schedule(self, call):
        self.calls.append(call)
        return self

    def cancel(self):
        self.calls.clear()

    def turn(self, count=1):
        for _ in range(count):
            if not self.calls:
                self.trace.append("idle")
                return
            self.calls.pop()()

    def note(self, *what):
        self.trace.append(what)

    def steps(self, name, values):
        for number, value in enumerate(values):
            self.note(name, number)
            if isinstance(value, Exception):
                raise value
            yield value() if callable(value) else value

    def cooperate(self, name, values):
        task = self.cooperator.cooperate(self.steps(name, values))
        self.watch(name, task.whenDone())
        return task

    def watch(self, name, deferred):
        deferred.addCallbacks(
            lambda result: self.note(name, "done", hasattr(result, "__next__")),
            lambda failure: self.note(name, "failed", failure.type),
        )

    def attempt(self, name, call):
        try:
            call()
        except original.SchedulerError as error:
            self.note(name, type(error))


def taking_turns(stage):
    for name in "abc":
        stage.cooperate(name, [None, 7, "text"])
    stage.turn(9)


def a_deferred_is_waited_for(stage):
    deferred = Deferred()
    stage.cooperate("a", [deferred, None])
    stage.turn(3)
    stage.note("fire")
    deferred.callback("result")
    stage.turn(4)


def a_deferred_that_has_fired(stage):
    def fired():
        deferred = Deferred()
        deferred.callback(None)
        return deferred

    stage.cooperate("a", [fired, fired])
    stage.turn(4)


def a_failed_deferred_ends_its_task(stage):
    deferred = Deferred()
    task = stage.cooperate("a", [deferred, None])
    stage.turn()
    deferred.errback(Failure(Boom()))
    stage.turn(2)
    stage.attempt("pause", task.pause)
    stage.attempt("stop", task.stop)
    stage.watch("late", task.whenDone())


def an_iterator_that_raises(stage):
    task = stage.cooperate("a", [None, Boom()])
    stage.turn(4)
    stage.attempt("pause", task.pause)
    stage.watch("late", task.whenDone())


def pausing_counts(stage):
    task = stage.cooperate("a", [None] * 4)
    stage.turn()
    task.pause()
    task.pause()
    stage.turn()
    task.resume()
    stage.turn()
    task.resume()
    stage.turn()
    stage.attempt("resume", task.resume)


def pausing_while_it_waits(stage):
    deferred = Deferred()
    task = stage.cooperate("a", [deferred, None])
    stage.turn()
    task.pause()
    deferred.callback(None)
    stage.turn()
    task.resume()
    stage.turn(3)


def stopping_while_it_waits(stage):
    deferred = Deferred()
    task = stage.cooperate("a", [deferred, None])
    stage.turn()
    task.stop()
    deferred.callback(None)
    stage.turn()
    stage.attempt("stop", task.stop)
    stage.attempt("resume", task.resume)


def ended_tasks_refuse(stage):
    task = stage.cooperate("a", [])
    stage.turn(2)
    for name in ("pause", "stop", "resume"):
        stage.attempt(name, getattr(task, name))
    stage.watch("late", task.whenDone())


def the_cooperator_stops(stage):
    task = stage.cooperate("a", [None] * 3)
    stage.turn()
    stage.cooperator.stop()
    stage.note("running", stage.cooperator.running)
    stage.turn()
    stage.attempt("pause", task.pause)
    late = stage.cooperate("late", [None])
    stage.attempt("late", late.stop)
    stage.cooperator.start()
    stage.note("running", stage.cooperator.running)
    stage.cooperate("again", [None])
    stage.turn(3)


def coiterating(stage):
    done = Deferred()
    stage.watch("given", done)
    stage.note("the same", stage.cooperator.coiterate(stage.steps("a", [None]), done) is done)
    stage.watch("made", stage.cooperator.coiterate(stage.steps("b", [])))
    stage.watch("keyword", stage.cooperator.coiterate(iter(()), doneDeferred=Deferred()))
    stage.turn(12)


def a_callback_may_stop_the_cooperator(stage):
    task = stage.cooperator.cooperate(stage.steps("a", []))
    task.whenDone().addCallback(lambda _: stage.cooperator.stop())
    stage.watch("a", task.whenDone())
    stage.turn(2)
    stage.note("running", stage.cooperator.running)


def a_callback_may_begin_another(stage):
    task = stage.cooperator.cooperate(stage.steps("a", [None]))
    task.whenDone().addCallback(lambda _: stage.cooperate("b", [None]) and None)
    stage.turn(6)


def lanes_over_one_generator(stage):
    waiting = []

    def get():
        waiting.append(Deferred())
        return waiting[-1]

    shared = stage.steps("item", [get] * 3)
    for name in "ab":
        stage.watch(name, stage.cooperator.coiterate(shared))
    stage.turn(4)
    while waiting:
        waiting.pop(0).callback(None)
        stage.turn(4)


def by_task(trace):
    """The traces of each task, whoever had a turn between."""
    return {name: [what for what in trace if what[0] == name] for name in {what[0] for what in trace}}


def both(program, **options):
    stages = []
    for module in (original, ours):
        stage = Stage(module, **options)
        program(stage)
        stages.append(stage.trace)
    return stages


@pytest.mark.parametrize(
    "program",
    [
        taking_turns,
        a_deferred_is_waited_for,
        a_deferred_that_has_fired,
        a_failed_deferred_ends_its_task,
        an_iterator_that_raises,
        pausing_counts,
        pausing_while_it_waits,
        stopping_while_it_waits,
        ended_tasks_refuse,
        the_cooperator_stops,
        a_callback_may_stop_the_cooperator,
        a_callback_may_begin_another,
        lanes_over_one_generator,
    ],
)
def test_the_same_program_does_the_same(program):
    theirs, found = both(program)
    assert found == theirs
    assert len(found) > 2


def test_a_coiteration_does_the_same_task_by_task():
    theirs, found = both(coiterating)
    theirs, found = ([what for what in trace if what != "idle"] for trace in (theirs, found))
    assert by_task(found) == by_task(theirs)


def starting_late(stage):
    stage.cooperate("a", [None])
    stage.turn()
    stage.note("running", stage.cooperator.running)
    stage.cooperator.start()
    stage.note("running", stage.cooperator.running)
    stage.turn(3)


def test_the_same_program_started_late_does_the_same():
    theirs, found = both(starting_late, started=False)
    assert found == theirs


class Moves:
    """Anything done to tasks at any time, but for that after which the original does wrong."""

    def __init__(self, stage, tasks):
        self.stage = stage
        self.waiting = {}
        self.pauses = [0] * len(tasks)
        self.stopped = set()
        self.tasks = [
            stage.cooperate(str(number), [self.make(number, kind) for kind in kinds])
            for number, kinds in enumerate(tasks)
        ]

    def make(self, number, kind):
        def deferred():
            self.waiting[number] = Deferred()
            return self.waiting[number]

        return {"deferred": deferred, "value": None, "boom": Boom()}[kind]

    def move(self, move, number):
        getattr(self, move)(number)
        self.stage.turn(12 * len(self.tasks))

    def turn(self, number):
        pass

    def pause(self, number):
        try:
            self.tasks[number].pause()
        except original.SchedulerError as error:
            self.stage.note(str(number), type(error))
        else:
            self.pauses[number] += 1

    def resume(self, number):
        """Not what merely waits: the original would step it too early."""
        if self.pauses[number] or number not in self.waiting:
            self.pauses[number] = max(0, self.pauses[number] - 1)
            self.stage.attempt(str(number), self.tasks[number].resume)

    def stop(self, number):
        self.stopped.add(number)
        self.stage.attempt(str(number), self.tasks[number].stop)

    def fire(self, number):
        if number in self.waiting:
            self.waiting.pop(number).callback(None)

    def fail(self, number):
        """Not after the stop: the original would end the task a second time."""
        if number in self.waiting and number not in self.stopped:
            self.waiting.pop(number).errback(Failure(Boom()))


@given(
    tasks=st.lists(st.lists(st.sampled_from(["value", "deferred", "boom"]), max_size=5), min_size=1, max_size=4),
    moves=st.lists(
        st.tuples(st.sampled_from(["turn", "pause", "resume", "stop", "fire", "fail"]), st.integers(0, 3)),
        max_size=40,
    ),
)
def test_whatever_is_done_to_tasks_each_of_them_sees_the_same(tasks, moves):
    def program(stage):
        doing = Moves(stage, tasks)
        for move, which in [*moves, *[("fire", number) for number in range(4)] * 5]:
            doing.move(move, which % len(tasks))

    theirs, found = ([what for what in trace if what != "idle"] for trace in both(program))
    assert by_task(found) == by_task(theirs)
