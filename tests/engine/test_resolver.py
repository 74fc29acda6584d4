"""c-ares as it is really there: what its statuses mean, and that it keeps nothing it was not asked to."""

from __future__ import annotations

import select
import time

import pycares
import pytest

from penstock.core.web.model import Kind, Reason
from penstock.engine import resolver
from penstock.engine.resolver import IPV4, IPV6, AddressRecords, Resolver
from penstock.engine.sockets import Sockets
from penstock.testing.names import NXDOMAIN, SERVFAIL, NameServer, Says

MEANT = {
    "ARES_ENODATA": "dns_not_found",
    "ARES_ENOTFOUND": "dns_not_found",
    "ARES_EBADNAME": "dns_not_found",
    "ARES_ETIMEOUT": "timeout_dns",
    "ARES_ESERVFAIL": "dns_temporary",
    "ARES_EREFUSED": "dns_temporary",
    "ARES_ECONNREFUSED": "dns_temporary",
    "ARES_EBADRESP": "dns_temporary",
}


@pytest.fixture
def opened():
    made = []

    def make(script):
        server = NameServer(script)
        server.__enter__()
        sockets = Sockets()
        asking = Resolver(sockets, server.address, time.monotonic)
        made.append((server, sockets, asking))
        return server, sockets, asking

    yield make
    for server, sockets, asking in made:
        asking.close()
        asking.close()
        sockets.close()
        server.__exit__(None, None, None)


def heard(sockets: Sockets, asking: Resolver, count: int) -> list[AddressRecords]:
    found: list[AddressRecords] = []
    until = time.monotonic() + 5
    while len(found) < count and time.monotonic() < until:
        for fd, events in sockets.wait(0.5):
            asking.process(fd, events)
        while (records := asking.take()) is not None:
            found.append(records)
    return found


@pytest.mark.parametrize(("name", "reason"), MEANT.items())
def test_what_its_statuses_mean(name, reason):
    status = getattr(pycares.errno, name)
    assert resolver._make_failure("a.test", IPV4, status).error == reason


def test_every_status_comes_to_a_failure_about_names():
    for status in pycares.errno.errorcode:
        records = resolver._make_failure("a.test", IPV4, status)
        assert records.error in (Reason.DNS_NOT_FOUND, Reason.DNS_TEMPORARY, Reason.TIMEOUT_DNS)
        assert records.error.kind is Kind.FAILED
        assert records.detail
    cancelled = {pycares.errno.ARES_ECANCELLED, pycares.errno.ARES_EDESTRUCTION}
    assert cancelled == resolver.CANCELLED
    assert {pycares.errno.ARES_ENOTFOUND, pycares.errno.ARES_EBADNAME} == resolver.NOT_FOUND
    assert (pycares.QUERY_TYPE_A, pycares.QUERY_TYPE_AAAA) == (IPV4, IPV6)
    assert pycares.ARES_SOCKET_BAD in (resolver.NO_SOCKET, 2**32 - 1, 2**64 - 1)


def test_records_come_with_their_ttl_and_refusals_with_words(opened):
    _, sockets, asking = opened({"a.test": Says(("1.1.1.1", "1.1.1.2", "2a00::1"), ttl=77), "b.test": NXDOMAIN})
    asking.ask("a.test", IPV4)
    asking.ask("a.test", IPV6)
    asking.ask("b.test", IPV4)
    found = {(records.name, records.family): records for records in heard(sockets, asking, 3)}
    assert sorted(found["a.test", IPV4].addresses) == ["1.1.1.1", "1.1.1.2"]
    assert (found["a.test", IPV6].addresses, found["a.test", IPV6].ttl) == (("2a00::1",), 77)
    assert (found["b.test", IPV4].error, found["b.test", IPV4].absent) == (Reason.DNS_NOT_FOUND, True)


def test_an_unlikely_name_is_answered_at_once_and_once(opened):
    _, _, asking = opened({})
    for name in ("a!b.test", "a..b", "x" * 64 + ".test", ".".join(["x" * 60] * 5)):
        asking.ask(name, IPV4)
        records = asking.take()
        assert (records.name, records.error, records.absent) == (name, Reason.DNS_NOT_FOUND, True)
        assert asking.take() is None
    assert asking.deadline() is None


def test_its_sockets_go_when_nothing_is_asked_any_more(opened):
    _, sockets, asking = opened({"a.test": "1.1.1.1"})
    asking.ask("a.test", IPV4)
    assert asking.fds
    assert asking.deadline() is not None
    heard(sockets, asking, 1)
    assert not asking.fds
    assert asking.deadline() is None
    asking.ask("b.test", IPV4)
    asking.cancel()
    assert not asking.fds
    assert asking.take() is None
    assert not select.select([sockets.fileno()], [], [], 0)[0]


def test_it_is_made_to_forget_its_own_cache_and_no_question_is_lost_by_that(opened, monkeypatch):
    """A second question for what it knew goes out again."""
    monkeypatch.setattr(resolver, "FLUSH_AFTER", 5)
    server, sockets, asking = opened({"*": Says(("1.1.1.1",), ttl=3600), "broken.test": SERVFAIL})
    for number in range(20):
        asking.ask(f"{number}.test", IPV4)
    assert len(heard(sockets, asking, 20)) == 20
    for number in range(20):
        asking.ask(f"{number}.test", IPV4)
    assert len(heard(sockets, asking, 20)) == 20
    assert server.questions() > 30
    assert asking._channel.servers == [server.address]
