"""Names as a stage: who is told what and when, what is remembered, and how much is asked at once; in virtual time."""

from __future__ import annotations

import pytest
from tests.engine.asked import Asked

from penstock.core.web.model import Reason
from penstock.engine import dns
from penstock.engine.dns import AT_ONCE, Answer, Names, read_hosts
from penstock.engine.resolver import IPV4, IPV6


class Story:
    """Names, and what has come of them so far."""

    def __init__(self, hosts=(), families=(IPV4, IPV6)):
        self.asked = Asked()
        self.families = families
        self.names = Names(self.asked, dict(hosts), families=lambda _now: self.families)
        self.now = 0.0

    def ask(self, name, waiter):
        return self.names.ask(name, waiter, self.now)

    def told(self):
        """Whom something was told, and what, since this was asked last."""
        self.names.process(0, 0, self.now)
        told = list(self.names.answers)
        self.names.answers.clear()
        return told

    def pass_to(self, now):
        """Let time pass, doing what is due on the way."""
        while (due := self.names.deadline()) is not None and due <= now:
            self.now = max(due, self.now)
            self.names.tick(self.now)
        self.now = now


@pytest.fixture
def story():
    return Story()


def test_both_families_are_asked_for_at_once(story):
    assert story.ask("a.test", "w") is None
    assert story.asked.questions == [("a.test", IPV4), ("a.test", IPV6)]


@pytest.mark.parametrize("only", [IPV4, IPV6])
def test_a_family_without_a_way_out_is_not_asked_for(only):
    """One answer is the whole one then, and nothing is waited for."""
    story = Story(families=(only,))
    story.ask("a.test", "w")
    assert story.asked.questions == [("a.test", only)]
    address = "1.1.1.1" if only == IPV4 else "2a00::1"
    story.asked.say("a.test", only, address)
    assert story.told() == [("w", Answer((address,)))]
    assert story.ask("a.test", "v") == Answer((address,))


def test_a_name_without_an_address_of_the_family_is_asked_for_the_others(story):
    """So that ::1 is found where there is no other IPv6, and what fails fails by the address that it has."""
    story.families = (IPV4,)
    story.ask("a.test", "w")
    story.asked.say("a.test", IPV4)
    assert story.told() == []
    assert story.asked.questions == [("a.test", IPV4), ("a.test", IPV6)]
    story.asked.say("a.test", IPV6, "::1")
    assert story.told() == [("w", Answer(("::1",)))]


def test_a_name_without_any_address_is_asked_for_each_family_once(story):
    story.families = (IPV4,)
    story.ask("a.test", "w")
    story.asked.say("a.test", IPV4)
    story.told()
    story.asked.say("a.test", IPV6)
    [(_, answer)] = story.told()
    assert answer.error is Reason.DNS_NOT_FOUND
    assert len(story.asked.questions) == 2


@pytest.mark.parametrize(("reason", "absent"), [(Reason.DNS_TEMPORARY, False), (Reason.DNS_NOT_FOUND, True)])
def test_a_failure_and_a_name_that_does_not_exist_are_no_reason_to_ask_for_the_others(story, reason, absent):
    story.families = (IPV4,)
    story.ask("a.test", "w")
    story.asked.fail("a.test", IPV4, reason, absent=absent)
    [(_, answer)] = story.told()
    assert answer.error is reason
    assert len(story.asked.questions) == 1


def test_families_may_come_and_go_between_two_look_ups(story):
    story.families = (IPV4,)
    story.ask("a.test", "w")
    story.families = (IPV4, IPV6)
    story.ask("b.test", "w")
    assert story.asked.questions == [("a.test", IPV4), ("b.test", IPV4), ("b.test", IPV6)]


def test_an_answer_has_the_addresses_of_both(story):
    story.ask("a.test", "w")
    story.asked.say("a.test", IPV6, "2a00::1")
    story.asked.say("a.test", IPV4, "1.1.1.1", "1.1.1.2")
    assert story.told() == [("w", Answer(("2a00::1", "1.1.1.1", "1.1.1.2")))]


def test_who_came_late_to_a_look_up_that_fails_has_one_of_their_own(story):
    """A name server that was silent until a moment ago: what it did before is not what they meet with."""
    story.families = (IPV4,)
    story.ask("a.test", "early")
    story.pass_to(5.0)
    story.ask("a.test", "late")
    story.asked.fail("a.test", IPV4, Reason.TIMEOUT_DNS)
    [(waiter, answer)] = story.told()
    assert (waiter, answer.error) == ("early", Reason.TIMEOUT_DNS)
    assert story.asked.questions == [("a.test", IPV4), ("a.test", IPV4)]
    story.asked.say("a.test", IPV4, "1.1.1.1")
    assert story.told() == [("late", Answer(("1.1.1.1",)))]


