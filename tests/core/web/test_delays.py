"""The pace that is learned: in virtual time, against servers that are steady, overcharged, or ill for a while."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from penstock.core.web.delays import KNOWN, LEAST, LONGEST, RECOVERY, AdaptiveDelays
from penstock.core.web.model import Attempt, Job, Reason, Times

JOB = Job(0, "a", "", "http://a/")


def tried(seconds: float = 0.1, *, status: int | None = 200, error: Reason | None = None, key: str = "a") -> Attempt:
    job = Job(0, key, "", "http://a/")
    return Attempt(job, error, status=status, times=Times(first_byte=seconds, total=seconds))


# A host


@pytest.mark.parametrize(
    "sign",
    [
        tried(status=429),
        tried(status=503),
        tried(status=None, error=Reason.TIMEOUT),
        tried(status=None, error=Reason.TIMEOUT_FIRST_BYTE),
        tried(status=None, error=Reason.TIMEOUT_BODY),
    ],
)
def test_what_says_that_it_is_too_much_slows_down_and_always_does_if_most_answers_say_so(sign):
    """At first to no more than 2.5 times the time between two answers; after five in a row as far as it goes."""
    delays = AdaptiveDelays()
    seen = []
    for second in range(1, 13):
        delays.heed(sign, 100.0 * second)
        seen.append(round(delays.spacing("a"), 9))
    assert seen == [0.2, 0.25, 0.25, 0.25, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, LONGEST, LONGEST]
    assert delays.spacing("b") == 0.0


@pytest.mark.parametrize(
    "error", [Reason.CONNECT_REFUSED, Reason.DNS_NOT_FOUND, Reason.TLS_CERTIFICATE, Reason.TOO_LARGE]
)
def test_what_has_other_reasons_changes_nothing(error):
    delays = AdaptiveDelays()
    delays.heed(tried(status=None, error=error), 1.0)
    delays.heed(tried(status=500), 2.0)
    delays.heed(tried(status=404), 3.0)
    assert delays.learned() == {}


def test_what_was_begun_before_the_last_step_says_nothing_new():
    """Fifty requests at once that are all told 429 are one sign, not fifty."""
    delays = AdaptiveDelays()
    for _ in range(50):
        delays.heed(tried(0.1, status=429), 10.0)
    assert delays.spacing("a") == 0.2
    delays.heed(tried(0.2, status=429), 10.1)
    assert delays.spacing("a") == 0.2
    delays.heed(tried(0.1, status=429), 10.11)
    assert delays.spacing("a") == 0.25


def test_an_answer_that_is_fine_takes_a_twentieth_away_and_the_last_bit_all_of_it():
    delays = AdaptiveDelays({"a": 1.0})
    delays.heed(tried(), 1.0)
    assert delays.spacing("a") == RECOVERY
    for second in range(100):
        delays.heed(tried(), 2.0 + second)
    assert delays.learned() == {}


@given(st.lists(st.floats(0.05, 0.4), min_size=1, max_size=300))
def test_a_steady_host_is_never_slowed_down(seconds):
    delays = AdaptiveDelays()
    for number, latency in enumerate(seconds):
        delays.heed(tried(latency), float(number))
        assert delays.spacing("a") == 0.0


def test_answers_that_take_far_longer_than_they_used_to_are_a_sign_up_to_one_request_at_a_time():
    delays = AdaptiveDelays()
    now = 0.0
    for _ in range(50):
        now += 1.0
        delays.heed(tried(0.1), now)
    most = 0.0
    for _ in range(300):
        now += 3.0
        delays.heed(tried(2.0), now)
        most = max(most, delays.spacing("a"))
    assert 1.0 <= most <= 2.0
    # What takes long for good is what is usual after a while.
    assert delays.spacing("a") == 0.0


@given(capacity=st.floats(0.3, 20.0), delay=st.sampled_from([0.0, 0.1, 1.0]))
@example(capacity=4.3, delay=0.1)
@example(capacity=0.46, delay=1.0)
def test_a_host_that_bears_so_much_and_no_more_gets_half_of_it_at_least_and_is_seldom_asked_too_much(capacity, delay):
    """A server with a bucket of tokens says 429 to whatever comes faster than *capacity* a second."""
    delays = AdaptiveDelays()
    now, free_at, busy, asked = 0.0, 0.0, 0, 0
    for _ in range(2_000):
        now += max(delay, delays.spacing("a"), 0.01)
        asked += 1
        if now < free_at:
            busy += 1
            delays.heed(tried(0.0, status=429), now)
        else:
            free_at = now + 1 / capacity
            delays.heed(tried(0.0), now)
    done = asked - busy
    possible = now * min(capacity, 1 / max(delay, 0.01))
    assert busy < 0.12 * asked + 10
    # A step of its first slow-down may be more than it needs: it has no smaller one.
    assert done > 0.4 * min(possible, now / LEAST)


@given(st.floats(0.0, LONGEST))
def test_a_host_that_recovers_is_at_its_limits_again_in_twenty_times_what_it_was_slowed_to(spacing):
    delays = AdaptiveDelays({"a": spacing})
    now = 0.0
    while delays.spacing("a"):
        now += delays.spacing("a")
        delays.heed(tried(0.0), now)
    assert now <= 20 * spacing


def test_memory_is_bounded_and_those_heard_of_last_are_remembered():
    delays = AdaptiveDelays()
    for number in range(KNOWN + 100):
        delays.heed(tried(status=429, key=str(number)), 1.0)
    assert len(delays.learned()) == KNOWN
    assert delays.spacing("99") == 0.0
    assert delays.spacing("100") == 0.2


def test_the_first_answer_counts_though_a_host_is_only_remembered_after_the_second():
    """The time between two answers is what a busy one doubles: half a second, and not the tenth that one took."""
    delays = AdaptiveDelays()
    delays.heed(tried(), 10.0)
    assert not delays._hosts
    delays.heed(tried(status=429), 10.5)
    assert delays.spacing("a") == 1.0


def test_hosts_with_one_answer_are_no_reason_to_forget_others():
    delays = AdaptiveDelays({"a": 1.0})
    for number in range(KNOWN + 100):
        delays.heed(tried(key=str(number)), 1.0)
    assert delays.learned() == {"a": 1.0}
    assert len(delays._once) == 100


# A server, virtual


def bucket(capacity: float) -> Callable[[float], bool]:
    """A server that is busy for whatever comes faster than *capacity* a second."""
    free_at = 0.0

    def busy(now: float) -> bool:
        nonlocal free_at
        if now < free_at:
            return True
        free_at = now + 1 / capacity
        return False

    return busy


def at_random(share: float, seed: int) -> Callable[[float], bool]:
    """A server that is busy at random, however often it is asked."""
    draw = Random(seed).random
    return lambda _now: draw() < share


def visit(busy: Callable[[float], bool], pages: int, delay: float, delays: AdaptiveDelays | None) -> tuple[float, int]:
    """The seconds until *pages* came, each asked for until it does, 5 ms each; and how often the server was busy."""
    now, got, refused = 0.0, 0, 0
    while got < pages:
        status = 503 if busy(now) else 200
        got, refused = got + (status == 200), refused + (status == 503)
        if delays is not None:
            delays.heed(tried(0.005, status=status), now + 0.005)
        now += max(delay, 0.005, 0.0 if delays is None else delays.spacing("a"))
    return now, refused


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("pages", [30, 300, 3_000])
@pytest.mark.parametrize("delay", [0.0, 0.1, 1.0])
def test_a_host_that_is_busy_at_random_costs_no_more_than_three_times_a_fixed_pace(seed, pages, delay):
    """One request in ten, whatever the pace: slowing down does not help, and it is not slowed down for long."""
    fixed, _ = visit(at_random(0.1, seed), pages, delay, None)
    adaptive, _ = visit(at_random(0.1, seed), pages, delay, AdaptiveDelays())
    assert adaptive <= 3 * fixed


@pytest.mark.parametrize("seed", range(5))
def test_one_that_was_overloaded_before_it_became_so_comes_back(seed):
    """Asked every few seconds there is little to learn from: it takes a quarter of an hour, and took for ever."""
    delays = AdaptiveDelays()
    visit(bucket(0.5), 100, 0.1, delays)
    assert delays.spacing("a") > 1.0
    fixed, _ = visit(at_random(0.1, seed), 3_000, 0.1, None)
    adaptive, _ = visit(at_random(0.1, seed), 3_000, 0.1, delays)
    assert adaptive <= fixed + 1_100.0


@pytest.mark.parametrize(
    ("capacity", "seconds", "refused"),
    [
        (0.3, 5_046, 79),
        (1.0, 1_514, 77),
        (2.0, 757, 76),
        (3.0, 504, 76),
        (5.0, 303, 75),
        (7.0, 216, 75),
        (9.0, 190, 72),
    ],
)
def test_an_overloaded_host_is_spared_as_it_was_when_every_busy_answer_counted(capacity, seconds, refused):
    """*seconds* and *refused* are what it took when each of them doubled the time between two starts."""
    took, busy = visit(bucket(capacity), 1_000, 0.1, AdaptiveDelays())
    assert took <= 1.03 * seconds
    assert busy <= refused + 15, "of a thousand and more"


def test_a_host_that_is_always_busy_is_asked_as_seldom_as_can_be():
    delays = AdaptiveDelays()
    for number in range(200):
        delays.heed(tried(status=503), 20.0 * number)
    assert delays.spacing("a") == LONGEST
