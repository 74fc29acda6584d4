"""Which words name what became of an input, and which of it are failures: docs/decisions/failed.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from penstock.core.web.model import Kind, Reason
from penstock.core.web.reasons import REASONS, UNTRIED, covers, is_failure, ranked, read_reasons, reasons_in
from penstock.core.web.retry import LATER, STATUSES, reason
from penstock.core.web.tally import Tally

PAGE = Path(__file__).parents[3] / "docs" / "record.md"


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("404", {"404"}),
        (404, {"404"}),
        ("5XX", {"5xx"}),
        (" timeout , 404,", {"timeout", "404"}),
        (["4xx,host_down", 503], {"4xx", "host_down", "503"}),
        ("999", {"999"}),
        ((), set()),
    ],
)
def test_reasons_are_read_however_they_are_written(words, meant):
    assert read_reasons(words) == meant


@pytest.mark.parametrize("words", ["", ",", "40", "4x4", "0xx", "timeouts", "timeout,404x", "\u0664\u0660\u0664"])
def test_what_is_no_reason_is_refused_with_those_there_are(words):
    with pytest.raises(ValueError, match="name statuses, as 404 and 5xx, or errors: invalid_url, "):
        read_reasons(words)


def test_a_class_covers_its_statuses_and_no_error():
    assert covers({"4xx"}, "404")
    assert covers({"404"}, "404")
    assert not covers({"4xx"}, "503")
    assert not covers({"404"}, "410")
    assert not covers({"4xx"}, "timeout")


def test_statuses_from_400_on_and_errors_are_failures_but_not_what_was_not_to_be_tried():
    assert [is_failure(why) for why in ("301", "304", "400", "404", "503", "999")] == [False, False, *[True] * 4]
    assert {reason for reason in REASONS if not is_failure(reason)} == UNTRIED
    assert {Reason(reason).kind for reason in UNTRIED} == {Kind.SKIPPED}


def test_every_status_outside_2xx_is_a_reason():
    assert reason(None, 200) is reason(None, 204) is reason(None, None) is None
    assert (reason(None, 404), reason(None, 301), reason("timeout", 200)) == ("404", "301", "timeout")


def test_what_may_work_later_is_what_is_transient_and_the_statuses_that_are_tried_again():
    assert {reason for reason in REASONS if Reason(reason).later} | {str(status) for status in STATUSES} == LATER


def test_the_reasons_in_a_tally_are_counted():
    tally = Tally()
    tally.statuses.update({200: 5, 206: 1, 404: 2, 301: 1})
    tally.reasons.update({"timeout": 3, "reset": 0})
    assert reasons_in(tally) == {"404": 2, "301": 1, "timeout": 3}
    assert ranked({"b": 2, "c": 3, "a": 2}) == [("c", 3), ("a", 2), ("b", 2)]


def test_the_page_of_reasons_has_each_with_what_holds_for_it():
    """docs/record.md: a row for each error, in their order, and what the three columns say is true."""
    row = r"^\| `([a-z_]+)` \| (failed|skipped) \| (yes|no) \| (yes|no) \| (yes|no) \| .+ \|$"
    rows = re.findall(row, PAGE.read_text(), re.MULTILINE)
    yes = {True: "yes", False: "no"}
    assert rows == [
        (why.value, why.kind.value, yes[is_failure(why.value)], yes[why.transient], yes[why.value in LATER])
        for why in Reason
    ]


def test_the_page_names_the_statuses_that_may_work_later():
    (listed,) = re.findall(r"^Retried within the attempts and later: ([0-9, ]+)\.$", PAGE.read_text(), re.MULTILINE)
    assert {int(status) for status in listed.split(", ")} == STATUSES
