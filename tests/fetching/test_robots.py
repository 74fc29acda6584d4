"""robots.txt as the servers see it: asked for once, obeyed, counted like anything else, and remembered."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from itertools import pairwise

import pytest

import penstock
from penstock.core.schedule.verdicts import Allow, Defer
from penstock.core.web.model import Reason, Row
from penstock.core.web.requests import Requests
from penstock.core.web.robots import LIFETIME, UNAVAILABLE_FOR, RobotsAnswer
from penstock.fetching.robots import Robots
from penstock.runs.session import LogReport
from penstock.scratch.rules import RulesStore
from penstock.settings import Settings
from penstock.testing.hostile import HostileServer
from penstock.testing.web import LocalWeb

FAST = {"delay": 0, "per_host": 10, "concurrency": 20, "attempts": 1}
NO_ROOM = "User-agent: *\nDisallow: /private\nAllow: /private/door$\n"


@pytest.fixture
def web():
    with LocalWeb(hosts=3) as local:
        yield local


@pytest.fixture
def fetched(web, each_once):
    """The outcomes of paths of the web's first host, by path, once each is accounted for."""

    def fetch(*paths, **changed):
        urls = [web.url(0, path) for path in paths]
        outcomes = each_once(penstock.fetch(urls, **FAST | changed), len(urls))
        return {paths[outcome.seq]: outcome for outcome in outcomes}

    return fetch


def asked(web, host=0):
    """How often each path of *host* was asked for."""
    return {path: count for (name, path), count in web.traffic().paths.items() if name == web.host(host)}


def words(outcomes):
    return Counter(outcome.error or outcome.status for outcome in outcomes.values())


def test_it_is_asked_for_once_and_what_it_does_not_allow_is_never_sent(web, fetched):
    web.robots[web.host(0)] = NO_ROOM
    outcomes = fetched("/page/1", "/private", "/private/door", "/page/2", "/private/x", "/private/y")
    refused = [path for path, outcome in outcomes.items() if outcome.error is Reason.ROBOTS_DISALLOWED]
    assert sorted(refused) == ["/private", "/private/x", "/private/y"]
    assert asked(web) == dict.fromkeys(("/robots.txt", "/page/1", "/private/door", "/page/2"), 1)
    assert outcomes["/private"].outcome == "skipped"
    assert outcomes["/private"].detail == f"{web.url(0, '/robots.txt')} does not allow it"
    assert outcomes["/private"].attempts == 0


def test_a_group_is_ours_by_our_name_alone(web, fetched):
    """Not by a word of the address to complain to, nor by a part of the name."""
    web.robots[web.host(0)] = (
        "User-agent: bot\nUser-agent: example\nUser-agent: pen\nDisallow: /\n\n"
        "User-agent: penstock\nCrawl-delay: 0.01\nUser-agent: other\nDisallow: /private/\n"
    )
    contact = {"contact": "https://example.org/bot.html"}
    assert words(fetched("/page/1", "/private/1", **contact)) == {200: 1, Reason.ROBOTS_DISALLOWED: 1}
    assert words(fetched("/page/2", "/private/2", user_agent="Other/2 (penstock)")) == {
        200: 1,
        Reason.ROBOTS_DISALLOWED: 1,
    }
    assert words(fetched("/page/3", user_agent="bot")) == {Reason.ROBOTS_DISALLOWED: 1}


def test_without_it_nothing_is_asked(web, fetched):
    web.robots[web.host(0)] = NO_ROOM
    assert words(fetched("/private", robots=False)) == {200: 1}
    assert asked(web) == {"/private": 1}


def test_thousands_that_are_not_allowed_take_no_turn(web, each_once):
    """A refused input costs neither a slot nor the delay."""
    web.robots[web.host(0)] = NO_ROOM
    urls = [web.url(0, f"/private/{number}") for number in range(5_000)]
    outcomes = each_once(penstock.fetch(urls, delay=0.2, per_host=1, concurrency=1), len(urls))
    assert {outcome.error for outcome in outcomes} == {Reason.ROBOTS_DISALLOWED}
    assert asked(web) == {"/robots.txt": 1}


