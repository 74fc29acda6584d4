"""A run's tally is the sum over its extents, in whatever order they come."""

from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.schedule.tally import Tally
from penstock.core.web.model import Failed, Fetched, Hop, Kind, Outcome, Reason, Skipped

HOPS = (Hop("http://a.example/", 301), Hop("http://b.example/", 302))

fetched = st.builds(
    Fetched,
    st.integers(0, 99),
    st.just("u"),
    status=st.integers(100, 599),
    body=st.binary(max_size=9),
    attempts=st.integers(1, 5),
    redirects=st.sampled_from([(), HOPS[:1], HOPS]),
)
failed = st.builds(
    Failed,
    st.integers(0, 99),
    st.just("u"),
    error=st.sampled_from([reason for reason in Reason if reason.kind is Kind.FAILED]),
    status=st.none() | st.integers(100, 599),
    attempts=st.integers(1, 5),
)
skipped = st.builds(
    Skipped,
    st.integers(0, 99),
    st.just("u"),
    error=st.sampled_from([reason for reason in Reason if reason.kind is Kind.SKIPPED]),
)
outcomes = st.lists(fetched | failed | skipped, max_size=12)


def tally(counted: list[Outcome]) -> Tally:
    made = Tally()
    for outcome in counted:
        made.add(outcome)
    return made


def merged(*parts: Tally) -> Tally:
    made = Tally()
    for part in parts:
        made.merge(part)
    return made


def test_what_is_counted():
    made = tally(
        [
            Fetched(0, "u", status=200, body=b"12345", attempts=1),
            Fetched(1, "u", status=200, body=b"12", attempts=3, redirects=HOPS),
            Fetched(2, "u", status=404, attempts=1),
            Failed(3, "u", Reason.TIMEOUT, attempts=3),
            Failed(4, "u", Reason.TOO_MANY_REDIRECTS, status=302, attempts=1, redirects=HOPS[:1]),
            Skipped(5, "u", Reason.INVALID_URL),
        ],
    )
    assert made.total == 6
    assert made.as_dict() == {
        "outcomes": {"fetched": 3, "failed": 2, "skipped": 1},
        "statuses": {"200": 2, "404": 1},
        "errors": {"timeout": 1, "too_many_redirects": 1, "invalid_url": 1},
        "bytes": 7,
        "attempts": 9,
        "redirects": 3,
        "duplicates": 0,
    }


def test_the_largest_count_comes_first():
    made = tally([Fetched(0, "u", status=404), Fetched(1, "u", status=200), Fetched(2, "u", status=200)])
    assert list(made.as_dict()["statuses"]) == ["200", "404"]


@given(outcomes)
def test_every_outcome_is_counted_once_under_one_heading(counted):
    made = tally(counted)
    assert made.total == len(counted) == made.statuses.total() + made.reasons.total()


@given(outcomes, outcomes, outcomes)
def test_tallies_add_up_in_any_grouping_and_order(one, two, three):
    whole = tally([*one, *two, *three]).as_dict()
    a, b, c = tally(one), tally(two), tally(three)
    assert merged(merged(a, b), c).as_dict() == whole
    assert merged(a, merged(b, c)).as_dict() == whole
    assert merged(c, a, b).as_dict() == whole


@given(outcomes, outcomes)
def test_merging_leaves_the_other_as_it_was(one, two):
    other = tally(two)
    tally(one).merge(other)
    assert other.as_dict() == tally(two).as_dict()


@given(outcomes, outcomes)
def test_a_tally_survives_being_stored(one, two):
    """What comes back counts on, with real reasons and with their texts alike."""
    stored = orjson.dumps(tally(one).as_dict())
    back = Tally.from_dict(orjson.loads(stored))
    assert orjson.dumps(back.as_dict()) == stored
    back.merge(tally(two))
    assert back.as_dict() == tally([*one, *two]).as_dict()
    assert back.total == len(one) + len(two)
