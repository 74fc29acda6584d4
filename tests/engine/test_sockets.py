"""Which descriptors stay watched between requests."""

from __future__ import annotations

import os
import socket

import pytest

from penstock.engine.polling import READ, WRITE, SelectorPoller, open_poller
from penstock.engine.sockets import Sockets


@pytest.fixture(params=[open_poller, SelectorPoller])
def sockets(request, monkeypatch):
    monkeypatch.setattr("penstock.engine.sockets.open_poller", request.param)
    opened = Sockets()
    yield opened
    opened.close()


@pytest.fixture
def pair():
    one, other = socket.socketpair()
    with one, other:
        yield one, other


def make_idle(sockets: Sockets, fd: int) -> None:
    """Use *fd* as libcurl uses a connection, up to the end of its first request."""
    sockets.add(fd)
    sockets.watch(fd, WRITE)
    sockets.watch(fd, READ)
    sockets.release(fd)


def test_an_idle_connection_that_stirs_is_shut_down(sockets, pair):
    connection, server = pair
    make_idle(sockets, connection.fileno())
    server.send(b"unasked")
    assert sockets.wait(0) == []
    assert server.recv(1) == b""


def test_a_connection_in_use_again_is_not_shut_down(sockets, pair):
    connection, server = pair
    make_idle(sockets, connection.fileno())
    sockets.watch(connection.fileno(), READ)
    server.send(b"answer")
    assert sockets.wait(0) == [(connection.fileno(), READ)]


def test_a_new_connection_with_the_number_of_a_closed_one_is_a_connection(sockets, pair):
    one, other = socket.socketpair()
    with one, other:
        fd = pair[0].fileno()
        make_idle(sockets, fd)
        os.dup2(one.fileno(), fd)
        make_idle(sockets, fd)
        other.send(b"unasked")
        assert sockets.wait(0) == []
        assert other.recv(1) == b""


def test_another_socket_with_the_number_of_a_closed_connection_is_no_connection(sockets, pair):
    """libcurl watches sockets of its own, as to its resolver; released, they are not to be touched."""
    one, other = socket.socketpair()
    with one, other:
        fd = pair[0].fileno()
        make_idle(sockets, fd)
        os.dup2(one.fileno(), fd)
        sockets.watch(fd, READ)
        other.send(b"x")
        assert sockets.wait(0) == [(fd, READ)]
        sockets.release(fd)
        assert sockets.wait(0) == []
        other.settimeout(0)
        with pytest.raises(BlockingIOError):
            other.recv(1)