@pytest.mark.parametrize("rules", ["/status/404", "/status/403", "/status/410", "/status/401"])
def test_where_there_is_none_it_goes_on(web, fetched, rules):
    web.robots[web.host(0)] = rules
    assert words(fetched("/1", "/2")) == {200: 2}


@pytest.mark.parametrize("rules", ["/status/500", "/status/503", "/status/429", "/slow/9"])
def test_where_it_cannot_be_had_the_hosts_jobs_are_skipped_and_no_others(web, each_once, rules):
    web.robots[web.host(0)] = rules
    urls = [web.url(number % 3, f"/{number}") for number in range(9)]
    outcomes = each_once(penstock.fetch(urls, **FAST, timeout=0.3), 9)
    assert {outcome.seq % 3: outcome.error for outcome in outcomes} == {0: Reason.ROBOTS_UNAVAILABLE, 1: None, 2: None}
    assert asked(web) == {"/robots.txt": 1}
    assert all("robots.txt could not be had: " in (outcome.detail or "") for outcome in outcomes if outcome.error)


def test_it_is_tried_again_within_the_attempts(web, fetched):
    web.robots[web.host(0)] = "/flaky/2/x"
    assert words(fetched("/1", attempts=3)) == {200: 1}
    assert asked(web) == {"/robots.txt": 3, "/1": 1}


@pytest.mark.parametrize("body", ["<html><p>Disallow: /</p></html>", "\0\1\2\xff" * 1000])
def test_what_is_no_rule_is_none(web, fetched, body):
    web.robots[web.host(0)] = body
    assert words(fetched("/1")) == {200: 1}


