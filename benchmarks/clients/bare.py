"""The bare engine loop: libcurl's multi interface on one epoll, and nothing else.

It stores nothing.

The reference of the others, the least that Python with libcurl can do: no
deadlines, no records, no bounds, no errors. It treats the name cache and connection
cache of libcurl like ``penstock.engine``, as it would otherwise lose on many hosts to
the clients compared with it.
"""

from __future__ import annotations

import select
import time
from collections.abc import Iterator
from typing import Any, Final

import pycurl

from benchmarks.clients.protocol import Task, main

CONNECTIONS_PER_SLOT: Final = 2
"""As in ``penstock.engine.curl``: the default keeps four for each running request."""

EVENTS: Final = {
    pycurl.POLL_IN: select.EPOLLIN,
    pycurl.POLL_OUT: select.EPOLLOUT,
    pycurl.POLL_INOUT: select.EPOLLIN | select.EPOLLOUT,
}


class Loop:
    """One multi handle and one epoll; a handle that has finished takes the next URL."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.size = task.size
        self.epoll = select.epoll()
        self.watched: dict[int, int] = {}
        self.timer: float | None = None
        self.multi = pycurl.CurlMulti()
        self.multi.setopt(pycurl.M_SOCKETFUNCTION, self.on_socket)
        self.multi.setopt(pycurl.M_TIMERFUNCTION, self.on_timer)
        self.multi.setopt(pycurl.M_MAXCONNECTS, CONNECTIONS_PER_SLOT * task.concurrency)
        self.chunks: dict[pycurl.Curl, list[bytes]] = {}
        self.free = [self.handle() for _ in range(task.concurrency)]

    def handle(self) -> pycurl.Curl:
        """An easy handle that gathers its body, with headers as in the engine."""
        easy = pycurl.Curl()
        chunks: list[bytes] = []
        easy.setopt(pycurl.WRITEFUNCTION, chunks.append)
        easy.setopt(pycurl.NOSIGNAL, 1)
        easy.setopt(pycurl.PROXY, "")
        # libcurl prunes its name cache by walking all of it at the end of every
        # transfer.
        easy.setopt(pycurl.DNS_CACHE_TIMEOUT, 0)
        if self.task.cacert is not None:
            easy.setopt(pycurl.CAINFO, self.task.cacert)
            easy.setopt(pycurl.CONNECT_TO, [self.task.connect_to])
        self.chunks[easy] = chunks
        return easy

    def on_socket(self, what: int, fd: int, _multi: Any, _data: Any) -> None:
        if what == pycurl.POLL_REMOVE:
            if self.watched.pop(fd, None) is not None:
                self.epoll.unregister(fd)
        elif fd not in self.watched:
            self.watched[fd] = what
            self.epoll.register(fd, EVENTS[what])
        elif self.watched[fd] != what:
            self.watched[fd] = what
            self.epoll.modify(fd, EVENTS[what])

    def on_timer(self, milliseconds: int) -> None:
        self.timer = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000

    def run(self, urls: Iterator[str]) -> int:
        """Fetch all of *urls*; how many came as they should."""
        ok = 0
        self.start(urls)
        while self.is_busy():
            timeout = -1 if self.timer is None else max(0.0, self.timer - time.monotonic())
            if timeout == 0:
                self.timer = None
                # It may end every transfer, so the wait below must not block.
                self.multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
            for fd, events in self.epoll.poll(timeout):
                action = pycurl.CSELECT_IN if events & ~select.EPOLLOUT else 0
                if events & select.EPOLLOUT:
                    action |= pycurl.CSELECT_OUT
                self.multi.socket_action(fd, action)
            ok += self.harvest()
            self.start(urls)
        return ok

    def is_busy(self) -> bool:
        return len(self.free) < len(self.chunks)

    def start(self, urls: Iterator[str]) -> None:
        while self.free:
            url = next(urls, None)
            if url is None:
                return
            easy = self.free.pop()
            easy.setopt(pycurl.URL, url)
            self.multi.add_handle(easy)

    def harvest(self) -> int:
        ok = 0
        while True:
            queued, whole, broken = self.multi.info_read()
            for easy in whole:
                chunks = self.chunks[easy]
                ok += easy.getinfo(pycurl.RESPONSE_CODE) == 200 and len(b"".join(chunks)) == self.size
                chunks.clear()
                self.multi.remove_handle(easy)
                self.free.append(easy)
            for easy, _code, _words in broken:
                self.chunks[easy].clear()
                self.multi.remove_handle(easy)
                self.free.append(easy)
            if not queued:
                return ok


def fetch(task: Task) -> int:
    return Loop(task).run(task.lines())


if __name__ == "__main__":
    main(fetch)
