"""The frontier as a state machine, against a model that knows nothing of queues or timers.

The model keeps every job with its state and works out from the rules alone which answers are permitted.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from penstock.core.schedule.answers import Ahead, Answer, Bottleneck, Finished, Pull, Start, Wait, Waiting
from penstock.core.schedule.frontier import IN_ORDER, Frontier
from penstock.core.schedule.limits import RateLimiter
from penstock.core.schedule.queues import DELAYED, EMPTY, READY, find_place
from penstock.core.schedule.verdicts import Again, Done, Redirected, Verdict

KEYS = "abcd"
NEVER = float("inf")

keys = st.sampled_from("aaabbcd")
slots = st.integers(1, 4)
delays = st.sampled_from([0.0, 0.3, 1.0, 2.5])
rates = st.sampled_from([None, 0.7, 1.0, 5.0])
steps = st.sampled_from([0.0, 0.001, 0.1, 0.3, 0.5, 1.0, 7.0])


class Item(NamedTuple):
    """One hop of one attempt at one input: every start is of another item."""

    key: str
    number: int
    turn: int = 0

    behind = None


class Ending(NamedTuple):
    """Which of the running jobs ends, and how."""

    which: int
    means: type[Done | Again | Redirected]
    key: str
    after: float


endings = st.builds(Ending, st.integers(0, 3), st.sampled_from([Done, Done, Again, Redirected]), keys, steps)


class Model:
    """The rules, as sets of jobs and plain arithmetic."""

    def __init__(
        self, *, window: int | None, concurrency: int, per_key: int, delay: float, rate: float | None, keyed: bool
    ) -> None:
        self.window, self.concurrency, self.per_key, self.delay, self.rate = window, concurrency, per_key, delay, rate
        self.keyed = keyed
        self.pauses = 0
        self.most_slots = concurrency
        self.limiter = RateLimiter(rate)
        self.waiting: dict[Item, float] = {}  # and when each is ready
        self.running: list[Item] = []
        self.started: set[Item] = set()
        self.settled: list[int] = []
        self.dropped: list[int] = []
        self.offered = 0
        self.closed = self.drained = False
        self.free_at = dict.fromkeys(KEYS, -NEVER)
        self.passed_over = dict.fromkeys(KEYS, 0)
        self.start_times: list[float] = []

    def count(self, key: str) -> int:
        return sum(job.key == key for job in self.running)

    def load(self, key: str) -> int:
        return self.count(key) + sum(job.key == key for job in self.waiting)

    def possible_at(self, job: Item) -> float:
        """When *job* may start if nothing finishes before."""
        if self.count(job.key) >= self.per_key:
            return NEVER
        return max(self.waiting[job], self.free_at[job.key])

    def eligible(self, now: float) -> set[Item]:
        return {job for job in self.waiting if self.possible_at(job) <= now}

    def may_pull(self, now: float, undelivered: int, withheld: int | None) -> bool:
        """Whether another job may be pulled."""
        if self.closed or (not self.keyed and any(ready <= now for ready in self.waiting.values())):
            return False
        return self.room(undelivered, withheld) > 0

    def room(self, undelivered: int, withheld: int | None) -> int:
        """For how many jobs there is room: in the window, in the concurrency, and in the order."""
        unfinished = len(self.running) + len(self.waiting) + (withheld or 0)
        order = NEVER if withheld is None else 2 * self.concurrency - unfinished
        if self.window is not None:
            return min(self.window - len(self.waiting), order)
        most = self.concurrency if withheld is None else 2 * self.concurrency
        return most - unfinished - undelivered

    def is_finished(self) -> bool:
        return self.closed and not self.waiting and not self.running

    def offer(self, key: str, now: float) -> Item:
        job = Item(key if self.keyed else "a", self.offered)
        self.offered += 1
        self.waiting[job] = now
        return job

    def start(self, job: Item, now: float) -> None:
        for key in {job.key for job in self.eligible(now)}:
            self.passed_over[key] += 1
        self.passed_over[job.key] = 0
        del self.waiting[job]
        self.started.add(job)
        self.running.append(job)
        self.free_at[job.key] = now + self.delay if self.delay else self.free_at[job.key]
        assert self.count(job.key) <= self.per_key
        if self.rate is not None:
            self.limiter.start(now)
            self.start_times.append(now)

    def retune(self, per_key: int, rate: float | None, now: float) -> None:
        self.per_key = per_key
        if self.rate != rate:
            self.rate = rate
            self.start_times.clear()
        for key in set(KEYS) - {job.key for job in self.eligible(now)}:
            self.passed_over[key] = 0

    def check(self, answer: object, now: float, undelivered: int, withheld: int | None) -> None:
        """Fail unless *answer* is one that the rules permit."""
        if self.limiter.rate != self.rate:
            self.limiter.change(self.rate)
        eligible = self.eligible(now)
        may_pull = self.may_pull(now, undelivered, withheld)
        if self.is_finished():
            assert answer == Finished()
        elif self.pauses or len(self.running) + undelivered >= self.concurrency:
            assert answer == Wait(None)
        elif (eligible or may_pull) and self.rate is not None and self.limiter.free_at() > now:
            assert answer == Wait(self.limiter.free_at())
        elif eligible:
            assert isinstance(answer, Start), "a slot is free, the pace is free, a job's key is free"
            assert answer.job in eligible
            assert answer.job not in self.started
        elif may_pull:
            assert answer == Pull()
        else:
            self._check_wait(answer, now)

    def bounds(self, now: float, undelivered: int, withheld: int | None) -> Bottleneck:
        """What keeps the frontier from starting more, where it has to wait."""
        if self.pauses:
            return Bottleneck.PAUSED
        if len(self.running) + undelivered >= self.concurrency:
            return Bottleneck.CONSUMER if len(self.running) < self.concurrency else Bottleneck.CONCURRENCY
        if self.eligible(now) or self.may_pull(now, undelivered, withheld):
            return Bottleneck.RATE
        if withheld and self.may_pull(now, undelivered, None):
            return Bottleneck.ORDER
        return self._bound_of_what_waits(now, withheld) if self.waiting else Bottleneck.NOTHING

    def _bound_of_what_waits(self, now: float, withheld: int | None) -> Bottleneck:
        if all(ready > now for ready in self.waiting.values()):
            return Bottleneck.BACKOFF
        return Bottleneck.WINDOW if self.keyed and not self.closed and withheld is None else Bottleneck.KEYS

    def who_waits(self, now: float, bound: Bottleneck) -> set[Waiting]:
        """What the jobs of each key wait for, where the frontier said at *now* that *bound* keeps it."""
        found = set()
        for key in {job.key for job in self.waiting}:
            readies = [ready for job, ready in self.waiting.items() if job.key == key]
            held, again = sum(ready <= now for ready in readies), [ready for ready in readies if ready > now]
            if held:
                found.add(Waiting(key, held, self.count(key), *self._reason(key, now, bound)))
            if again:
                found.add(Waiting(key, len(again), self.count(key), Bottleneck.BACKOFF, min(again)))
        return found

    def _reason(self, key: str, now: float, bound: Bottleneck) -> tuple[Bottleneck, float | None]:
        if self.count(key) >= self.per_key:
            return Bottleneck.PER_KEY, None
        if self.free_at[key] > now:
            return Bottleneck.DELAY, self.free_at[key]
        if bound is Bottleneck.RATE:
            return Bottleneck.RATE, self.limiter.free_at()
        return bound, None

    def _check_wait(self, answer: object, now: float) -> None:
        assert isinstance(answer, Wait)
        soonest = min(map(self.possible_at, self.waiting), default=NEVER)
        if answer.until is not None:
            assert self.waiting, "nothing can start at any time"
            assert now < answer.until <= soonest
        else:
            assert soonest == NEVER
            assert self.running, "nothing runs and nothing will wake"


class FrontierMachine(RuleBasedStateMachine):
    """Whoever drives the frontier obeys it; the web, the clock and the consumer do as they like."""

    @initialize(
        ending=st.sampled_from(["close", "drain"]),
        window=st.one_of(st.none(), st.integers(1, 6)),
        concurrency=slots,
        per_key=slots,
        delay=delays,
        rate=rates,
        keyed=st.sampled_from([True, True, False]),
    )
    def begin(self, ending: str, *, keyed: bool, **limits: Any) -> None:
        self.ending = ending
        ahead = Ahead.WINDOW if keyed else Ahead.NOWHERE
        self.frontier = Frontier(ahead=ahead, **limits)
        self.model = Model(keyed=keyed, **limits)
        self.now = 100.0

    @rule(
        step=steps,
        endings=st.lists(endings, max_size=4),
        offers=st.lists(keys, min_size=2, max_size=8),
        undelivered=st.sampled_from([0, 0, 0, 1, 2]),
        withheld=st.sampled_from([None, None, 0, 1, 2, 5]),
    )
    def turn(
        self, step: float, endings: list[Ending], offers: list[str], undelivered: int, withheld: int | None
    ) -> None:
        """Time passes, attempts end, and the driver obeys until it has to wait."""
        self.now += step
        for ending in endings[: len(self.model.running)]:
            self.finish(ending)
        if withheld and not (self.model.running or self.model.waiting):
            withheld = 0  # none is withheld but for a job that is known
        self.drive(offers, undelivered, withheld)

    @rule()
    def sleep_until_the_frontier_would_wake(self) -> None:
        wakes_at = self.frontier.wakes_at()
        if wakes_at is not None:
            self.now = max(self.now, wakes_at)

    @rule(concurrency=slots, delay=delays)
    def retune(self, concurrency: int, delay: float) -> None:
        self.frontier.concurrency = self.model.concurrency = concurrency
        self.frontier.delay = self.model.delay = delay
        self.model.most_slots = max(self.model.most_slots, concurrency)

    @rule(per_key=slots, rate=rates)
    def retune_keys_and_pace(self, per_key: int, rate: float | None) -> None:
        self.frontier.per_key, self.frontier.rate = per_key, rate
        self.model.retune(per_key, rate, self.now)

    @rule(pauses=st.sampled_from([0, 0, 1, 2]))
    def pause(self, pauses: int) -> None:
        self.frontier.pauses = self.model.pauses = pauses

    @precondition(lambda self: self.model.offered > 8)
    @rule()
    def close(self) -> None:
        self.model.closed = True
        self.frontier.close()

    @precondition(lambda self: self.model.offered > 8)
    @rule()
    def drain(self) -> None:
        model = self.model
        assert sorted(self.frontier.drain()) == sorted(model.waiting)
        model.dropped += [job.number for job in model.waiting]
        model.waiting.clear()
        model.closed = model.drained = True

    def drive(self, offers: list[str], undelivered: int, withheld: int | None) -> Answer:
        offers = offers[:]
        while True:
            answer = self.frontier.next(self.now, undelivered, withheld)
            self.model.check(answer, self.now, undelivered, withheld)
            if isinstance(answer, Start):
                self.model.start(answer.job, self.now)
            elif isinstance(answer, Pull) and offers:
                self.pull(offers, undelivered, withheld)
            else:
                break
        if isinstance(answer, Pull):
            self.frontier.starve()
        if isinstance(answer, Wait):
            self.explain(undelivered, withheld)
        return answer

    def pull(self, offers: list[str], undelivered: int, withheld: int | None) -> None:
        """Take as many jobs as there is room for, until one does not start at once."""
        for _ in range(min(self.frontier.room(undelivered, withheld), len(offers))):
            self.model.check(Pull(), self.now, undelivered, withheld)
            job = self.model.offer(offers.pop(), self.now)
            if not self.frontier.try_start(job):
                self.frontier.offer(job)
                return
            self.model.check(Start(job), self.now, undelivered, withheld)
            self.model.start(job, self.now)

    def explain(self, undelivered: int, withheld: int | None) -> None:
        """What the frontier says of why it waits."""
        bound = self.model.bounds(self.now, undelivered, withheld)
        assert self.frontier.bound is bound
        told = self.frontier.waiting()
        assert set(told) == self.model.who_waits(self.now, bound)
        assert [waiting.jobs for waiting in told] == sorted((waiting.jobs for waiting in told), reverse=True)

    def finish(self, ending: Ending) -> None:
        model = self.model
        job = model.running.pop(ending.which % len(model.running))
        if ending.means is Done:
            verdict: Verdict = Done(job)
            model.settled.append(job.number)
        else:
            until = self.now + (ending.after if ending.means is Again else 0.0)
            key = job.key if ending.means is Again or not model.keyed else ending.key
            back = Item(key, job.number, job.turn + 1)
            verdict = Again(back, until) if ending.means is Again else Redirected(back)
            if model.drained:
                model.dropped.append(job.number)
            else:
                model.waiting[back] = until
        self.frontier.settle(job, verdict, self.now)

    # What must always hold

    @invariant()
    def its_counts_are_those_of_the_model(self) -> None:
        model, frontier = self.model, self.frontier
        assert frontier.running == len(model.running)
        assert frontier.held == len(model.waiting)
        if model.window is None:
            assert len(model.waiting) + len(model.running) <= IN_ORDER * model.most_slots
        else:
            assert len(model.waiting) + len(model.running) <= model.window + model.most_slots - 1
        if not model.keyed:
            assert len(model.running) + sum(not job.turn for job in model.waiting) <= model.most_slots
        loads = {key: model.load(key) for key in KEYS if model.load(key)}
        largest = frontier.largest()
        assert (largest is None) is (not loads)
        if largest is not None:
            assert loads[largest[0]] == largest[1] == max(loads.values())

    @invariant()
    def a_queue_stands_where_it_says_and_none_is_lost(self) -> None:
        frontier = self.frontier
        delayed = [queue for _, (queue, job) in frontier._timers.entries() if queue is not None and job is None]
        for queue in frontier._queues.values():
            places = [READY] * frontier._ready.count(queue)
            places += [DELAYED] * delayed.count(queue) + [EMPTY] * frontier._backlog.empty.count(queue)
            assert places == [queue.place] * queue.place.listed
            if not (frontier._changed or queue.place.listed):
                assert not find_place(queue, frontier.per_key, frontier._now).listed

    @invariant()
    def no_second_sees_more_than_the_pace_and_one(self) -> None:
        model = self.model
        if model.rate is not None and model.start_times:
            last = model.start_times[-1]
            assert sum(time >= last - 1.0 for time in model.start_times) <= model.rate + 1

    @invariant()
    def no_key_is_passed_over_by_more_than_the_others(self) -> None:
        assert all(count < len(KEYS) for count in self.model.passed_over.values()), self.model.passed_over

    def teardown(self) -> None:
        """Whatever happened, it comes to its end once everything is let finish, and leaves nothing behind."""
        if not hasattr(self, "model"):
            return
        self.pause(0)
        last = Ending(0, Redirected if self.ending == "drain" else Done, "a", 0.0)
        if self.ending == "drain":
            self.drain()
        else:
            self.close()
        while not isinstance(answer := self.drive([], 0, None), Finished):
            if self.model.running:
                self.finish(last)
            else:
                self.now = answer.until
        assert self.frontier.next(self.now + 1e6) == Finished()
        assert self.model.is_finished()
        assert sorted(self.model.settled + self.model.dropped) == list(range(self.model.offered))
        assert not self.frontier._queues


TestFrontierMachine = FrontierMachine.TestCase
TestFrontierMachine.settings = settings(max_examples=150, stateful_step_count=50)
