"""How much may fail before a finished run counts as a failure."""

from __future__ import annotations

import click
import pytest

from penstock.cli.tolerance import Tolerance, fail_on, max_failures
from penstock.core.model import Slug
from penstock.core.tally import Tally


def tally(fetched, failed, slug="timeout"):
    made = Tally()
    made.kinds.update(fetched=fetched, failed=failed)
    made.slugs[slug] = failed
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


def test_slugs_are_those_of_the_closed_list():
    assert fail_on(None, None, "timeout, dns_not_found") == {Slug.TIMEOUT, Slug.DNS_NOT_FOUND}
    for wrong in ("timeouts", "timeout,", ""):
        with pytest.raises(click.BadParameter, match="none of invalid_url, "):
            fail_on(None, None, wrong)


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


def test_by_default_everything_may_fail():
    assert Tolerance().complaint(tally(0, 100)) is None


def test_a_skipped_input_is_no_failure_but_its_slug_can_be_named():
    made = Tally()
    made.kinds["skipped"] = 5
    made.slugs["invalid_url"] = 5
    assert Tolerance((0.0, False)).complaint(made) is None
    assert "invalid_url (5)" in (Tolerance(fail_on=frozenset({"invalid_url"})).complaint(made) or "")


def test_no_outcomes_are_not_too_many_failures():
    assert Tolerance((0.0, True), frozenset({"timeout"})).complaint(Tally()) is None
