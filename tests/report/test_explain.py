"""What bounds the speed is said in the words of the options that would change it."""

from __future__ import annotations

import pytest

from penstock.core.schedule.answers import Bottleneck
from penstock.report import explain
from penstock.settings import Settings

SETTINGS = Settings.of(concurrency=7, per_host=3, delay=0.5, rate=20.0)


def bound_of(progress, settings):
    return explain.explain_bound(progress, settings).typed


def hint_of(progress, settings):
    hint = explain.find_hint(progress, settings)
    return None if hint is None else hint.typed


@pytest.mark.parametrize(
    ("bound", "words"),
    [
        (Bottleneck.CONCURRENCY, "--concurrency 7"),
        (Bottleneck.RATE, "--rate 20"),
        (Bottleneck.KEYS, "--per-host 3, --delay 0.5"),
        (Bottleneck.WINDOW, "--window"),
        (Bottleneck.SOURCE, "input"),
        (Bottleneck.BACKOFF, "retried"),
        (Bottleneck.NOTHING, "as fast as it can"),
    ],
)
def test_every_bound_names_what_would_lift_it(stands, bound, words):
    said = bound_of(stands(5, bound=bound, running=7, held=1), SETTINGS)
    assert said.startswith("bound by ")
    assert words in said


@pytest.mark.parametrize(
    ("bound", "words"),
    [
        (Bottleneck.CONCURRENCY, "the requests at once over all hosts (concurrency=7)"),
        (Bottleneck.RATE, "the starts a second over all hosts (rate=20)"),
        (Bottleneck.KEYS, "each host's limits (per_host=3, delay=0.5)"),
        (Bottleneck.WINDOW, "each host's limits (per_host=3, delay=0.5), with no other host read ahead (window)"),
        (Bottleneck.MEMORY, "the bytes of bodies held until they are stored (memory='512MB')"),
        (Bottleneck.NAMES, "name resolution: most requests wait for it (resolver names another server)"),
    ],
)
def test_a_program_gets_the_keyword(stands, bound, words):
    assert str(explain.explain_bound(stands(5, bound=bound, running=7, held=1), SETTINGS)) == f"bound by {words}"


def test_the_hint_for_a_program_names_keywords(stands):
    now = stands(5, held=1_000, busiest=("a.test", 900))
    assert str(explain.find_hint(now, SETTINGS)).endswith(": raise per_host or lower delay if it is yours")
    assert str(explain.find_hint(now, Settings.of(delay=0))).endswith(": raise per_host if it is yours")


def test_there_are_words_for_every_bound(stands):
    for bound in Bottleneck:
        assert bound_of(stands(5, bound=bound), SETTINGS)


def test_the_output_bounds_when_it_takes_most_of_the_room(stands):
    slow = stands(5, bound=Bottleneck.CONSUMER, running=1, undelivered=6)
    quick = stands(5, bound=Bottleneck.CONSUMER, running=6, undelivered=1)
    assert "the output" in bound_of(slow, SETTINGS)
    assert "--concurrency 7" in bound_of(quick, SETTINGS)


def test_at_the_end_nothing_bounds(stands):
    said = bound_of(stands(5, bound=Bottleneck.BACKOFF, running=2, exhausted=True), SETTINGS)
    assert said == "no input is left to start, 2 in flight"


def test_a_host_with_most_of_what_is_left_is_named_with_its_time_and_its_remedy(stands):
    now = stands(5, pulled=100_005, held=99_990, running=10, exhausted=True, busiest=("a.test", 92_000))
    assert hint_of(now, Settings.of(delay=0.1)) == (
        "a.test holds 92 % of the remaining inputs; at 10 a second it needs 2 h 33 min: "
        "raise --per-host or lower --delay if it is yours"
    )