def test_all_who_wait_for_a_name_are_told_of_one_look_up(story):
    for waiter in "abc":
        story.ask("a.test", waiter)
    story.names.leave("a.test", "b")
    story.asked.both("a.test")
    assert [waiter for waiter, _ in story.told()] == ["a", "c"]
    assert len(story.asked.questions) == 2


def test_a_dot_at_the_end_makes_no_other_name(story):
    story.ask("a.test.", "w")
    story.ask("a.test", "v")
    story.asked.both("a.test")
    assert len(story.told()) == 2
    assert story.ask("a.test.", "x") == Answer(("1.1.1.1",))


@pytest.mark.parametrize(("first", "patience"), [(IPV4, 0.05), (IPV6, 0.5)])
def test_half_an_answer_waits_a_little_for_the_other_half(story, first, patience):
    """RFC 8305, section 3; longer for IPv4, which works nearly everywhere."""
    story.ask("a.test", "w")
    address = "1.1.1.1" if first == IPV4 else "2a00::1"
    story.asked.say("a.test", first, address)
    assert story.told() == []
    story.pass_to(patience - 0.001)
    assert story.told() == []
    story.pass_to(patience)
    assert story.told() == [("w", Answer((address,)))]


def test_who_asks_while_half_an_answer_is_there_gets_that(story):
    story.ask("a.test", "w")
    story.asked.say("a.test", IPV4, "1.1.1.1")
    story.told()
    story.pass_to(0.05)
    assert story.ask("a.test", "v") == Answer(("1.1.1.1",))


def test_a_half_that_comes_late_is_remembered(story):
    story.ask("a.test", "w")
    story.asked.say("a.test", IPV4, "1.1.1.1")
    story.told()
    story.pass_to(0.05)
    assert len(story.told()) == 1
    story.asked.say("a.test", IPV6, "2a00::1")
    assert story.told() == []
    assert story.ask("a.test", "v") == Answer(("1.1.1.1", "2a00::1"))


def test_a_half_that_has_no_address_waits_for_the_other_as_long_as_it_takes(story):
    story.ask("a.test", "w")
    story.asked.say("a.test", IPV4)
    story.told()
    story.pass_to(100.0)
    assert story.told() == []
    story.asked.say("a.test", IPV6, "2a00::1")
    assert story.told() == [("w", Answer(("2a00::1",)))]


def test_a_name_that_does_not_exist_has_no_other_half(story):
    story.ask("a.test", "w")
    story.asked.fail("a.test", IPV6, Reason.DNS_NOT_FOUND, absent=True)
    assert story.told() == [("w", Answer(error=Reason.DNS_NOT_FOUND, detail="dns_not_found"))]


@pytest.mark.parametrize(
    ("ipv4", "ipv6", "reason"),
    [
        (Reason.DNS_NOT_FOUND, Reason.DNS_NOT_FOUND, Reason.DNS_NOT_FOUND),
        (Reason.DNS_NOT_FOUND, Reason.DNS_TEMPORARY, Reason.DNS_TEMPORARY),
        (Reason.TIMEOUT_DNS, Reason.DNS_NOT_FOUND, Reason.TIMEOUT_DNS),
        (Reason.TIMEOUT_DNS, Reason.TIMEOUT_DNS, Reason.TIMEOUT_DNS),
    ],
)
def test_what_may_be_better_next_time_outweighs_a_no_and_is_not_remembered(story, ipv4, ipv6, reason):
    story.ask("a.test", "w")
    story.asked.fail("a.test", IPV4, ipv4)
    story.asked.fail("a.test", IPV6, ipv6)
    [(_, answer)] = story.told()
    assert answer.error is reason
    assert (story.ask("a.test", "w") is None) == reason.transient


def test_an_answer_holds_for_its_ttl(story):
    story.ask("a.test", "w")
    story.asked.say("a.test", IPV4, "1.1.1.1", ttl=30)
    story.asked.say("a.test", IPV6, "2a00::1", ttl=20)
    story.told()
    story.now = 19.9
    assert story.ask("a.test", "v").addresses
    story.now = 20.0
    assert story.ask("a.test", "v") is None
    assert len(story.asked.questions) == 4


def test_no_answer_holds_for_more_than_an_hour(story):
    story.ask("a.test", "w")
    story.asked.both("a.test", ttl=10**6)
    story.told()
    story.now = 3600.0
    assert story.ask("a.test", "v") is None


def test_an_answer_without_a_life_is_not_remembered(story):
    story.ask("a.test", "w")
    story.asked.both("a.test", ttl=0)
    assert len(story.told()) == 1
    assert story.ask("a.test", "v") is None