def test_of_a_file_without_end_the_first_part_counts(web, fetched):
    """10 MB, of which 500 KiB are read: what comes before counts, what comes after does not."""
    filler = "# nothing\n"
    web.robots[web.host(0)] = (
        "User-agent: *\nDisallow: /before\n"
        + filler * (500 * 1024 // len(filler))
        + "Disallow: /after\n"
        + filler * 950_000
    )
    outcomes = fetched("/before", "/after", max_body=100_000)
    assert words(outcomes) == {Reason.ROBOTS_DISALLOWED: 1, 200: 1}
    assert outcomes["/after"].status == 200


@pytest.mark.parametrize(("hops", "seen"), [(5, 1), (6, 0)])
def test_five_redirects_are_followed_on_the_way(web, fetched, hops, seen):
    """After them the last one's answer counts; after a sixth there is no file."""
    web.robots[web.host(0)] = f"/redirect/{hops}/status/503/x"
    assert words(fetched("/1")) == ({Reason.ROBOTS_UNAVAILABLE: 1} if seen else {200: 1})


def test_it_may_be_at_another_host_and_takes_its_turn_there(web, each_once):
    """Hosts whose robots.txt is at each other's: both are heard, no limit is broken."""
    one, other = (web.url(host).removeprefix("http://").rstrip("/") for host in (0, 1))
    web.robots[web.host(0)] = f"/away/{other}/slow/0.02/page/rules"
    web.robots[web.host(1)] = f"/away/{one}/slow/0.02/page/rules"
    urls = [web.url(number % 2, f"/slow/0.02/{number}") for number in range(10)]
    outcomes = each_once(penstock.fetch(urls, **FAST | {"per_host": 1}), 10)
    assert {outcome.status for outcome in outcomes} == {200}
    assert [web.traffic().hosts[web.host(host)].most for host in (0, 1)] == [1, 1]
    assert asked(web)["/robots.txt"] == 1


def test_the_rules_of_the_host_that_a_redirect_leads_to_hold_for_it(web, fetched):
    there = web.url(1, "").removeprefix("http://")
    web.robots[web.host(1)] = NO_ROOM
    outcomes = fetched(f"/away/{there}/private", f"/away/{there}/page")
    assert words(outcomes) == {Reason.ROBOTS_DISALLOWED: 1, 200: 1}
    [refused] = [outcome for outcome in outcomes.values() if outcome.error]
    assert [hop.status for hop in refused.redirects] == [302]
    assert asked(web, 1) == {"/robots.txt": 1, "/page": 1}


def test_the_server_sees_no_more_at_once_and_no_sooner_than_it_asks_for(web, fetched):
    """Ours and theirs, whichever is longer, counted from the first request; redirects and prerequisites count."""
    web.robots[web.host(0)] = "User-agent: *\nCrawl-delay: 0.2\n"
    fetched("/redirect/1/a", "/b", "/c", per_host=5, delay=0.05)
    starts = web.traffic().hosts[web.host(0)].starts
    assert len(starts) == 5
    # The first request of a connection reaches the server later than it was started.
    assert all(later - sooner > 0.17 for sooner, later in pairwise(starts))


def test_what_the_host_asks_for_holds_where_nothing_was_let_yet(web, fetched):
    """Not one of its jobs has started when it is known, and for a moment none is there."""
    web.robots[web.host(0)] = "User-agent: *\nDisallow: /no\nCrawl-delay: 0.2\n"
    fetched("/no", "/a", concurrency=1)
    sooner, later = web.traffic().hosts[web.host(0)].starts
    assert later - sooner > 0.17


def test_a_resume_comes_no_sooner_than_the_host_asks_for_either(web, tmp_path):
    """The first session ends after its first page, in the middle of the time that the host wants to have."""
    web.robots[web.host(0)] = "User-agent: *\nCrawl-delay: 0.3\n"
    (tmp_path / "urls.txt").write_text("".join(f"{web.url(0, f'/{part}')}\n" for part in "ab"))
    penstock.run(tmp_path / "urls.txt", tmp_path / "out", deadline=0.35, flush_every=0.01, **FAST)
    assert penstock.resume(tmp_path / "out", deadline=None).complete
    starts = web.traffic().hosts[web.host(0)].starts
    assert len(starts) == 3
    # Without the wait there would be no gap at all; a busy machine may let the server notice a request late.
    assert all(later - sooner > 0.15 for sooner, later in pairwise(starts))


def test_it_says_whose_wish_was_capped(web):
    gate = Robots("penstock", RulesStore())
    place = web.url(0, "").rstrip("/")
    job = next(iter(_jobs(web.url(0, "/x"))))
    gate.learn(RobotsAnswer(place, b"User-agent: *\nCrawl-delay: 500\n"))
    assert gate.decide(job) == Allow(60.0)
    assert gate.capped == {web.host(0): 500.0}
    gate.close()


def test_what_was_heard_is_not_asked_for_again_by_a_resume(web, tmp_path):
    web.robots[web.host(0)] = NO_ROOM
    (tmp_path / "urls.txt").write_text("".join(f"{web.url(0, f'/{part}')}\n" for part in ("a", "private", "b")))
    summary = penstock.run(tmp_path / "urls.txt", tmp_path / "out", deadline=0.001, **FAST)
    while not summary.complete:
        summary = penstock.resume(tmp_path / "out", deadline=0.05)
    assert asked(web)["/robots.txt"] == 1
    assert summary.tally.reasons == {"robots_disallowed": 1}


def test_an_answer_holds_for_a_day_and_trouble_for_ten_minutes():
    now = 1_000.0
    gate = Robots("penstock", RulesStore(), clock=lambda: now)
    job = next(iter(_jobs("http://a.test/x")))
    assert type(gate.decide(job)) is Defer
    gate.learn(RobotsAnswer("http://a.test"))
    now += LIFETIME - 1
    assert gate.decide(job) == Allow(0.0)
    now += 1
    assert type(gate.decide(job)) is Defer
    gate.learn(RobotsAnswer("http://a.test", trouble="status 500"))
    now += UNAVAILABLE_FOR - 1
    assert gate.decide(job).ending.error is Reason.ROBOTS_UNAVAILABLE
    now += 1
    assert type(gate.decide(job)) is Defer
    gate.learn(RobotsAnswer("http://a.test"))
    # A clock that is set back makes no answer hold for longer than it was to.
    gate.learn(RobotsAnswer("http://a.test", trouble="status 500"))
    now -= UNAVAILABLE_FOR
    assert type(gate.decide(job)) is Defer
    gate.learn(RobotsAnswer("http://a.test"))
    now -= 10 * LIFETIME
    assert type(gate.decide(job)) is Defer
    gate.close()


def test_memory_holds_some_and_the_disk_the_others():
    gate = Robots("penstock", RulesStore())
    rules = b"User-agent: *\nDisallow: /x\n" + b"# \n" * 10_000
    jobs = list(_jobs(*(f"http://{number}.test/x" for number in range(60))))
    for job in jobs:
        gate.learn(RobotsAnswer(job.target.removesuffix("/x"), rules))
    assert len(gate._known) < 30
    assert {gate.decide(job).ending.error for job in jobs} == {Reason.ROBOTS_DISALLOWED}
    gate.close()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("tls_expired", Reason.TLS_CERTIFICATE),
        ("tls_reset", Reason.TLS_HANDSHAKE),
        ("refused", Reason.CONNECT_REFUSED),
        ("closed_at_once", Reason.EMPTY_REPLY),
        ("reset_at_once", Reason.RESET),
    ],
)
def test_a_host_that_is_not_there_is_what_its_jobs_fail_with(name, reason, web, each_once):
    """Nothing was learned of its rules, and nothing can be: the input fails as it would have without them."""
    with HostileServer() as server:
        urls = {"refused": web.refusing(), "closed_at_once": web.url(0, "/x"), "reset_at_once": web.url(0, "/x")}
        web.robots[web.host(0)] = "/close" if name == "closed_at_once" else "/reset"
        url = urls.get(name) or server.url(name)
        [outcome] = each_once(penstock.fetch([url], **FAST, cacert=server.cacert), 1)
    assert (outcome.error, outcome.attempts, outcome.url) == (reason, 1, url)


