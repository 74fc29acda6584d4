"""What a call means: a result, or another attempt; and how results are counted."""

import pytest
from msgspec.structs import replace

from penstock.core.schedule.calls import MOST_NAMES, OTHERS, Call, Called, CallJudge, CallTally, Result, never
from penstock.core.schedule.verdicts import Again, Done, Ending

CALL = Call(4, "item", "key")


def judged(error=None, *, attempts=3, retry=lambda _error: True, earlier=0, value=None, draw=0.5):
    return CallJudge(attempts, retry)(Called(replace(CALL, earlier=earlier), value, error), 100.0, draw)


def said_of(answer):
    """What the judge says of an error where the caller's rule answers *answer*."""
    return judged(ValueError("bad"), retry=lambda _error: answer)


@pytest.mark.parametrize("value", [None, 0, "page", ValueError("a value like any other")])
def test_a_value_is_a_result(value):
    assert judged(value=value) == Done(Result(4, "item", value, None, 1))


def test_an_error_is_a_result_when_the_attempts_are_used_up():
    error = ValueError("bad")
    assert judged(error, earlier=2) == Done(Result(4, "item", None, error, 3))
    assert judged(error, attempts=1) == Done(Result(4, "item", None, error, 1))


def test_without_a_rule_nothing_is_tried_again():
    assert CallJudge(9)(Called(CALL, None, ValueError()), 0.0, 0.5).outcome.attempts == 1
    assert never(ValueError()) is False


def test_the_rule_is_not_asked_when_there_is_no_attempt_left():
    def rule(_error):
        raise AssertionError("asked")

    assert isinstance(judged(ValueError("bad"), attempts=1, retry=rule).outcome.error, ValueError)


@pytest.mark.parametrize(("earlier", "most"), [(0, 1.0), (1, 2.0), (2, 4.0), (6, 60.0), (900, 60.0)])
def test_true_waits_as_long_as_the_back_off_says(earlier, most):
    answer = judged(ValueError("bad"), attempts=1000, earlier=earlier)
    assert answer == Again(replace(CALL, earlier=earlier + 1), 100.0 + most / 2)


@pytest.mark.parametrize("answer", [False, None])
def test_false_makes_it_the_last_attempt(answer):
    assert isinstance(said_of(answer), Done)


@pytest.mark.parametrize("seconds", [0, 0.0, 1, 2.5, 1e9])
def test_a_number_is_the_seconds_to_wait(seconds):
    assert said_of(seconds) == Again(replace(CALL, earlier=1), 100.0 + seconds)


@pytest.mark.parametrize("answer", [-1, -0.001, float("nan"), float("inf")])
def test_a_number_that_is_no_wait_becomes_the_items_error(answer):
    error = said_of(answer).outcome.error
    assert isinstance(error, ValueError)
    assert "seconds from 0" in str(error)
    assert str(error.__context__) == "bad"


def test_an_answer_that_is_no_number_becomes_the_items_error():
    error = said_of("soon").outcome.error
    assert "soon" in str(error)
    assert str(error.__context__) == "bad"


def test_what_the_rule_raises_becomes_the_items_error():
    def rule(error):
        raise KeyError("the rule")

    error = judged(OSError("the work"), retry=rule).outcome.error
    assert type(error) is KeyError
    assert str(error.__context__) == "the work"


def test_a_rule_that_raises_what_it_was_asked_about_makes_no_circle():
    def rule(error):
        raise error

    error = OSError("the work")
    assert judged(error, retry=rule).outcome.error is error
    assert error.__context__ is None


def test_a_result_gives_its_value_or_raises_its_error():
    assert Result(0, "item", 7).unwrap() == 7
    assert Result(0, "item", None).unwrap() is None
    error = OSError("gone")
    with pytest.raises(OSError, match="gone") as raised:
        Result(0, "item", None, error).unwrap()
    assert raised.value is error
    assert isinstance(Result(0, "item"), Ending)


def test_a_result_does_not_change():
    with pytest.raises(AttributeError):
        Result(0, "item").value = 1


def test_the_tally_counts_results_attempts_and_the_names_of_errors():
    tally = CallTally()
    for result in (Result(0, "a"), Result(1, "b", None, OSError(), 3), Result(2, "c", None, KeyError(), 0)):
        tally.add(result)
    snapshot = tally.snapshot()
    tally.add(Result(3, "d"))
    assert snapshot.kinds == {"done": 1, "failed": 2}
    assert snapshot.reasons == {"OSError": 1, "KeyError": 1}
    assert (snapshot.attempts, snapshot.total) == (4, 3)
    assert tally.snapshot().total == 4


def test_an_empty_tally_names_nothing():
    assert CallTally().snapshot().as_dict()["outcomes"] == {}


def test_names_of_errors_without_end_take_no_memory_without_end():
    tally = CallTally()
    for number in range(3 * MOST_NAMES):
        tally.add(Result(number, None, None, type(f"Error{number}", (Exception,), {})()))
    tally.add(Result(0, None, None, type("Error0", (Exception,), {})()))
    reasons = tally.snapshot().reasons
    assert len(reasons) == MOST_NAMES + 1
    assert reasons["Error0"] == 2
    assert reasons[OTHERS] == 2 * MOST_NAMES
