"""The name server for tests: says what it is told to, and counts; asked here by hand."""

from __future__ import annotations

import socket
import struct

import pytest

from penstock.testing.names import NXDOMAIN, REFUSED, SERVFAIL, SILENT, NameServer, Says

A, AAAA, MX = 1, 28, 15


def question(name, kind=A, number=7):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + labels + struct.pack(">BHH", 0, kind, 1)


def endpoint(server):
    host, _, port = server.address.rpartition(":")
    return host, int(port)


def by_udp(server, name, kind=A):
    with socket.socket(type=socket.SOCK_DGRAM) as asking:
        asking.settimeout(5)
        asking.sendto(question(name, kind), endpoint(server))
        return asking.recv(65536)


def by_tcp(server, name, kind=A):
    with socket.create_connection(endpoint(server), timeout=5) as asking:
        asked = question(name, kind)
        asking.sendall(len(asked).to_bytes(2, "big") + asked[:5])
        asking.sendall(asked[5:])
        reply = b""
        while len(reply) < 2 or len(reply) < 2 + int.from_bytes(reply[:2], "big"):
            reply += asking.recv(65536)
        return reply[2:]


def told(reply):
    """The error code, whether the answer is cut off, and the addresses in it with their TTL."""
    number, flags, questions, answers, _, _ = struct.unpack(">HHHHHH", reply[:12])
    assert (number, questions, flags >> 15) == (7, 1, 1)
    at = reply.index(b"\0", 12) + 5
    found = []
    for _ in range(answers):
        _, kind, _, ttl, length = struct.unpack(">HHHIH", reply[at : at + 12])
        family = socket.AF_INET6 if kind == AAAA else socket.AF_INET
        found.append((socket.inet_ntop(family, reply[at + 12 : at + 12 + length]), ttl))
        at += 12 + length
    assert at == len(reply)
    return flags & 15, bool(flags & 0x200), found


@pytest.fixture
def server():
    script = {
        "a.test": Says(("1.1.1.1", "2a00::1", "1.1.1.2"), ttl=9),
        "b.test": "1.1.1.1",
        "turns.test": ["1.1.1.1", SERVFAIL, "1.1.1.3"],
        "mixed.test": "1.1.1.1",
        "mixed.test AAAA": REFUSED,
        "cut.test": Says(("1.1.1.1",), truncated=True),
        "many.test": Says(tuple(f"1.1.{number}.1" for number in range(200))),
        "silent.test": SILENT,
    }
    with NameServer(script) as server:
        yield server


@pytest.mark.parametrize("ask", [by_udp, by_tcp])
def test_it_says_of_each_family_what_it_was_told_to(server, ask):
    assert told(ask(server, "a.test")) == (0, False, [("1.1.1.1", 9), ("1.1.1.2", 9)])
    assert told(ask(server, "A.TEST", AAAA)) == (0, False, [("2a00::1", 9)])
    assert told(ask(server, "b.test")) == (0, False, [("1.1.1.1", 60)])
    assert told(ask(server, "b.test", AAAA)) == told(ask(server, "b.test", MX)) == (0, False, [])
    assert told(ask(server, "nobody.test")) == (NXDOMAIN.rcode, False, [])
    assert told(ask(server, "mixed.test", AAAA)) == (REFUSED.rcode, False, [])


def test_each_question_of_one_type_has_its_turn(server):
    said = [told(by_udp(server, "turns.test"))[::2] for _ in range(4)]
    assert said == [(0, [("1.1.1.1", 60)]), (2, []), (0, [("1.1.1.3", 60)]), (0, [("1.1.1.3", 60)])]
    assert told(by_udp(server, "turns.test", AAAA)) == (0, False, [])


@pytest.mark.parametrize("name", ["cut.test", "many.test"])
def test_what_is_cut_off_by_udp_is_whole_by_tcp(server, name):
    assert told(by_udp(server, name)) == (0, True, [])
    _, cut_off, found = told(by_tcp(server, name))
    assert (cut_off, len(found)) == (False, len(server.script[name].addresses))
    assert server.questions_by_tcp == 1


def test_it_counts_what_it_is_asked_silent_or_not(server):
    by_udp(server, "a.test")
    by_udp(server, "a.test", AAAA)
    with socket.socket(type=socket.SOCK_DGRAM) as asking:
        asking.sendto(question("silent.test"), endpoint(server))
    by_udp(server, "b.test")  # which comes after it
    assert (server.questions(), server.questions("a.test"), server.questions("a.test", "AAAA")) == (4, 2, 1)
    assert (server.questions(kind="A"), server.questions("silent.test"), server.questions("nobody.test")) == (3, 1, 0)


def test_every_name_may_have_an_answer():
    with NameServer({"*": "127.0.0.1", "no.test": NXDOMAIN}) as server:
        assert told(by_udp(server, "any.test"))[2] == [("127.0.0.1", 60)]
        assert told(by_udp(server, "no.test"))[0] == 3


def test_it_ends_with_a_line_open():
    with NameServer({}) as server, socket.create_connection(endpoint(server)):
        pass
