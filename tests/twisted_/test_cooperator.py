"""The cooperator on Deferreds: what it mends of the original, and what it adds."""

from __future__ import annotations

import gc
import subprocess
import sys
import textwrap

import pytest
from twisted.internet import task as original
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure

import penstock.twisted as ours
from penstock.twisted import Cooperator, NotPaused, SchedulerStopped, TaskFailed, TaskStopped


class Boom(Exception):
    pass


@pytest.fixture
def logged():
    """The failures that Twisted's log has heard of, with those of Deferreds that nobody looked into."""
    failures = []

    def observe(event):
        if "log_failure" in event:
            failures.append(event["log_failure"].type)

    globalLogPublisher.addObserver(observe)
    yield failures
    globalLogPublisher.removeObserver(observe)


class Turns:
    """A scheduler that calls nothing before it is told to; a slice is one step."""

    def __init__(self, **options):
        self.calls = []
        self.cooperator = Cooperator(lambda: lambda: True, self, **options)

    def __call__(self, call):
        self.calls.append(call)
        return self

    def cancel(self):
        self.calls.clear()

    def turn(self, count=1):
        for _ in range(count):
            assert len(self.calls) == 1
            self.calls.pop()()

    def rest(self):
        while self.calls:
            self.calls.pop()()


def result(deferred):
    """What *deferred* has come to; a Failure is looked into."""
    found = []
    deferred.addBoth(found.append)
    assert found, "it has not fired"
    return found[0].value if isinstance(found[0], Failure) else found[0]


def steps(log, name, count):
    for _ in range(count):
        log.append(name)
        yield


# What is mended


def test_stop_tells_every_task():
    turns = Turns()
    tasks = [turns.cooperator.cooperate(iter([None])) for _ in range(10)]
    tasks[4].pause()
    tasks.append(turns.cooperator.cooperate(iter([Deferred()])))
    turns.turn(10)
    dones = [task.whenDone() for task in tasks]
    turns.cooperator.stop()
    assert [type(result(done)) for done in dones] == [SchedulerStopped] * 11
    assert turns.calls == []


def test_the_original_tells_half_of_them():
    """If this fails, Twisted has been mended, and the docstring must say so."""
    cooperator = original.Cooperator(scheduler=lambda call: Turns())
    told = []
    for _ in range(10):
        cooperator.cooperate(iter([None])).whenDone().addErrback(told.append)
    cooperator.stop()
    assert len(told) == 5


def test_a_task_that_leaves_does_not_cost_the_next_its_turn():
    turns = Turns()
    log = []
    turns.cooperator.cooperate(iter([]))
    for name in "ab":
        turns.cooperator.cooperate(steps(log, name, 2))
    turns.turn(5)
    assert log == ["a", "b", "a", "b"]


def test_who_waits_for_a_deferred_cannot_be_resumed():
    turns = Turns()
    deferred = Deferred()
    task = turns.cooperator.cooperate(iter([deferred, None]))
    turns.turn()
    with pytest.raises(NotPaused):
        task.resume()
    assert turns.calls == []
    deferred.callback(None)
    turns.turn(2)
    assert task.whenDone().called


@pytest.mark.parametrize("after", ["end", "value", "deferred"])
def test_a_task_that_stops_itself_stays_stopped_whatever_its_step_brings(after):
    turns = Turns()
    deferred = Deferred()

    def lane():
        task.stop()
        if after != "end":
            yield deferred if after == "deferred" else None

    task = turns.cooperator.cooperate(lane())
    other = turns.cooperator.cooperate(iter([None]))
    turns.rest()
    assert type(result(task.whenDone())) is TaskStopped
    assert other.whenDone().called
    deferred.callback("untouched")
    assert result(deferred) == "untouched"


def test_what_an_iterator_raises_after_it_stopped_its_task_is_logged(logged):
    turns = Turns()

    def lane():
        task.stop()
        raise Boom
        yield

    task = turns.cooperator.cooperate(lane())
    turns.rest()
    assert type(result(task.whenDone())) is TaskStopped
    assert logged == [Boom]


def test_a_deferred_that_fails_after_the_stop_stays_its_owners(logged):
    turns = Turns()
    deferred = Deferred()
    task = turns.cooperator.cooperate(iter([deferred]))
    turns.turn()
    task.stop()
    deferred.errback(Boom())
    assert type(result(deferred)) is Boom
    assert type(result(task.whenDone())) is TaskStopped
    gc.collect()
    assert logged == []


def test_a_scheduler_that_does_not_wait_enters_no_generator_twice():
    cooperator = Cooperator(scheduler=lambda call: (call(), Turns())[1])
    log = []

    def work():
        log.append("in")
        cooperator.cooperate(iter([None]))
        log.append("out")
        yield

    assert cooperator.coiterate(work()).called
    assert log == ["in", "out"]


def test_what_the_predicate_raises_reaches_the_reactor_and_whoever_waits():
    def broken():
        raise Boom

    turns = Turns()
    turns.cooperator._slices._factory = broken
    done = turns.cooperator.coiterate(iter([None]))
    with pytest.raises(Boom):
        turns.turn()
    assert type(result(done)) is SchedulerStopped
    assert not turns.cooperator.running


