"""Nearly all inputs that end in one way say something of the run."""

from __future__ import annotations

import pytest

from penstock.core.schedule.tally import Tally
from penstock.core.web.alike import Way, alike


def tally(statuses=None, **reasons):
    made = Tally()
    made.statuses.update(statuses or {})
    made.reasons.update(reasons)
    made.kinds["fetched"] = made.statuses.total()
    made.kinds["failed"] = made.reasons.total()
    return made


@pytest.mark.parametrize(
    ("found", "way", "why", "answered"),
    [
        (tally(dns_not_found=10), Way.NAMES, "dns_not_found", False),
        (tally({200: 5}, dns_not_found=60, timeout_dns=35), Way.NAMES, "dns_not_found", False),
        (tally(timeout_connect=4, host_down=16), Way.CONNECTIONS, "host_down", False),
        (tally({200: 1}, invalid_url=19), Way.LIST, "invalid_url", False),
        (tally({200: 1}, truncated=19), Way.OTHER, "truncated", False),
        (tally({404: 20}), Way.MISSING, "404", True),
        (tally({418: 20}), Way.OTHER, "418", True),
    ],
)
def test_one_way_may_have_several_signs(found, way, why, answered):
    said = alike(found)
    assert said is not None
    assert (said.way, said.why, said.answered) == (way, why, answered)


@pytest.mark.parametrize(
    "found",
    [
        tally(),
        tally({200: 100}),
        tally({301: 100}),
        tally(dns_not_found=9),
        tally({200: 6}, dns_not_found=94),
        tally(truncated=50, too_large=50),
        tally({404: 60, 500: 40}),
    ],
)
def test_few_inputs_several_ways_and_answers_suggest_nothing(found):
    assert alike(found) is None


def test_counts_are_of_all_inputs():
    said = alike(tally({200: 5}, dns_not_found=60, timeout_dns=35))
    assert said is not None
    assert (said.count, said.total) == (95, 100)
