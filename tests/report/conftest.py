"""Where work may stand and how it may end, made from what a test cares for."""

from __future__ import annotations

import pytest

from penstock.core.results import Progress, Summary
from penstock.core.schedule.answers import Bottleneck
from penstock.core.schedule.tally import Tally


def tally_of(statuses=None, reasons=None, **others):
    """A tally with those counts; the kinds follow from them unless they are among *others*."""
    tally = Tally()
    tally.statuses.update(statuses or {})
    tally.reasons.update(reasons or {})
    tally.kinds["fetched"] = tally.statuses.total()
    skipped = {reason: number for reason, number in tally.reasons.items() if reason.startswith(("invalid", "blocked"))}
    tally.kinds["skipped"] = sum(skipped.values())
    tally.kinds["failed"] = tally.reasons.total() - tally.kinds["skipped"]
    for name, value in others.items():
        setattr(tally, name, value)
    return tally


@pytest.fixture(name="tally_of")
def fixture_tally_of():
    return tally_of


@pytest.fixture
def stands():
    """Makes the progress of a run that fetched *done* pages."""

    def make(done=0, **fields):
        known = {
            "elapsed": 10.0,
            "running": 0,
            "held": 0,
            "undelivered": 0,
            "pulled": done,
            "exhausted": False,
            "bound": Bottleneck.NOTHING,
            "busiest": None,
            "tally": tally_of({200: done}),
        }
        return Progress(**known | fields)

    return make


@pytest.fixture
def ended(stands):
    """Makes an end with *tally*; the session's is the same unless it is given."""

    def make(tally, **fields):
        known = {
            "folder": "pages",
            "tally": tally,
            "session": tally,
            "inputs": tally.total,
            "elapsed": 10.0,
            "complete": True,
            "statistics": stands(),
        }
        return Summary(**known | fields)

    return make