def test_a_host_that_was_slowed_down_is_not_said_to_go_by_the_delay(stands):
    now = stands(5, bound=Bottleneck.KEYS, pulled=505, held=500, exhausted=True, busiest=("a.test", 500), spacing=4.0)
    assert bound_of(now, SETTINGS).endswith("first a.test: 500 inputs, slowed down to one in 4 s")
    assert hint_of(now, SETTINGS) == (
        "a.test holds 100 % of the remaining inputs; at 0.25 a second it needs 33 min 20 s: "
        "it was slowed down for its answers, and gets faster as they do"
    )


def test_requests_at_once_that_are_on_trial_are_not_said_to_be_all(stands):
    now = stands(5, bound=Bottleneck.CONCURRENCY, running=100, held=1)
    assert "best so far, of --concurrency 500" in bound_of(now, Settings.of(concurrency=500))
    assert "(--concurrency 500)" in bound_of(now, Settings.of(concurrency=500, pace="fixed"))
    assert "(--concurrency 100)" in bound_of(now, Settings.of(concurrency=100))


def test_before_all_is_read_only_what_was_read_is_spoken_of(stands):
    now = stands(5, held=1_000, busiest=("a.test", 900))
    assert "of the 1,000 next in line" in (hint_of(now, SETTINGS) or "")


def test_without_a_delay_its_requests_at_once_are_what_bounds_a_host(stands):
    now = stands(5, held=1_000, busiest=("a.test", 900))
    said = hint_of(now, Settings.of(delay=0.0, per_host=1))
    assert (
        said
        == "a.test holds 90 % of the 1,000 next in line, and gets 1 request at once: raise --per-host if it is yours"
    )


@pytest.mark.parametrize("busiest", [None, ("a.test", 99), ("a.test", 400)])
def test_a_host_that_does_not_matter_is_not_spoken_of(stands, busiest):
    assert hint_of(stands(5, held=1_000, busiest=busiest), SETTINGS) is None


def test_a_hosts_name_is_never_shown_raw(stands):
    said = hint_of(stands(5, held=200, busiest=("\x1b[31m" + "a" * 100, 200)), SETTINGS)
    assert "\x1b" not in (said or "")
    assert len((said or "").split(" holds ")[0]) <= 40


def test_hosts_that_are_left_alone_are_named_with_their_time(stands):
    """The first of them come back first; the busiest is named before."""
    parked = (("a.test", 252.0), ("b.test", 3.6), ("\x1b[31mc.test", 4.0))
    now = stands(5, bound=Bottleneck.KEYS, held=9, alone=12, parked=parked, busiest=("a.test", 7))
    assert bound_of(now, SETTINGS) == (
        "bound by paused hosts: a.test (4 min 12 s), b.test (4 s), \\x1b[31mc.test (4 s) and 9 more"
    )


def test_one_host_that_is_left_alone_is_one(stands):
    now = stands(5, bound=Bottleneck.BACKOFF, held=9, alone=1, parked=(("a.test", 20.0),))
    assert bound_of(now, SETTINGS) == "bound by a paused host: a.test (20 s)"


def test_a_host_that_is_left_alone_bounds_nothing_while_others_go_on(stands):
    now = stands(5, bound=Bottleneck.RATE, held=9, alone=1, parked=(("a.test", 20.0),))
    assert "--rate 20" in bound_of(now, SETTINGS)


def test_of_hosts_own_limits_the_busiest_is_named(stands):
    now = stands(5, bound=Bottleneck.KEYS, held=9, busiest=("\x1b]0;a.test", 7))
    assert bound_of(now, SETTINGS) == (
        "bound by each host's limits (--per-host 3, --delay 0.5), first \\x1b]0;a.test: 7 inputs"
    )


def test_memory_names_its_option(stands):
    assert "--memory 512MB" in bound_of(stands(5, bound=Bottleneck.MEMORY, held=1), SETTINGS)


def test_nobody_is_left_alone_where_nobody_is(stands):
    assert explain.name_paused(stands(5)) is None