def test_what_does_not_exist_is_remembered_for_a_minute(story):
    story.ask("a.test", "w")
    story.asked.fail("a.test", IPV4, Reason.DNS_NOT_FOUND, absent=True)
    story.told()
    story.now = 59.9
    assert story.ask("a.test", "v").error is Reason.DNS_NOT_FOUND
    story.now = 60.0
    assert story.ask("a.test", "v") is None


def test_a_bounded_number_of_names_is_remembered_and_the_oldest_forgotten(story, monkeypatch):
    monkeypatch.setattr(dns, "ENTRIES", 3)
    for number in range(5):
        story.ask(f"{number}.test", "w")
        story.asked.both(f"{number}.test")
        story.told()
    assert [story.ask(f"{number}.test", "v") is not None for number in range(5)] == [False, False, True, True, True]


def test_a_bounded_number_of_addresses_is_kept(story):
    story.ask("a.test", "w")
    story.asked.say("a.test", IPV4, *(f"1.1.{number}.1" for number in range(250)))
    story.asked.say("a.test", IPV6, *(f"2a00::{number:x}" for number in range(250)))
    [(_, answer)] = story.told()
    assert len(answer.addresses) == 2 * dns.PER_FAMILY


def test_so_many_look_ups_are_under_way_at_once_and_no_more(story):
    for number in range(AT_ONCE + 2):
        story.ask(f"{number}.test", number)
    assert len(story.asked.questions) == 2 * AT_ONCE
    assert list(story.names.begun) == list(range(AT_ONCE))
    story.names.begun.clear()
    story.asked.both("0.test")
    story.told()
    assert story.asked.questions[-1] == (f"{AT_ONCE}.test", IPV6)
    assert list(story.names.begun) == [AT_ONCE]


def test_who_asks_for_a_name_under_way_has_begun_to_wait(story):
    story.ask("a.test", "w")
    story.ask("a.test", "v")
    assert list(story.names.begun) == ["w", "v"]


def test_a_name_nobody_waits_for_any_more_is_not_asked_for(story):
    for number in range(AT_ONCE + 1):
        story.ask(f"{number}.test", number)
    story.names.leave(f"{AT_ONCE}.test", AT_ONCE)
    story.asked.both("0.test")
    story.told()
    assert len(story.asked.questions) == 2 * AT_ONCE
    assert story.ask(f"{AT_ONCE}.test", "w") is None
    assert len(story.asked.questions) == 2 * AT_ONCE + 2


def test_names_whose_servers_are_dead_make_room_for_others_after_a_second(story):
    for number in range(AT_ONCE + 1):
        story.ask(f"{number}.test", number)
    story.pass_to(0.999)
    assert len(story.asked.questions) == 2 * AT_ONCE
    story.pass_to(1.0)
    assert len(story.asked.questions) == 2 * AT_ONCE + 2
    for number in range(AT_ONCE):
        story.asked.fail(f"{number}.test", IPV4, Reason.TIMEOUT_DNS)
        story.asked.fail(f"{number}.test", IPV6, Reason.TIMEOUT_DNS)
    assert len(story.told()) == AT_ONCE
    assert story.names._counted == 1, "room that was made is not made again"


def test_cancelling_forgets_who_waits_and_keeps_what_is_known(story):
    story.ask("a.test", "w")
    story.asked.both("a.test")
    story.told()
    for number in range(AT_ONCE + 5):
        story.ask(f"{number}.test", number)
    story.names.cancel()
    story.asked.both("0.test")
    assert (story.told(), story.names.deadline(), list(story.names.begun)) == ([], None, [])
    assert story.ask("a.test", "v") == Answer(("1.1.1.1",))
    assert story.ask("0.test", "v") is None
    assert story.names._counted == 1
    story.names.close()
    assert story.asked.closed == 1


def test_names_of_this_machine_are_never_asked_for():
    story = Story({"own.test": ("10.0.0.1",), "localhost": ("127.0.0.1",)})
    assert story.ask("own.test", "w") == Answer(("10.0.0.1",))
    assert story.ask("localhost", "w") == Answer(("127.0.0.1",))
    assert story.ask("a.localhost.", "w") == Answer(("127.0.0.1", "::1"))
    assert story.asked.questions == []


def test_the_hosts_file_is_read_as_hosts_5_says(tmp_path):
    file = tmp_path / "hosts"
    file.write_bytes(
        b"# a comment\n\n127.0.0.1\tlocalhost Other.Test. # more\n::1 localhost\n127.0.0.1 localhost\n"
        b"10.0.0.1\nnot-an-address name.test\nfe80::1%lo0 linked.test\n\xff\xfe 1.1.1.1\n"
    )
    assert read_hosts(file) == {"localhost": ("127.0.0.1", "::1"), "other.test": ("127.0.0.1",)}
    assert read_hosts(tmp_path / "nothing") == {}