def test_a_name_that_does_not_exist_is_its_jobs_own_misfortune(each_once):
    [outcome] = each_once(penstock.fetch(["http://no-such-name.invalid/"], resolver="127.0.0.1:9", **FAST), 1)
    assert outcome.error in (Reason.DNS_TEMPORARY, Reason.DNS_NOT_FOUND)


def test_who_asks_is_what_the_requests_say():
    assert Settings.of(user_agent="me/1").agent() == "me/1"
    assert Settings.of(headers=["User-Agent: you/2"], user_agent="me/1").agent() == "you/2"
    assert Settings().agent().startswith("penstock/")


@pytest.mark.parametrize("damage", ["UPDATE rules SET text = 'x'", "UPDATE rules SET until = 'x'", None])
def test_what_was_kept_and_is_damaged_is_asked_for_again_and_stops_nothing(web, tmp_path, damage):
    """A resume says so once, sets the file aside, and comes to its end."""
    web.robots[web.host(0)] = NO_ROOM
    (tmp_path / "urls.txt").write_text("".join(f"{web.url(0, f'/page/{number}')}\n" for number in range(20)))
    said = []

    class Shown(LogReport):
        every = 0.0

        def update(self, statistics):
            if statistics.tally.total and not said:
                raise KeyboardInterrupt

        def remark(self, text):
            said.append(text)

    with pytest.raises(KeyboardInterrupt):
        penstock.run(tmp_path / "urls.txt", tmp_path / "out", report=Shown(), **FAST | {"concurrency": 1})
    file = tmp_path / "out" / "robots.db"
    if damage is None:
        file.write_bytes(b"torn")
    else:
        with closing(sqlite3.connect(file)) as database:
            database.execute(damage)
            database.commit()
    assert penstock.resume(tmp_path / "out", report=Shown()).complete
    assert [text for text in said if "robots.db is damaged" in text] == said[:1]
    assert asked(web)["/robots.txt"] == 2
    assert penstock.verify(tmp_path / "out").ok
    assert penstock.resume(tmp_path / "out").complete


def _jobs(*urls):
    return [Requests().prepare(Row(seq, seq, url), 0.0) for seq, url in enumerate(urls)]


@pytest.mark.parametrize(
    "fault", ["coding_unknown", "redirect_cut_off", "redirect_coded_wrongly", "redirect_that_stalls"]
)
def test_a_robots_txt_is_read_though_its_coding_or_its_redirect_is_odd(web, fetched, fault):
    with HostileServer() as server:
        web.robots[web.host(0)] = f"/away/{server.url(fault).removeprefix('http://')}"
        assert words(fetched("/1")) == {200: 1}
        assert len(server.requests(fault)) == 1
