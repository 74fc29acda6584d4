"""What the engine does if this process really has no descriptor left, and how a shortage is reported."""

from __future__ import annotations

import errno
import os
import resource
import socket
import time
from contextlib import contextmanager

import pytest

from penstock.core.schedule.answers import Bottleneck
from penstock.core.schedule.shortage import NO_SHORTAGE, RECOVERY, Shortage
from penstock.core.web.model import Reason
from penstock.engine import dns
from penstock.engine.dns import Names
from penstock.engine.resolver import IPV4, Resolver
from penstock.engine.resources import FLEETING, Resources
from penstock.engine.sockets import READ, Sockets
from penstock.machine.descriptors import free_descriptors, has_no_descriptors, look, raise_descriptors


@contextmanager
def nothing_left():
    """Not one descriptor, for as long as it lasts: nothing may be imported meanwhile, and no test fail."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(fd) for fd in os.listdir("/dev/fd"))
    taken = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
    try:
        try:
            while True:
                taken.append(os.dup(0))
        except OSError:
            pass
        yield
    finally:
        for fd in taken:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def allowed():
    return 100


@pytest.fixture
def sockets():
    made = Sockets()
    yield made
    made.close()


def test_it_is_known_when_there_is_no_descriptor_left():
    with nothing_left():
        none = has_no_descriptors()
    assert none
    assert not has_no_descriptors()


def test_a_name_server_that_cannot_be_asked_says_so(sockets):
    """c-ares reads resolv.conf first; with nothing left it asks nobody, and it can be asked again later."""
    with_channel = Resolver(sockets, "127.0.0.1:9", time.monotonic)
    with_channel.ask("a.test", IPV4)
    with_channel.close()
    asking = Resolver(sockets, None, time.monotonic)
    with nothing_left():
        asking.ask("a.test", IPV4)
        records = asking.take()
    assert (records.error, records.addresses, asking.deadline()) == (Reason.DNS_TEMPORARY, (), None)
    asking.close()


def test_a_hosts_file_that_cannot_be_read_now_is_read_later(sockets, monkeypatch, tmp_path):
    """It would be taken for empty for the rest of the run, and its names be asked for in the world."""
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.7 mine.test\n")
    monkeypatch.setattr(dns, "HOSTS_FILE", hosts)
    names = Names(Resolver(sockets, "127.0.0.1:9", time.monotonic))
    with nothing_left():
        answer = names.ask("mine.test", "w", 0.0)
    assert answer.error is Reason.DNS_TEMPORARY
    assert names.ask("mine.test", "w", 0.0).addresses == ("127.0.0.7",)


def test_an_idle_connection_that_stirs_is_shut_down_without_another_descriptor(sockets):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sockets.opened(ours.fileno())
        sockets.watch(ours.fileno(), READ)
        sockets.release(ours.fileno())
        theirs.send(b"unasked")
        with nothing_left():
            ready = sockets.wait(0)
        assert ready == []
        assert theirs.recv(1) == b""
        assert ours.fileno() >= 0


def test_the_socket_of_one_that_is_paused_is_left_in_peace(sockets):
    """libcurl lets go of it as of an idle one; what arrives is the rest of a body."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sockets.opened(ours.fileno())
        sockets.watch(ours.fileno(), READ)
        sockets.release(ours.fileno())
        sockets.hush(ours.fileno())
        theirs.send(b"more")
        assert sockets.wait(0) == []
        sockets.watch(ours.fileno(), READ)
        assert sockets.wait(0) == [(ours.fileno(), READ)]


# What is a shortage, and what follows


def test_what_looks_like_a_shortage_just_after_one_is_one():
    """The end of another request may have left a descriptor before anybody could look."""
    resources = Resources(allowed)
    assert resources.find_lack(10.0, 0, ipv4=True) is None
    with nothing_left():
        lacking = resources.find_lack(10.0, 0, ipv4=True)
    assert lacking == "file descriptors"
    assert resources.find_lack(10.0 + FLEETING / 2, 0, ipv4=True) == "file descriptors"
    assert resources.find_lack(10.0 + FLEETING / 2, errno.ECONNREFUSED, ipv4=True) is None
    assert resources.find_lack(10.0 + 2 * FLEETING, 0, ipv4=True) is None


def test_an_address_that_is_not_available_is_a_lack_of_ports_in_ipv4_alone():
    """With IPv6 it says as well that this machine has none, and will say so for ever."""
    resources = Resources(allowed)
    assert resources.find_lack(0.0, errno.EADDRNOTAVAIL, ipv4=True) == "ports for connections"
    assert Resources(allowed).find_lack(0.0, errno.EADDRNOTAVAIL, ipv4=False) is None


def test_a_shortage_lowers_the_ceiling_says_so_once_and_raises_it_later():
    told = []
    resources = Resources(allowed, tell=told.append)
    assert resources.shortage is NO_SHORTAGE
    resources.lower("file descriptors", 60, 0.0)
    assert resources.most == 54
    resources.lower("file descriptors", 50, 0.1)
    assert resources.most == 45
    assert resources.shortage == Shortage(ceiling=45)
    assert resources.bound is Bottleneck.DESCRIPTORS
    assert len(told) == 1
    resources.count(1.0, 0)
    assert resources.most == 45
    resources.count(0.1 + RECOVERY, 0)
    assert resources.most == 49
    now = 0.1 + RECOVERY
    while resources.bound:
        now += RECOVERY
        resources.count(now, 0)
    assert resources.most == 100
    assert resources.shortage == NO_SHORTAGE
    resources.lower("file descriptors", 60, now)
    assert len(told) == 1


def test_memory_is_full_until_there_is_room_worth_a_start():
    """Requests must not start and stop at every chunk."""
    waiting = [0]
    resources = Resources(allowed, undelivered=lambda: waiting[0], memory=1_000, body=200)
    resources.count(0.0, 0)
    assert not resources.shortage.full
    waiting[0] = 500
    resources.count(0.0, 300)
    assert resources.shortage.full
    waiting[0] = 700
    resources.count(0.0, 0)
    assert resources.shortage.full
    waiting[0] = 599
    resources.count(0.0, 0)
    assert not resources.shortage.full


def test_without_limits_nothing_is_lowered():
    """For a single page on its way."""
    resources = Resources()
    resources.lower("file descriptors", 60, 0.0)
    resources.count(0.0, 10**12)
    assert (resources.most, resources.shortage, resources.bound) == (0, NO_SHORTAGE, None)


# Before anything is sent


def test_a_process_counts_its_own_descriptors():
    most, free = free_descriptors()
    with socket.socket():
        assert free_descriptors() == (most, free - 1)


def test_what_does_not_fit_is_said_in_one_line():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = soft - free_descriptors()[1]
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + 50, hard))
        found = look(100, 2)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (found.concurrency, found.connections) == (30, 30)
    assert "no more than 30 requests run at once, not 100" in found.lowered
    assert "\n" not in found.lowered
    assert look(1, 2).lowered is None


def test_the_soft_limit_is_raised_to_the_hard_one():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 1_000), hard))
        raise_descriptors()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
