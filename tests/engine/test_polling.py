"""Both pollers watch descriptors alike."""

from __future__ import annotations

import os
import select
import socket

import pytest

from penstock.engine.polling import READ, WRITE, EpollPoller, SelectorPoller, open_poller

POLLERS = [
    SelectorPoller,
    pytest.param(EpollPoller, marks=pytest.mark.skipif(not hasattr(select, "epoll"), reason="epoll is Linux's")),
]


@pytest.fixture(params=POLLERS)
def poller(request):
    opened = request.param()
    yield opened
    opened.close()


@pytest.fixture
def pair():
    one, other = socket.socketpair()
    with one, other:
        yield one, other


def test_a_descriptor_is_ready_for_what_it_is_watched_for(poller, pair):
    fd = pair[0].fileno()
    poller.register(fd, READ)
    assert poller.poll(0) == []
    poller.modify(fd, WRITE)
    assert poller.poll(None) == [(fd, WRITE)]
    pair[1].send(b"x")
    assert poller.poll(-1.0) == [(fd, WRITE)]
    poller.modify(fd, READ)
    assert poller.poll(1.0) == [(fd, READ)]
    poller.modify(fd, READ | WRITE)
    assert poller.poll(1.0) == [(fd, READ | WRITE)]
    poller.unregister(fd)
    assert poller.poll(0) == []


def test_a_hang_up_wakes_who_waits_to_write(poller):
    read, write = os.pipe()
    try:
        os.set_blocking(write, False)
        while select.select([], [write], [], 0)[1]:
            os.write(write, b"x" * 4096)
        poller.register(write, WRITE)
        assert poller.poll(0) == []
    finally:
        os.close(read)
    ((fd, events),) = poller.poll(1.0)
    assert fd == write
    assert events & WRITE
    poller.unregister(write)
    os.close(write)


def test_a_closed_descriptor_can_be_unregistered(poller, pair):
    fd = pair[0].fileno()
    poller.register(fd, READ)
    pair[0].close()
    poller.unregister(fd)
    assert poller.poll(0) == []


def test_a_number_that_has_become_that_of_another_file_is_watched_anew(poller, pair):
    """The owner does not say when it closes a file; the next one may get its number."""
    (second, writer), (third, peer) = socket.socketpair(), socket.socketpair()
    with second, writer, third, peer:
        fd = pair[0].fileno()
        poller.register(fd, READ)
        assert poller.modify(fd, READ)
        os.dup2(second.fileno(), fd)
        second.close()
        writer.send(b"x")
        assert not poller.modify(fd, READ)
        assert poller.poll(1.0) == [(fd, READ)]
        os.dup2(third.fileno(), fd)
        poller.register(fd, WRITE)
        assert poller.poll(1.0) == [(fd, WRITE)]
        poller.unregister(fd)
        assert poller.poll(0) == []


def test_the_pollers_own_descriptor_is_readable_when_one_of_its_own_is(poller, pair):
    poller.register(pair[0].fileno(), READ)
    assert select.select([poller.fileno()], [], [], 0)[0] == []
    pair[1].send(b"x")
    assert select.select([poller.fileno()], [], [], 1)[0] == [poller.fileno()]


def test_linux_has_epoll(poller, monkeypatch):
    if hasattr(select, "epoll"):
        assert type(open_poller()) is EpollPoller
        monkeypatch.delattr(select, "epoll")
    assert type(open_poller()) is SelectorPoller