def test_a_deferred_that_was_cancelled_is_not_fired_again():
    turns = Turns()
    task = turns.cooperator.cooperate(iter([None]))
    done = task.whenDone()
    done.cancel()
    assert type(result(done)) is CancelledError
    turns.turn(2)
    assert result(task.whenDone())


def test_a_deferred_that_somebody_else_fired_costs_nobody_the_news():
    turns = Turns()
    task = turns.cooperator.cooperate(iter([None]))
    fired, done = task.whenDone(), task.whenDone()
    fired.callback("early")
    turns.turn(2)
    assert result(fired) == "early"
    assert done.called


def test_nothing_stays_scheduled_when_the_last_task_is_stopped_or_paused():
    turns = Turns()
    task = turns.cooperator.cooperate(iter([None]))
    assert len(turns.calls) == 1
    task.pause()
    assert turns.calls == []
    task.resume()
    assert len(turns.calls) == 1
    task.stop()
    assert turns.calls == []
    assert type(result(task.whenDone())) is TaskStopped


# What is added


def test_on_error_lets_the_iteration_go_on():
    turns = Turns()
    seen = []
    log = []

    def lane():
        for number in range(3):
            yield fail(Boom(number))
            log.append(number)

    iterator = lane()
    done = turns.cooperator.coiterate(iterator, on_error=lambda failure: seen.append(failure.value.args))
    turns.rest()
    assert result(done) is iterator
    assert (seen, log) == ([(0,), (1,), (2,)], [0, 1, 2])


def test_what_on_error_raises_ends_the_task():
    turns = Turns()

    def refuse(failure):
        raise KeyError(failure.type)

    task = turns.cooperator.cooperate(iter([succeed(1), fail(Boom()), None]), on_error=refuse)
    turns.rest()
    assert result(task.whenDone()).args == (Boom,)
    with pytest.raises(TaskFailed):
        task.pause()


def test_on_error_may_stop_its_task():
    turns = Turns()
    task = turns.cooperator.cooperate(iter([fail(Boom()), None]), on_error=lambda _: task.stop())
    turns.rest()
    assert type(result(task.whenDone())) is TaskStopped


# The names


def test_the_exceptions_are_twisteds_own():
    for name in ("SchedulerError", "SchedulerStopped", "TaskFinished", "TaskDone", "TaskFailed", "TaskStopped"):
        assert getattr(ours, name) is getattr(original, name)
    assert ours.NotPaused is original.NotPaused


def test_a_slice_takes_10_ms_by_default(monkeypatch):
    now = 0.0
    monkeypatch.setattr("penstock.cooperation.time_slices.time.monotonic", lambda: now)

    def work():
        nonlocal now
        while True:
            now += 0.004
            yield

    calls = []
    cooperator = Cooperator(scheduler=lambda call: calls.append(call) or Turns())
    cooperator.cooperate(work())
    ends = []
    for _ in range(3):
        calls.pop()()
        ends.append(round(now, 3))
    assert ends == [0.012, 0.024, 0.036]


# In processes of their own: a reactor runs once in each


def python(code, *arguments):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_importing_it_installs_no_reactor():
    ran = python("""
        import sys
        import penstock.twisted
        assert "twisted.internet.reactor" not in sys.modules
    """)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_without_twisted_it_says_what_to_install():
    ran = python("""
        import sys
        sys.modules["twisted"] = None
        import penstock.twisted
    """)
    assert ran.stderr.splitlines()[-1] == (
        "ImportError: penstock.twisted needs Twisted; install it with: pip install 'penstock[twisted]'"
    )


@pytest.mark.parametrize("reactor", ["select", "poll", "epoll", "asyncio"])
@pytest.mark.parametrize("module", ["penstock.twisted", "twisted.internet.task"])
def test_the_eighth_example_runs_on_every_reactor_with_its_import_changed(reactor, module):
    if reactor == "epoll" and not sys.platform.startswith("linux"):
        pytest.skip("Linux has epoll")
    ran = python(
        """
        import importlib, sys
        importlib.import_module(f"twisted.internet.{sys.argv[1]}reactor").install()
        from twisted.internet import defer, reactor
        task = importlib.import_module(sys.argv[2])

        running = most = 0
        done = []

        def get_page(item):
            global running, most
            running += 1
            most = max(most, running)
            deferred = defer.Deferred()
            reactor.callLater(0, deferred.callback, item)
            return deferred

        def page_callback(item):
            global running
            running -= 1
            done.append(item)

        def do_work():
            for item in range(100):
                yield get_page(item).addCallback(page_callback)

        def finish(_):
            reactor.stop()

        work = do_work()
        coop = task.Cooperator()
        deferreds = defer.DeferredList([coop.coiterate(work) for _ in range(5)] + [task.coiterate(iter([None]))])
        deferreds.addCallback(finish)
        reactor.run()
        print(most, sorted(done) == list(range(100)))
        """,
        reactor,
        module,
    )
    assert (ran.stdout, ran.stderr) == ("5 True\n", "")
