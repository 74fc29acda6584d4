"""What docs/politeness.md tells the people whose servers are visited is what the program does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from penstock.core.schedule.backoff import BASE, CAP
from penstock.core.schedule.probe import AT_FIRST, WORTH_IT, ConcurrencyProbe
from penstock.core.schedule.slots import PROBES
from penstock.core.web.breaker import FEW, FIRST, GRACE, LONGEST, MANY, NEW, PATIENCE, PROBE, STEP
from penstock.core.web.codings import ACCEPTED
from penstock.core.web.delays import DEAF, DEAFEST, LEAST, MOSTLY, NOTICED, ON_TRIAL, PATIENT, RECENT, RECOVERY
from penstock.core.web.delays import LONGEST as SLOWEST
from penstock.core.web.model import Prerequisite
from penstock.core.web.retry import LONGEST_PARK, STATUSES
from penstock.core.web.robots import HOPS, LIFETIME, LONGEST_DELAY, UNAVAILABLE_FOR
from penstock.settings import Settings, parse_size

PAGE = (Path(__file__).parents[2] / "docs" / "politeness.md").read_text()
TEXT = " ".join(PAGE.split())
ROWS = dict(re.findall(r"^\| `?([^|`]+)`? \| ([^|]+) \|", PAGE, re.MULTILINE))
DEFAULTS = Settings()


@pytest.mark.parametrize("option", [row for row in ROWS if row.startswith("--")])
def test_every_default_on_the_page_is_the_programs(option):
    value = getattr(DEFAULTS, option.removeprefix("--").replace("-", "_"))
    assert (
        parse_size(ROWS[option].replace(" ", "")) == value if option == "--max-body" else float(ROWS[option]) == value
    )


def test_every_limit_that_a_server_notices_is_on_the_page():
    assert {row for row in ROWS if row.startswith("--")} == {
        "--attempts",
        "--concurrency",
        "--connect-timeout",
        "--delay",
        "--max-body",
        "--max-redirects",
        "--per-host",
        "--timeout",
    }


def test_the_numbers_without_an_option_are_the_programs():
    assert float(ROWS["Retry-After, at most"]) == LONGEST_PARK
    assert float(ROWS["Crawl-delay, at most"]) == LONGEST_DELAY
    assert float(ROWS["Slowed down, at most"]) == SLOWEST
    assert float(ROWS["Wait before a second try, at most"]) == CAP
    assert BASE == 1.0


def test_the_statuses_are_those_that_are_tried_again():
    (listed,) = re.findall(r"another one next time \(((?:\d{3}, )+\d{3}),", TEXT)
    assert set(map(int, re.findall(r"\d{3}", listed))) == STATUSES


def test_what_is_said_of_robots_is_so():
    assert (HOPS, LIFETIME, UNAVAILABLE_FOR, LONGEST_DELAY) == (5, 86_400.0, 600.0, 60.0)
    assert "after a day at the earliest" in TEXT
    assert "up to five redirects" in TEXT
    assert "after ten minutes at the earliest" in TEXT
    assert "up to a minute between two requests" in TEXT
    assert Prerequisite.enough == 500 * 1024
    assert "first 500 KiB" in TEXT


def test_what_is_said_of_a_host_that_is_down_is_so():
    assert (FEW, FIRST, LONGEST, NEW, GRACE) == (5, 5.0, 300.0, 5.0, 30.0)
    assert "After five failures in a row" in TEXT
    assert "up to five minutes" in TEXT
    assert "When the row of failures has lasted 5 s" in TEXT
    assert "after half a minute" in TEXT
    assert "by what three connections take (15 s)" in TEXT
    assert DEFAULTS.connect_timeout * -(-FEW // DEFAULTS.per_host) == 15.0


def test_what_is_said_of_outages_is_so():
    assert (MANY, PROBES, PROBE, STEP) == (10, 4, 1.0, 5.0)
    assert "If ten hosts in a row" in TEXT
    assert "four probes at once, after 1 s, 2 s, 4 s and then every 5 s" in TEXT
    assert f"{PATIENCE:.0f} s at most" in TEXT


def test_what_is_said_of_slowing_down_is_so():
    assert (LEAST, SLOWEST, PATIENT, NOTICED, RECOVERY) == (0.25, 10.0, 3.0, 0.5, 0.95)
    assert "it begins with 0.25 s" in TEXT
    assert "on that host, up to 10 s." in TEXT
    assert "up to 10 s between two requests" in TEXT
    assert re.search(r"three\s+times as long as usual, and half a second longer", TEXT)
    assert re.search(r"answer that\s+is fine takes a twentieth", TEXT)
    assert f"within {SLOWEST / (1 - RECOVERY):.0f} s" in TEXT


def test_what_is_said_of_learning_whether_it_helps_is_so():
    assert f"no more than {ON_TRIAL} times" in TEXT
    assert MOSTLY == 0.5
    assert "at least half of the last few answers are busy (five in a row)" in TEXT
    assert 1 - (1 - RECENT) ** 5 < MOSTLY <= 1 - (1 - RECENT) ** 5 * (1 - 0.1), "where one in ten is busy anyway"
    assert f"for the next {DEAF} answers, then {2 * DEAF}, and so on up to {DEAFEST:,}" in TEXT


def test_what_is_said_of_growing_is_so():
    probe = ConcurrencyProbe()
    assert f"begins with {AT_FIRST} requests at once" in TEXT
    assert WORTH_IT == 1.1
    for _ in range(2 * AT_FIRST):
        probe.count_end(AT_FIRST, 0.0)
    assert probe.count_end(AT_FIRST, 1.0)
    assert probe.allowed == AT_FIRST + AT_FIRST // 2, "half as many again"


def test_what_is_said_of_the_cost_of_robots_is_so():
    assert HOPS + DEFAULTS.attempts == 8
    assert "At worst it is eight" in TEXT
    assert f"`--attempts {DEFAULTS.attempts}`" in TEXT
    assert "every ten minutes" in TEXT


def test_the_codings_are_those_that_are_offered():
    named = {"Brotli": "br"}
    found = re.findall(r"gzip|deflate|zstd|Brotli", TEXT)
    assert {named.get(name, name) for name in found} == set(ACCEPTED.split(", "))
