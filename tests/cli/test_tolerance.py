"""How much may fail before a finished run counts as a failure."""

from __future__ import annotations

import click
import pytest

from penstock.cli.tolerance import Tolerance, max_failures, reasons
from penstock.core.schedule.tally import Tally


def tally(fetched, failed, reason="timeout"):
    made = Tally()
    made.kinds.update(fetched=fetched, failed=failed)
    made.reasons[reason] = failed
    return made


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("0", (0.0, False)),
        ("100", (100.0, False)),
        ("2.5%", (2.5, True)),
        (" 0 % ", (0.0, True)),
        ("100%", (100.0, True)),
    ],
)
def test_a_number_or_a_share(text, meant):
    assert max_failures(None, None, text) == meant


@pytest.mark.parametrize("text", ["", "many", "-1", "2.5", "101%", "%", "1e3", "\u0661"])
def test_anything_else_is_refused(text):
    with pytest.raises(click.BadParameter):
        max_failures(None, None, text)


def test_reasons_are_errors_and_statuses_as_everywhere():
    assert reasons(None, None, ("timeout, dns_not_found", "5xx,404")) == {"timeout", "dns_not_found", "5xx", "404"}
    assert reasons(None, None, ()) == frozenset()
    for wrong in ("timeouts", "40", ""):
        with pytest.raises(click.BadParameter, match="errors: invalid_url, "):
            reasons(None, None, (wrong,))


@pytest.mark.parametrize(
    ("most", "failed", "is_too_much"),
    [
        ((0.0, False), 0, False),
        ((0.0, False), 1, True),
        ((5.0, False), 5, False),
        ((5.0, False), 6, True),
        ((10.0, True), 10, False),
        ((10.0, True), 12, True),
    ],
)
def test_just_as_many_as_allowed_is_all_right(most, failed, is_too_much):
    complaint = Tolerance(most).complaint(tally(100 - failed, failed))
    assert (complaint is not None) == is_too_much


def answers(**statuses):
    made = Tally()
    made.statuses.update({int(status[1:]): count for status, count in statuses.items()})
    made.kinds["fetched"] = made.statuses.total()
    return made


def test_a_status_from_400_on_is_a_failure_and_a_redirect_is_none():
    found = answers(_200=90, _404=3, _503=2, _301=5)
    assert Tolerance((5.0, False)).accepts(found)
    assert Tolerance((4.0, False)).complaint(found) == (
        "--max-failures 4: 5 of 100 inputs have failed: 404 (3), 503 (2)"
    )


def test_a_class_of_statuses_covers_each_of_them():
    found = answers(_200=90, _404=3, _503=2)
    assert Tolerance(fail_on=frozenset({"5xx"})).complaint(found) == "--fail-on: 503 (2) among the outcomes"
    assert Tolerance(fail_on=frozenset({"4xx", "503"})).complaint(found) == (
        "--fail-on: 404 (3), 503 (2) among the outcomes"
    )
    assert Tolerance(fail_on=frozenset({"3xx", "timeout"})).accepts(found)


def test_by_default_everything_may_fail_but_not_nearly_all_in_one_way():
    assert Tolerance().complaint(tally(0, 100)) is None
    assert Tolerance().accepts(tally(6, 94))
    assert not Tolerance().accepts(tally(5, 95))
    assert Tolerance((100.0, True)).accepts(tally(0, 100)), "who says what may fail is taken at that word"
    assert Tolerance(fail_on=frozenset({"404"})).accepts(tally(0, 100))


def test_by_default_statuses_are_results_however_many():
    assert Tolerance().accepts(answers(_404=100))


def test_an_input_for_which_nothing_was_to_be_sent_is_no_failure_but_its_reason_can_be_named():
    made = tally(95, 0)
    made.kinds["skipped"] = 5
    made.reasons["invalid_url"] = 5
    assert Tolerance((0.0, False)).complaint(made) is None
    assert "invalid_url (5)" in (Tolerance(fail_on=frozenset({"invalid_url"})).complaint(made) or "")


@pytest.mark.parametrize("reason", ["host_down", "robots_unavailable"])
def test_an_input_that_was_skipped_since_its_host_is_down_has_failed(reason):
    made = tally(95, 0)
    made.kinds["skipped"] = 5
    made.reasons[reason] = 5
    assert not Tolerance((0.0, False)).accepts(made)


def test_no_outcomes_are_not_too_many_failures():
    assert Tolerance((0.0, True), frozenset({"timeout"})).accepts(Tally())
