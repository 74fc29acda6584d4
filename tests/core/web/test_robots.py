"""What an answer to robots.txt means, and what its text lets one do (RFC 9309)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.schedule.verdicts import Again, Done, Redirected, Satisfied
from penstock.core.web.judge import Judge
from penstock.core.web.model import Attempt, Failed, Hop, Job, Prerequisite, Reason, Skipped
from penstock.core.web.retry import Retry
from penstock.core.web.robots import LONGEST_DELAY, RobotsAnswer, Rules, attribute, prerequisite, product, read_answer

ORIGIN = "http://a.test:8080"
SECRET = ("Authorization", "Basic c2VjcmV0")
BEHIND = Job(7, "a.test", f"{ORIGIN}/p?q", f"{ORIGIN}/p?q", headers=(("User-Agent", "me"), SECRET), fields={"n": 1})
PREREQUISITE = prerequisite(BEHIND)


def answered(status: int, body: bytes = b"", head: str = "", **of_the_job: object) -> Attempt:
    job = Prerequisite(**{name: getattr(PREREQUISITE, name) for name in PREREQUISITE.__struct_fields__} | of_the_job)
    return Attempt(job, status=status, head=f"HTTP/1.1 {status} -\r\n{head}\r\n".encode(), body=body)


def failed(reason: Reason, hops: tuple[Hop, ...] = (), behind: Job = BEHIND) -> Attempt:
    job = prerequisite(behind)
    job = Prerequisite(job.seq, job.key, job.url, job.target, hops=hops, behind=behind)
    return Attempt(job, reason, "so it is")


def test_a_prerequisite_asks_at_the_jobs_origin_and_carries_none_of_its_secrets():
    assert (PREREQUISITE.key, PREREQUISITE.target) == ("a.test", f"{ORIGIN}/robots.txt")
    assert (PREREQUISITE.method, PREREQUISITE.headers, PREREQUISITE.body) == ("GET", (("User-Agent", "me"),), None)
    assert PREREQUISITE.enough == 500 * 1024  # RFC 9309, section 2.5
    assert BEHIND.enough is None


@pytest.mark.parametrize("status", [200, 203])
def test_a_text_is_heard(status):
    assert read_answer(answered(status, b"User-agent: *")) == RobotsAnswer(ORIGIN, b"User-agent: *")


@pytest.mark.parametrize("ending", [b"\n", b"\r", b"\r\n"])
def test_a_rule_that_is_cut_off_in_the_middle_is_none(ending):
    """Half of ``Disallow: /private`` would be ``Disallow: /``."""
    whole = b"User-agent: *" + ending + b"Disallow: /no" + ending
    body = whole + b"#" * (PREREQUISITE.enough - len(whole) - len(ending) - 11) + ending + b"Disallow: /"
    assert len(body) == PREREQUISITE.enough
    heard = read_answer(answered(200, body))
    assert heard.text == body[:-11]
    assert rules(heard.text.decode()).allow(f"{ORIGIN}/yes")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451])
def test_where_there_is_none_everything_may_be_fetched(status):
    assert read_answer(answered(status, b"<html>Disallow: /</html>")) == RobotsAnswer(ORIGIN)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503, 599])
def test_a_server_in_trouble_gives_no_answer(status):
    assert read_answer(answered(status, b"User-agent: *")) == RobotsAnswer(ORIGIN, trouble=f"status {status}")


@pytest.mark.parametrize(
    "reason", [Reason.TIMEOUT, Reason.TIMEOUT_BODY, Reason.TIMEOUT_FIRST_BYTE, Reason.TRUNCATED, Reason.PROTOCOL_ERROR]
)
def test_nor_does_one_that_answers_too_late_or_nonsense(reason):
    assert read_answer(failed(reason)) == RobotsAnswer(ORIGIN, trouble=f"{reason}: so it is")


@pytest.mark.parametrize(
    "reason", [Reason.BLOCKED_ADDRESS, Reason.BLOCKED_SCHEME, Reason.REDIRECT_INVALID, Reason.TOO_MANY_REDIRECTS]
)
def test_a_redirect_that_leads_nowhere_is_as_good_as_no_file(reason):
    assert read_answer(failed(reason, hops=(Hop(PREREQUISITE.target, 302),))) == RobotsAnswer(ORIGIN)


@pytest.mark.parametrize(
    "reason", [Reason.DNS_NOT_FOUND, Reason.DNS_TEMPORARY, Reason.CONNECT_REFUSED, Reason.TLS_CERTIFICATE]
)
def test_where_nobody_is_there_it_is_the_jobs_own_misfortune_but_not_behind_a_redirect(reason):
    assert attribute(failed(reason)).job is BEHIND
    assert attribute(failed(reason, hops=(Hop(PREREQUISITE.target, 302),))).job is not BEHIND
    assert read_answer(failed(reason, hops=(Hop(PREREQUISITE.target, 302),))) == RobotsAnswer(
        ORIGIN, trouble=f"{reason}: so it is"
    )


# The judge


def test_an_answer_is_no_outcome():
    assert Judge()(answered(404), 1.0, 0.5) == Satisfied(RobotsAnswer(ORIGIN))


def test_it_is_tried_again_like_anything_else_and_the_host_left_alone_as_it_asks():
    judge = Judge(Retry(2))
    first = judge(answered(503, head="Retry-After: 9\r\n"), 1.0, 0.5)
    assert isinstance(first, Again)
    assert (type(first.job), first.park, first.job.earlier) == (Prerequisite, 10.0, 1)
    last = judge(answered(503, head="Retry-After: 9\r\n", earlier=1), 20.0, 0.5)
    assert last == Satisfied(RobotsAnswer(ORIGIN, trouble="status 503"), park=29.0)


def test_five_redirects_are_followed_and_no_sixth():
    def redirected(hops: int) -> Attempt:
        return answered(302, head="Location: //b.test/r\r\n", hops=(Hop("", 302),) * hops)

    onward = Judge()(redirected(4), 1.0, 0.5)
    assert isinstance(onward, Redirected)
    assert (type(onward.job), onward.job.key, onward.job.target) == (Prerequisite, "b.test", "http://b.test/r")
    assert Judge()(redirected(5), 1.0, 0.5) == Satisfied(RobotsAnswer(ORIGIN))


def test_the_jobs_own_misfortune_is_its_outcome():
    judge = Judge(Retry(2))
    again = judge(failed(Reason.CONNECT_REFUSED), 1.0, 0.5)
    assert isinstance(again, Again)
    assert (type(again.job), again.job.earlier, again.job.target) == (Job, 1, BEHIND.target)
    verdict = judge(attribute(failed(Reason.CONNECT_REFUSED, behind=again.job)), 1.0, 0.5)
    assert isinstance(verdict, Done)
    outcome = verdict.outcome
    assert isinstance(outcome, Failed)
    assert (outcome.seq, outcome.url, outcome.error) == (7, BEHIND.url, Reason.CONNECT_REFUSED)
    assert (outcome.attempts, outcome.input, outcome.final_url) == (2, {"n": 1}, None)
    blocked = Judge()(failed(Reason.BLOCKED_ADDRESS), 1.0, 0.5)
    assert isinstance(blocked, Done)
    assert isinstance(blocked.outcome, Skipped)


# The rules


def rules(text: str, user_agent: str = "penstock/0.1") -> Rules:
    return Rules(text.encode(), user_agent)


def test_ours_hold_before_everybodys_and_the_longest_match_counts():
    text = "User-agent: *\nDisallow: /\n\nUser-agent: Penstock\nDisallow: /a\nAllow: /a/b\nDisallow: /*.gif$\n"
    assert rules(text).allow(f"{ORIGIN}/")
    assert not rules(text).allow(f"{ORIGIN}/a/c")
    assert rules(text).allow(f"{ORIGIN}/a/b/c")
    assert not rules(text).allow(f"{ORIGIN}/x.gif")
    assert not rules(text, "somebody").allow(f"{ORIGIN}/")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<!doctype html><html><body>Disallow: everything?</body></html>",
        bytes(range(256)) * 8,
        b"Disallow: /",
        b"User-agent\nDisallow /",
        "Üser-ägent: *\nDisallow: /".encode("latin-1"),
        b"User-agent: " + b"x" * 100_000,
        b"User-agent: *\nCrawl-delay: never\nRequest-rate: 1/0\nRequest-rate: often",
    ],
)
def test_what_is_no_rule_is_none(text):
    assert Rules(text, "penstock").allow(f"{ORIGIN}/")
    assert Rules(text, "penstock").delay == 0.0


def test_a_byte_order_mark_and_any_line_ending_do_not_matter():
    assert not rules("\ufeffUser-agent: *\r\nDisallow: /\r\n").allow(f"{ORIGIN}/")
    assert not rules("User-agent: *\rDisallow: /").allow(f"{ORIGIN}/")


@pytest.mark.parametrize(
    ("lines", "wish"),
    [
        ("Crawl-delay: 2.5", 2.5),
        ("Request-rate: 1/10", 10.0),
        ("Request-rate: 30/1m", 2.0),
        ("Crawl-delay: 3\nRequest-rate: 1/5", 5.0),
        ("Crawl-delay: 86400", 86_400.0),
        ("Crawl-delay: -1", 0.0),
        ("Crawl-delay: inf", 0.0),
    ],
)
def test_the_time_between_two_starts_is_what_it_asks_for_up_to_a_bound(lines, wish):
    found = rules(f"User-agent: *\n{lines}\n")
    assert (found.wish, found.delay) == (wish, min(wish, LONGEST_DELAY))


# Whose rules


PRODUCTS = [
    ("penstock/0.1", "penstock"),
    ("penstock/0.1 (+https://example.org/bot.html)", "penstock"),
    ("penstock (+you@example.org)", "penstock"),
    ("  Penstock", "penstock"),
    ("Mozilla/5.0 (compatible; mybot/1.0)", "mozilla"),
    ("my-bot_2.x/1", "my-bot_2.x"),
    ("(nobody)", ""),
    ("", ""),
    ("*", ""),
]


@pytest.mark.parametrize(("user_agent", "name"), PRODUCTS)
def test_the_name_is_the_product_token_that_the_user_agent_begins_with(user_agent, name):
    assert product(user_agent) == name


@pytest.mark.parametrize(
    "named", ["bot", "html", "example", "https", "org", "pen", "penstock2", "penstock-news", "stock"]
)
def test_no_word_of_a_contact_and_no_part_of_the_name_is_us(named):
    agent = "penstock/0.1 (+https://example.org/bot.html)"
    assert rules(f"User-agent: {named}\nDisallow: /\n", agent).allow(f"{ORIGIN}/x")
    assert not rules(f"User-agent: {named}\nAllow: /\n\nUser-agent: *\nDisallow: /\n", agent).allow(f"{ORIGIN}/x")


@pytest.mark.parametrize(
    "named", ["penstock", "PENSTOCK", "Penstock/2.0", "penstock crawler", "penstock*", " penstock # us"]
)
def test_our_name_is_ours_however_it_is_written(named):
    assert not rules(f"User-agent: {named}\nDisallow: /x\n").allow(f"{ORIGIN}/x")
    assert rules(f"User-agent: {named}\nAllow: /\n\nUser-agent: *\nDisallow: /\n").allow(f"{ORIGIN}/x")


def test_who_has_no_name_goes_by_everybodys_rules():
    text = "User-agent: penstock\nUser-agent:\nDisallow: /a\nUser-agent: * and others\nDisallow: /b\n"
    assert rules(text, "(+you@example.org)").allow(f"{ORIGIN}/a")
    assert not rules(text, "(+you@example.org)").allow(f"{ORIGIN}/b")


@pytest.mark.parametrize("agent", ["penstock/0.1", "other/7"])
def test_other_records_end_no_group(agent):
    """RFC 9309, section 2.2.4: both agents get both."""
    text = "User-agent: penstock\nCrawl-delay: 10\nUser-agent: other\nDisallow: /private/\n"
    found = rules(text, agent)
    assert not found.allow(f"{ORIGIN}/private/x")
    assert found.delay == 10.0


OTHERS = [
    "Sitemap: https://a.test/s.xml",
    "Crawl-delay: 2",
    "Host: a.test",
    "Unknown: x",
    "Request-rate: 1/5",
    "",
    "# x",
    "nonsense",
]
RECORDS = st.one_of(
    st.sampled_from(["penstock", "other", "*"]).map("User-agent: {}".format),
    st.sampled_from(["Allow: /a", "Disallow: /a", "Disallow: /", "Allow: /ab", "Disallow:", "Disallow: /*b"]),
)


@given(st.lists(RECORDS, max_size=12), st.data())
def test_wherever_other_records_stand_the_same_may_be_fetched(records, data):
    mixed = [part for record in records for part in (*data.draw(st.lists(st.sampled_from(OTHERS), max_size=2)), record)]
    for agent in ("penstock/1", "other/1", "somebody"):
        plain, other = rules("\n".join(records), agent), rules("\n".join(mixed), agent)
        for path in ("/", "/a", "/ab", "/b"):
            assert plain.allow(ORIGIN + path) == other.allow(ORIGIN + path)


def test_groups_for_the_same_agent_are_one():
    ours, others = "User-agent: penstock\nDisallow: /a\n", "User-agent: x\nDisallow: /\n"
    text = f"{ours}\n{others}\nUser-agent: Penstock\nCrawl-delay: 3\nDisallow: /b\n"
    found = rules(text)
    assert [found.allow(ORIGIN + path) for path in ("/a", "/b", "/c")] == [False, False, True]
    assert found.delay == 3.0


def test_our_own_group_without_a_rule_lets_everything_be_fetched():
    assert rules("User-agent: *\nDisallow: /\nUser-agent: penstock\n").allow(f"{ORIGIN}/x")


def test_rules_before_any_group_are_nobodys():
    assert rules("Disallow: /\nCrawl-delay: 9\nUser-agent: *\nDisallow: /x\n").allow(f"{ORIGIN}/y")
    assert rules("Disallow: /\nCrawl-delay: 9\nUser-agent: *\nDisallow: /x\n").delay == 0.0


@pytest.mark.parametrize("line", ["Disallow /x", "disalow: /x", "DISALLOW:/x", "  Disallow :  /x  # not this"])
def test_a_rule_is_read_leniently(line):
    assert not rules(f"User-agent *\n{line}\n").allow(f"{ORIGIN}/x")


@pytest.mark.parametrize("character", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
def test_what_ends_a_line_for_python_alone_ends_none(character):
    """Or a path that has it would be cut down to one that means more."""
    assert rules(f"User-agent: *\nDisallow: /{character}x\n").allow(f"{ORIGIN}/y")
    assert rules(f"User-agent: *\nDisallow: /y{character}Disallow: /z\n").allow(f"{ORIGIN}/z")


def test_of_several_delays_the_longest_holds():
    assert rules("User-agent: *\nCrawl-delay: 5\nCrawl-delay: 7\nCrawl-delay: 1\nCrawl-delay: x\n").delay == 7.0
